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
PASSES = 32
"""Times that an answer is looked through before it is left to the judging of one answer."""

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
    texts_of = gold.contained
    begins, wanted = texts_of.offsets.to_numpy(), texts_of.flatten()
    rows, mine = _printable(values, rows[gold.findable[question[rows]]])
    first, last = begins[question[rows]], begins[question[rows] + 1]
    # A pair for each text that an answer has to contain.
    answer = np.repeat(np.arange(len(rows)), last - first)
    behind = np.cumsum(last - first) - (last - first)
    text = np.arange(answer.size) + np.repeat(first - behind, last - first)
    stands, told = _found_alone(_squeezed(mine), answer, wanted, text)
    every, sure = np.ones((2, len(rows)), dtype=np.bool_)
    every[answer[~stands]] = False
    sure[answer[~told]] = False
    found.choose(rows[sure], every[sure], "stands in the answer", "does not stand in the answer")


def _found_alone(
    answers: pa.Array, answer: Places, wanted: pa.Array, text: Places
) -> tuple[Truths, Truths]:
    """Where a text stands in an answer as whole words and numbers, and where that is told.

    Args:
        answers: Printable texts.
        answer: Place of each pair's answer, of shape (pairs,).
        wanted: What may stand in them, none of it empty.
        text: Place of each pair's text, of shape (pairs,).

    Returns:
        Both of shape (pairs,).
    """
    whole, parts = answers.to_pylist(), wanted.to_pylist()
    stands, told = np.zeros((2, answer.size), dtype=np.bool_)
    left, start = np.arange(answer.size), np.zeros(answer.size, dtype=np.int64)
    # What stands in a longer word first may stand alone behind it.
    for _ in range(PASSES):
        looked = map(
            str.find,
            map(whole.__getitem__, answer[left].tolist()),
            map(parts.__getitem__, text[left].tolist()),
            start.tolist(),
        )
        at = np.fromiter(looked, dtype=np.int64, count=left.size)
        told[left[at < 0]] = True
        left, at = left[at >= 0], at[at >= 0]
        if not left.size:
            break
        inside = answers.take(pa.array(answer[left]))
        alone = _stand_alone(inside, at, wanted.take(pa.array(text[left])))
        stands[left[alone]] = told[left[alone]] = True
        start = _word_ends(inside, at)[~alone]
        left = left[~alone]
    return stands, told


def _word_ends(answers: pa.Array, at: Places) -> Places:
    """Where to look on: behind the word at a place of each text, for nothing in it stands alone."""
    begins, data = buffers(answers)
    parted = np.append(np.flatnonzero(~WORD[data]), data.size)
    place = begins[:-1] + at
    ends = np.minimum(parted[np.searchsorted(parted, place)], begins[1:]) - begins[:-1]
    found: Places = np.maximum(ends, at + 1)
    return found


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
