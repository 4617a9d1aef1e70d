"""The report's tables with one row a run: the first screen's, the score's parts, every figure."""

from __future__ import annotations

from typing import Any

from wattbench.report import formats, measures
from wattbench.report.data import Group, ReportData, Run
from wattbench.report.grids import Badge, Cell, Grid, Head, not_applicable, unknown, why_null
from wattbench.report.tables import level, run_cell
from wattbench.tables.contract import COUNT, REAL, TEXTS, TRUTH, Column, reason_for
from wattbench.tables.runs import ENSEMBLE, NOT_JUDGED, NOT_PLANNED, RUNS

SHOWN_UNKNOWN = (
    ("energy", ("energy_gross_j",)),
    ("energy per right value", ("energy_per_correct_j",)),
    ("time", ("latency_p50_s",)),
    ("GPU memory", ("vram_peak_bytes",)),
    ("cost", ("token_price", "energy_price")),
)
"""Figures of the model table, and the columns of which one is enough to know them."""

NO_FIGURES = frozenset({"study", "environment", "questions", "run", "label", "flags"})
"""Columns of `runs` that name the row or explain others."""


def models(data: ReportData, group: Group) -> Grid:
    """The table of runs: how well each answers and what it takes."""
    return Grid(
        name="models",
        caption=f"Every run and ensemble with {level(data)} intervals.",
        heads=(
            Head("Model"),
            Head("Score", numeric=True),
            Head("Tie group", title="Runs of one group cannot be told apart by the data"),
            Head("J per correct", numeric=True, title="Answering energy per right value"),
            Head("Energy", numeric=True, title="Of all segments, in watt-hours"),
            Head("Time/question", numeric=True),
            Head("VRAM", numeric=True, title="Peak GPU memory; beneath it peak resident memory"),
            Head("Cost", numeric=True, title="Price of all tokens, or else of the energy"),
            Head("Failed", numeric=True),
            Head("Unknown", title="Figures of this table that were not measured"),
        ),
        rows=tuple(_row(data, group, run) for run in group.runs),
        marked=_marked(group),
    )


def _row(data: ReportData, group: Group, run: Run) -> tuple[Cell, ...]:
    name = run_cell(group, run.name)
    return (
        Cell(
            name.text,
            sort=name.sort,
            css=name.css,
            hollow=name.hollow,
            diamond=name.diamond,
            detail=_describe(group, run),
            badge=Badge("headline", "the cheapest of the top group", "headline")
            if run.row["headline"]
            else None,
        ),
        measures.rated(
            run, "score", bar=True, title=f"Weighted score with its {level(data)} interval."
        ),
        _tie(group, run),
        measures.per_correct(run),
        measures.gross_wh(run),
        measures.latency(run),
        measures.peak_memory(run),
        measures.cost(run),
        _failed(run),
        _unknown(run),
    )


def _marked(group: Group) -> frozenset[int]:
    return frozenset(i for i, run in enumerate(group.runs) if run.row["headline"])


def _describe(group: Group, run: Run) -> str:
    if run.is_ensemble:
        strategy = next(
            (e["strategy"].replace("_", " ") for e in group.ensembles if e["run"] == run.name),
            "vote",
        )
        return f"ensemble of {len(run.row['members'])}, {formats.clean(strategy)}"
    size = run.row["parameters_b"]
    parts = [
        f"{size:.3g} B" if size is not None else None,
        run.row["precision"],
        run.row["backend"],
    ]
    return formats.clean(" · ".join(p for p in parts if p))


def _tie(group: Group, run: Run) -> Cell:
    row = run.row
    if row["tie_group"] is None:
        return unknown(why_null(RUNS, row, "tie_group"))
    tied = [
        group.label_of(c["second"] if c["first"] == run.name else c["first"])
        for c in group.comparisons
        if run.name in (c["first"], c["second"]) and not c["distinct"]
    ]
    ranks = [row["rank_low"], row["rank_high"]]
    said = f"Cannot be told apart from: {', '.join(tied)}." if tied else None
    return Cell(
        "1, the top" if row["tie_group"] == 1 else f"{row['tie_group']}",
        sort=row["tie_group"],
        detail=None
        if None in ranks
        else f"rank {ranks[0]}"
        if ranks[0] == ranks[1]
        else formats.unbroken(f"rank {ranks[0]}\u2013{ranks[1]}"),
        title=formats.clean(said) if said else None,
    )


def _failed(run: Run) -> Cell:
    row = run.row
    if row["failed"] is None:
        return unknown(why_null(RUNS, row, "failed"))
    return Cell(
        f"{row['failed']:,}",
        sort=row["failed"],
        detail="blank not known" if row["blank"] is None else f"{row['blank']:,} blank",
        title="Questions that failed count as wrong."
        if row["question_count"] is None
        else f"Failed, of {row['question_count']:,}; they count as wrong.",
    )


def _unknown(run: Run) -> Cell:
    row = run.row
    lacking = [
        (name, columns)
        for name, columns in SHOWN_UNKNOWN
        if all(row[column] is None for column in columns)
    ]
    names = [name for name, _ in lacking]
    if "energy" in names and "energy per right value" in names:
        names.remove("energy per right value")
    further = _unknown_columns(run) - sum(len(columns) for _, columns in lacking)
    return Cell(
        ", ".join(names) if names else "nothing here",
        sort=len(names),
        detail=f"and {further} further figures" if further > 0 else None,
        title=" ".join(f"{n}: {why_null(RUNS, row, *columns)}." for n, columns in lacking) or None,
    )


def _unknown_columns(run: Run) -> int:
    """Figures of a run that are null, without those that it cannot have."""
    return sum(
        run.row[c.name] is None and not _cannot_have(run, c)
        for c in RUNS.columns
        if c.type in {REAL, COUNT} and c.name not in NO_FIGURES
    )


def _cannot_have(run: Run, column: Column) -> bool:
    if run.is_ensemble and column.null == ENSEMBLE:
        return True
    return reason_for(run.row, column.name) in {NOT_PLANNED, NOT_JUDGED}


def parts(data: ReportData, group: Group) -> Grid:
    """What each score is made of, and how often a run alone is right or says nothing."""
    return Grid(
        name="score-parts",
        caption=f"The score's parts with {level(data)} intervals, questions that a run alone has "
        "right, and the share left blank.",
        heads=(
            Head("Model"),
            Head("Value accuracy", numeric=True),
            Head("Reference overlap", numeric=True),
            Head("NA recall", numeric=True),
            Head("Left blank", numeric=True),
            Head("Unique wins", numeric=True),
        ),
        rows=tuple(
            (
                run_cell(group, run.name),
                measures.rated(run, "value_accuracy", title="Share of right values (Wilson)."),
                measures.rated(run, "ref_overlap", title="Mean Jaccard index of references."),
                measures.rated(run, "na_recall", title="Unanswerable questions left blank."),
                measures.rated(run, "refusal_rate", title="Share of all questions left blank."),
                _plain(run, _COLUMNS["unique_wins"]),
            )
            for run in group.runs
        ),
        marked=_marked(group),
    )


_COLUMNS = {column.name: column for column in RUNS.columns}


def every_figure(group: Group) -> Grid:
    """Every column of `runs`, a row each, with the reason of every null."""
    columns = [c for c in RUNS.columns if c.name not in NO_FIGURES]
    return Grid(
        name="every-figure",
        caption="Every column of the table runs; its meaning shows on its name.",
        heads=(
            Head("Column"),
            *(Head(formats.clean(run.label), numeric=True) for run in group.runs),
        ),
        rows=tuple(
            (
                Cell(column.name, detail=column.unit or None, title=column.meaning),
                *(_plain(run, column) for run in group.runs),
            )
            for column in columns
        ),
        sortable=False,
    )


def _plain(run: Run, column: Column) -> Cell:
    value = run.row[column.name]
    if value is None:
        reason = why_null(RUNS, run.row, column.name)
        return not_applicable(reason) if _cannot_have(run, column) else unknown(reason)
    shown = _written(value, column)
    return Cell(shown, sort=value if column.type in {REAL, COUNT} else shown)


def _written(value: Any, column: Column) -> str:
    if column.type == TRUTH:
        return "yes" if value else "no"
    if column.type == COUNT:
        return f"{value:,}"
    if column.type == REAL:
        return formats.figures(value, 4)
    if column.type == TEXTS:
        return formats.clean(", ".join(value)) or "none"
    return formats.cut(formats.clean(str(value)), 120)
