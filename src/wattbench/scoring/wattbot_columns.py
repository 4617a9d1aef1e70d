"""The rules `wattbot-v1` and `wattbot-v2` over columns of answers."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wattbench.scoring import texts, wattbot
from wattbench.scoring.column_verdicts import Codes
from wattbench.scoring.gold import FLOAT, LISTED, OTHER, SPAN, TEXT, WattbotGold
from wattbench.scoring.texts import Places, Truths

SEPARATED = r"^-?\d{1,3}(?:,\d{3}){1,4}(?:\.\d{1,15})?$"
WORDS = r"^ *[A-Za-z]"
READ_OTHERWISE = (
    r"(?i)^ *(?:inf|nan|[in][infaty, ]*$|true|false|yes|no|more|less|greater|fewer|approximately"
    r"|about|around|over|under|nearly|roughly|up|at|from)"
)
"""Words that a rule reads as a number or drops."""

WITH_UNIT = r"^-?\d{1,15}(?:\.\d{1,15})?(?: ?%| [A-Za-z%][A-Za-z%/. -]*[A-Za-z%])$"


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
    mine = values.take(pa.array(rows))
    number = texts.truths(pc.match_substring_regex(mine, texts.PLAIN_NUMBER))
    separated = texts.truths(pc.match_substring_regex(mine, SEPARATED))
    if version == 2 and separated.any():
        mine = pc.if_else(pa.array(separated), pc.replace_substring(mine, ",", ""), mine)
        number |= separated
    worded = texts.truths(pc.match_substring_regex(mine, WORDS))
    worded &= ~texts.truths(pc.match_substring_regex(mine, READ_OTHERWISE))
    worded &= texts.printable(mine)
    word = worded | texts.truths(pc.match_substring_regex(mine, WITH_UNIT))
    if version == 1:
        word |= separated
    wanted = question[rows]
    kind = gold.kind[wanted]
    texted = (number & (kind == TEXT)) | (word & ((kind == TEXT) | (kind == FLOAT)))
    plain = pc.ascii_lower(pc.ascii_trim_whitespace(mine))
    same = texts.truths(pc.equal(plain, gold.text.take(pa.array(wanted))))
    _choose(found, rows, texted, same, "text without case")
    readable = pc.if_else(pa.array(number), mine, pa.scalar(None, pa.string()))
    given = readable.cast(pa.float64()).to_numpy(zero_copy_only=False)
    low, high = gold.low[wanted], gold.high[wanted]
    apart = np.abs(low - given)
    near = (apart <= np.abs(wattbot.RELATIVE * given)) | (apart <= np.abs(wattbot.RELATIVE * low))
    near |= apart <= wattbot.ABSOLUTE
    floats = number & (kind == FLOAT)
    _choose(found, rows, floats, near, "number within 1e-3, relative or absolute")
    inside = (low - wattbot.ABSOLUTE <= given) & (given <= high + wattbot.ABSOLUTE)
    _choose(found, rows, number & (kind == SPAN), inside, "number inside the range")
    other = (number & (kind == LISTED)) | (word & ((kind == SPAN) | (kind == LISTED)))
    found.set(rows[other], (False, "list against a single value"))


def _choose(found: Codes, rows: Places, chosen: Truths, right: Truths, why: str) -> None:
    found.choose(rows[chosen], right[chosen], why, why)
