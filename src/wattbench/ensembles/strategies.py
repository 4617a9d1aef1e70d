"""How members vote: a pure function from their answers to one answer, whoever wrote them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from wattbench.study.inference import Strategy, Votes
from wattbench.tables.values import BLANK, canonical_value

TIE = 1e-12
"""Relative difference below which two weights are one: sums of floats are not exact."""

RAW_BLANKS = frozenset({"na", "n/a", BLANK})
RAW_UNABLE = "unable to answer with confidence based on the provided documents"


@dataclass(frozen=True)
class Ballot:
    """What one member says to one question.

    Args:
        member: Name of the member.
        value: Its answer; None where it failed or was not asked, which is no vote.
        refs: Documents it cites.
        weight: Weight of its vote.
    """

    member: str
    value: str | None
    refs: tuple[str, ...] = ()
    weight: float = 1.0


@dataclass(frozen=True)
class Outcome:
    """What the members decided.

    Args:
        value: The answer as its first voter wrote it; None where nobody voted.
        refs: Documents that the winners cite, sorted.
        counted: Per ballot, whether it was counted.
        won: Per ballot, whether it voted for the answer.
        unanimous: Whether all members voted for the answer.
        by_order: Whether another answer had the same weight, so that the members' order decided.
    """

    value: str | None
    refs: tuple[str, ...]
    counted: tuple[bool, ...]
    won: tuple[bool, ...]
    unanimous: bool
    by_order: bool


def raw_choice(value: str) -> str | None:
    """A vote as the benchmark guide's ensembles count it: the text itself; None for no vote.

    They drop empty answers and compare the rest to the letter: '4' and '4.0' are two votes.
    """
    plain = value.strip().lower()
    if not plain:
        return None
    return BLANK if plain in RAW_BLANKS or plain.startswith(RAW_UNABLE) else value


def _choices(ballots: Sequence[Ballot], unit: str | None, votes: Votes) -> list[str | None]:
    read: Callable[[str], str | None] = (
        raw_choice if votes == "raw" else lambda value: canonical_value(value, unit)
    )
    return [None if ballot.value is None else read(ballot.value) for ballot in ballots]


def decide(
    ballots: Sequence[Ballot],
    strategy: Strategy,
    *,
    ignore_blank: bool,
    unit: str | None = None,
    votes: Votes = "canonical",
) -> Outcome:
    """Count the votes on one question.

    Equal weights are decided by the order of the members, and only the winners' references are
    kept.

    Args:
        ballots: The members' answers, in the order that decides ties.
        strategy: majority and confidence: the answer with the greatest weight (which majority has
            at 1 for every member); answer_priority: the same, but an abstention counts only where
            nobody answers; first_non_blank: the first answer that is no abstention.
        ignore_blank: Drop abstentions before the count while any other answer stands.
        unit: Unit the question asks for.
        votes: canonical: '0.5', '.50' and '5e-1' are one answer; raw: equal texts are, as the
            guide counts them.
    """
    choices = _choices(ballots, unit, votes)
    # The guide tells abstentions apart by their text too, once it has to count them.
    blank = [choice == BLANK for choice in choices]
    if votes == "raw":
        choices = [
            None if choice is None else ballot.value
            for ballot, choice in zip(ballots, choices, strict=True)
        ]
    drop_blank = ignore_blank or strategy in {"answer_priority", "first_non_blank"}
    answered = any(
        choice is not None and not is_blank for choice, is_blank in zip(choices, blank, strict=True)
    )
    counted = [
        choice is not None and not (drop_blank and answered and is_blank)
        for choice, is_blank in zip(choices, blank, strict=True)
    ]
    weights: dict[str, float] = {}
    for ballot, choice, counts in zip(ballots, choices, counted, strict=True):
        if choice is not None and counts:
            weight = ballot.weight if strategy == "confidence" else 1.0
            weights[choice] = weights.get(choice, 0.0) + weight
    if not weights:
        nobody = (False,) * len(ballots)
        empty = votes == "raw" and any(ballot.value is not None for ballot in ballots)
        return Outcome(
            BLANK if empty else None, (), nobody, nobody, unanimous=False, by_order=False
        )
    winner = next(iter(weights))
    by_order = False
    if strategy != "first_non_blank":
        most = max(weights.values())
        best = [choice for choice, weight in weights.items() if weight >= most * (1 - TIE)]
        winner, by_order = best[0], len(best) > 1
    won = [counts and choice == winner for choice, counts in zip(choices, counted, strict=True)]
    winners = [ballot for ballot, has_won in zip(ballots, won, strict=True) if has_won]
    return Outcome(
        value=winners[0].value,
        refs=tuple(sorted({ref for ballot in winners for ref in ballot.refs})),
        counted=tuple(counted),
        won=tuple(won),
        unanimous=all(won),
        by_order=by_order,
    )
