"""The rules `exact`, `contains` and `numeric`: what each calls the right value.

All else, such as missing predictions, unanswerable questions and references, is as in `strict`.
"""

from __future__ import annotations

import functools
import re

from wattbench.scoring.strict import close
from wattbench.tables.values import (
    DASH,
    NUMBER,
    is_abstention,
    parse_items,
    parse_number,
    parse_range,
    parse_truth,
)

FREE_NUMBER = re.compile(rf"(?<![\w.,{DASH}])({NUMBER})([^\d\s]*(?:\s+[^\d\s]+)?)")
"""A number that is no part of a word or a range, with what stands behind it."""

SECOND_END = re.compile(rf"\s*[{DASH}]\s*\d")
LONGEST_TEXT = 10_000
"""Characters; what is longer is no answer, and is spared the pattern."""


def _squeezed(text: str) -> str:
    return " ".join(text.split()).casefold()


def exact(gold: str, predicted: str, unit: str | None) -> tuple[bool, str]:
    """Whether the answer is the gold text, but for case and spare spaces."""
    del unit
    same = _squeezed(gold) == _squeezed(predicted)
    return same, "same text" if same else "different text"


def contains(gold: str, predicted: str, unit: str | None) -> tuple[bool, str]:
    """Whether the gold text stands in the answer, as whole words and numbers, but for case.

    Of a list every item has to.
    """
    del unit
    answer = _squeezed(predicted)
    wanted = parse_items(gold) or [gold]
    there = all(_whole(_squeezed(item)).search(answer) for item in wanted)
    return there, "stands in the answer" if there else "does not stand in the answer"


@functools.lru_cache(maxsize=1 << 12)
def _whole(text: str) -> re.Pattern[str]:
    """The text where it is no part of a longer word or number, and not the negative of it."""
    before, after = r"(?<!\w)", r"(?!\w)"
    if text[:1].isdigit():
        before += rf"(?<!\d[.,{DASH}])(?<!\s[-\u2212])(?<!^[-\u2212])"
    if text[-1:].isdigit():
        after += rf"(?![.,{DASH}]\d)"
    return re.compile(before + re.escape(text) + after)


def numeric(gold: str, predicted: str, unit: str | None) -> tuple[bool, str] | None:
    """Whether the one number in the answer, prose around it or not, is the gold one within 0.1 %.

    Returns:
        None where the gold answer is no number: the rule leaves the question out.
    """
    truth, number = parse_truth(gold), parse_number(gold, unit)
    if truth is None and number is None:
        return None
    wanted = number.value if number is not None else float(bool(truth))
    given = None if is_abstention(predicted) else _only_number(predicted, unit)
    if given is None:
        return False, "no single number"
    right = close(wanted, given)
    return right, "number within 0.1 %" if right else "number off by more than 0.1 %"


def _only_number(text: str, unit: str | None) -> float | None:
    truth, whole = parse_truth(text), parse_number(text, unit, any_unit=True)
    if truth is not None or whole is not None:
        return whole.value if whole is not None else float(bool(truth))
    if len(text) > LONGEST_TEXT or parse_range(text, unit, any_unit=True) is not None:
        return None
    found = list(FREE_NUMBER.finditer(text))
    # A dash and a digit behind it make it the first end of a range.
    if len(found) != 1 or SECOND_END.match(text, found[0].end(1)):
        return None
    number, tail = found[0][1], found[0][2].rstrip(".,;:!?)")
    candidates = (number + tail, number + tail.rpartition(" ")[0], number)
    read = (parse_number(one, unit, any_unit=True) for one in candidates)
    return next((quantity.value for quantity in read if quantity is not None), None)
