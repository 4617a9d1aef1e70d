"""CSV files of the report's tables, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from wattbench.report import formats
from wattbench.report.data import Group, ReportData
from wattbench.report.findings import flags
from wattbench.report.tables import by_kind
from wattbench.tables.contract import Table
from wattbench.tables.runs import AUDIT, COMPUTE, ENSEMBLES, RUNS
from wattbench.tables.verdicts import COMPARISONS, VOTES

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\Z")
_FORMULA = ("=", "+", "-", "@", "\t", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a spreadsheet may take for a formula, full-width forms included."""


def safe_cell(value: object) -> str:
    """A value as a CSV cell that no spreadsheet takes for a formula.

    Text that starts as a formula does gets an apostrophe in front; a plain number stays. None is
    the empty cell, lists are joined by '; '.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list | tuple):
        value = "; ".join(
            f"{v['column']}: {v['detail']} ({v['kind']})" if isinstance(v, Mapping) else str(v)
            for v in value
        )
    text = formats.clean(str(value))
    if text.lstrip(" ").startswith(_FORMULA) and not _NUMBER.match(text):
        return f"'{text}"
    return text


def to_csv(heads: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """CSV text, comma-separated, with a head line and Unix line ends."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(list(heads))
    writer.writerows([safe_cell(v) for v in row] for row in rows)
    return stream.getvalue()


def _of_table(table: Table, rows: Iterable[Mapping[str, Any]]) -> str:
    names = list(table.names())
    return to_csv(names, ([row[n] for n in names] for row in rows))


ANSWERS = (
    "question_id", "question", "gold_value", "gold_unit", "gold_refs", "kinds", "run", "value",
    "refs", "blank", "error", "error_detail", "confidence", "value_correct", "ref_overlap",
    "na_correct", "weighted_score", "why", "total_s", "allocated_j", "allocated_method", "reply",
)  # fmt: skip


def _answers(group: Group) -> str:
    answered = {run.name: group.answers[run.name].rows() for run in group.runs}
    rows = []
    for place, question in enumerate(group.question_rows):
        for run in group.runs:
            merged = {**question, **answered[run.name][place], "run": run.name}
            rows.append([merged.get(name) for name in ANSWERS])
    return to_csv(ANSWERS, rows)


def csv_files(data: ReportData, group: Group) -> dict[str, str]:
    """CSV text by file stem: the figures behind everything the report shows of a group."""
    return {
        "models": _of_table(RUNS, (r.row for r in group.runs)),
        "question-types": to_csv(
            ("kind", "run", "right", "questions", "accuracy", "accuracy_low", "accuracy_high"),
            (
                (r.kind, r.run.name, r.right, r.asked, r.accuracy, r.low, r.high)
                for r in by_kind(group)
            ),
        ),
        "comparisons": _of_table(COMPARISONS, group.comparisons),
        "ensembles": _of_table(ENSEMBLES, group.ensembles),
        "votes": _of_table(
            VOTES, (v for _, vs in sorted(group.votes.items()) for v in vs.table.to_pylist())
        ),
        "compute": _of_table(COMPUTE, group.compute),
        "answers": _answers(group),
        "not-measured": to_csv(
            ("table", "column", "reason", "runs"),
            (
                (t, c, d, list(dict.fromkeys(rs)))
                for (t, c, d), rs in flags(group, "unknown").items()
            ),
        ),
        "audit": _of_table(AUDIT, group.audit),
    }
