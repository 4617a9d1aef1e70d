"""The rule `strict` over columns of answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wattbench.scoring import strict, texts
from wattbench.scoring.characters import DIGIT, UNPRINTABLE, Kinds, kinds_of
from wattbench.scoring.column_verdicts import OPEN, Codes
from wattbench.scoring.gold import LIST, NAME, NUMBER, RANGE, Gold, StrictGold
from wattbench.scoring.text_sets import jaccard
from wattbench.scoring.texts import Places, Reals, Truths

SIMPLE_LIST = (
    r"^ *\[(?:[A-HJ-MO-Za-eg-mo-su-z]|[ft][^ar\[\]{}\"'])[^\[\]{}\"']*, [^\[\]{}\"']*\] *$"
)
"""A list that is no JSON, whose items stand behind commas and spaces, nothing in quotes."""

NEAR, FAR = "number within 0.1 %", "number off by more than 0.1 %"


def close(gold: Reals, given: Reals) -> Truths:
    """Where numbers are within the tolerance of the gold ones, as `strict.close` has it."""
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
        kinds: Kinds of their characters.
    """

    gold: StrictGold
    wanted: Places
    rows: Places
    values: pa.Array
    kinds: Kinds

    def of(self, column: Reals) -> Reals:
        return column[self.wanted]


def judge_strict(
    found: Codes, gold: Gold, question: Places, values: pa.Array, rows: Places
) -> None:
    """Judge by `strict` what columns can tell; the rest stays open.

    Args:
        found: Where the verdicts go.
        gold: The gold answers.
        question: Place of each answer's question.
        values: The answers' values.
        rows: Answers to judge: to answerable questions, with a value.
    """
    answers = gold.strict
    kind = answers.kind[question[rows]]
    mine = values.take(pa.array(rows))
    # A plain number cannot abstain: it is the gold number's own text, or compared as a number.
    kinds = kinds_of(mine)
    plain = (kind == NUMBER) & texts.plain_numbers(mine, kinds)
    taken = mine.filter(pa.array(plain))
    _plain_numbers(found, _Part(answers, question[rows[plain]], rows[plain], taken, kinds[plain]))
    left = ~plain & ((kinds & UNPRINTABLE) == 0)
    left &= (kind == NAME) | (kind == LIST) | texts.short(mine)
    rows, kind, kinds, mine = rows[left], kind[left], kinds[left], mine.filter(pa.array(left))
    same = texts.truths(
        pc.equal(pc.ascii_lower(pc.ascii_trim_whitespace(mine)), _at(answers.text, question[rows]))
    )
    found.set(rows[same], (True, "same text"))
    said = np.flatnonzero(~same & texts.maybe_words(mine, kinds))
    blank = np.zeros(len(rows), dtype=np.bool_)
    blank[said] = texts.abstentions(texts.stripped(mine.take(pa.array(said))))
    found.set(rows[blank], (False, "abstained on an answerable question"))
    left = ~same & ~blank
    for one, judge in ((NUMBER, _numbers), (RANGE, _ranges), (NAME, _names), (LIST, _lists)):
        chosen = np.flatnonzero(left & (kind == one))
        if chosen.size:
            at = pa.array(chosen)
            part = rows[chosen]
            judge(found, _Part(answers, question[part], part, mine.take(at), kinds[chosen]))


def _at(column: pa.Array, places: Places) -> pa.Array:
    return column.take(pa.array(places))


def _plain_numbers(found: Codes, part: _Part) -> None:
    given = part.values.cast(pa.float64()).to_numpy()
    found.choose(part.rows, close(part.of(part.gold.low), given), NEAR, FAR)
    same = texts.truths(pc.equal(part.values, _at(part.gold.text, part.wanted)))
    found.set(part.rows[same], (True, "same text"))


def _numbers(found: Codes, part: _Part) -> None:
    units = part.gold.unit[part.wanted]
    given, unread = stated_numbers(part.values, part.kinds, units, part.gold.units)
    found.choose(part.rows, close(part.of(part.gold.low), given), NEAR, FAR)
    found.set(part.rows[np.isnan(given)], (False, "no single number"))
    found.code[part.rows[unread]] = OPEN


def stated_numbers(
    values: pa.Array, kinds: Kinds, unit_of: Places, units: Sequence[str | None]
) -> tuple[Reals, Truths]:
    """The one number that each text states, or true or false as 1 or 0.

    Args:
        values: Printable and short texts.
        kinds: Kinds of their characters.
        unit_of: Place of each text's unit, of shape (rows,).
        units: Units that answers were asked in.

    Returns:
        The numbers, NaN where a text states none, and where only the reading of one answer can
        tell; both of shape (rows,).
    """
    given, unread = np.full(len(values), np.nan), np.zeros(len(values), dtype=np.bool_)
    digits = (kinds & DIGIT) != 0
    worded, rows = np.flatnonzero(~digits), np.flatnonzero(digits)
    given[worded] = texts.truth_values(texts.stripped(values.take(pa.array(worded))))
    read = texts.numbers(texts.unquoted(values.take(pa.array(rows))), unit_of[rows], units)
    given[rows], unread[rows] = read.value, read.unread
    return given, unread


def _ranges(found: Codes, part: _Part) -> None:
    rows, units = part.rows, part.gold.unit[part.wanted]
    plain = texts.unquoted(part.values)
    read = texts.ranges(plain, units, part.gold.units)
    right = close(part.of(part.gold.low), read.low) & close(part.of(part.gold.high), read.high)
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
    simple = texts.truths(pc.match_substring_regex(part.values, SIMPLE_LIST))
    simple &= part.gold.names_only[part.wanted]
    units = part.gold.unit[part.wanted]
    for unit in np.unique(units[simple]).tolist():
        _name_lists(found, part, np.flatnonzero(simple & (units == unit)), part.gold.units[unit])
    rest = np.flatnonzero(~simple)
    known: dict[tuple[int, str], int] = {}
    values = part.values.take(pa.array(rest)).to_pylist()
    for at, place, value in zip(rest.tolist(), part.wanted[rest].tolist(), values, strict=True):
        code = known.get((place, value))
        if code is None:
            unit = part.gold.units[part.gold.unit[place]]
            verdict = strict.list_correct(part.gold.items[place], value, unit)
            code = known[place, value] = found.code_of(verdict)
        found.code[part.rows[at]] = code


def _name_lists(found: Codes, part: _Part, at: Places, unit: str | None) -> None:
    """Judge simple lists, asked in one unit, where the gold list holds names only."""
    inner = pc.ascii_trim(pc.ascii_trim_whitespace(part.values.take(pa.array(at))), "[]")
    items = pc.split_pattern_regex(inner, ", +")
    overlap = jaccard(
        part.gold.item_sets, part.wanted[at], items, lambda text: _item_texts(text, unit), ()
    )
    found.choose(part.rows[at], overlap == 1.0, "same items", "different items")


NO_NAME = "\0"
"""Stands for a number, which no list of names has."""


def _item_texts(text: str, unit: str | None) -> tuple[str, ...]:
    """The name that an item is, or `NO_NAME`; none where it is empty."""
    plain = text.strip()
    if not plain:
        return ()
    if plain.isascii() and plain.isdigit():
        return (NO_NAME,)
    item = strict.read_item(plain, unit)
    return (item if isinstance(item, str) else NO_NAME,)
