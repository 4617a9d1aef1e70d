"""Overlap of cited and gold references over columns of answers."""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from wattbench.scoring import wattbot
from wattbench.scoring.gold import Gold, TextSets
from wattbench.scoring.rules import ref_cell
from wattbench.scoring.texts import Places, Reals, Truths
from wattbench.tables.values import canonical_refs

DENSE = 1 << 25
"""Cells up to which a table is looked up, which is faster than searching."""

QUOTED = r"[\"'\\]"
"""What a ref_id cell may be misread for, where it stands in a reference."""


def strict_overlaps(gold: Gold, question: Places, refs: pa.Array) -> Reals:
    """Jaccard index of each answer's references, as `strict` reads them.

    Args:
        gold: The gold answers.
        question: Place of each answer's question, of shape (rows,).
        refs: Lists of references; null is an empty list.
    """
    return jaccard(gold.strict_refs, question, refs, lambda text: canonical_refs([text]), ())


def wattbot_overlaps(gold: Gold, question: Places, refs: pa.Array) -> Reals:
    """Jaccard index of each answer's references, as the WattBot rules read their cell.

    Args:
        gold: The gold answers.
        question: Place of each answer's question, of shape (rows,).
        refs: Lists of references; null is an empty list.
    """
    nothing = tuple(wattbot.references(ref_cell([])))
    found = jaccard(gold.wattbot_refs, question, refs, lambda text: {text.strip().lower()}, nothing)
    quoted = pc.fill_null(pc.match_substring_regex(pc.list_flatten(refs), QUOTED), False)
    if pc.any(quoted).as_py():
        for row in set(pc.list_parent_indices(refs).filter(quoted).to_pylist()):
            cell = ref_cell(refs[row].as_py())
            found[row] = wattbot.ref_overlap(gold.questions[question[row]].raw_refs, cell)
    return found


def jaccard(
    wanted: TextSets,
    question: Places,
    refs: pa.Array,
    read: Callable[[str], Collection[str]],
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
    rows = len(question)
    lengths = pc.fill_null(pc.list_value_length(refs), 0).to_numpy(zero_copy_only=False)
    coded = pc.list_flatten(refs).dictionary_encode()
    codes, known = dict(wanted.codes), len(wanted.codes)
    table = np.array(
        [
            next((codes.setdefault(one, len(codes)) for one in read(text)), -1)
            for text in coded.dictionary.to_pylist()
        ],
        dtype=np.int64,
    )
    row, code = np.repeat(np.arange(rows), lengths), table[coded.indices.to_numpy()]
    for one in nothing:
        empty = np.flatnonzero(lengths == 0)
        row = np.concatenate([row, empty])
        code = np.concatenate([code, np.full(empty.size, codes.setdefault(one, len(codes)))])
    row, code = row[code >= 0], code[code >= 0]
    many = lengths[row] > 1
    if many.any():
        # A reference that is cited twice counts once.
        keys = np.sort(row[many] * len(codes) + code[many])
        keys = keys[np.diff(keys, prepend=-1) != 0]
        row = np.concatenate([row[~many], keys // len(codes)])
        code = np.concatenate([code[~many], keys % len(codes)])
    cited = np.bincount(row, minlength=rows)
    row, code = row[code < known], code[code < known]
    asked = question[row] * known + code
    both = np.bincount(row[_among(asked, wanted, known)], minlength=rows)
    either = cited + wanted.count[question] - both
    found: Reals = np.where(either > 0, both / np.maximum(either, 1), 1.0)
    return found


def _among(asked: NDArray[np.int64], wanted: TextSets, known: int) -> Truths:
    """Which keys are among the wanted ones."""
    size = wanted.count.size * known
    if size <= DENSE:
        table = np.zeros(size, dtype=np.bool_)
        table[wanted.keys] = True
        return table[asked]
    if not wanted.keys.size:
        return np.zeros(asked.size, dtype=np.bool_)
    at = np.minimum(np.searchsorted(wanted.keys, asked), wanted.keys.size - 1)
    found: Truths = wanted.keys[at] == asked
    return found
