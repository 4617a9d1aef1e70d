"""The rule `strict` over columns of answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wattbench.scoring import strict, texts
from wattbench.scoring.column_verdicts import OPEN, Codes
from wattbench.scoring.gold import LIST, NAME, NUMBER, RANGE, StrictGold
from wattbench.scoring.texts import Places, Reals, Truths

NEAR, FAR = "number within 0.1 %", "number off by more than 0.1 %"


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

    gold: StrictGold
    wanted: Places
    rows: Places
    values: pa.Array
    words: pa.Array

    def of(self, column: Reals) -> Reals:
        return column[self.wanted]


def judge_strict(
    found: Codes,
    gold: StrictGold,
    question: Places,
    values: pa.Array,
    rows: Places,
) -> None:
    """Judge what columns can tell; the rest stays open.

    Args:
        found: Where the verdicts go.
        gold: The gold answers.
        question: Place of each answer's question.
        values: The answers' values.
        rows: Answers to judge: to answerable questions, with a value.
    """
    kind = gold.kind[question[rows]]
    mine = values.take(pa.array(rows))
    # A plain number cannot abstain: it is the gold number's own text, or compared as a number.
    plain = texts.truths(pc.match_substring_regex(mine, texts.PLAIN_NUMBER)) & (kind == NUMBER)
    taken = mine.filter(pa.array(plain))
    _plain_numbers(found, _Part(gold, question[rows[plain]], rows[plain], taken, taken))
    readable = (
        ~plain & texts.printable(mine) & ((kind == NAME) | (kind == LIST) | texts.short(mine))
    )
    rows, kind, mine = rows[readable], kind[readable], mine.filter(pa.array(readable))
    words = texts.stripped(mine)
    same = texts.truths(
        pc.equal(pc.ascii_lower(pc.ascii_trim_whitespace(mine)), _at(gold.text, question[rows]))
    )
    found.set(rows[same], (True, "same text"))
    blank = ~same & texts.abstentions(words)
    found.set(rows[blank], (False, "abstained on an answerable question"))
    left = ~same & ~blank
    for one, judge in ((NUMBER, _numbers), (RANGE, _ranges), (NAME, _names), (LIST, _lists)):
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


def _lists(found: Codes, part: _Part) -> None:
    known: dict[tuple[int, str], int] = {}
    cells = zip(part.rows.tolist(), part.wanted.tolist(), part.values.to_pylist(), strict=True)
    for row, place, value in cells:
        code = known.get((place, value))
        if code is None:
            unit = part.gold.units[part.gold.unit[place]]
            verdict = strict.list_correct(part.gold.items[place], value, unit)
            code = known[place, value] = found.code_of(verdict)
        found.code[row] = code
