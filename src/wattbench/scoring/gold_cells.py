"""Gold answers as they are written, column by column; cells of references read as columns."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wattbench.scoring import texts, wattbot
from wattbench.scoring.characters import trimmed
from wattbench.scoring.texts import Truths
from wattbench.study.questions import Question, clean_ref, parse_refs

_ITEM = r"(?:\"[^\"'\\]*\"|'[^\"'\\]*')"
PLAIN_REFS = rf"^\[(?:{_ITEM}(?:, ?{_ITEM})*)?\]$"
"""A list of references in quotes, none with a quote or an escape in it."""


@dataclass(frozen=True)
class GoldCells:
    """What is written in questions; all of shape (questions,), none null but units.

    Args:
        id: Ids.
        value: Gold values.
        unit: Units that answers were asked in; null where none.
        refs: Gold documents, lists of texts.
        raw_refs: The ref_id cells.
        answerable: Whether the documents hold the answer.
    """

    id: pa.Array
    value: pa.Array
    unit: pa.Array
    refs: pa.Array
    raw_refs: pa.Array
    answerable: Truths

    @classmethod
    def of(cls, questions: Sequence[Question]) -> GoldCells:
        """The columns of questions."""
        return cls(
            id=pa.array([one.id for one in questions], pa.string()),
            value=pa.array([one.value for one in questions], pa.string()),
            unit=pa.array([one.unit for one in questions], pa.string()),
            refs=pa.array([one.refs for one in questions], pa.list_(pa.string())),
            raw_refs=pa.array([one.raw_refs for one in questions], pa.string()),
            answerable=np.array([one.answerable for one in questions], dtype=np.bool_),
        )


def strict_refs(cells: pa.Array) -> pa.Array:
    """Documents of ref_id cells as `parse_refs` reads them, but for empty texts among them."""
    return _lists(cells, lambda item: clean_ref(item) or "", parse_refs)


def wattbot_refs(cells: pa.Array) -> pa.Array:
    """Documents of ref_id cells as `wattbot.references` reads them; some may stand twice."""
    return _lists(cells, lambda item: item.strip().lower(), wattbot.references)


def _lists(
    cells: pa.Array, clean: Callable[[str], str], read: Callable[[str], Collection[str]]
) -> pa.Array:
    """Lists of texts from a column of cells, each different cell read once.

    Args:
        cells: The cells.
        clean: Reads an item of a plain list.
        read: Reads any cell.
    """
    coded = cells.dictionary_encode()
    different = trimmed(coded.dictionary)
    plain = texts.truths(pc.match_substring_regex(different, PLAIN_REFS)) & texts.printable(
        different
    )
    # Between quotes stand the items, and at even places what parts them.
    parts = pc.split_pattern_regex(different.filter(pa.array(plain)), "[\"']")
    begins = parts.offsets.to_numpy()
    lengths = np.diff(begins)
    behind = np.arange(begins[-1] - begins[0]) - np.repeat(begins[:-1] - begins[0], lengths)
    items = parts.flatten().filter(pa.array(behind % 2 == 1)).dictionary_encode()
    cleaned = pa.array([clean(item) for item in items.dictionary.to_pylist()], pa.string())
    ends = np.cumsum(np.concatenate([[0], lengths // 2])).astype(np.int32)
    lists = pa.ListArray.from_arrays(pa.array(ends), cleaned.take(items.indices))
    others = pa.array(
        [sorted(read(cell)) for cell in different.filter(pa.array(~plain)).to_pylist()],
        pa.list_(pa.string()),
    )
    place = np.empty(len(different), dtype=np.int64)
    place[plain] = np.arange(len(lists))
    place[~plain] = len(lists) + np.arange(len(others))
    every = pa.concat_arrays([lists.cast(pa.list_(pa.string())), others])
    return every.take(pa.array(place[coded.indices.to_numpy()]))
