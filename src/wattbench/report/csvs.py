"""CSV files of the report's tables, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import numpy as np

from wattbench.report import formats
from wattbench.report.data import Group
from wattbench.report.findings import nulls
from wattbench.report.grids import why_null
from wattbench.report.tables import by_kind
from wattbench.tables.contract import FLAGS_COLUMN, Table
from wattbench.tables.runs import AUDIT, COMPUTE, ENSEMBLES, RUNS
from wattbench.tables.spreadsheets import safe_text
from wattbench.tables.verdicts import COMPARISONS, VOTES

UNKNOWN = "unknown"
"""Kind of the flag that explains a null."""


def listed(value: object) -> str:
    """A value as plain text: None is empty, the items of a list are joined by '; '.

    An item of several parts is JSON.
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return formats.clean(value)
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list | tuple | np.ndarray):
        value = "; ".join(map(_item, value))
    return formats.clean(str(value))


def _item(value: object) -> str:
    if not isinstance(value, Mapping):
        return str(value)
    if value.keys() == {"column", "kind", "detail"}:
        return f"{value['column']}: {value['detail']} ({value['kind']})"
    return json.dumps(value, ensure_ascii=False)


def safe_cell(value: object) -> str:
    """A value as a CSV cell that no spreadsheet takes for a formula.

    Text that starts as a formula does, blanks before it or not, gets an apostrophe in front; a
    plain number stays one. None is the empty cell. After OWASP's page on CSV injection.
    """
    return safe_text(listed(value))


def to_csv(heads: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """CSV text, comma-separated, with a head line and Unix line ends."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(map(safe_cell, heads))
    writer.writerows([safe_cell(v) for v in row] for row in rows)
    return stream.getvalue()


def table_csv(table: Table, rows: Iterable[Mapping[str, Any]], names: Iterable[str] = ()) -> str:
    """A table as CSV for people.

    Where the table has reasons (`flags`), an unknown figure is 'not measured', and two columns at
    the end hold why, and what to know of figures that are there. Elsewhere it is empty.

    Args:
        table: Its contract.
        rows: Its rows.
        names: Columns to write; empty is all of them but the reasons.
    """
    shown = list(names) or [n for n in table.names() if n != FLAGS_COLUMN.name]
    if FLAGS_COLUMN.name not in table.names():
        return to_csv(shown, ([row[n] for n in shown] for row in rows))
    return to_csv(
        [*shown, "not_measured", "notes"],
        (
            [
                *(formats.NOT_MEASURED if row[n] is None else row[n] for n in shown),
                [f"{n}: {why_null(table, dict(row), n)}" for n in shown if row[n] is None],
                [
                    f"{f['column']}: {f['detail']}"
                    for f in row["flags"] or ()
                    if f["kind"] != UNKNOWN and f["column"] in shown
                ],
            ]
            for row in rows
        ),
    )


ANSWERS = (
    "question_id", "question", "gold_value", "gold_unit", "gold_refs", "kinds", "run", "value",
    "refs", "blank", "error", "error_detail", "confidence", "value_correct", "ref_overlap",
    "na_correct", "weighted_score", "why", "total_s", "allocated_j", "allocated_method", "reply",
)  # fmt: skip


def _answers(group: Group) -> str:
    asked = ANSWERS[: ANSWERS.index("run")]
    questions = [[safe_cell(q[name]) for name in asked] for q in group.question_rows]
    answered = [
        zip(*(group.answers[run.name].column(n) for n in ANSWERS[len(asked) + 1 :]), strict=True)
        for run in group.runs
    ]
    names = [run.name for run in group.runs]
    return to_csv(
        ANSWERS,
        (
            (*question, name, *answer)
            for question, of_all in zip(questions, zip(*answered, strict=True), strict=True)
            for name, answer in zip(names, of_all, strict=True)
        ),
    )


def csv_files(group: Group) -> dict[str, str]:
    """CSV text by file stem: the figures behind everything the report shows of a group."""
    return {
        "models": table_csv(RUNS, (r.row for r in group.runs)),
        "question-types": to_csv(
            ("kind", "run", "right", "questions", "accuracy", "accuracy_low", "accuracy_high"),
            (
                (r.kind, r.run.name, r.right, r.asked, r.accuracy, r.low, r.high)
                for r in by_kind(group)
            ),
        ),
        "comparisons": table_csv(COMPARISONS, group.comparisons),
        "ensembles": table_csv(ENSEMBLES, group.ensembles),
        "votes": table_csv(
            VOTES, (v for _, vs in sorted(group.votes.items()) for v in vs.table.to_pylist())
        ),
        "compute": table_csv(COMPUTE, group.compute),
        "answers": _answers(group),
        "not-measured": to_csv(
            ("table", "column", "reason", "runs"),
            ((t, c, d, list(dict.fromkeys(rs))) for (t, c, d), rs in nulls(group).items()),
        ),
        "audit": table_csv(AUDIT, group.audit),
    }
