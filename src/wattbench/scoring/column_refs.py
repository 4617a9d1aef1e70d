"""Overlap of cited and gold references over columns of answers."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wattbench.scoring import texts, wattbot
from wattbench.scoring.gold import Gold
from wattbench.scoring.rules import ref_cell
from wattbench.scoring.text_sets import encoded, jaccard, overlaps
from wattbench.scoring.texts import Places, Reals
from wattbench.tables.values import canonical_refs

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
    lengths, cited = encoded(refs)
    found = overlaps(
        gold.wattbot_refs, question, lengths, cited, lambda text: {text.strip().lower()}, nothing
    )
    quoted = texts.truths(pc.match_substring_regex(cited.dictionary, QUOTED))
    if quoted.any():
        row = np.repeat(np.arange(len(question)), lengths)
        for one in np.unique(row[quoted[cited.indices.to_numpy()]]).tolist():
            cell = ref_cell(refs[one].as_py())
            found[one] = wattbot.ref_overlap(gold.questions[question[one]].raw_refs, cell)
    return found
