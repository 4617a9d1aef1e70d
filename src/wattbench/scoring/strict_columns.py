"""The rule `strict` over columns of answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from wattbench.scoring import strict, texts
from wattbench.scoring.column_verdicts import OPEN, Codes
from wattbench.scoring.texts import Places, Reals, Truths
from wattbench.study.questions import Question
from wattbench.tables.values import (
    canonical_name,
    parse_items,
    parse_number,
    parse_range,
    parse_truth,
)


@dataclass(frozen=True)
class _Gold:
    """Gold answers as columns; all of shape (questions,)."""

    kind: NDArray[np.int8]
    text: pa.Array
    name: pa.Array
    low: Reals
    high: Reals
    unit: Places
    units: list[str | None]


NUMBER, RANGE, LIST, NAME = range(4)
NEAR, FAR = "number within 0.1 %", "number off by more than 0.1 %"


def _gold(questions: Sequence[Question]) -> _Gold:
    kinds, low, high = [], [], []
    for one in questions:
        truth, number = parse_truth(one.value), parse_number(one.value, one.unit)
        ends = parse_range(one.value, one.unit)
        if truth is not None or number is not None:
            wanted = number.value if number is not None else float(bool(truth))
            kind, ends = NUMBER, (wanted, wanted)
        elif ends is not None:
            kind = RANGE
        else:
            kind = LIST if parse_items(one.value) is not None else NAME
        kinds.append(kind)
        low.append(ends[0] if ends else np.nan)
        high.append(ends[1] if ends else np.nan)
    units: dict[str | None, int] = {}
    return _Gold(
        kind=np.array(kinds, dtype=np.int8),
        # A gold text that is empty is the same as no answer.
        text=pa.array([one.value.strip().casefold() or None for one in questions], pa.string()),
        name=pa.array([canonical_name(one.value) for one in questions], pa.string()),
        low=np.array(low),
        high=np.array(high),
        unit=np.array([units.setdefault(one.unit, len(units)) for one in questions], dtype=np.intp),
        units=list(units),
    )


def _close(gold: Reals, given: Reals) -> Truths:
    near: Truths = np.abs(gold - given) <= strict.TOLERANCE * np.abs(gold)
    return near


@dataclass(frozen=True)
class _Part:
    """Answers of one kind, with their gold answers; all but `gold` of shape (rows,).

    Args:
        gold: The gold answers.
        wanted: Place of each answer's question.
        rows: Place of each answer.
        values: The answers.
        words: The same, `stripped`.
    """

    gold: _Gold
    wanted: Places
    rows: Places
    values: pa.Array
    words: pa.Array

    def of(self, column: Reals) -> Reals:
        return column[self.wanted]


def judge_strict(
    found: Codes,
    questions: Sequence[Question],
    question: Places,
    values: pa.Array,
    rows: Places,
) -> None:
    """Judge what columns can tell; the rest stays open.

    Args:
        found: Where the verdicts go.
        questions: The questions.
        question: Place of each answer's question.
        values: The answers' values.
        rows: Answers to judge: to answerable questions, with a value.
    """
    gold = _gold(questions)
    kind = gold.kind[question[rows]]
    rows, kind = rows[kind != LIST], kind[kind != LIST]
    mine = values.take(pa.array(rows))
    # A plain number cannot abstain: it is the gold number's own text, or compared as a number.
    plain = texts.truths(pc.match_substring_regex(mine, texts.PLAIN_NUMBER)) & (kind == NUMBER)
    taken = mine.filter(pa.array(plain))
    _plain_numbers(found, _Part(gold, question[rows[plain]], rows[plain], taken, taken))
    readable = ~plain & texts.printable(mine) & ((kind == NAME) | texts.short(mine))
    rows, kind, mine = rows[readable], kind[readable], mine.filter(pa.array(readable))
    words = texts.stripped(mine)
    same = texts.truths(
        pc.equal(pc.ascii_lower(pc.ascii_trim_whitespace(mine)), _at(gold.text, question[rows]))
    )
    found.set(rows[same], (True, "same text"))
    blank = ~same & texts.abstentions(words)
    found.set(rows[blank], (False, "abstained on an answerable question"))
    left = ~same & ~blank
    for one, judge in ((NUMBER, _numbers), (RANGE, _ranges), (NAME, _names)):
        chosen = np.flatnonzero(left & (kind == one))
        if chosen.size:
            at = pa.array(chosen)
            part = rows[chosen]
            judge(found, _Part(gold, question[part], part, mine.take(at), words.take(at)))


def _at(column: pa.Array, places: Places) -> pa.Array:
    return column.take(pa.array(places))


def _plain_numbers(found: Codes, part: _Part) -> None:
    given = part.values.cast(pa.float64()).to_numpy()
    found.choose(part.rows, _close(part.of(part.gold.low), given), NEAR, FAR)
    same = texts.truths(pc.equal(part.values, _at(part.gold.text, part.wanted)))
    found.set(part.rows[same], (True, "same text"))


def _numbers(found: Codes, part: _Part) -> None:
    truth = texts.truth_values(part.words)
    units = part.gold.unit[part.wanted]
    read = texts.numbers(texts.unquoted(part.values), units, part.gold.units)
    given = np.where(np.isnan(read.value), truth, read.value)
    found.choose(part.rows, _close(part.of(part.gold.low), given), NEAR, FAR)
    found.set(part.rows[np.isnan(given)], (False, "no single number"))
    found.code[part.rows[read.unread]] = OPEN


def _ranges(found: Codes, part: _Part) -> None:
    rows, units = part.rows, part.gold.unit[part.wanted]
    plain = texts.unquoted(part.values)
    read = texts.ranges(plain, units, part.gold.units)
    right = _close(part.of(part.gold.low), read.low) & _close(part.of(part.gold.high), read.high)
    found.choose(rows, right, "both ends within 0.1 %", "an end off by more than 0.1 %")
    none = np.flatnonzero(np.isnan(read.low))
    single = texts.numbers(plain.take(pa.array(none)), units[none], part.gold.units)
    found.set(rows[none], (False, "no range"))
    found.set(rows[none[~np.isnan(single.value)]], (False, "one number where a range is asked"))
    found.code[rows[none[single.unread]]] = OPEN
    found.code[rows[read.unread]] = OPEN


def _names(found: Codes, part: _Part) -> None:
    same = texts.truths(pc.equal(texts.names(part.values), _at(part.gold.name, part.wanted)))
    found.choose(part.rows, same, "same name", "different name")
