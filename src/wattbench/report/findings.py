"""What was not measured and why, what to know of figures, failures, and the audit."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import replace

import numpy as np

from wattbench.report import formats
from wattbench.report.data import Group
from wattbench.report.grids import Badge, Cell, Grid, Head, count, text
from wattbench.report.tables import run_cell
from wattbench.tables.answers import SEGMENTS
from wattbench.tables.contract import Column, reason_for
from wattbench.tables.runs import (
    COMPUTE,
    ENSEMBLE,
    NO_REPEAT,
    NOT_GIVEN,
    NOT_JUDGED,
    NOT_PLANNED,
    RUNS,
)

_TABLES = (("runs", RUNS), ("segments", SEGMENTS), ("compute", COMPUTE))
_ENDS = re.compile(r"_(low|high|uncertainty)(?=_|$)")
_CANNOT_APPLY = frozenset({ENSEMBLE, NOT_GIVEN, NO_REPEAT, NOT_JUDGED, NOT_PLANNED})
_UNITS = (
    ("_per_j", " per joule"), ("_per_s", " per second"), ("_pct", " in %"), ("_wh", " in Wh"),
    ("_s", " in s"), ("_bytes", ""), ("_j", ""), ("_g", ""), ("_w", ""), ("_b", ""),
)  # fmt: skip
_ACRONYMS = re.compile(r"\b(cpu|gpu|vram|rss|ece|auc|na)\b")


def figure_name(column: str) -> str:
    """A column's name for people: 'energy_gross_j' is 'energy gross', 'wall_s' 'wall in s'."""
    for ending, shown in _UNITS:
        if column.endswith(ending):
            column = column.removesuffix(ending) + shown
            break
    return _ACRONYMS.sub(lambda found: found[0].upper(), column.replace("_", " "))


def _meaning(table: str, column: str) -> str:
    columns: tuple[Column, ...] = dict(_TABLES)[table].columns
    return next((c.meaning for c in columns if c.name == column), "")


def flags(group: Group, kind: str) -> dict[tuple[str, str, str], list[str]]:
    """Runs by (table, column, detail) of their flags of one kind, in the tables' order."""
    found: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    sources = (
        ("runs", [r.row for r in group.runs]),
        ("segments", group.segments),
        ("compute", group.compute),
    )
    for table, rows in sources:
        for row in rows:
            for flag in row["flags"] or ():
                if flag["kind"] == kind:
                    found[table, flag["column"], flag["detail"]].append(row["run"])
    return found


def nulls(group: Group) -> dict[tuple[str, str, str], list[str]]:
    """Runs by (table, column, reason) of every figure that is null.

    Flags come first; a null of `runs` without a flag has the contract's word for a reason.
    """
    found = flags(group, "unknown")
    for column in RUNS.columns:
        for run in group.runs:
            if run.row[column.name] is None and reason_for(run.row, column.name) is None:
                reason = f"no reason recorded; null {column.null or 'where it should not be'}"
                found.setdefault(("runs", column.name, reason), []).append(run.name)
    return found


def without_results(group: Group) -> dict[str, str]:
    """Runs and ensembles of the study that have no results, by name with what became of them."""
    return {row["run"]: row["detail"] for row in group.audit if row["check"] == "missing_run"}


def not_measured(group: Group) -> Grid:
    """Runs without results and every figure that is null, with the reasons."""
    grid = _flag_grid(
        group,
        {key: runs for key, runs in nulls(group).items() if _might_be_known(key[2])},
        name="not-measured",
        caption="Every figure that could not be measured. None of it is taken as zero. "
        "What cannot apply to a run stands in tables/not-measured.csv.",
        empty="Everything was measured.",
    )
    absent = [
        (Cell("every figure", sort=""), run_cell(group, name), text(why))
        for name, why in without_results(group).items()
    ]
    return replace(grid, rows=(*absent, *grid.rows))


def warnings(group: Group) -> Grid:
    """What to know of figures that are there."""
    return _flag_grid(
        group,
        flags(group, "warning"),
        name="notes",
        caption="What to know of figures that are there.",
        empty="No figure carries a note.",
    )


def _might_be_known(detail: str) -> bool:
    """Whether a null hides something, rather than that it cannot apply."""
    return detail.removeprefix("no reason recorded; null ") not in _CANNOT_APPLY


def _without_ends(columns: list[str]) -> list[str]:
    """Columns without the intervals and uncertainties of others among them."""
    return [c for c in columns if (base := _ENDS.sub("", c)) == c or base not in columns]


def _flag_grid(
    group: Group,
    found: dict[tuple[str, str, str], list[str]],
    *,
    name: str,
    caption: str,
    empty: str,
) -> Grid:
    merged: dict[tuple[str, str, tuple[str, ...]], list[str]] = defaultdict(list)
    for (table, column, detail), runs in found.items():
        merged[table, detail, tuple(dict.fromkeys(runs))].append(column)
    rows = [
        (
            Cell(
                formats.clean(", ".join(figure_name(c) for c in columns)),
                sort=columns[0],
                detail=f"table {table}",
                title=" ".join(_meaning(table, c) for c in columns).strip() or None,
            ),
            text(", ".join(group.label_of(r) for r in runs)),
            text(detail),
        )
        for (table, detail, runs), together in merged.items()
        for columns in (_without_ends(together),)
    ]
    return Grid(
        name=name,
        caption=caption,
        heads=(
            Head("Figure"),
            Head("Runs"),
            Head("Why" if name == "not-measured" else "Note", broad=True),
        ),
        rows=tuple(rows),
        empty=empty,
    )


def failures(group: Group) -> Grid:
    """Questions that failed, by run and kind of failure."""
    counted: Counter[tuple[str, str]] = Counter()
    examples: dict[tuple[str, str], str] = {}
    for run, answers in group.answers.items():
        for row in answers.rows(np.flatnonzero(answers.failed).tolist()):
            counted[run, row["error"]] += 1
            examples.setdefault((run, row["error"]), row["error_detail"] or "")
    return Grid(
        name="failures",
        caption="Questions that failed after every retry; they count as wrong.",
        heads=(
            Head("Model"),
            Head("Kind"),
            Head("Questions", numeric=True),
            Head("First one's own words", broad=True),
        ),
        rows=tuple(
            (
                run_cell(group, run),
                text(kind),
                count(n),
                text(formats.cut(examples[run, kind], 300)),
            )
            for (run, kind), n in sorted(counted.items())
        ),
        empty="No question failed.",
    )


SEVERITIES = {"error": 0, "warning": 1, "note": 2}


def audit(group: Group) -> Grid:
    """What looks wrong, the gravest first."""
    rows = sorted(
        group.audit, key=lambda r: (SEVERITIES.get(r["severity"], 3), r["check"], r["run"] or "")
    )
    return Grid(
        name="audit",
        caption="What looks wrong, and what to do about it.",
        heads=(
            Head("Severity"),
            Head("Run"),
            Head("Check"),
            Head("Finding", broad=True),
            Head("What to do", broad=True),
        ),
        rows=tuple(
            (
                Cell(
                    "",
                    sort=SEVERITIES.get(r["severity"], 3),
                    badge=Badge(formats.clean(r["severity"]), "", f"{_tone(r['severity'])}"),
                ),
                run_cell(group, r["run"]) if r["run"] else text("the study"),
                text(r["check"].replace("_", " ")),
                text(r["detail"]),
                text(r["mend"] or "nothing needs doing"),
            )
            for r in rows
        ),
        empty="The audit found nothing.",
    )


def _tone(severity: str) -> str:
    return severity if severity in SEVERITIES else "plain"
