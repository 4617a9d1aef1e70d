"""The rule `strict`: what a careful reader would call the same answer, and nothing more."""

from __future__ import annotations

import functools

from wattbench.tables.values import (
    canonical_name,
    canonical_value,
    is_abstention,
    parse_items,
    parse_number,
    parse_range,
    parse_truth,
)

TOLERANCE = 1e-3
"""Relative to the gold number; 0 equals 0 alone."""


def close(gold: float, given: float) -> bool:
    """Whether a number is within the tolerance of the gold one."""
    return abs(gold - given) <= TOLERANCE * abs(gold)


def value_correct(gold: str, predicted: str, unit: str | None) -> tuple[bool, str]:
    """Whether a value answers an answerable question, and the clause that decided.

    Args:
        gold: Gold value as written.
        predicted: Predicted value as written.
        unit: Unit the answer was asked in, or None.
    """
    if gold.strip() and gold.strip().casefold() == predicted.strip().casefold():
        return True, "same text"
    if is_abstention(predicted):
        return False, "abstained on an answerable question"
    truth = parse_truth(gold)
    number = parse_number(gold, unit)
    if truth is not None or number is not None:
        wanted = number.value if number is not None else float(bool(truth))
        return _number(wanted, predicted, unit)
    ends = parse_range(gold, unit)
    if ends is not None:
        return _range(ends, predicted, unit)
    items = parse_items(gold)
    if items is not None:
        return list_correct(sorted_items(items, unit), predicted, unit)
    same = canonical_name(gold) == canonical_name(predicted)
    return same, "same name" if same else "different name"


def _number(wanted: float, predicted: str, unit: str | None) -> tuple[bool, str]:
    truth = parse_truth(predicted)
    number = parse_number(predicted, unit, any_unit=True)
    if truth is None and number is None:
        return False, "no single number"
    given = number.value if number is not None else float(bool(truth))
    if close(wanted, given):
        return True, "number within 0.1 %"
    return False, "number off by more than 0.1 %"


def _range(ends: tuple[float, float], predicted: str, unit: str | None) -> tuple[bool, str]:
    given = parse_range(predicted, unit, any_unit=True)
    if given is None:
        if parse_number(predicted, unit, any_unit=True) is not None:
            return False, "one number where a range is asked"
        return False, "no range"
    if close(ends[0], given[0]) and close(ends[1], given[1]):
        return True, "both ends within 0.1 %"
    return False, "an end off by more than 0.1 %"


def list_correct(
    wanted: tuple[list[float], set[str]], predicted: str, unit: str | None
) -> tuple[bool, str]:
    """Whether a list has the gold list's items, and the clause that decided.

    Args:
        wanted: The gold items as `sorted_items` gives them.
        predicted: Predicted value as written, no abstention.
        unit: Unit the answer was asked in, or None.
    """
    given = parse_items(predicted, bare=True) or [predicted]
    wanted_numbers, wanted_names = wanted
    given_numbers, given_names = sorted_items(given, unit)
    same = (
        wanted_names == given_names
        and len(wanted_numbers) == len(given_numbers)
        and all(close(a, b) for a, b in zip(wanted_numbers, given_numbers, strict=True))
    )
    return same, "same items" if same else "different items"


def sorted_items(items: list[str], unit: str | None) -> tuple[list[float], set[str]]:
    """Numbers of a list, sorted and without duplicates, and its other items."""
    numbers: set[float] = set()
    names: set[str] = set()
    for item in items:
        found = read_item(item, unit)
        if isinstance(found, str):
            names.add(found)
        else:
            numbers.add(found)
    return sorted(numbers), names


@functools.lru_cache(maxsize=1 << 16)
def read_item(item: str, unit: str | None) -> float | str:
    """An item of a list as a number, or as canonical text; the same items come again and again."""
    number = parse_number(item, unit)
    return canonical_value(item, unit) if number is None else number.value
