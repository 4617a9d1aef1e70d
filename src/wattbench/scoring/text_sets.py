"""Sets of texts, one for each question, and how much of them each answer has."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from wattbench.scoring.texts import Places, Reals, Truths

Read = Callable[[str], Collection[str]]
"""Reads a text as none or one."""

DENSE = 1 << 25
"""Cells up to which a table is looked up, which is faster than searching."""


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

    @functools.cached_property
    def lone_codes(self) -> NDArray[np.int64] | None:
        """Code of each question's only text, -1 where it has none; None where one has several."""
        if self.count.max(initial=0) > 1:
            return None
        found = np.full(self.count.size, -1, dtype=np.int64)
        size = max(len(self.codes), 1)
        found[self.keys // size] = self.keys % size
        return found


def text_sets(size: int, wanted: Mapping[int, Collection[str]]) -> TextSets:
    """Sets of texts of some questions; the others' are empty.

    Args:
        size: Number of questions.
        wanted: The texts by the question's place.
    """
    codes: dict[str, int] = {}
    places = np.array([place for place, own in wanted.items() for _ in own], dtype=np.int64)
    flat = [codes.setdefault(one, len(codes)) for own in wanted.values() for one in own]
    return _sets(size, places, np.array(flat, dtype=np.int64), codes)


def column_sets(lists: pa.Array, read: Read) -> TextSets:
    """Sets of texts from a column of lists, one for each question.

    Args:
        lists: Lists of texts; null is an empty list.
        read: Reads each of them.
    """
    codes: dict[str, int] = {}
    lengths, texts = encoded(lists)
    code = _codes(texts, read, codes)
    places = np.repeat(np.arange(len(lists)), lengths)
    return _sets(len(lists), places[code >= 0], code[code >= 0], codes)


def _sets(
    size: int, places: NDArray[np.int64], code: NDArray[np.int64], codes: dict[str, int]
) -> TextSets:
    keys = np.sort(places * len(codes) + code)
    keys = keys[np.diff(keys, prepend=-1) != 0]
    count = np.bincount(keys // max(len(codes), 1), minlength=size)
    return TextSets(codes, keys, count)


def _codes(texts: pa.DictionaryArray, read: Read, codes: dict[str, int]) -> NDArray[np.int64]:
    """Code of each text as it is read, or -1; `codes` takes up what it does not have."""
    table = np.array(
        [
            next((codes.setdefault(one, len(codes)) for one in read(text)), -1)
            for text in texts.dictionary.to_pylist()
        ],
        dtype=np.int64,
    )
    found: NDArray[np.int64] = table[texts.indices.to_numpy()]
    return found


def jaccard(
    wanted: TextSets,
    question: Places,
    refs: pa.Array,
    read: Read,
    nothing: Collection[str],
) -> Reals:
    """Jaccard index of each row; both empty is 1.

    Args:
        wanted: What each question should have.
        question: Place of each row's question.
        refs: Lists of what the rows have.
        read: Reads one of these as none or one text.
        nothing: What an empty list is read as: none or one.
    """
    return overlaps(wanted, question, *encoded(refs), read, nothing)


def encoded(refs: pa.Array) -> tuple[Places, pa.DictionaryArray]:
    """Lengths of lists, null being empty, and all that they hold."""
    lengths = pc.fill_null(pc.list_value_length(refs), 0).to_numpy(zero_copy_only=False)
    return lengths.astype(np.intp), pc.list_flatten(refs).dictionary_encode()


def overlaps(  # noqa: PLR0917 - the lists are two columns
    wanted: TextSets,
    question: Places,
    lengths: Places,
    cited: pa.DictionaryArray,
    read: Read,
    nothing: Collection[str],
) -> Reals:
    """Jaccard index of each row as in `jaccard`, of what `encoded` gives."""
    codes, known = dict(wanted.codes), len(wanted.codes)
    code = _codes(cited, read, codes)
    count, both = np.zeros((2, len(question)), dtype=np.int64)
    # Most answers cite one reference, and need no sorting out.
    alone = lengths == 1
    single = np.flatnonzero(alone)
    own = code[(np.cumsum(lengths) - lengths)[single]]
    count[single] = own >= 0
    both[single] = _among(question[single], own, wanted, known)
    row = np.repeat(np.flatnonzero(~alone), lengths[~alone])
    code = code[np.repeat(~alone, lengths)]
    for one in nothing:
        empty = np.flatnonzero(lengths == 0)
        row = np.concatenate([row, empty])
        code = np.concatenate([code, np.full(empty.size, codes.setdefault(one, len(codes)))])
    # A reference that is cited twice counts once. The keys are nearly in order.
    keys = np.sort((row * len(codes) + code)[code >= 0], kind="stable")
    keys = keys[np.diff(keys, prepend=-1) != 0]
    if keys.size:
        row, code = keys // len(codes), keys % len(codes)
        count += np.bincount(row, minlength=len(question))
        among = row[_among(question[row], code, wanted, known)]
        both += np.bincount(among, minlength=len(question))
    either = count + wanted.count[question] - both
    found: Reals = np.where(either > 0, both / np.maximum(either, 1), 1.0)
    return found


def _among(question: Places, code: NDArray[np.int64], wanted: TextSets, known: int) -> Truths:
    """Where a text is in its question's set."""
    lone = wanted.lone_codes
    if lone is not None:
        same: Truths = (code >= 0) & (lone[question] == code)
        return same
    own = (code >= 0) & (code < known)
    asked = np.where(own, question * known + code, 0)
    size = wanted.count.size * known
    if size <= DENSE:
        table = np.zeros(size, dtype=np.bool_)
        table[wanted.keys] = True
        return own & table[asked]
    at = np.minimum(np.searchsorted(wanted.keys, asked), wanted.keys.size - 1)
    found: Truths = own & (wanted.keys[at] == asked)
    return found
