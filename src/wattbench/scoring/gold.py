"""Gold answers as columns, read once for all runs on a question set."""

from __future__ import annotations

import functools
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from wattbench.scoring import strict, texts, wattbot
from wattbench.scoring.rules import WATTBOT, unanswerable
from wattbench.scoring.texts import Places, Reals, Truths
from wattbench.study.judgement import RuleName
from wattbench.study.questions import Question
from wattbench.tables.values import (
    canonical_name,
    canonical_refs,
    parse_items,
    parse_number,
    parse_range,
    parse_truth,
)

Kinds = NDArray[np.int8]
NUMBER, RANGE, LIST, NAME = range(4)
"""Kinds of gold answers to `strict`."""

FLOAT, SPAN, LISTED, TEXT, OTHER = range(5)
"""Kinds of gold answers to the WattBot rules; OTHER has an infinity or NaN in it."""

SURE_NAME = r"^[A-Za-z][ -~]*$"
UNSURE_NAME = r"(?i)^(?:from|between|to|about|approx|around|roughly|nearly|circa|true|yes|false|no)"
"""How a name may begin that has to be read with care."""


@dataclass(frozen=True)
class TextSets:
    """Sets of texts, one for each question: its gold references, or the items of its gold list.

    Args:
        codes: A number for each text.
        keys: question x (number of codes) + code of every text of the question, sorted.
        count: Size of each set, of shape (questions,).
    """

    codes: dict[str, int]
    keys: NDArray[np.int64]
    count: NDArray[np.int64]


@dataclass(frozen=True)
class StrictGold:
    """Gold answers as `strict` reads them, mostly of shape (questions,).

    Args:
        kind: What they are.
        text: As written, without case; null where empty.
        name: As names; null where they are none.
        low: The number, or the lower end of the range; NaN where neither.
        high: The number, or the upper end.
        items: Items of the lists, by question.
        names_only: Lists with names and no number among their items.
        item_sets: The items of those.
        unit: Places of the units that answers were asked in.
        units: The units.
    """

    kind: Kinds
    text: pa.Array
    name: pa.Array
    low: Reals
    high: Reals
    items: dict[int, tuple[list[float], set[str]]]
    names_only: Truths
    item_sets: TextSets
    unit: Places
    units: list[str | None]


@dataclass(frozen=True)
class WattbotGold:
    """Gold answers as the WattBot rules read them; all of shape (questions,).

    Args:
        kind: What they are.
        text: As written, without case.
        low: The number, or the lower end of the range; NaN where neither.
        high: The number, or the upper end.
        items: Items of the lists and ranges as texts, sorted, by question.
    """

    kind: Kinds
    text: pa.Array
    low: Reals
    high: Reals
    items: dict[int, list[str]]


class Gold:
    """A question set's gold answers.

    Args:
        questions: The questions.
    """

    def __init__(self, questions: Sequence[Question]) -> None:
        self.questions = tuple(questions)
        self._unanswerable: dict[bool, Truths] = {}

    @functools.cached_property
    def identifiers(self) -> pa.Array:
        """Ids of the questions."""
        return pa.array([one.id for one in self.questions], pa.string())

    def unanswerable(self, rule: RuleName) -> Truths:
        """Which questions a rule takes for unanswerable, of shape (questions,)."""
        family = rule in WATTBOT
        if family not in self._unanswerable:
            found = [unanswerable(rule, one) for one in self.questions]
            self._unanswerable[family] = np.array(found, dtype=np.bool_)
        return self._unanswerable[family]

    @functools.cached_property
    def strict(self) -> StrictGold:
        """The answers as `strict` reads them."""
        values = pa.array([one.value.strip() for one in self.questions], pa.string())
        units: dict[str | None, int] = {}
        unit = [units.setdefault(one.unit, len(units)) for one in self.questions]
        plain = texts.truths(pc.match_substring_regex(values, texts.PLAIN_NUMBER))
        named = texts.truths(pc.match_substring_regex(values, SURE_NAME))
        named &= ~texts.truths(pc.match_substring_regex(values, UNSURE_NAME))
        number = pc.if_else(pa.array(plain), values, pa.scalar(None, pa.string()))
        low = number.cast(pa.float64()).to_numpy(zero_copy_only=False).copy()
        high = low.copy()
        kind = np.where(plain, NUMBER, NAME).astype(np.int8)
        name = texts.names(pc.if_else(pa.array(named), values, pa.scalar(None, pa.string())))
        names = name.to_pylist()
        lists: dict[int, tuple[list[float], set[str]]] = {}
        for place in np.flatnonzero(~plain & ~named).tolist():
            kind[place], low[place], high[place] = _read(self.questions[place])
            names[place] = canonical_name(self.questions[place].value)
            if kind[place] == LIST:
                items = parse_items(self.questions[place].value) or []
                lists[place] = strict.sorted_items(items, self.questions[place].unit)
        sets = [lists.get(place, ([], set())) for place in range(len(self.questions))]
        named_lists = [items if not numbers else set() for numbers, items in sets]
        return StrictGold(
            kind=kind,
            # A gold text that is empty is the same as no answer.
            text=pa.array([value.casefold() or None for value in values.to_pylist()], pa.string()),
            name=pa.array(names, pa.string()),
            low=low,
            high=high,
            items=lists,
            names_only=np.array([bool(items) for items in named_lists], dtype=np.bool_),
            item_sets=text_sets(named_lists),
            unit=np.array(unit, dtype=np.intp),
            units=list(units),
        )

    @functools.cached_property
    def wattbot(self) -> WattbotGold:
        """The answers as the WattBot rules read them."""
        read = [wattbot.items_of(one.value) for one in self.questions]
        kinds = np.array(
            [
                _wattbot_kind(one.value, items)
                for one, items in zip(self.questions, read, strict=True)
            ]
        ).reshape(-1, 3)
        lower = [one.value.strip().lower() for one in self.questions]
        return WattbotGold(
            kind=kinds[:, 0].astype(np.int8),
            text=pa.array(lower, pa.string()),
            low=kinds[:, 1],
            high=kinds[:, 2],
            items={
                place: sorted(map(wattbot.text_of, items))
                for place, items in enumerate(read)
                if items is not None
            },
        )

    @functools.cached_property
    def strict_refs(self) -> TextSets:
        """The references as `strict` reads them."""
        return text_sets([canonical_refs(one.refs) for one in self.questions])

    @functools.cached_property
    def wattbot_refs(self) -> TextSets:
        """The references as the WattBot rules read them."""
        return text_sets([wattbot.references(one.raw_refs) for one in self.questions])


def _read(question: Question) -> tuple[int, float, float]:
    value, unit = question.value, question.unit
    truth, number, ends = parse_truth(value), parse_number(value, unit), parse_range(value, unit)
    if truth is not None or number is not None:
        wanted = number.value if number is not None else float(bool(truth))
        return NUMBER, wanted, wanted
    if ends is not None:
        return RANGE, *ends
    return (NAME if parse_items(value) is None else LIST), math.nan, math.nan


def _wattbot_kind(value: str, items: list[wattbot.Item] | None) -> tuple[int, float, float]:
    number = wattbot.float_of(value)
    ends = [number] if number is not None else []
    kind = FLOAT if ends else TEXT
    if items is not None:
        ends = [item for item in items if isinstance(item, float)]
        kind = SPAN if len(items) == 2 and len(ends) == 2 else LISTED
    if not all(math.isfinite(end) for end in ends):
        kind = OTHER
    if kind not in {FLOAT, SPAN}:
        ends = [math.nan]
    return kind, min(ends), max(ends)


def text_sets(wanted: Sequence[Collection[str]]) -> TextSets:
    """Sets of texts, one for each question."""
    codes: dict[str, int] = {}
    coded = [[codes.setdefault(one, len(codes)) for one in own] for own in wanted]
    count = np.array([len(own) for own in coded], dtype=np.int64)
    flat = np.array([code for own in coded for code in own], dtype=np.int64)
    keys = np.repeat(np.arange(len(wanted)), count) * len(codes) + flat
    return TextSets(codes, np.sort(keys), count)
