"""Cutting a report down to the runs that its definition selects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from wattbench.analyses.headline import choose
from wattbench.errors import InputError
from wattbench.report.data import Group, ReportData, Row, Run, analysis_of
from wattbench.study.reporting import Report, Select
from wattbench.tables.contract import unknown

Value = TypeVar("Value")

NOT_AMONG_SELECTED = "worked out among all runs of the set, not among those of this report"


def wanted(select: Select) -> dict[str, tuple[Any, ...]]:
    """The columns that a report selects by, with the values it takes."""
    return {name: tuple(values) for name, values in select if values}


def shown_by(
    data: ReportData, definition: Report, name: str | None, source: str | None = None
) -> ReportData:
    """What a report shows of the tables.

    Runs that are left of a set rank anew among themselves, by the comparisons of the whole set:
    their family-wise adjustment is over more pairs than are left, so it tells fewer apart rather
    than more.

    Args:
        data: All of it.
        definition: The study's `report`, or one of its `reports`.
        name: Name of the report; None for the default one.
        source: File of the definition; None: the study.

    Raises:
        InputError: No run is left, or the report's analysis file cannot be read.
    """
    columns = wanted(definition.inputs.select)
    place = "report." if name is None else f"reports.{name}."
    if source is not None:
        place = f"{source}, "
    groups = tuple(found for group in data.groups if (found := _cut(group, columns)) is not None)
    if not groups:
        raise InputError(
            "no run is left: none has all of "
            + "; ".join(f"{c} in [{', '.join(map(str, vs))}]" for c, vs in columns.items())
            + ".",
            where=f"{place}inputs.select",
            mend="Correct or remove a key; `wattbench export runs` lists what there is.",
        )
    kept = {(g.environment, g.questions, r.name) for g in groups for r in g.runs}
    dropped = [
        {"environment": g.environment, "questions": g.questions, "run": r.name}
        for g in data.groups
        for r in g.runs
        if (g.environment, g.questions, r.name) not in kept
    ]
    return replace(
        data,
        groups=groups,
        filters={
            **data.filters,
            "select": {c: list(values) for c, values in columns.items()},
            "runs_left_out": dropped,
            "values_without_a_run": _unmatched(data, columns),
        },
        analysis=data.analysis if name is None else analysis_of(definition),
        definition=definition,
        name=name,
    )


def _unmatched(data: ReportData, columns: Mapping[str, tuple[Any, ...]]) -> dict[str, list[Any]]:
    """Selected values that no run has, for a slip of the pen is easily overlooked."""
    found: dict[str, list[Any]] = {}
    for column, values in columns.items():
        there = {run.row[column] for group in data.groups for run in group.runs}
        missing = [value for value in values if value not in there]
        if missing:
            found[column] = missing
    return found


def _cut(group: Group, columns: Mapping[str, tuple[Any, ...]]) -> Group | None:
    """The group's selected runs and all that is about them alone; None where none is left."""
    runs = tuple(
        run
        for run in group.runs
        if all(run.row[column] in values for column, values in columns.items())
    )
    if not runs:
        return None
    if len(runs) == len(group.runs):
        return group
    names = frozenset(run.name for run in runs)
    return replace(
        group,
        runs=_ranked(runs, group.comparisons),
        answers=_of(group.answers, names),
        segments=_rows(group.segments, names),
        samples=_of(group.samples, names),
        compute=_rows(group.compute, names),
        ensembles=_rows(group.ensembles, names),
        votes=_of(group.votes, names),
        comparisons=tuple(
            r for r in group.comparisons if r["first"] in names and r["second"] in names
        ),
        question_types=_rows(group.question_types, names),
        repeats=_rows(group.repeats, names),
        scaling=tuple(r for r in group.scaling if names.issuperset(r["runs"])),
        calibration=_rows(group.calibration, names),
        roc=_rows(group.roc, names),
        histograms=_rows(group.histograms, names),
        audit=tuple(r for r in group.audit if r["run"] is None or r["run"] in names),
    )


def _of(found: Mapping[str, Value], names: frozenset[str]) -> dict[str, Value]:
    return {name: value for name, value in found.items() if name in names}


def _rows(rows: Iterable[Row], names: frozenset[str]) -> tuple[Row, ...]:
    return tuple(row for row in rows if row["run"] in names)


def _ranked(runs: tuple[Run, ...], comparisons: Iterable[Row]) -> tuple[Run, ...]:
    """The runs with tie groups, ranks and headline anew, among themselves."""
    apart = {frozenset((pair["first"], pair["second"])) for pair in comparisons if pair["distinct"]}
    scores = {run.name: run.row["score"] for run in runs}
    groups = _tie_groups(sorted(scores, key=lambda n: -scores[n]), apart)
    rows = []
    for run in runs:
        others = [n for n in scores if frozenset((n, run.name)) in apart]
        better = sum(scores[n] > scores[run.name] for n in others)
        rows.append(
            {
                **run.row,
                "tie_group": groups[run.name],
                "top_group": groups[run.name] == 1,
                "rank_low": 1 + better,
                "rank_high": len(runs) - (len(others) - better),
                "cheapest_probability": None,
                "flags": [
                    *(f for f in run.row["flags"] or () if f["column"] != "cheapest_probability"),
                    unknown("cheapest_probability", NOT_AMONG_SELECTED),
                ],
            }
        )
    chosen = choose(rows)
    return tuple(
        replace(run, row={**row, "headline": place == chosen})
        for place, (run, row) in enumerate(zip(runs, rows, strict=True))
    )


def _tie_groups(best_first: list[str], apart: set[frozenset[str]]) -> dict[str, int]:
    """1 for the first and all that the data cannot tell from it, 2 for the rest's best, ..."""
    found: dict[str, int] = {}
    number = 0
    for best in best_first:
        if best in found:
            continue
        number += 1
        for name in best_first:
            if name not in found and frozenset((best, name)) not in apart:
                found[name] = number
    return found
