"""How members vote: a pure function from their answers to one answer, whoever wrote them."""

from __future__ import annotations

from collections.abc import Sequence
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


@dataclass(frozen=True)
class Choice:
    """A ballot's value as it is counted.

    Args:
        key: Equal keys are one vote; None is no vote.
        blank: Whether it is an abstention.
    """

    key: str | None
    blank: bool


def choice_of(value: str | None, unit: str | None, votes: Votes) -> Choice:
    """A value as it is counted.

    Args:
        value: A ballot's value.
        unit: Unit the question asks for.
        votes: canonical: '0.5', '.50' and '5e-1' are one answer; raw: equal texts are, as the
            guide counts them.
    """
    if value is None:
        return Choice(None, blank=False)
    if votes == "canonical":
        key = canonical_value(value, unit)
        return Choice(key, blank=key == BLANK)
    read = raw_choice(value)
    # The guide tells abstentions apart by their text too, once it counts them.
    return Choice(None if read is None else value, blank=read == BLANK)


@dataclass(frozen=True)
class Election:
    """Which ballots were counted and which won; none did where nobody voted.

    Args:
        counted: Per ballot, whether it was counted.
        won: Per ballot, whether it voted for the answer.
        by_order: Whether the members' order decided.
    """

    counted: tuple[bool, ...]
    won: tuple[bool, ...]
    by_order: bool


def elect(
    choices: Sequence[Choice], weights: Sequence[float], strategy: Strategy, *, ignore_blank: bool
) -> Election:
    """Count choices; see `decide`.

    Args:
        choices: What each member chose, in the order that decides ties.
        weights: Weight of each vote, used by the strategy `confidence` alone.
        strategy: The strategy.
        ignore_blank: Drop abstentions before the count while any other answer stands.
    """
    drop_blank = ignore_blank or strategy in {"answer_priority", "first_non_blank"}
    drop_blank = drop_blank and any(one.key is not None and not one.blank for one in choices)
    counted = tuple(one.key is not None and not (drop_blank and one.blank) for one in choices)
    totals: dict[str, float] = {}
    for one, counts, weight in zip(choices, counted, weights, strict=True):
        if counts and one.key is not None:
            totals[one.key] = totals.get(one.key, 0.0) + (
                weight if strategy == "confidence" else 1.0
            )
    if not totals:
        return Election(counted, counted, by_order=False)
    winner, by_order = next(iter(totals)), False
    if strategy != "first_non_blank":
        most = max(totals.values())
        best = [key for key, weight in totals.items() if weight >= most * (1 - TIE)]
        winner, by_order = best[0], len(best) > 1
    won = tuple(counts and one.key == winner for one, counts in zip(choices, counted, strict=True))
    return Election(counted, won, by_order)


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
        votes: What one vote is; see `choice_of`.
    """
    choices = [choice_of(ballot.value, unit, votes) for ballot in ballots]
    weights = [ballot.weight for ballot in ballots]
    found = elect(choices, weights, strategy, ignore_blank=ignore_blank)
    winners = [ballot for ballot, has_won in zip(ballots, found.won, strict=True) if has_won]
    if winners:
        value = winners[0].value
    else:
        # The guide's ensembles abstain where every member's answer is empty.
        empty = votes == "raw" and any(ballot.value is not None for ballot in ballots)
        value = BLANK if empty else None
    return Outcome(
        value=value,
        refs=tuple(sorted({ref for ballot in winners for ref in ballot.refs})),
        counted=found.counted,
        won=found.won,
        unanimous=bool(winners) and all(found.won),
        by_order=found.by_order,
    )
