"""Taking the mistakes out of a study, so that what else is wrong with it can be seen too."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pydantic_core import ErrorDetails

from wattbench.study.mistakes import KEY_MARK

ENTRIES = frozenset({"corpora", "questions", "indexes", "retrievals", "models", "ensembles"})
"""Sections that hold entries by name; all others hold settings."""

STAND_IN = "stand-in-for-a-bad-name"


@dataclass(frozen=True)
class Remainder:
    """What is left of a study.

    Args:
        values: Its values without those that are wrong.
        dropped: Names of entries that had to go as a whole.
    """

    values: dict[str, Any]
    dropped: frozenset[str]


def without_mistakes(left: Remainder, errors: Iterable[ErrorDetails]) -> Remainder:
    """A study without the values that errors complain of.

    An entry that lacks something it needs goes as a whole; what refers to it is then no mistake
    of its own. The result may have further mistakes, so this is done until none is left.
    """
    values = copy.deepcopy(left.values)
    dropped = {STAND_IN, *left.dropped}
    for error in errors:
        key = [part for part in error["loc"] if part != KEY_MARK]
        if not key:
            continue
        section = str(key[0])
        if section == "study":
            values["study"] = {"name": "unnamed"}
        elif section not in ENTRIES or len(key) == 1:
            _delete(values, key if error["type"] != "missing" else key[:1])
        else:
            entry_goes = error["type"] == "missing" or not _delete(values, key)
            if entry_goes or len(key) == len(("section", "entry")):
                _delete(values, key[:2])
                dropped.add(str(key[1]))
    return Remainder(values, frozenset(dropped))


def _delete(values: Any, key: list[int | str]) -> bool:
    """Delete the value at a key, or stand something in for it in a list."""
    for part in key[:-1]:
        if not _holds(values, part):
            return False
        values = values[part]
    last = key[-1]
    if not _holds(values, last):
        return False
    if isinstance(values, list):
        values[int(last)] = STAND_IN
    else:
        del values[last]
    return True


def _holds(values: Any, key: int | str) -> bool:
    if isinstance(values, list):
        return isinstance(key, int) and key < len(values)
    return isinstance(values, dict) and key in values
