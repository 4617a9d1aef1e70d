"""The rules `exact`, `contains` and `numeric` over columns of answers."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wattbench.scoring import texts
from wattbench.scoring.characters import DIGIT, Bytes, buffers, changed, kinds_of, members
from wattbench.scoring.column_verdicts import LEFT_OUT, Codes
from wattbench.scoring.gold import NUMBER, Gold
from wattbench.scoring.strict_columns import FAR, NEAR, close, stated_numbers
from wattbench.scoring.texts import Places, Truths

WORD = members("_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
IN_NO_WORD = (~WORD).tobytes()
DIGITS, MARKS = members("0123456789"), members(".,-")
LONGEST = 2048
"""Bytes of an answer, once for each text to look for, up to which it is looked through with others:
every word is a place to look at, and of many each is slower than one search."""

AT_ONCE = 1 << 17
"""Such bytes that are looked through at once: what is made of them stays in the cache."""

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
    rows, mine = _printable(values, rows[gold.findable[question[rows]]])
    texts_of = gold.contained
    begins, wanted = texts_of.offsets.to_numpy(), texts_of.flatten()
    first = begins[question[rows]]
    count = begins[question[rows] + 1] - first
    work = (pc.binary_length(mine).to_numpy().astype(np.int64) + 1) * count
    brief = np.flatnonzero(work <= LONGEST)
    done = np.cumsum(work[brief])
    cuts = np.searchsorted(done, np.arange(AT_ONCE, work[brief].sum(), AT_ONCE))
    for part in np.split(brief, cuts):
        # A pair for each text that an answer has to contain.
        answer, text = _spread(first[part], count[part])
        answers = _squeezed(mine.take(pa.array(part)))
        stands = _found_alone(answers, answer, wanted, text)
        every = np.ones(part.size, dtype=np.bool_)
        every[answer[~stands]] = False
        found.choose(rows[part], every, "stands in the answer", "does not stand in the answer")


def _spread(first: Places, count: Places) -> tuple[Places, Places]:
    """Numbers from `first` on, `count` of them in each row: their rows, and the numbers."""
    row = np.repeat(np.arange(len(count)), count)
    behind = np.cumsum(count) - count
    return row, np.arange(row.size) + np.repeat(first - behind, count)


def _found_alone(answers: pa.Array, answer: Places, wanted: pa.Array, text: Places) -> Truths:
    """Where a text stands in an answer as whole words and numbers.

    Args:
        answers: Printable texts.
        answer: Place of each pair's answer, of shape (pairs,).
        wanted: What may stand in them, none of it empty or with the byte 0 in it.
        text: Place of each pair's text, of shape (pairs,).
    """
    # Behind each answer, and so before the next, stands a byte that is in none of them.
    begins, data = buffers(pc.binary_join_element_wise(answers, "", chr(NONE)))
    data = np.append(data, np.uint8(NONE))
    own, own_data = buffers(wanted)
    start = own[text]
    size = own[text + 1] - start
    # A text begins only where no word goes on, and letter by letter fewer places are left.
    free = np.frombuffer(data.tobytes().translate(IN_NO_WORD), dtype=np.bool_)
    places = np.append(0, np.flatnonzero(free[:-1]) + 1)
    bounds = np.searchsorted(places, begins)
    pair, numbers = _spread(bounds[answer], np.diff(bounds)[answer])
    at = places[numbers]
    found, length = [], 0
    while pair.size:
        same = np.flatnonzero(data[at + length] == own_data[start[pair] + length])
        pair, at = pair[same], at[same]
        length += 1
        longer = size[pair] > length
        found.append((pair[~longer], at[~longer]))
        pair, at = pair[longer], at[longer]
    stands = np.zeros(answer.size, dtype=np.bool_)
    if found:
        pair, at = map(np.concatenate, zip(*found, strict=True))
        stands[pair[_alone(data, at, at + size[pair])]] = True
    return stands


def _alone(data: Bytes, first: Places, end: Places) -> Truths:
    """Where what no word goes on before is no part of a longer word or number, nor its negative.

    Args:
        data: All answers, with a byte that is in none of them between them and at the end.
        first: Where it begins, of shape (rows,).
        end: Where it has ended.
    """
    before, before_that = data[first - 1], data[first - 2]
    behind, behind_that = data[end], data[end + 1]
    inside = MARKS[before] & DIGITS[before_that]
    negative = (before == MINUS) & ((before_that == NONE) | (before_that == BLANK))
    begins = ~(DIGITS[data[first]] & (inside | negative))
    ends = ~WORD[behind] & ~(DIGITS[data[end - 1]] & MARKS[behind] & DIGITS[behind_that])
    alone: Truths = begins & ends
    return alone


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
