"""The best subset of runs on some questions.

A choice among many subsets fits the questions it is made on: `ensemble_trial` tries it on others.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from wattbench.analyses.ensemble_field import Candidate, Field, Subset
from wattbench.errors import InputError

Goal = Literal["score-per-joule", "score"]
EXHAUSTIVE = 5_000_000
"""Votes counted at most for trying every subset; some 10 s."""

BEAM = 12
"""Subsets of one size that a beam search goes on from."""


@dataclass(frozen=True)
class Wanted:
    """What is searched for.

    Args:
        goal: What the best subset has most of.
        at_least: Score that a subset must reach, 0 to 1.
        most: Members at most.
        exhaustive: Votes counted at most for trying every subset.
        beam: Subsets of one size that a beam search goes on from.
    """

    goal: Goal = "score-per-joule"
    at_least: float = 0.0
    most: int = 5
    exhaustive: int = EXHAUSTIVE
    beam: int = BEAM


@dataclass(frozen=True)
class Tried:
    """A subset that was tried.

    Args:
        members: Names, in the order that decides ties.
        score: Its score on the questions it was tried on.
        joules: Answering energy a question; None where a member's is unknown.
    """

    members: tuple[str, ...]
    score: float
    joules: float | None

    @property
    def per_joule(self) -> float | None:
        """Score per joule of a question."""
        return self.score / self.joules if self.joules else None


@dataclass(frozen=True)
class Search:
    """What a search found.

    Args:
        method: 'exhaustive', every subset was tried; or 'beam', the best of each size were grown.
        tried: Number of subsets tried.
        best: The best subset.
        single: The best single run by the same goal; where none reaches `at_least`, the one
            that comes nearest.
        by_size: The best subset of each size.
    """

    method: Literal["exhaustive", "beam"]
    tried: int
    best: Tried
    single: Tried
    by_size: tuple[Tried, ...]


def usable(runs: Sequence[Candidate], goal: Goal) -> tuple[list[Candidate], dict[str, str]]:
    """Candidates that the goal can judge, and why others are none.

    Args:
        runs: The candidates.
        goal: The goal; one per joule needs every member's energy.

    Raises:
        InputError: None is left.
    """
    out = {
        run.name: f"its energy is unknown: {run.why_unknown or 'no reason is recorded'}"
        for run in runs
        if goal == "score-per-joule" and not run.joules
    }
    left = [run for run in runs if run.name not in out]
    if not left:
        why = "; ".join(f"{name}: {reason}" for name, reason in out.items()) or "there are no runs"
        raise InputError(
            f"no run can be chosen from ({why}).",
            mend="Run the workflow first; without energy, search with --by score.",
        )
    return left, out


def ordered(field: Field) -> Field:
    """The field with its candidates in the order of their score, which decides ties."""
    scores = [field.score((place,)) for place in range(len(field.runs))]
    places = sorted(range(len(scores)), key=lambda place: -scores[place])
    runs = [field.runs[place] for place in places]
    return replace(field, runs=runs)


def search(field: Field, wanted: Wanted, advance: Callable[[int], None] = lambda _: None) -> Search:
    """The best subset on a field's questions.

    Every subset is tried where that takes at most `wanted.exhaustive` votes; else a beam search
    goes on, size by size, from the subsets that are best by the goal and by score.

    Args:
        field: Candidates, in the order that decides ties.
        wanted: What is searched for.
        advance: Called with the number of subsets tried since.

    Raises:
        InputError: No subset reaches `wanted.at_least`.
    """
    count, most = len(field.runs), min(wanted.most, len(field.runs))
    every = sum(math.comb(count, size) for size in range(1, most + 1))
    exhaustive = every * len(field.gold) <= wanted.exhaustive
    tried: dict[Subset, Tried] = {}

    def attempt(subsets: Iterable[Subset]) -> list[Subset]:
        fresh = [subset for subset in subsets if subset not in tried]
        for subset in fresh:
            names = tuple(field.runs[place].name for place in subset)
            tried[subset] = Tried(names, field.score(subset), field.joules(subset))
            advance(1)
        return fresh

    layer = attempt((place,) for place in range(count))
    for size in range(2, most + 1):
        if exhaustive:
            attempt(itertools.combinations(range(count), size))
        else:
            layer = attempt(_grown(_kept(layer, tried, wanted), count))
    good = [one for one in tried.values() if one.score >= wanted.at_least]
    if not good:
        best = max(tried.values(), key=lambda one: one.score)
        raise InputError(
            f"no subset scores {wanted.at_least:g}; the best, {', '.join(best.members)}, scores "
            f"{best.score:.3f}.",
            mend="Lower --at-least, or allow more members with --max-members.",
        )
    sizes = sorted({len(one.members) for one in good})
    return Search(
        method="exhaustive" if exhaustive else "beam",
        tried=len(tried),
        best=_best(good, wanted.goal),
        single=_single(tried.values(), wanted),
        by_size=tuple(
            _best([one for one in good if len(one.members) == size], wanted.goal) for size in sizes
        ),
    )


def _best(tried: Sequence[Tried], goal: Goal) -> Tried:
    """The best by a goal; of equals the one with fewer members, then the one tried first."""
    return max(tried, key=lambda one: (*_worth(one, goal), -len(one.members)))


def _single(tried: Iterable[Tried], wanted: Wanted) -> Tried:
    alone = [one for one in tried if len(one.members) == 1]
    good = [one for one in alone if one.score >= wanted.at_least]
    return _best(good, wanted.goal) if good else _best(alone, "score")


def _worth(one: Tried, goal: Goal) -> tuple[float, ...]:
    frugal = -math.inf if one.joules is None else -one.joules
    return (one.per_joule or 0.0,) if goal == "score-per-joule" else (one.score, frugal)


def _kept(layer: Sequence[Subset], tried: dict[Subset, Tried], wanted: Wanted) -> Iterator[Subset]:
    """Subsets to grow: the best by the goal and by score.

    What is frugal but falls short of `at_least` must be able to grow past it.
    """
    goals: tuple[Goal, ...] = ("score", wanted.goal)
    for goal in dict.fromkeys(goals):
        yield from sorted(layer, key=lambda one: _worth(tried[one], goal), reverse=True)[
            : wanted.beam
        ]


def _grown(subsets: Iterable[Subset], count: int) -> Iterator[Subset]:
    for subset in dict.fromkeys(subsets):
        for place in range(count):
            if place not in subset:
                yield tuple(sorted((*subset, place)))
