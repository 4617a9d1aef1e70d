"""Reading columns of answers as `tables.values` reads one answer, to the last bit.

Everything here is for printable ASCII of bounded length; the rest is left to the reading of one
answer. The patterns are those of `tables.values`: Arrow's RE2 prefers the leftmost alternative as
Python's own engine does.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from wattbench.scoring.characters import (
    APOSTROPHE,
    DIGIT,
    UNPLAIN,
    UNPRINTABLE,
    UNSPAN,
    Kinds,
    changed,
    kinds_of,
    starts,
    translated,
)
from wattbench.tables.values import (
    ABSTENTIONS,
    AMONG_DIGITS,
    APPROXIMATELY,
    CURRENCY,
    DASH,
    DECIMAL_COMMA,
    FALSE,
    LONGEST_NUMBER,
    NUMBER,
    TRUE,
    UNABLE,
    number_tail,
)

Reals = NDArray[np.float64]
Truths = NDArray[np.bool_]
Places = NDArray[np.intp]

PLAIN_NUMBER = r"^-?\d{1,15}(?:\.\d{1,15})?$"
"""A number with nothing around it, which needs no further reading."""

READABLE = r"^-?(?:\d{1,17}(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d{1,2})?$"
"""A number that Arrow reads as Python does: neither infinite nor with separators."""

SEPARATORS = f"[,_ {CURRENCY}]"
NUMBER_AND_TAIL = f"(?s)^(?P<number>{NUMBER})(?P<tail>.*)$"
NUMBER_AND_WORD = r"^-?\d{1,15}(?:\.\d{1,15})? [^ eExX*\d]"
"""A number and, behind one space, what is neither its power nor more space."""

TWO_ENDS = (
    rf"(?si)^(?:from\s+|between\s+)?(?P<low>{NUMBER})(?P<unit>\D*?)\s*"
    rf"(?:[{DASH}]|\bto\b|\band\b)\s*(?P<high>{NUMBER}.*)$"
)
ARTICLE = r"^(?:(?:the|an) |a ([^ ]{2}))"
BEFORE = r'(?:^|[ ("\[{])'
SIGN = rf"({BEFORE})-(\$?\.?[0-9])"
POINT = rf"((?:{BEFORE}|\x01)\$?)\.([0-9])"
SIGN_OR_POINT = rf"{BEFORE}(?:-?\$?\.|-\$?)[0-9]"
"""What a number begins with."""

SAID = f"{UNABLE[0]}{UNABLE[0].upper()}\"' "
"""How an abstention with a digit in it may begin, the quotes around it among it."""

WORDED = "~ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
"""How words of approximation may begin."""

NAMED = bytes(
    ord(" " if unicodedata.category(chr(code)).startswith("P") else chr(code).lower())
    if code < 0x80 and chr(code) != "#"
    else code
    for code in range(256)
)
"""ASCII without case, and with a space for every mark that parts the words of a name."""


def truths(column: Any) -> Truths:
    """A column of truth values as an array; null is False."""
    found: Truths = pc.fill_null(column, False).to_numpy(zero_copy_only=False)
    return found


def printable(texts: pa.Array) -> Truths:
    """Where a text is printable ASCII only."""
    found: Truths = (kinds_of(texts) & UNPRINTABLE) == 0
    return found


def plain_numbers(texts: pa.Array, kinds: Kinds) -> Truths:
    """Where a text is a `PLAIN_NUMBER`.

    Args:
        texts: The texts.
        kinds: The kinds of their characters.
    """
    found: Truths = (kinds & (DIGIT | UNPLAIN)) == DIGIT
    rows = np.flatnonzero(found)
    found[rows] = truths(pc.match_substring_regex(texts.take(pa.array(rows)), PLAIN_NUMBER))
    return found


def maybe_words(texts: pa.Array, kinds: Kinds) -> Truths:
    """Where a text may abstain or say true or false; the others certainly do not."""
    found: Truths = ((kinds & DIGIT) == 0) | starts(texts, SAID)
    return found


def short(texts: pa.Array) -> Truths:
    """Where a text may be a number or range."""
    found: Truths = pc.less_equal(pc.binary_length(texts), LONGEST_NUMBER).to_numpy(
        zero_copy_only=False
    )
    return found


def stripped(texts: pa.Array) -> pa.Array:
    """Texts without spaces and quotes around them, as a word of a few is compared."""
    bare = pc.ascii_trim(pc.ascii_trim_whitespace(texts), "\"'")
    return pc.ascii_lower(pc.ascii_trim_whitespace(pc.ascii_rtrim(bare, ".")))


def abstentions(words: pa.Array) -> Truths:
    """Where `stripped` texts abstain."""
    return truths(pc.is_in(words, pa.array(sorted(ABSTENTIONS)))) | truths(
        pc.starts_with(words, UNABLE)
    )


def truth_values(words: pa.Array) -> Reals:
    """1 where `stripped` texts say true, 0 where they say false, else NaN."""
    found = np.full(len(words), np.nan)
    found[truths(pc.is_in(words, pa.array(sorted(TRUE))))] = 1.0
    found[truths(pc.is_in(words, pa.array(sorted(FALSE))))] = 0.0
    return found


def names(texts: pa.Array) -> pa.Array:
    """Texts as `canonical_name` writes them."""
    quoted = (kinds_of(texts) & APOSTROPHE) != 0
    plain = changed(texts, quoted, lambda some: pc.replace_substring_regex(some, "['`]", ""))
    begun = (kinds_of(plain) & DIGIT) != 0
    if begun.any():
        begun &= truths(pc.match_substring_regex(plain, SIGN_OR_POINT))
    plain = translated(changed(plain, begun, _marked), NAMED, kept=AMONG_DIGITS)
    plain = changed(plain, begun, _unmarked)
    spaced = truths(pc.match_substring(plain, "  "))
    plain = changed(plain, spaced, lambda some: pc.replace_substring_regex(some, " +", " "))
    plain = pc.ascii_trim_whitespace(plain)
    articled = truths(pc.match_substring_regex(plain, ARTICLE))
    plain = changed(
        plain,
        articled,
        lambda some: pc.replace_substring_regex(some, ARTICLE, r"\1", max_replacements=1),
    )
    empty = pc.equal(pc.binary_length(plain), 0)
    if pc.any(empty).as_py():
        plain = pc.if_else(empty, pc.ascii_trim_whitespace(pc.ascii_lower(texts)), plain)
    return plain


def _marked(texts: pa.Array) -> pa.Array:
    """Texts with the sign and point that a number begins with as what no text holds."""
    signed = pc.replace_substring_regex(texts, SIGN, "\\1\x01\\2")
    return pc.replace_substring_regex(signed, POINT, "\\1\x02\\2")


def _unmarked(texts: pa.Array) -> pa.Array:
    return pc.replace_substring(pc.replace_substring(texts, "\x01", "-"), "\x02", ".")


@dataclass(frozen=True)
class Numbers:
    """A column of texts read as numbers; all of shape (rows,).

    Args:
        value: The numbers; NaN where a text states none.
        magnitude: The factors that words or suffixes gave.
        unread: Where only the reading of one answer can tell.
    """

    value: Reals
    magnitude: Reals
    unread: Truths


def unquoted(texts: pa.Array) -> pa.Array:
    """Texts without spaces, quotes, words of approximation and full stops around them."""
    plain = pc.ascii_trim_whitespace(pc.ascii_trim(pc.ascii_trim_whitespace(texts), "\"'"))
    plain = changed(
        plain,
        starts(plain, WORDED),
        lambda some: pc.replace_substring_regex(
            some, f"(?i){APPROXIMATELY.pattern}", "", max_replacements=1
        ),
    )
    return pc.ascii_rtrim(plain, ".")


def numbers(texts: pa.Array, unit_of: Places, units: Sequence[str | None]) -> Numbers:
    """Texts as `parse_number` reads them, with any unit.

    Args:
        texts: Printable and short texts, `unquoted`.
        unit_of: Place of each text's unit, of shape (rows,).
        units: Units that answers were asked in.
    """
    value, magnitude = np.full(len(texts), np.nan), np.ones(len(texts))
    unread = np.zeros(len(texts), dtype=np.bool_)
    plain = plain_numbers(texts, kinds_of(texts))
    value[plain] = texts.filter(pa.array(plain)).cast(pa.float64()).to_numpy()
    rest = np.flatnonzero(~plain)
    worded = truths(pc.match_substring_regex(texts.take(pa.array(rest)), NUMBER_AND_WORD))
    rows = rest[worded]
    # A split costs a fifth of the pattern that reads everything.
    parts = pc.split_pattern(texts.take(pa.array(rows)), " ", max_splits=1)
    number = pc.list_element(parts, 0).cast(pa.float64()).to_numpy()
    tails = pc.list_element(parts, 1)
    value[rows], magnitude[rows] = _scaled(number, tails, unit_of[rows], units, before=" ")
    rows = rest[~worded]
    parts = pc.extract_regex(texts.take(pa.array(rows)), NUMBER_AND_TAIL)
    found, written = pc.is_valid(parts), pc.struct_field(parts, "number")
    separated = pc.match_substring_regex(written, SEPARATORS)
    if pc.any(separated).as_py():
        comma = pc.match_substring_regex(written, DECIMAL_COMMA)
        written = pc.if_else(comma, "?", written)
        written = pc.replace_substring_regex(written, SEPARATORS, "")
    written = pc.ascii_ltrim(written, "+")
    readable = pc.match_substring_regex(written, READABLE)
    cast = pc.if_else(readable, written, pa.scalar(None, pa.string())).cast(pa.float64())
    number = cast.to_numpy(zero_copy_only=False)
    tails = pc.if_else(found, pc.struct_field(parts, "tail"), "")
    value[rows], magnitude[rows] = _scaled(number, tails, unit_of[rows], units)
    unread[rows] = truths(found) & ~truths(readable)
    return Numbers(value, magnitude, unread)


def _scaled(
    number: Reals, tails: pa.Array, unit_of: Places, units: Sequence[str | None], before: str = ""
) -> tuple[Reals, Reals]:
    """Numbers as what stands behind them makes them, and the magnitude in it; NaN if infinite."""
    magnitude, scale = _tails(tails, unit_of, units, before)
    with np.errstate(over="ignore", invalid="ignore"):
        value: Reals = number * magnitude * scale
    value[~np.isfinite(value)] = np.nan
    return value, magnitude


def _tails(
    tails: pa.Array, unit_of: Places, units: Sequence[str | None], before: str
) -> tuple[Reals, Reals]:
    """Magnitude and unit conversion of what stands behind numbers; NaN where they are none."""
    coded = tails.dictionary_encode()
    words = [before + word for word in coded.dictionary.to_pylist()]
    codes = coded.indices.to_numpy().astype(np.int64) * len(units) + unit_of
    if len(words) * len(units) <= 4 * len(codes):
        needed = np.flatnonzero(np.bincount(codes, minlength=len(words) * len(units)))
        place = np.zeros(len(words) * len(units), dtype=np.intp)
        place[needed] = np.arange(needed.size)
        inverse = place[codes]
    else:
        needed, inverse = np.unique(codes, return_inverse=True)
    nothing = (np.nan, np.nan)
    read = [
        _tail(words[code // len(units)], units[code % len(units)]) or nothing
        for code in needed.tolist()
    ]
    table = np.array(read, dtype=np.float64).reshape(-1, 2)
    return table[inverse, 0], table[inverse, 1]


@functools.lru_cache(maxsize=1 << 16)
def _tail(text: str, unit: str | None) -> tuple[float, float] | None:
    return number_tail(text, unit, any_unit=True)


@dataclass(frozen=True)
class Ranges:
    """A column of texts read as ranges; all of shape (rows,).

    Args:
        low: Lower ends; NaN where a text states no range.
        high: Upper ends.
        unread: Where only the reading of one answer can tell.
    """

    low: Reals
    high: Reals
    unread: Truths


def ranges(texts: pa.Array, unit_of: Places, units: Sequence[str | None]) -> Ranges:
    """Texts as `parse_range` reads them, with any unit.

    Args:
        texts: Printable and short texts, `unquoted`.
        unit_of: Place of each text's unit, of shape (rows,).
        units: Units that answers were asked in.
    """
    low, high = np.full(len(texts), np.nan), np.full(len(texts), np.nan)
    kinds = kinds_of(texts)
    simple, first, last = plain_ends(texts, kinds)
    low[simple], high[simple] = np.minimum(first, last), np.maximum(first, last)
    rest = ~plain_numbers(texts, kinds)
    rest[simple] = False
    unread = rest & starts(texts, "[")
    rows = np.flatnonzero(rest & ~unread)
    parts = pc.extract_regex(texts.take(pa.array(rows)), TWO_ENDS)
    matched = truths(pc.is_valid(parts))
    rows = rows[matched]
    if rows.size:
        ends = parts.filter(pa.array(matched))
        joined = pc.binary_join_element_wise(
            pc.struct_field(ends, "low"), pc.struct_field(ends, "unit"), ""
        )
        one = numbers(unquoted(joined), unit_of[rows], units)
        other = numbers(unquoted(pc.struct_field(ends, "high")), unit_of[rows], units)
        start = one.value * np.where(one.magnitude == 1.0, other.magnitude, 1.0)
        either = np.isnan(start) | np.isnan(other.value)
        low[rows] = np.where(either, np.nan, np.minimum(start, other.value))
        high[rows] = np.where(either, np.nan, np.maximum(start, other.value))
        unread[rows] |= one.unread | other.unread
    return Ranges(low, high, unread)


def plain_ends(texts: pa.Array, kinds: Kinds) -> tuple[Places, Reals, Reals]:
    """Places of texts like '1-2', '1 to 2' and 'from 1 to 2', and both numbers.

    A split costs a fifth of the pattern that reads every range.

    Args:
        texts: The texts.
        kinds: The kinds of their characters.
    """
    rows = np.flatnonzero((kinds & (DIGIT | UNSPAN)) == DIGIT)
    mine = pc.ascii_lower(texts.take(pa.array(rows)))
    headed = truths(pc.starts_with(mine, "from "))
    mine = changed(mine, headed, lambda some: pc.utf8_slice_codeunits(some, 5))
    parts = pc.split_pattern(pc.replace_substring(mine, " to ", "-"), "-")
    two = pc.equal(pc.list_value_length(parts), 2)
    rows, flat = rows[truths(two)], pc.list_flatten(parts.filter(two))
    both = plain_numbers(flat, kinds_of(flat)).reshape(-1, 2).all(axis=1)
    ends = flat.filter(pa.array(np.repeat(both, 2))).cast(pa.float64()).to_numpy().reshape(-1, 2)
    return rows[both], ends[:, 0], ends[:, 1]
