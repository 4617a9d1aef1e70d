"""Faults of what answers are judged by: gold answers, and the documents behind them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow.parquet as pq

from wattbench.analyses.audit.facts import Row, finding, some
from wattbench.ensembles.weights import text_key
from wattbench.study.layout import Layout
from wattbench.study.questions import Question
from wattbench.tables.documents import PROBLEMS
from wattbench.tables.files import read_rows
from wattbench.tables.values import canonical_ref, canonical_value, parse_items, parse_range

EMPTY_ITEM = re.compile(r"\[\s*,|,\s*,|,\s*\]")
OPEN_RANGE = re.compile(
    r"(from\s+)?[-+]?[\d.,]+\s*([-\u2010-\u2015]|to)|between\s+[-+]?[\d.,]+(\s*and)?",
    re.IGNORECASE,
)
"""A range whose upper end is missing: '80-', 'from 80 to', 'between 80 and'."""

ROUND = re.compile(r"\(\s*[-+]?[\d.]+\s*[,;]\s*[-+]?[\d.]+\s*\)")
"""A range in round brackets, which no rule reads as one."""

UNPARTED = re.compile(r"\[\s*[-+]?[\d.]*\d\s*(;|\.\.+|[-\u2010-\u2015]|\bto\b|\s)\s*[-+]?\.?\d")
"""Two numbers in brackets with something else than a comma between them."""


def audit_gold(gold: Sequence[Question], documents: frozenset[str] | None) -> Iterator[Row]:
    """Findings about the gold answers of one question set.

    Args:
        gold: The questions.
        documents: Canonical ids of the documents, or None where they are not known.
    """
    asked: dict[str, Question] = {}
    for question in gold:
        where = f"question {question.id} (line {question.line})"
        first = asked.setdefault(text_key(question.text), question)
        if question.text and first is not question:
            same = canonical_value(first.value) == canonical_value(question.value)
            yield finding(
                "gold_fault",
                "warning",
                f"{where} asks what {first.id} asks"
                + (": it counts twice." if same else f", whose gold value is '{first.value}'."),
                "Remove one of the two." if same else "Correct one of the two.",
            )
        if not question.answerable:
            continue
        if not question.value:
            yield finding(
                "gold_fault", "error", f"{where} has no gold value.", "Give it, or is_blank."
            )
        elif _unparsable(question.value, question.unit):
            yield finding(
                "gold_fault",
                "error",
                f"{where}: the gold range or list '{question.value}' cannot be read.",
                "Write it as [low,high], or as ['one','other'].",
            )
        if not question.refs:
            yield finding("gold_fault", "warning", f"{where} names no document as its source.")
        unknown = [ref for ref in question.refs if canonical_ref(ref) not in (documents or ())]
        if documents is not None and unknown:
            yield finding(
                "gold_fault",
                "warning",
                f"{where} cites {some(unknown)}, which no document has as its id.",
                "Add the document or correct the ref_id.",
            )


def _unparsable(value: str, unit: str | None) -> bool:
    """Whether a value seems to be a range or list, and no rule could read it as one."""
    if any(value.count(one) != value.count(other) for one, other in ("[]", "{}")):
        return True
    if not value.startswith("["):
        return any(pattern.fullmatch(value) for pattern in (OPEN_RANGE, ROUND))
    items = parse_items(value)
    if not items or EMPTY_ITEM.search(value):
        return True
    if len(items) == 1:
        return UNPARTED.match(value) is not None
    numeric = all(item[:1].isdigit() or item[:1] in "+-." for item in items)
    return numeric and len(items) == 2 and parse_range(value, unit, any_unit=True) is None


def audit_corpus(layout: Layout, corpus: str) -> Iterator[Row]:
    """Findings about the documents of a corpus: those that could not be read as they are."""
    path = layout.corpus_problems(corpus)
    if not path.exists():
        return
    for problem in read_rows(path, PROBLEMS):
        yield finding(
            f"document_{problem['kind']}",
            "warning" if problem["dropped"] else "note",
            f"{problem['file']}: {problem['detail']}",
            problem["mend"],
        )


def documents_of(layout: Layout, corpus: str) -> frozenset[str] | None:
    """Canonical ids of a corpus' documents; None where it has not been parsed."""
    path: Path = layout.nodes(corpus)
    if not path.exists():
        return None
    ids = pq.read_table(path, columns=["document_id"], partitioning=None)["document_id"]
    return frozenset(canonical_ref(identifier) for identifier in ids.unique().to_pylist())
