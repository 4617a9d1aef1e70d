"""The rules `exact`, `contains` and `numeric`: what each calls the right value.

All else, such as missing predictions, unanswerable questions and references, is as in `strict`.
"""

from __future__ import annotations

import re

from wattbench.scoring.strict import close
from wattbench.tables.values import (
    DASH,
    MINUS,
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


def squeezed(text: str) -> str:
    """A text without case and spare white space."""
    return " ".join(text.split()).casefold()


def exact(gold: str, predicted: str, unit: str | None) -> tuple[bool, str]:
    """Whether the answer is the gold text, but for case and spare spaces."""
    del unit
    same = squeezed(gold) == squeezed(predicted)
    return same, "same text" if same else "different text"


def contains(gold: str, predicted: str, unit: str | None) -> tuple[bool, str]:
    """Whether the gold text stands in the answer, as whole words and numbers, but for case.

    Of a list every item has to.
    """
    del unit
    answer = squeezed(predicted)
    there = all(_stands(squeezed(item), answer) for item in wanted_texts(gold))
    return there, "stands in the answer" if there else "does not stand in the answer"


def wanted_texts(gold: str) -> list[str]:
    """The texts that an answer has to contain: the gold one, or every item of a list."""
    return parse_items(gold) or [gold]


def _stands(text: str, answer: str) -> bool:
    """Whether a text stands in the answer, but not in a longer word or number or its negative."""
    # To find it and look around is many times as fast as a pattern made for every gold answer.
    at = answer.find(text)
    while at >= 0:
        before, behind = answer[max(at - 2, 0) : at], answer[at + len(text) :]
        if _begins(text, before) and _ends(text, behind):
            return True
        at = answer.find(text, at + 1)
    return False


def _begins(text: str, before: str) -> bool:
    """Whether a text begins where it stands, behind the two characters at most that are given."""
    if not before:
        return True
    mark, first = before[-1], before[:-1]
    if _in_word(mark):
        return False
    if not text[:1].isdigit():
        return True
    inside = mark in f".,{DASH}" and first.isdecimal()
    negative = mark in MINUS and (not first or first.isspace())
    return not (inside or negative)


def _ends(text: str, behind: str) -> bool:
    """Whether a text ends where it stands, before what is given."""
    if not behind:
        return True
    inside = text[-1:].isdigit() and behind[0] in f".,{DASH}" and behind[1:2].isdecimal()
    return not (_in_word(behind[0]) or inside)


def _in_word(character: str) -> bool:
    return character.isalnum() or character == "_"


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
