"""Gold answers as columns, read once for all runs on a question set."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from wattbench.scoring import plain, strict, texts, wattbot
from wattbench.scoring.characters import changed, trimmed
from wattbench.scoring.gold_cells import GoldCells, wattbot_refs
from wattbench.scoring.rules import WATTBOT
from wattbench.scoring.text_sets import TextSets, column_sets, text_sets
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
        cells: What is written in them, where it is at hand.
    """

    def __init__(self, questions: Sequence[Question], cells: GoldCells | None = None) -> None:
        self.questions = questions
        self.cells = GoldCells.of(questions) if cells is None else cells
        self._unanswerable: dict[bool, Truths] = {}

    @property
    def identifiers(self) -> pa.Array:
        """Ids of the questions."""
        return self.cells.id

    def unanswerable(self, rule: RuleName) -> Truths:
        """Which questions a rule takes for unanswerable, of shape (questions,)."""
        family = rule in WATTBOT
        if family not in self._unanswerable:
            self._unanswerable[family] = (
                np.array([wattbot.is_blank(one) for one in self._values], dtype=np.bool_)
                if family
                else ~self.cells.answerable
            )
        return self._unanswerable[family]

    @functools.cached_property
    def _values(self) -> list[str]:
        found: list[str] = self.cells.value.to_pylist()
        return found

    @functools.cached_property
    def strict(self) -> StrictGold:
        """The answers as `strict` reads them."""
        values = trimmed(self.cells.value)
        coded = self.cells.unit.dictionary_encode()
        units = [*coded.dictionary.to_pylist(), None]
        unit = pc.fill_null(coded.indices, len(units) - 1).to_numpy().astype(np.intp)
        number = texts.truths(pc.match_substring_regex(values, texts.PLAIN_NUMBER))
        named = texts.truths(pc.match_substring_regex(values, SURE_NAME))
        named &= ~texts.truths(pc.match_substring_regex(values, UNSURE_NAME))
        nothing = pa.scalar(None, pa.string())
        low = _numbers(values, number)
        high = low.copy()
        kind = np.where(number, NUMBER, NAME).astype(np.int8)
        odd = ~number & ~named
        lists: dict[int, tuple[list[float], set[str]]] = {}
        for place in np.flatnonzero(odd).tolist():
            value, own = self._values[place], units[unit[place]]
            kind[place], low[place], high[place] = _read(value, own)
            if kind[place] == LIST:
                lists[place] = strict.sorted_items(parse_items(value) or [], own)
        named_lists = {place: items for place, (numbers, items) in lists.items() if not numbers}
        odd &= kind == NAME
        names = changed(
            texts.names(pc.if_else(pa.array(named), values, nothing)),
            odd,
            lambda _: pa.array(
                [canonical_name(self._values[place]) for place in np.flatnonzero(odd).tolist()],
                pa.string(),
            ),
        )
        item_sets = text_sets(len(values), named_lists)
        lower = changed(
            pc.ascii_lower(values),
            ~texts.printable(values),
            lambda some: pa.array([one.casefold() for one in some.to_pylist()], pa.string()),
        )
        return StrictGold(
            kind=kind,
            # A gold text that is empty is the same as no answer.
            text=pc.if_else(pc.equal(lower, ""), nothing, lower),
            name=names,
            low=low,
            high=high,
            items=lists,
            names_only=item_sets.count > 0,
            item_sets=item_sets,
            unit=unit,
            units=units,
        )

    @functools.cached_property
    def squeezed(self) -> pa.Array:
        """The answers without case and spare white space."""
        return pa.array([plain.squeezed(one) for one in self._values], pa.string())

    @functools.cached_property
    def contained(self) -> pa.Array:
        """Lists of the texts that `contains` looks for."""
        found = [[plain.squeezed(item) for item in plain.wanted_texts(one)] for one in self._values]
        return pa.array(found, pa.list_(pa.string()))

    @functools.cached_property
    def findable(self) -> Truths:
        """Where none of these texts is empty or has the byte 0 in it, which is in no answer."""
        found = np.ones(len(self._values), dtype=np.bool_)
        wanted = self.contained.flatten()
        odd = pc.or_(pc.equal(wanted, ""), pc.match_substring(wanted, "\0"))
        found[pc.list_parent_indices(self.contained).filter(odd).to_numpy()] = False
        return found

    @functools.cached_property
    def wattbot(self) -> WattbotGold:
        """The answers as the WattBot rules read them."""
        read = [wattbot.items_of(one) for one in self._values]
        kinds = np.array(
            [_wattbot_kind(one, items) for one, items in zip(self._values, read, strict=True)]
        ).reshape(-1, 3)
        lower = [one.strip().lower() for one in self._values]
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
        return column_sets(self.cells.refs, lambda text: canonical_refs([text]))

    @functools.cached_property
    def wattbot_refs(self) -> TextSets:
        """The references as the WattBot rules read them."""
        return column_sets(wattbot_refs(self.cells.raw_refs), lambda text: (text,))


def _numbers(texts_: pa.Array, plain: Truths) -> Reals:
    """The plain numbers among texts; NaN elsewhere."""
    found = np.full(len(texts_), np.nan)
    found[plain] = texts_.filter(pa.array(plain)).cast(pa.float64()).to_numpy()
    return found


def _read(value: str, unit: str | None) -> tuple[int, float, float]:
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
