"""The report's table of what was paid beside answering: planned searches and judged answers."""

from __future__ import annotations

from collections.abc import Iterator

from wattbench.report import formats
from wattbench.report.data import Group, ReportData, Run
from wattbench.report.grids import Badge, Cell, Grid, Head, count, text, unknown, why_null
from wattbench.report.measures import METHODS
from wattbench.tables.runs import RUNS


def beside(data: ReportData, group: Group) -> Grid | None:
    """What planning and judging took; None where no model did either."""
    rows = tuple(
        (
            text(what),
            text(model),
            _energy(run, stage),
            _seconds(run, f"{stage}_s"),
            _count(run, f"{stage}_prompt_tokens"),
            _count(run, f"{stage}_completion_tokens"),
            _price(run, f"{stage}_price"),
        )
        for what, model, run, stage in _done(data, group)
    )
    if not rows:
        return None
    return Grid(
        name="beside",
        caption="What a model took that planned searches or judged answers. It was paid once for "
        "all runs concerned and is in no figure of a run.",
        heads=(
            Head("Work"),
            Head("Model"),
            Head("Energy", numeric=True, title="Of all segments, in watt-hours"),
            Head("Time", numeric=True),
            Head("Prompt tokens", numeric=True),
            Head("Generated tokens", numeric=True),
            Head("Price", numeric=True, title="Price of all tokens"),
        ),
        rows=rows,
    )


def _done(data: ReportData, group: Group) -> Iterator[tuple[str, str, Run, str]]:
    """The work, its model, a run that tells what it took, and the stage's name in the columns."""
    study = data.study
    first = {run.row["retrieval"]: run for run in reversed(group.runs)}
    for name, settings in study.retrievals.items():
        if name in first and settings.planner.model is not None:
            yield (
                f"Planning the searches of {name}",
                settings.planner.model,
                first[name],
                "planning",
            )
    judge = study.scoring.judge_asked()
    if judge is not None and group.runs:
        yield "Judging the answers", judge.model, group.runs[0], "judging"


def _missing(run: Run, column: str) -> Cell:
    return unknown(why_null(RUNS, run.row, column))


def _energy(run: Run, stage: str) -> Cell:
    column = f"energy_{stage}_j"
    value, method = run.row[column], run.row[f"energy_{stage}_method"]
    spread = run.row[f"energy_{stage}_uncertainty_j"]
    if value is None:
        return _missing(run, column)
    shown = formats.figures(value / formats.JOULES_PER_WH)
    return Cell(
        f"{formats.energy_prefix(method)}{shown} Wh",
        sort=value,
        detail="uncertainty not known"
        if spread is None
        else f"± {formats.figures(spread / formats.JOULES_PER_WH, 2)} Wh",
        badge=None if method is None else Badge(method, METHODS.get(method) or str(method)),
    )


def _seconds(run: Run, column: str) -> Cell:
    value = run.row[column]
    return _missing(run, column) if value is None else Cell(formats.seconds(value), sort=value)


def _count(run: Run, column: str) -> Cell:
    value = run.row[column]
    return _missing(run, column) if value is None else count(value)


def _price(run: Run, column: str) -> Cell:
    value = run.row[column]
    if value is None:
        return _missing(run, column)
    currency = formats.clean(run.row[f"{column}_currency"] or "of no known currency")
    return Cell(f"{formats.figures(value)} {currency}", sort=value)
