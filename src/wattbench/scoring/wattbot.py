"""The two rules of the WattBot benchmark guide, kept to the last oddity.

`wattbot-v1` is the rule the guide documents, `wattbot-v2` its successor, which first normalises
the predicted value. They are kept so that recorded results can be reproduced; `strict` is the
rule for new studies.
"""

from __future__ import annotations

import json
import math
import re
from typing import Literal

from wattbench.text_files import storable

Version = Literal[1, 2]
Item = float | str

BLANKS = frozenset({"", "na", "n/a", "is_blank"})
UNABLE = "unable to answer with confidence based on the provided documents"
RELATIVE = 1e-3
ABSOLUTE = 1e-3

HEDGE = re.compile(
    r"^(?:(?:more than|less than|greater than|fewer than|approximately|about|around|over|under"
    r"|nearly|roughly|up to|at least|at most)\s+"
    "|[~\u2248><]\\s*)",
    re.IGNORECASE,
)
SUFFIXED = re.compile(r"^([+-]?\d+(?:\.\d+)?)\s*([kmbt])$", re.IGNORECASE)
TRUTHS = {"true": "1", "yes": "1", "false": "0", "no": "0"}
FACTORS = {"k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}
_END = r"([+-]?\d+(?:\.\d+)?)"
SPAN = re.compile(rf"^(?:from\s+)?{_END}\s*(?:[-\u2013\u2014]|\s+to\s+)\s*{_END}$", re.IGNORECASE)


def is_blank(text: str) -> bool:
    """Whether the rule takes a value for an abstention; 'nan' and 'none' are none."""
    plain = str(text).strip().lower()
    return plain in BLANKS or plain.startswith(UNABLE)


def float_of(text: str) -> float | None:
    """A text as Python's float reads it, or None."""
    try:
        return float(text)
    except ValueError:
        return None


def _shown(number: float) -> str:
    return str(int(number)) if number.is_integer() else str(number)


def normalise(text: str) -> str:
    """The predicted value as `wattbot-v2` reads it."""
    plain = text.strip()
    truth = TRUTHS.get(plain.lower())
    if truth is not None:
        return truth
    unhedged = HEDGE.sub("", plain, count=1).strip()
    for candidate in (plain, unhedged):
        number = candidate.replace(",", "")
        if float_of(number) is not None:
            return number
    suffixed, span = SUFFIXED.match(unhedged), SPAN.match(unhedged)
    if suffixed:
        return _shown(float(suffixed[1]) * FACTORS[suffixed[2].lower()])
    if span:
        low, high = sorted((float(span[1]), float(span[2])))
        return f"[{_shown(low)},{_shown(high)}]"
    return unhedged


def item_of(value: object) -> Item:
    """An item of a list: a number where Python's float reads one, else text without case."""
    try:
        return float(value)  # type: ignore[arg-type]
    # A whole number of a JSON list may be too large for any float.
    except (TypeError, ValueError, OverflowError):
        return str(value).strip().lower()


def text_of(item: Item) -> str:
    """An item as it is compared with the other items of a list with a name in it."""
    return str(item).lower().strip()


def items_of(text: str) -> list[Item] | None:
    """Items of a list-like value; None where it is none or empty."""
    plain = text.strip()
    if plain.startswith("[") and plain.endswith("]"):
        try:
            found = json.loads(plain.replace("'", '"'))
        except (ValueError, RecursionError):
            found = plain[1:-1].split(",")
        return [item_of(item) for item in found] or None
    if plain.startswith("{") and plain.endswith("}"):
        names = {part.strip().lower() for part in plain[1:-1].split(",")}
        return sorted(name for name in names if name) or None
    return None


def _close(first: float, second: float) -> bool:
    return math.isclose(first, second, rel_tol=RELATIVE, abs_tol=ABSOLUTE)


def value_correct(gold: str, predicted: str, version: Version) -> tuple[bool, str]:
    """Whether the value is right, and the clause that decided.

    Args:
        gold: Gold value as written.
        predicted: Predicted value as written.
        version: 1 or 2.
    """
    if is_blank(gold):
        return True, "an unanswerable question always counts as right"
    if version == 2:
        predicted = normalise(predicted)
    wanted, given = items_of(gold), items_of(predicted)
    if wanted is not None and given is not None:
        return _same_items(wanted, given), "list against list"
    if wanted is not None:
        number = float_of(predicted)
        ends = [item for item in wanted if isinstance(item, float)]
        if len(wanted) == 2 and len(ends) == 2 and number is not None:
            low, high = sorted(ends)
            return low - ABSOLUTE <= number <= high + ABSOLUTE, "number inside the range"
        return False, "list against a single value"
    first, second = float_of(gold), float_of(predicted)
    if first is not None and second is not None:
        return _close(first, second), "number within 1e-3, relative or absolute"
    return gold.strip().lower() == predicted.strip().lower(), "text without case"


def _same_items(wanted: list[Item], given: list[Item]) -> bool:
    first = [item for item in wanted if isinstance(item, float)]
    second = [item for item in given if isinstance(item, float)]
    if len(first) == len(wanted) and len(second) == len(given):
        pairs = zip(sorted(first), sorted(second), strict=False)
        return len(first) == len(second) and all(_close(a, b) for a, b in pairs)
    names = [sorted(map(text_of, side)) for side in (wanted, given)]
    return names[0] == names[1]


def references(cell: str) -> frozenset[str]:
    """References of a ref_id cell, without case."""
    plain = cell.strip()
    if not plain:
        return frozenset()
    if plain.startswith("["):
        try:
            found = json.loads(plain.replace("'", '"'))
        except (ValueError, RecursionError):
            found = [plain]
        if isinstance(found, list):
            return frozenset(storable(str(item)).strip().lower() for item in found)
    return frozenset({plain.lower()})


def ref_overlap(gold: str, predicted: str) -> float:
    """Jaccard index of two ref_id cells; 'is_blank' is a reference like any other."""
    first, second = references(gold), references(predicted)
    if not first and not second:
        return 1.0
    if not first or not second:
        return 0.0
    return len(first & second) / len(first | second)


def na_correct(gold: str, predicted: str) -> bool:
    """Whether an unanswerable question was left blank; true for answerable ones."""
    return not is_blank(gold) or is_blank(predicted)
