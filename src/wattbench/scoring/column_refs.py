"""Overlap of cited and gold references over columns of answers."""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from wattbench.scoring import texts, wattbot
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
    lengths, cited = _encoded(refs)
    found = _overlaps(
        gold.wattbot_refs, question, lengths, cited, lambda text: {text.strip().lower()}, nothing
    )
    quoted = texts.truths(pc.match_substring_regex(cited.dictionary, QUOTED))
    if quoted.any():
        row = np.repeat(np.arange(len(question)), lengths)
        for one in np.unique(row[quoted[cited.indices.to_numpy()]]).tolist():
            cell = ref_cell(refs[one].as_py())
            found[one] = wattbot.ref_overlap(gold.questions[question[one]].raw_refs, cell)
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
    return _overlaps(wanted, question, *_encoded(refs), read, nothing)


def _encoded(refs: pa.Array) -> tuple[Places, pa.DictionaryArray]:
    """Lengths of lists, null being empty, and all that they hold."""
    lengths = pc.fill_null(pc.list_value_length(refs), 0).to_numpy(zero_copy_only=False)
    return lengths.astype(np.intp), pc.list_flatten(refs).dictionary_encode()


def _overlaps(  # noqa: PLR0917 - the lists are two columns
    wanted: TextSets,
    question: Places,
    lengths: Places,
    cited: pa.DictionaryArray,
    read: Callable[[str], Collection[str]],
    nothing: Collection[str],
) -> Reals:
    codes, known = dict(wanted.codes), len(wanted.codes)
    table = np.array(
        [
            next((codes.setdefault(one, len(codes)) for one in read(text)), -1)
            for text in cited.dictionary.to_pylist()
        ],
        dtype=np.int64,
    )
    code = table[cited.indices.to_numpy()]
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
    # A reference that is cited twice counts once.
    keys = np.sort((row * len(codes) + code)[code >= 0])
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
    own = (code >= 0) & (code < known)
    asked = np.where(own, question * known + code, 0)
    size = wanted.count.size * known
    if not wanted.keys.size:
        return np.zeros(asked.size, dtype=np.bool_)
    if size <= DENSE:
        table = np.zeros(size, dtype=np.bool_)
        table[wanted.keys] = True
        return own & table[asked]
    at = np.minimum(np.searchsorted(wanted.keys, asked), wanted.keys.size - 1)
    found: Truths = own & (wanted.keys[at] == asked)
    return found
