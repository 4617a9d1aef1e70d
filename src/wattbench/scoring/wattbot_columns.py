"""The rules `wattbot-v1` and `wattbot-v2` over columns of answers."""

from __future__ import annotations

import functools

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wattbench.scoring import texts, wattbot
from wattbench.scoring.characters import (
    COMMA,
    DIGIT,
    SPACE,
    UNFLOAT,
    UNSPAN,
    Kinds,
    changed,
    ends,
    kinds_of,
    starts,
)
from wattbench.scoring.column_verdicts import Codes
from wattbench.scoring.gold import FLOAT, LISTED, OTHER, SPAN, TEXT, WattbotGold
from wattbench.scoring.texts import Places, Reals, Truths

HEDGES = "AFGLMNORUafglmnoru~<>"
"""How a hedge may begin."""

SIGNED = "+-0123456789"
SUFFIXES = "kmbtKMBT"
SUFFIXED = r"^(?P<number>-?\d{1,15}(?:\.\d{1,15})?)\s*(?P<suffix>[kmbtKMBT])$"
"""The numbers of `wattbot.SUFFIXED` that Arrow reads as Python does."""

SIMPLE_LIST = r"^\[(?:[A-HJ-MO-Za-eghj-mo-su-z]|[ft][^ar\[\]{}\"'])[^\[\]{}\"']*\]$"
"""A list that is no JSON and whose first item is no number, nothing in quotes."""

_END = r"[+-]?\d+(?:\.\d+)?"
_READ = r"-?\d{1,15}(?:\.\d{1,15})?"
_SPAN = r"(?i)^(?:from\s+)?(?P<first>{0})\s*(?:-|\s+to\s+)\s*(?P<second>{0})$"
SPANNED = _SPAN.replace("{0}", _END)
"""The ranges of `wattbot.SPAN` among printable ASCII."""

SPAN_ENDS = _SPAN.replace("{0}", _READ)
"""Those of them whose ends Arrow reads as Python does."""


def blanks(values: pa.Array) -> Truths:
    """Where a value is an abstention to the rules."""
    plain = pc.ascii_lower(pc.ascii_trim_whitespace(values))
    found = texts.truths(pc.is_in(plain, pa.array(sorted(wattbot.BLANKS))))
    found |= texts.truths(pc.starts_with(plain, wattbot.UNABLE))
    for place in np.flatnonzero(~texts.printable(values)).tolist():
        found[place] = wattbot.is_blank(values[place].as_py())
    return found


def judge_wattbot(
    found: Codes,
    gold: WattbotGold,
    question: Places,
    values: pa.Array,
    rows: Places,
    *,
    version: wattbot.Version,
) -> None:
    """Judge what columns can tell; the rest stays open.

    Args:
        found: Where the verdicts go.
        gold: The gold answers.
        question: Place of each answer's question.
        values: The answers' values.
        rows: Answers to judge: to questions whose gold answer is not blank.
        version: 1 or 2.
    """
    rows = rows[gold.kind[question[rows]] != OTHER]
    mine = pc.ascii_trim_whitespace(values.take(pa.array(rows)))
    readable = texts.printable(mine)
    rows, mine = rows[readable], mine.filter(pa.array(readable))
    kinds = kinds_of(mine)
    low, high = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    unfloat = (kinds & (UNFLOAT | COMMA | SPACE)) != 0
    if version == 2:
        mine, kinds = _unhedged(mine, kinds)
        # A comma is left out before the text is read, which may bring a space to its end.
        unfloat = ((kinds & UNFLOAT) != 0) | ((kinds & (COMMA | SPACE)) == SPACE)
    number = texts.plain_numbers(mine, kinds)
    given = np.full(len(rows), np.nan)
    given[number] = mine.filter(pa.array(number)).cast(pa.float64()).to_numpy()
    text = unfloat & ~number
    wanted = question[rows]
    kind = gold.kind[wanted]
    lone = (kind == TEXT) | (kind == FLOAT)
    if version == 2:
        low, high, unread = _spans(mine, kinds, number)
        text &= np.isnan(low) & ~unread
        shortened, factored = _suffixed(mine)
        text &= ~shortened
        # A text is compared with how the number is shown, which only the one by one tell.
        read = ~np.isnan(factored) & (kind != TEXT)
        given[read], number = factored[read], number | read
    span = ~np.isnan(low)
    listed = starts(mine, "[{")
    texted = (number & (kind == TEXT)) | (text & lone)
    lower = pc.ascii_lower(mine.filter(pa.array(texted)))
    same = texts.truths(pc.equal(lower, gold.text.take(pa.array(wanted[texted]))))
    _choose(found, rows[texted], same, "text without case")
    found.set(rows[span & lone], (False, "text without case"))
    floats = number & (kind == FLOAT)
    near = _near(gold.low[wanted[floats]], given[floats])
    _choose(found, rows[floats], near, "number within 1e-3, relative or absolute")
    within = number & (kind == SPAN)
    first, last, one = gold.low[wanted[within]], gold.high[wanted[within]], given[within]
    inside = (first - wattbot.ABSOLUTE <= one) & (one <= last + wattbot.ABSOLUTE)
    _choose(found, rows[within], inside, "number inside the range")
    other = (number & (kind == LISTED)) | (text & ~lone & ~listed)
    found.set(rows[other], (False, "list against a single value"))
    both = span & (kind == SPAN)
    right = _near(gold.low[wanted[both]], low[both]) & _near(gold.high[wanted[both]], high[both])
    _choose(found, rows[both], right, "list against list")
    lists = listed & ~lone
    _lists(found, gold, rows[lists], wanted[lists], mine.filter(pa.array(lists)))


def _lists(found: Codes, gold: WattbotGold, rows: Places, wanted: Places, values: pa.Array) -> None:
    """Judge simple lists against gold lists."""
    simple = texts.truths(pc.match_substring_regex(values, SIMPLE_LIST))
    rows, wanted, values = rows[simple], wanted[simple], values.filter(pa.array(simple))
    same = np.fromiter(
        (
            sorted(map(_item_text, value[1:-1].split(","))) == gold.items[place]
            for value, place in zip(values.to_pylist(), wanted.tolist(), strict=True)
        ),
        dtype=np.bool_,
        count=len(rows),
    )
    found.choose(rows, same, "list against list", "list against list")


@functools.lru_cache(maxsize=1 << 16)
def _item_text(item: str) -> str:
    return wattbot.text_of(wattbot.item_of(item))


def _unhedged(values: pa.Array, kinds: Kinds) -> tuple[pa.Array, Kinds]:
    """Trimmed values as `wattbot-v2` reads them before it looks for suffixes and ranges.

    Args:
        values: The values.
        kinds: The kinds of their characters.

    Returns:
        The values so read, and the kinds of their characters.
    """
    words = pa.array(list(wattbot.TRUTHS))
    digits = pa.array(list(wattbot.TRUTHS.values()))
    rows = np.flatnonzero((kinds & DIGIT) == 0)
    said = np.zeros(len(values), dtype=np.bool_)
    said[rows] = texts.truths(pc.is_in(pc.ascii_lower(values.take(pa.array(rows))), words))
    values = changed(
        values, said, lambda some: digits.take(pc.index_in(pc.ascii_lower(some), words))
    )
    hedge = f"(?i){wattbot.HEDGE.pattern}"
    hedged = _matched(values, starts(values, HEDGES), hedge)
    values = changed(
        values,
        hedged,
        lambda some: pc.ascii_trim_whitespace(
            pc.replace_substring_regex(some, hedge, "", max_replacements=1)
        ),
    )
    parted = np.flatnonzero((kinds & COMMA) != 0)
    joined = _joined(values.take(pa.array(parted)))
    numbers = np.zeros(len(values), dtype=np.bool_)
    numbers[parted] = texts.plain_numbers(joined, kinds_of(joined))
    values = changed(values, numbers, _joined)
    other = said | hedged | numbers
    kinds = kinds.copy()
    kinds[other] = kinds_of(values.filter(pa.array(other)))
    return values, kinds


def _joined(values: pa.Array) -> pa.Array:
    return pc.replace_substring(values, ",", "")


def _matched(values: pa.Array, chosen: Truths, pattern: str) -> Truths:
    """Where a pattern matches, looked for among the chosen values only."""
    rows = np.flatnonzero(chosen)
    found = np.zeros(len(values), dtype=np.bool_)
    found[rows] = texts.truths(pc.match_substring_regex(values.take(pa.array(rows)), pattern))
    return found


def _spans(values: pa.Array, kinds: Kinds, number: Truths) -> tuple[Reals, Reals, Truths]:
    """Ends of the values that are ranges to `wattbot-v2`, else NaN; and where they are not read."""
    unread = np.zeros(len(values), dtype=np.bool_)
    low, high = np.full(len(values), np.nan), np.full(len(values), np.nan)
    maybe = ((kinds & (DIGIT | UNSPAN)) == DIGIT) & ~number
    rows = np.flatnonzero(maybe)
    mine = values.take(pa.array(rows))
    simple, first, last = texts.plain_ends(mine, kinds[rows])
    low[rows[simple]], high[rows[simple]] = np.minimum(first, last), np.maximum(first, last)
    rest = np.delete(np.arange(len(rows)), simple)
    parts = pc.extract_regex(mine.take(pa.array(rest)), SPAN_ENDS)
    one, other = (
        pc.struct_field(parts, name).cast(pa.float64()).to_numpy(zero_copy_only=False)
        for name in ("first", "second")
    )
    low[rows[rest]], high[rows[rest]] = np.minimum(one, other), np.maximum(one, other)
    left = rest[np.isnan(one)]
    spanned = pc.match_substring_regex(mine.take(pa.array(left)), SPANNED)
    unread[rows[left]] = texts.truths(spanned)
    return low, high, unread


def _suffixed(values: pa.Array) -> tuple[Truths, Reals]:
    """Where values are numbers with a suffix to `wattbot-v2`, and those read; NaN elsewhere."""
    maybe = ends(values, SUFFIXES) & starts(values, SIGNED)
    found = _matched(values, maybe, f"(?i){wattbot.SUFFIXED.pattern}")
    rows, read = np.flatnonzero(found), np.full(len(values), np.nan)
    parts = pc.extract_regex(values.take(pa.array(rows)), SUFFIXED)
    number = pc.struct_field(parts, "number").cast(pa.float64())
    suffix = pc.index_in(
        pc.ascii_lower(pc.struct_field(parts, "suffix")), pa.array(list(wattbot.FACTORS))
    )
    factor = pa.array(list(wattbot.FACTORS.values())).take(suffix)
    read[rows] = pc.multiply(number, factor).to_numpy(zero_copy_only=False)
    return found, read


def _near(gold: Reals, given: Reals) -> Truths:
    """Where two numbers are close, as `math.isclose` has it."""
    apart = np.abs(gold - given)
    near: Truths = (apart <= np.abs(wattbot.RELATIVE * given)) | (
        apart <= np.abs(wattbot.RELATIVE * gold)
    )
    return near | (apart <= wattbot.ABSOLUTE)


def _choose(found: Codes, rows: Places, right: Truths, why: str) -> None:
    found.choose(rows, right, why, why)
