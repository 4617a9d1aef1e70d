"""How members vote: a pure function from their answers to one answer, whoever wrote them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wattbench.ensembles.counting import ballots_of_values, count_votes
from wattbench.study.inference import Strategy, Votes
from wattbench.tables.values import BLANK


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
    values = [[ballot.value for ballot in ballots]]
    weights = np.array([[ballot.weight for ballot in ballots]], dtype=np.float64)
    found = count_votes(
        ballots_of_values(values, [unit], votes), weights, strategy, ignore_blank=ignore_blank
    )
    won = tuple(found.won[0].tolist())
    winners = [ballot for ballot, has_won in zip(ballots, won, strict=True) if has_won]
    if winners:
        value = winners[0].value
    else:
        # The guide's ensembles abstain where every member's answer is empty.
        empty = votes == "raw" and any(ballot.value is not None for ballot in ballots)
        value = BLANK if empty else None
    return Outcome(
        value=value,
        refs=tuple(sorted({ref for ballot in winners for ref in ballot.refs})),
        counted=tuple(found.counted[0].tolist()),
        won=won,
        unanimous=bool(winners) and all(won),
        by_order=bool(found.by_order[0]),
    )
