"""Counting votes on many questions at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wattbench.study.inference import Strategy, Votes
from wattbench.tables.values import BLANK, canonical_value

Truths = NDArray[np.bool_]
TIE = 1e-12
"""Relative difference below which two weights are one: sums of floats are not exact."""

NO_VOTE = -1
RAW_BLANKS = frozenset({"na", "n/a", BLANK})
RAW_UNABLE = "unable to answer with confidence based on the provided documents"


def raw_choice(value: str) -> str | None:
    """A vote as the benchmark guide's ensembles count it: the text itself; None for no vote.

    They drop empty answers and compare the rest to the letter: '4' and '4.0' are two votes.
    """
    plain = value.strip().lower()
    if not plain:
        return None
    return BLANK if plain in RAW_BLANKS or plain.startswith(RAW_UNABLE) else value


@dataclass(frozen=True)
class Ballots:
    """What members say to several questions, as it is counted.

    Args:
        key: Equal numbers in a row are one vote, `NO_VOTE` is none; of shape (questions, members).
        blank: Whether a vote is an abstention, of the same shape.
    """

    key: NDArray[np.int64]
    blank: Truths

    def of(self, members: Sequence[int]) -> Ballots:
        """The ballots of some members, in this order."""
        places = list(members)
        return Ballots(self.key[:, places], self.blank[:, places])


def ballots_of_values(
    values: Sequence[Sequence[str | None]], units: Sequence[str | None], votes: Votes
) -> Ballots:
    """Values as they are counted.

    Args:
        values: Values by question and member; None is no vote.
        units: Unit that each question asks for.
        votes: canonical: '0.5', '.50' and '5e-1' are one answer; raw: equal texts are, as the
            guide counts them.
    """
    members = len(values[0]) if values else 0
    key = np.full((len(values), members), NO_VOTE, dtype=np.int64)
    blank = np.zeros(key.shape, dtype=np.bool_)
    for question, (row, unit) in enumerate(zip(values, units, strict=True)):
        numbers: dict[str, int] = {}
        for member, value in enumerate(row):
            if value is None:
                continue
            read = canonical_value(value, unit) if votes == "canonical" else raw_choice(value)
            if read is None:
                continue
            # The guide tells abstentions apart by their text too, once it counts them.
            text = value if votes == "raw" else read
            key[question, member] = numbers.setdefault(text, len(numbers))
            blank[question, member] = read == BLANK
    return Ballots(key, blank)


@dataclass(frozen=True)
class Count:
    """Which ballots were counted and which won; none did where nobody voted.

    Args:
        counted: Whether a ballot was counted, of shape (questions, members).
        won: Whether it voted for the answer, of the same shape.
        by_order: Whether the members' order decided, of shape (questions,).
    """

    counted: Truths
    won: Truths
    by_order: Truths


def count_votes(
    ballots: Ballots,
    weights: NDArray[np.float64],
    strategy: Strategy,
    *,
    ignore_blank: bool,
) -> Count:
    """Count the votes on every question; see `strategies.decide`.

    Args:
        ballots: The ballots, members in the order that decides ties.
        weights: Weight of each vote, of shape (questions, members), used by the strategy
            `confidence` alone.
        strategy: The strategy.
        ignore_blank: Drop abstentions before the count while any other answer stands.
    """
    key, voted = ballots.key, ballots.key != NO_VOTE
    counted = voted
    if ignore_blank or strategy in {"answer_priority", "first_non_blank"}:
        answered = (voted & ~ballots.blank).any(axis=1)
        counted = voted & ~(ballots.blank & answered[:, None])
    same = (key[:, :, None] == key[:, None, :]) & counted[:, None, :] & counted[:, :, None]
    if strategy == "first_non_blank":
        best = counted
    else:
        each = weights if strategy == "confidence" else np.ones(key.shape)
        totals = np.where(same, each[:, None, :], 0.0).sum(axis=2)
        most = np.where(counted, totals, -np.inf).max(axis=1, initial=-np.inf)
        best = counted & (totals >= most[:, None] * (1 - TIE))
    first = best.argmax(axis=1) if key.shape[1] else np.zeros(len(key), dtype=np.intp)
    rows = np.arange(len(key))
    won = same[rows, first] if key.shape[1] else counted
    by_order = (best & ~won).any(axis=1) & (strategy != "first_non_blank")
    return Count(counted, won, by_order)
