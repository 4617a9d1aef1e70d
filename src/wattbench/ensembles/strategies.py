"""How members vote: a pure function from their answers to one answer, whoever wrote them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from wattbench.tables.values import BLANK, canonical_value

Strategy = Literal["majority", "first_non_blank", "answer_priority", "confidence"]
TIE = 1e-12
"""Relative difference below which two weights are one: sums of floats are not exact."""


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


def decide(
    ballots: Sequence[Ballot], strategy: Strategy, *, ignore_blank: bool, unit: str | None = None
) -> Outcome:
    """Count the votes on one question.

    Votes are for canonical values: '0.5', '.50' and '5e-1' are one answer. Equal weights are
    decided by the order of the members, and only the winners' references are kept.

    Args:
        ballots: The members' answers, in the order that decides ties.
        strategy: majority and confidence: the answer with the greatest weight (which majority has
            at 1 for every member); answer_priority: the same, but an abstention counts only where
            nobody answers; first_non_blank: the first answer that is no abstention.
        ignore_blank: Drop abstentions before the count while any other answer stands.
        unit: Unit the question asks for.
    """
    choices = [
        None if ballot.value is None else canonical_value(ballot.value, unit) for ballot in ballots
    ]
    drop_blank = ignore_blank or strategy in {"answer_priority", "first_non_blank"}
    answered = any(choice not in {None, BLANK} for choice in choices)
    counted = [
        choice is not None and not (drop_blank and answered and choice == BLANK)
        for choice in choices
    ]
    weights: dict[str, float] = {}
    for ballot, choice, counts in zip(ballots, choices, counted, strict=True):
        if choice is not None and counts:
            weight = ballot.weight if strategy == "confidence" else 1.0
            weights[choice] = weights.get(choice, 0.0) + weight
    if not weights:
        nobody = (False,) * len(ballots)
        return Outcome(None, (), nobody, nobody, unanimous=False, by_order=False)
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
