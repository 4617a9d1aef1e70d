"""The rules `exact`, `contains` and `numeric` over columns of answers."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wattbench.scoring import texts
from wattbench.scoring.characters import DIGIT, buffers, changed, kinds_of, members
from wattbench.scoring.column_verdicts import LEFT_OUT, Codes
from wattbench.scoring.gold import NUMBER, Gold
from wattbench.scoring.strict_columns import FAR, NEAR, close, stated_numbers
from wattbench.scoring.texts import Places, Truths

WORD = members("_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
DIGITS, MARKS = members("0123456789"), members(".,-")
NONE, BLANK, MINUS = 0, ord(" "), ord("-")
"""Bytes beside a text: none, for the answer ends there; a space; a minus sign."""


def judge_exact(found: Codes, gold: Gold, question: Places, values: pa.Array, rows: Places) -> None:
    """Judge by `exact` what columns can tell; the rest stays open.

    Args:
        found: Where the verdicts go.
        gold: The gold answers.
        question: Place of each answer's question.
        values: The answers' values.
        rows: Answers to judge: to answerable questions, with a value.
    """
    rows, mine = _printable(values, rows)
    same = pc.equal(_squeezed(mine), gold.squeezed.take(pa.array(question[rows])))
    found.choose(rows, texts.truths(same), "same text", "different text")


def judge_contains(
    found: Codes, gold: Gold, question: Places, values: pa.Array, rows: Places
) -> None:
    """Judge by `contains` what columns can tell; the rest stays open.

    Args:
        found: Where the verdicts go.
        gold: The gold answers.
        question: Place of each answer's question.
        values: The answers' values.
        rows: Answers to judge: to answerable questions, with a value.
    """
    rows = rows[gold.lone_text[question[rows]]]
    rows, mine = _printable(values, rows)
    mine, wanted = _squeezed(mine), gold.squeezed.take(pa.array(question[rows]))
    answers = mine.to_pylist()
    at = np.fromiter(map(str.find, answers, wanted.to_pylist()), dtype=np.int64, count=len(rows))
    hit = np.flatnonzero(at >= 0)
    whole = np.zeros(len(rows), dtype=np.bool_)
    whole[hit] = _stand_alone(mine.take(pa.array(hit)), at[hit], wanted.take(pa.array(hit)))
    # What stands in a longer word first may stand alone behind it.
    told = (at < 0) | whole
    found.choose(rows[told], whole[told], "stands in the answer", "does not stand in the answer")


def _stand_alone(answers: pa.Array, at: Places, wanted: pa.Array) -> Truths:
    """Where a text, found in an answer, is no part of a longer word or number, nor its negative.

    Args:
        answers: Printable texts.
        at: Where the wanted texts stand in them, of shape (rows,).
        wanted: Texts in the answers, none of them empty.
    """
    begins, data = buffers(answers)
    start = begins[:-1] + at
    end = start + pc.binary_length(wanted).to_numpy()
    own, own_data = buffers(wanted)

    def beside(place: Places, inside: Truths) -> Places:
        return np.where(inside, data[np.where(inside, place, 0)], NONE)

    before = beside(start - 1, at > 0)
    first = beside(start - 2, at > 1)
    behind = beside(end, end < begins[1:])
    second = beside(end + 1, end + 1 < begins[1:])
    number = DIGITS[own_data[own[:-1]]]
    inside = MARKS[before] & DIGITS[first]
    negative = (before == MINUS) & ((first == NONE) | (first == BLANK))
    alone: Truths = ~WORD[before] & ~(number & (inside | negative)) & ~WORD[behind]
    number = DIGITS[own_data[own[1:] - 1]]
    return alone & ~(number & MARKS[behind] & DIGITS[second])


def judge_numeric(
    found: Codes, gold: Gold, question: Places, values: pa.Array, rows: Places
) -> None:
    """Judge by `numeric` what columns can tell; the rest stays open.

    Args:
        found: Where the verdicts go.
        gold: The gold answers.
        question: Place of each answer's question.
        values: The answers' values.
        rows: Answers to judge: to answerable questions, with a value.
    """
    asked = gold.strict.kind[question[rows]] == NUMBER
    found.code[rows[~asked]] = LEFT_OUT
    rows, mine = _printable(values, rows[asked])
    short = texts.short(mine)
    rows, mine = rows[short], mine.filter(pa.array(short))
    kinds = kinds_of(mine)
    said = np.flatnonzero(texts.maybe_words(mine, kinds))
    none = (kinds & DIGIT) == 0
    none[said] |= texts.abstentions(texts.stripped(mine.take(pa.array(said))))
    wanted = question[rows]
    given, unread = stated_numbers(mine, kinds, gold.strict.unit[wanted], gold.strict.units)
    told = ~np.isnan(given) & ~unread
    right = close(gold.strict.low[wanted], given)
    found.choose(rows[told], right[told], NEAR, FAR)
    # A number may stand in prose that has digits, which only the one by one tell.
    found.set(rows[none & np.isnan(given) & ~unread], (False, "no single number"))


def _printable(values: pa.Array, rows: Places) -> tuple[Places, pa.Array]:
    """The rows whose value is printable ASCII, and those values."""
    mine = values.take(pa.array(rows))
    plain = texts.printable(mine)
    return rows[plain], mine.filter(pa.array(plain))


def _squeezed(values: pa.Array) -> pa.Array:
    """Printable texts as `plain.squeezed` has them."""
    plain = pc.ascii_lower(pc.ascii_trim_whitespace(values))
    spaced = texts.truths(pc.match_substring(plain, "  "))
    return changed(plain, spaced, lambda some: pc.replace_substring_regex(some, " +", " "))
