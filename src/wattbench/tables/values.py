"""Reading answer values: numbers, ranges, lists, names and abstentions in one canonical form."""

from __future__ import annotations

import functools
import itertools
import json
import math
import re
import unicodedata
from dataclasses import dataclass

from wattbench.text_files import storable

BLANK = "is_blank"
ABSTENTIONS = frozenset({"", BLANK, "na", "n/a", "nan", "null", "none", "not available"})
UNABLE = "unable to answer"
LONGEST_NUMBER = 200
"""Characters; what is longer is prose, and is spared the patterns."""

DEEPEST = 50
"""Lists in one another; what is nested deeper is no answer, and would overflow the stack."""

REMEMBERED = 1 << 16
"""Texts whose reading is remembered: gold answers and document ids come again and again."""
TRUE = frozenset({"true", "yes"})
FALSE = frozenset({"false", "no"})

DASH = "-\u2010\u2011\u2012\u2013\u2014"
MINUS = "-\u2212"
TIMES = "x\u00d7"
NARROW_SPACES = "\u00a0\u202f\u2009"
SUPERSCRIPTS = str.maketrans(
    "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079\u207b", "0123456789-"
)
SUPERSCRIPT = re.compile(r"(?<=10)[\u2070\u00b9\u00b2\u00b3\u2074-\u2079\u207b]+")

APPROXIMATELY = re.compile(
    r"^(?:(?:approximately|approx\.?|about|around|roughly|nearly|circa)\s+" "|[~\u2248]\\s*)",
    re.IGNORECASE,
)
CURRENCY = "$€£¥"
POINTS = r"\d{1,3}(?:(?:\.\d{3})+,\d+|(?:\.\d{3}){2,})"
"""Thousands behind points and decimals behind a comma; 1.234 alone is a little more than one."""

SPACES = rf"\d{{1,3}}(?:[ {NARROW_SPACES}]\d{{3}})+(?:[.,]\d+)?"
"""Thousands behind spaces and decimals behind either mark."""

DIGITS = rf"{POINTS}|{SPACES}|(?:\d{{1,3}}(?:,\d{{3}})+|\d+(?:_\d+)*)(?:\.\d*)?|\.\d+"
DECIMAL_COMMA = rf"[.{NARROW_SPACES} ]\d{{3}}(?:,\d|\.\d{{3}})"
"""Where digits are `POINTS`, or `SPACES` with a comma."""

MULTIPLIED = f"{TIMES}*\u00b7\u22c5"
POWER = (
    rf"\s?(?:[eE][-+]?\d+|[{MULTIPLIED}]\s?10"
    rf"(?:(?:\^|\*\*)\s?[{MINUS}+]?|[{MINUS}])\d+)"
)
NUMBER = rf"[{MINUS}+]?\s?[{CURRENCY}]?(?:{DIGITS})(?:{POWER})?"
LEADING_NUMBER = re.compile(rf"^({NUMBER})(.*)$", re.DOTALL)
RANGE = re.compile(
    rf"^(?:from\s+|between\s+)?({NUMBER})(\D*?)\s*(?:[{DASH}]|\bto\b|\band\b)\s*({NUMBER}.*)$",
    re.DOTALL | re.IGNORECASE,
)
TIMES_TEN = re.compile(rf"\s?[{MULTIPLIED}]\s?10(?:\^|\*\*)?\s?")
ITEM_SEPARATOR = re.compile(r"\s*;\s*|,\s+(?:and\s+)?|\s+and\s+")
JSON_STARTS = frozenset("\"'[{-0123456789tfn]NI")
"""How the first item of a JSON list may begin, or its end, with Python's NaN and Infinity."""

CONNECTIVES = frozenset({"to", "of", "out", "per", "over", "/"})
CLAIMS_MORE = re.compile(
    rf"(?<![\w^])(?<!\^[{MINUS}])\d"
    r"|\b(?:or|and|but|not|vs|versus|at (?:least|most)|dozens?|hundreds?|thousands?"
    r"|(?:mill|bill|trill)ions?|zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven"
    r"|twelve|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|true|false|yes|no)(?![a-z])",
    re.IGNORECASE,
)
"""A further number, or a word that makes of one number another claim; not CO2 or m^2."""

MAGNITUDES = {
    "hundred": 1e2,
    "k": 1e3, "thousand": 1e3,
    "m": 1e6, "mn": 1e6, "million": 1e6, "millions": 1e6,
    "b": 1e9, "bn": 1e9, "billion": 1e9, "billions": 1e9,
    "t": 1e12, "tn": 1e12, "trillion": 1e12, "trillions": 1e12,
}  # fmt: skip
SI = {
    "": 1.0, "n": 1e-9, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "m": 1e-3,
    "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15,
}  # fmt: skip
SI_BASES = ("Wh", "W", "J", "B", "bytes", "g", "L", "FLOPS", "FLOP/s", "FLOPs", "Hz", "s")
WRITTEN_OUT = {
    "bytes": "B", "kilobytes": "KB", "megabytes": "MB", "gigabytes": "GB", "terabytes": "TB",
    "watts": "W", "kilowatts": "kW", "megawatts": "MW", "gigawatts": "GW",
    "joules": "J", "kilojoules": "kJ", "megajoules": "MJ",
    "liters": "L", "litres": "L", "milliliters": "mL", "millilitres": "mL",
    "grams": "g", "kilograms": "kg", "seconds": "s", "milliseconds": "ms",
    "kilowatt-hours": "kWh", "megawatt-hours": "MWh", "watt-hours": "Wh",
}  # fmt: skip
CLOCK = {
    "sec": 1.0, "secs": 1.0, "second": 1.0, "min": 60.0, "mins": 60.0, "minute": 60.0,
    "minutes": 60.0, "h": 3600.0, "hr": 3600.0, "hrs": 3600.0, "hour": 3600.0, "hours": 3600.0,
    "day": 86400.0, "days": 86400.0, "week": 604800.0, "weeks": 604800.0,
}  # fmt: skip
"""Seconds; months and years are of no one length."""

ATTACHED = frozenset({"%", "°c", "°", *TIMES})
PERCENT = frozenset({"%", "percent", "percents", "per cent", "percentage", "pct"})


@dataclass(frozen=True)
class Quantity:
    """A number as read from text.

    Args:
        value: The number, its magnitude applied.
        magnitude: The factor that a word or suffix gave (1 where none).
    """

    value: float
    magnitude: float = 1.0


def is_abstention(text: str | None) -> bool:
    """Whether an answer's value says 'I cannot tell' (None, no answer, is no abstention)."""
    if text is None:
        return False
    plain = text.strip().strip("\"'").rstrip(".").strip().casefold()
    return plain in ABSTENTIONS or plain.startswith(UNABLE)


@functools.lru_cache(maxsize=REMEMBERED)
def parse_number(text: str, unit: str | None = None, *, any_unit: bool = False) -> Quantity | None:
    """The one number that a text states, or None.

    Reads signs, thousands separators, scientific notation, currency signs, words of
    approximation ('about', '~'), the suffixes K, M, B, T and their words, a percent sign and a
    unit. A bound ('more than 5', 'up to 5') states no number. Where the text's unit is the asked
    one with another SI prefix, the number is converted to the asked unit.

    Args:
        text: The text.
        unit: Unit the answer was asked in, or None.
        any_unit: Accept a unit of up to three words that is not the asked one.
    """
    if len(text) > LONGEST_NUMBER:
        return None
    plain = _plain(text)
    found = LEADING_NUMBER.match(plain)
    if found is None:
        return None
    number = _float(found[1])
    if number is None:
        return None
    tail = number_tail(found[2], unit, any_unit=any_unit)
    if tail is None:
        return None
    magnitude, scale = tail
    value = number * magnitude * scale
    return Quantity(value, magnitude) if math.isfinite(value) else None


def _plain(text: str) -> str:
    plain = text.strip().strip("\"'").strip()
    plain = APPROXIMATELY.sub("", plain, count=1)
    plain = SUPERSCRIPT.sub(lambda found: "^" + found[0].translate(SUPERSCRIPTS), plain)
    return plain.rstrip(".") if not re.fullmatch(r"\d+\.", plain) else plain


def _float(text: str) -> float | None:
    plain = text.replace(MINUS[1], "-")
    if re.search(DECIMAL_COMMA, plain):
        plain = plain.replace(".", "").replace(",", ".")
    for mark in (*CURRENCY, *NARROW_SPACES, ",", "_"):
        plain = plain.replace(mark, "")
    try:
        return float(TIMES_TEN.sub("e", plain).replace(" ", ""))
    except (ValueError, OverflowError):
        return None


def number_tail(text: str, unit: str | None, *, any_unit: bool) -> tuple[float, float] | None:
    """Magnitude and unit conversion of what stands behind a number; None: it is no number."""
    rest = text.strip()
    word, _, after = rest.partition(" ")
    scale = _unit_scale(rest, unit) if rest else 1.0
    if scale is not None:
        return 1.0, scale
    if _other_dimension(rest, unit):
        return None
    magnitude = MAGNITUDES.get(word.casefold().rstrip("."))
    # A small 'm' or 't' is metres, minutes or tonnes as often: only the capital counts.
    if magnitude is not None and word not in {"m", "t"}:
        scale = _unit_scale(after.strip(), unit) if after.strip() else 1.0
        if scale is None and any_unit and _looks_like_unit(after):
            scale = None if _other_dimension(after.strip(), unit) else 1.0
        return None if scale is None else (magnitude, scale)
    attached = rest.casefold() in PERCENT or word.casefold() in ATTACHED
    if attached:
        return None if _claims_more(after) else (1.0, 1.0)
    other_unit = any_unit and text[0].isspace() and _looks_like_unit(rest)
    return (1.0, 1.0) if other_unit else None


def _unit_scale(written: str, unit: str | None) -> float | None:
    """Factor from the written unit to the asked one; None where they are not comparable."""
    if unit is None:
        return None
    ours, asked = written.strip(), unit.strip()
    if _same_unit(ours, asked):
        return 1.0
    first, second = _known_unit(ours), _known_unit(asked)
    if first is None or second is None or first[1] != second[1]:
        return None
    return first[0] / second[0]


def _other_dimension(written: str, unit: str | None) -> bool:
    """Whether the written unit is known to measure something else than the asked one."""
    first = _known_unit(written)
    second = None if unit is None else _known_unit(unit.strip())
    return first is not None and second is not None and first[1] != second[1]


def _same_unit(written: str, asked: str) -> bool:
    one, other = written.casefold().rstrip("."), asked.casefold()
    # Case tells MW from mW, so a differing case is left to the comparison of known units.
    if written != asked and _known_unit(written) is not None and _known_unit(asked) is not None:
        return False
    longer = one.startswith(f"{other} ") and not _claims_more(one.removeprefix(other))
    return one.rstrip("s") == other.rstrip("s") or longer


def _known_unit(unit: str) -> tuple[float, str] | None:
    """Factor to the base unit, and the base unit; None where the unit is free text."""
    plain = unit.casefold().rstrip(".")
    if plain in PERCENT:
        return 1.0, "%"
    if plain in CLOCK:
        return CLOCK[plain], "s"
    plain = WRITTEN_OUT.get(unit.casefold(), unit)
    for base in SI_BASES:
        prefix = plain.removesuffix(base)
        if prefix != plain and prefix in SI:
            return SI[prefix], "B" if base == "bytes" else base
    return None


def _claims_more(text: str) -> bool:
    """Whether what stands behind a number is a further number, or makes it another claim."""
    return CLAIMS_MORE.search(text) is not None or any(
        character.isnumeric() and not character.isdecimal() and ord(character) not in SUPERSCRIPTS
        for character in text
    )


def _looks_like_unit(text: str) -> bool:
    words = text.split()
    return 0 < len(words) <= 3 and words[0].casefold() not in CONNECTIVES and not _claims_more(text)


def parse_range(
    text: str, unit: str | None = None, *, any_unit: bool = False
) -> tuple[float, float] | None:
    """Lower and upper end of '80-90', 'from 80 to 90 W', '1-2 million' or '[80, 90]', or None."""
    if len(text) > LONGEST_NUMBER:
        return None
    plain = _plain(text)
    if plain.startswith("["):
        items = parse_items(plain)
        if items is None or len(items) != 2:
            return None
        low, high = (parse_number(item, unit, any_unit=any_unit) for item in items)
    else:
        found = RANGE.match(plain)
        if found is None:
            return None
        low = parse_number(found[1] + found[2], unit, any_unit=any_unit)
        high = parse_number(found[3], unit, any_unit=any_unit)
    if low is None or high is None:
        return None
    shared = high.magnitude if low.magnitude == 1.0 and not plain.startswith("[") else 1.0
    first, second = low.value * shared, high.value
    return (first, second) if first <= second else (second, first)


def parse_items(text: str, *, bare: bool = False) -> list[str] | None:
    """Items of '[a, b]' or '{a, b}', or None where the text is no list.

    Args:
        text: The text.
        bare: Also read 'a, b and c' and 'a; b' as lists.
    """
    plain = text.strip()
    if len(plain) >= 2 and (plain[0], plain[-1]) in {("[", "]"), ("{", "}")}:
        if _nested(plain) > DEEPEST:
            return None
        # What cannot be JSON is not tried, for a parser that fails takes long.
        if plain[0] == "[" and plain[1:].lstrip()[0] in JSON_STARTS:
            for candidate in dict.fromkeys((plain, plain.replace("'", '"'))):
                try:
                    found = json.loads(candidate)
                except (ValueError, RecursionError):
                    continue
                return [
                    storable(item) if isinstance(item, str) else json.dumps(item) for item in found
                ]
        inner = plain[1:-1]
        parts = re.split(r",\s+" if re.search(r",\s", inner) else ",", inner)
        return [item.strip().strip("\"'").strip() for item in parts if item.strip()]
    if bare:
        items = [item.strip() for item in ITEM_SEPARATOR.split(plain) if item.strip()]
        return items if len(items) > 1 else None
    return None


def _nested(text: str) -> int:
    """How deep lists stand in one another, or more."""
    opened = text.count("[") + text.count("{")
    if opened <= DEEPEST:
        return opened
    steps = ((mark in "[{") - (mark in "]}") for mark in text)
    return max(itertools.accumulate(steps))


AMONG_DIGITS = ".,:/"
"""Marks that stay between two digits: 10:1 is not 10.1, nor 1/2 the version 1.2."""

LONE_MARK = re.compile(rf"(?<![0-9])[{AMONG_DIGITS}]|[{AMONG_DIGITS}](?![0-9])")
AHEAD = re.compile(
    rf"(?<![^\s(\"\[{{])([{DASH}{MINUS[1]}]?[{CURRENCY}]?\.|[{DASH}{MINUS[1]}][{CURRENCY}]?)(?=[0-9])"
)
"""Sign and point that a number begins with: -5 dollars are not 5 dollars, nor are .5 dollars."""

DASHES = str.maketrans(dict.fromkeys(DASH + MINUS, "-"))


class _Punctuation(dict[int, str]):
    """A table for `str.translate` that parts words at punctuation; filled as it is asked."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        parts = character not in f"#{AMONG_DIGITS}" and unicodedata.category(character).startswith(
            "P"
        )
        return self.setdefault(code, " " if parts else character)


PUNCTUATION = _Punctuation()


def canonical_name(text: str) -> str:
    """A name without case, punctuation, spare spaces and leading article.

    Punctuation parts words ('GPT-3' is 'gpt 3'); '+' and '#' stay, for 'C++' and 'C#' are names of
    their own, and so do `AMONG_DIGITS` between two digits, and the sign and the point that a number
    begins with. Before a single character 'a' is no article: 'A, B' names two choices.
    """
    plain = unicodedata.normalize("NFKC", text).casefold()
    plain = re.sub("[\u2019'`]", "", plain)
    parts = AHEAD.split(plain)
    parts[::2] = [LONE_MARK.sub(" ", part).translate(PUNCTUATION) for part in parts[::2]]
    parts[1::2] = [part.translate(DASHES) for part in parts[1::2]]
    words = "".join(parts).split()
    if len(words) > 1 and (words[0] in {"the", "an"} or (words[0] == "a" and len(words[1]) > 1)):
        words = words[1:]
    return " ".join(words) or unicodedata.normalize("NFKC", text).casefold().strip()


def parse_truth(text: str) -> bool | None:
    """True for true and yes, False for false and no, else None."""
    plain = text.strip().strip("\"'").rstrip(".").strip().casefold()
    return True if plain in TRUE else False if plain in FALSE else None


def number_text(value: float) -> str:
    """A number as canonical text: 12 significant digits, no trailing zeros, no minus zero."""
    return f"{value + 0.0:.12g}"


def canonical_value(text: str | None, unit: str | None = None) -> str:
    """One text for all ways of writing an answer; equal texts are one vote.

    Args:
        text: The answer's value; None stays apart from an abstention as the empty text.
        unit: Unit the answer was asked in, or None.
    """
    if text is None:
        return ""
    if is_abstention(text):
        return BLANK
    truth, number, ends = parse_truth(text), parse_number(text, unit), parse_range(text, unit)
    items = parse_items(text)
    if truth is not None:
        found = "1" if truth else "0"
    elif number is not None:
        found = number_text(number.value)
    elif ends is not None:
        found = f"[{number_text(ends[0])},{number_text(ends[1])}]"
    elif items is not None:
        found = "{" + ",".join(sorted({canonical_value(item, unit) for item in items})) + "}"
    else:
        found = canonical_name(text)
    return found


@functools.lru_cache(maxsize=REMEMBERED)
def canonical_ref(text: str) -> str:
    """A document id without 'ref_id=', brackets, quotes, spare spaces and case."""
    plain = text.strip().strip("[](){}\"'").strip().casefold()
    return plain.removeprefix("ref_id=").strip().strip("[](){}\"'").strip()


def canonical_refs(refs: object) -> frozenset[str]:
    """Canonical document ids of several; abstentions and empty ones are left out."""
    if not isinstance(refs, list | tuple | set | frozenset):
        return frozenset()
    found = {canonical_ref(str(ref)) for ref in refs}
    return frozenset(ref for ref in found if ref not in ABSTENTIONS)
