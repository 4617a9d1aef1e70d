"""The rules `wattbot-v1` and `wattbot-v2` over columns of answers."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wattbench.scoring import texts, wattbot
from wattbench.scoring.column_verdicts import Codes
from wattbench.scoring.gold import FLOAT, LISTED, OTHER, SPAN, TEXT, WattbotGold
from wattbench.scoring.texts import Places, Reals, Truths

NO_FLOAT = r"[^-+0-9eE._ infatyINFATY]"
"""What no number that Python's float reads has in it."""

_END = r"-?\d{1,15}(?:\.\d{1,15})?"
SPAN_ENDS = (
    rf"(?i)^(?:from\s+)?(?P<first>{_END})\s*(?:[-\x{{2013}}\x{{2014}}]|\s+to\s+)"
    rf"\s*(?P<second>{_END})$"
)
"""The ranges of `wattbot.SPAN` whose ends Arrow reads as Python does."""


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
    low, high = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    if version == 2:
        mine, low, high = _normalised(mine)
    span = ~np.isnan(low)
    number = texts.truths(pc.match_substring_regex(mine, texts.PLAIN_NUMBER))
    text = texts.truths(pc.match_substring_regex(mine, NO_FLOAT)) & ~span
    text &= ~texts.truths(pc.match_substring_regex(mine, r"^[\[{]"))
    if version == 2:
        text &= ~texts.truths(pc.match_substring_regex(mine, f"(?i){wattbot.SUFFIXED.pattern}"))
    wanted = question[rows]
    kind = gold.kind[wanted]
    same = texts.truths(pc.equal(pc.ascii_lower(mine), gold.text.take(pa.array(wanted))))
    texted = (number & (kind == TEXT)) | (text & ((kind == TEXT) | (kind == FLOAT)))
    _choose(found, rows, texted, same, "text without case")
    _choose(found, rows, span & (kind != SPAN) & (kind != LISTED), ~span, "text without case")
    plain = pc.if_else(pa.array(number), mine, pa.scalar(None, pa.string()))
    given = plain.cast(pa.float64()).to_numpy(zero_copy_only=False)
    first, last = gold.low[wanted], gold.high[wanted]
    near = _near(first, given)
    floats = number & (kind == FLOAT)
    _choose(found, rows, floats, near, "number within 1e-3, relative or absolute")
    inside = (first - wattbot.ABSOLUTE <= given) & (given <= last + wattbot.ABSOLUTE)
    _choose(found, rows, number & (kind == SPAN), inside, "number inside the range")
    other = (number & (kind == LISTED)) | (text & ((kind == SPAN) | (kind == LISTED)))
    found.set(rows[other], (False, "list against a single value"))
    ends = _near(first, low) & _near(last, high)
    _choose(found, rows, span & (kind == SPAN), ends, "list against list")


def _normalised(values: pa.Array) -> tuple[pa.Array, Reals, Reals]:
    """Trimmed values as `wattbot-v2` reads them, and the ends of those that are ranges.

    Numbers with a suffix are left as they are, and judged one by one.
    """
    lower = pc.ascii_lower(values)
    words = pa.array(list(wattbot.TRUTHS))
    truth = pc.index_in(lower, words)
    digits = pa.array(list(wattbot.TRUTHS.values())).take(truth)
    values = pc.coalesce(digits, values)
    hedge = f"(?i){wattbot.HEDGE.pattern}"
    hedged = pc.match_substring_regex(values, hedge)
    if pc.any(hedged).as_py():
        cut = pc.replace_substring_regex(values, hedge, "", max_replacements=1)
        values = pc.if_else(hedged, pc.ascii_trim_whitespace(cut), values)
    joined = pc.replace_substring(values, ",", "")
    number = pc.match_substring_regex(joined, texts.PLAIN_NUMBER)
    values = pc.if_else(number, joined, values)
    ends = pc.extract_regex(values, SPAN_ENDS)
    read = [
        pc.struct_field(ends, name).cast(pa.float64()).to_numpy(zero_copy_only=False)
        for name in ("first", "second")
    ]
    return values, np.minimum(*read), np.maximum(*read)


def _near(gold: Reals, given: Reals) -> Truths:
    """Where two numbers are close, as `math.isclose` has it."""
    apart = np.abs(gold - given)
    near: Truths = (apart <= np.abs(wattbot.RELATIVE * given)) | (
        apart <= np.abs(wattbot.RELATIVE * gold)
    )
    return near | (apart <= wattbot.ABSOLUTE)


def _choose(found: Codes, rows: Places, chosen: Truths, right: Truths, why: str) -> None:
    found.choose(rows[chosen], right[chosen], why, why)
