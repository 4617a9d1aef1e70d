"""Overlap of cited and gold references over columns of answers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wattbench.scoring import wattbot
from wattbench.scoring.rules import ref_cell
from wattbench.scoring.texts import Places, Reals
from wattbench.study.questions import Question
from wattbench.tables.values import canonical_refs

QUOTED = r"[\"'\\]"
"""What a ref_id cell may be misread for, where it stands in a reference."""


def strict_overlaps(gold: Sequence[Question], question: Places, refs: pa.Array) -> Reals:
    """Jaccard index of each answer's references, as `strict` reads them.

    Args:
        gold: The questions.
        question: Place of each answer's question, of shape (rows,).
        refs: Lists of references; null is an empty list.
    """
    wanted = [canonical_refs(one.refs) for one in gold]
    return _jaccard(wanted, question, refs, lambda text: canonical_refs([text]), None)


def wattbot_overlaps(gold: Sequence[Question], question: Places, refs: pa.Array) -> Reals:
    """Jaccard index of each answer's references, as the WattBot rules read their cell.

    Args:
        gold: The questions.
        question: Place of each answer's question, of shape (rows,).
        refs: Lists of references; null is an empty list.
    """
    wanted = [wattbot.references(one.raw_refs) for one in gold]
    nothing = wattbot.references(ref_cell([]))
    found = _jaccard(wanted, question, refs, lambda text: {text.strip().lower()}, nothing)
    flat = pc.list_flatten(refs)
    quoted = pc.fill_null(pc.match_substring_regex(flat, QUOTED), False)
    if pc.any(quoted).as_py():
        parents = pc.list_parent_indices(refs).filter(quoted)
        for row in set(parents.to_pylist()):
            cell = ref_cell(refs[row].as_py())
            found[row] = wattbot.ref_overlap(gold[question[row]].raw_refs, cell)
    return found


def _jaccard(
    wanted: Sequence[Collection[str]],
    question: Places,
    refs: pa.Array,
    read: Callable[[str], Collection[str]],
    nothing: Collection[str] | None,
) -> Reals:
    """Jaccard index of each row; both empty is 1.

    Args:
        wanted: Gold references of each question.
        question: Place of each row's question.
        refs: Lists of references.
        read: Reads one reference as none or one.
        nothing: What an empty list is read as; None for an empty set.
    """
    rows = len(question)
    lengths = pc.fill_null(pc.list_value_length(refs), 0).to_numpy(zero_copy_only=False)
    coded = pc.list_flatten(refs).dictionary_encode()
    words = coded.dictionary.to_pylist()
    codes: dict[str, int] = {}
    table = np.array(
        [next((codes.setdefault(one, len(codes)) for one in read(text)), -1) for text in words],
        dtype=np.int64,
    )
    row = np.repeat(np.arange(rows), lengths)
    code = table[coded.indices.to_numpy()] if words else np.empty(0, dtype=np.int64)
    if nothing is not None:
        empty = np.flatnonzero(lengths == 0)
        row = np.concatenate([row, empty])
        filled = [codes.setdefault(one, len(codes)) for one in nothing]
        code = np.concatenate([code, np.full(empty.size, filled[0], dtype=np.int64)])
    gold = np.array(
        [
            (place, codes.setdefault(one, len(codes)))
            for place, own in enumerate(wanted)
            for one in own
        ],
        dtype=np.int64,
    ).reshape(-1, 2)
    size = max(len(codes), 1)
    keys = row[code >= 0] * size + code[code >= 0]
    if keys.size and (lengths > 1).any():
        keys = np.sort(keys)
        keys = keys[np.concatenate([[True], keys[1:] != keys[:-1]])]
    row, code = np.divmod(keys, size)
    cited = np.bincount(row, minlength=rows)
    there = np.sort(gold[:, 0] * size + gold[:, 1])
    asked = question[row] * size + code
    at = np.minimum(np.searchsorted(there, asked), max(there.size - 1, 0))
    hit = there[at] == asked if there.size else np.zeros(asked.size, dtype=np.bool_)
    both = np.bincount(row[hit], minlength=rows)
    either = cited + np.bincount(gold[:, 0], minlength=len(wanted))[question] - both
    with np.errstate(invalid="ignore"):
        found: Reals = np.where(either > 0, both / np.maximum(either, 1), 1.0)
    return found
