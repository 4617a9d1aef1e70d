"""The report's tables of what runs say together: scaling, repeats, calibration."""

from __future__ import annotations

from typing import Any

from wattbench.report import formats, measures
from wattbench.report.data import Group, ReportData, Run
from wattbench.report.grids import Cell, Grid, Head, count, text, unknown, why_null
from wattbench.report.tables import level, run_cell
from wattbench.tables.runs import RUNS
from wattbench.tables.statistics import REPEATS, SCALING

Row = dict[str, Any]

MEASURES = {
    "score": "Score",
    "value_accuracy": "Value accuracy",
    "energy_per_question_j": "Joules a question",
    "energy_per_correct_j": "Joules per right value",
    "latency_mean_s": "Seconds a question",
}


def not_computed(data: ReportData, table: str, otherwise: str) -> str:
    """Why a section has nothing: its table is not there, or `otherwise`."""
    absent = data.absent.get(table)
    return otherwise if absent is None else f"Not computed: {absent} (tables/{table}.parquet)."


def scaling(data: ReportData, group: Group) -> Grid:
    """How figures change with the size of the models of one family."""
    return Grid(
        name="scaling",
        caption="Change per tenfold number of parameters within a family: a line through the "
        "figure, or through its logarithm, where the change is a factor. "
        f"First {level(data)} interval: over models; second: over questions and meters, for these "
        "very models.",
        heads=(
            Head("Family"),
            Head("Figure"),
            Head("Sizes", numeric=True),
            Head("Per tenfold size", numeric=True),
            Head("For these models", numeric=True),
            Head("R²", numeric=True),
            Head("Models", broad=True),
        ),
        rows=tuple(_scaled(group, row) for row in group.scaling),
        empty=not_computed(
            data,
            "scaling",
            "Not computed: no family has two models whose sizes are given and differ "
            "(`family` and `parameters_b` of the study's models).",
        ),
    )


def _scaled(group: Group, row: Row) -> tuple[Cell, ...]:
    power = row["transform"] == "log10"

    def change(slope: float) -> str:
        return f"\u00d7 {formats.figures(10**slope)}" if power else formats.signed(slope)

    def between(low: float | None, high: float | None) -> str | None:
        return None if low is None or high is None else f"{change(low)} to {change(high)}"

    within = between(row["slope_sampling_low"], row["slope_sampling_high"])
    named = ", ".join(group.label_of(r) for r in row["runs"])
    left_out = ", ".join(group.label_of(r) for r in row["excluded"])
    return (
        text(row["family"]),
        text(MEASURES.get(row["measure"], row["measure"])),
        Cell(
            f"{row['size_count']}",
            sort=row["size_count"],
            detail=f"{row['parameters_min_b']:g}\u2013{row['parameters_max_b']:g} B",
        ),
        Cell(
            change(row["slope"]),
            sort=row["slope"],
            detail=between(row["slope_low"], row["slope_high"]) or "no interval: two sizes",
        ),
        Cell(within, sort=row["slope_sampling_low"])
        if within
        else unknown(why_null(SCALING, row, "slope_sampling_low")),
        Cell(formats.share(row["r_squared"]), sort=row["r_squared"])
        if row["r_squared"] is not None
        else unknown(why_null(SCALING, row, "r_squared")),
        Cell(
            formats.clean(named),
            sort=named.casefold(),
            detail=formats.clean(f"without {left_out}: size or figure unknown")
            if left_out
            else None,
        ),
    )


def repeats(data: ReportData, group: Group) -> Grid:
    """Models that were run several times, and what varies."""
    return Grid(
        name="repeats",
        caption=f"Mean score of all repeats with its {level(data)} interval over questions and "
        "repeats, and the standard deviation that each brings.",
        heads=(
            Head("Model"),
            Head("Repeats", numeric=True),
            Head("Score", numeric=True),
            Head("Lowest and highest", numeric=True),
            Head("Between questions", numeric=True),
            Head("Between repeats", numeric=True),
            Head("Neither", numeric=True),
            Head("Judged alike", numeric=True),
            Head("Answering energy", numeric=True),
        ),
        rows=tuple(_repeated(group, row) for row in group.repeats),
        empty=not_computed(data, "repeats", "The study repeats no run (`repeat_of`)."),
    )


def _repeated(group: Group, row: Row) -> tuple[Cell, ...]:
    energy, spread = row["energy_answer_mean_j"], row["energy_answer_sd_j"]
    return (
        run_cell(group, row["run"]),
        count(row["repeat_count"]),
        Cell(
            formats.share(row["score"]),
            sort=row["score"],
            detail=formats.interval(row["score_low"], row["score_high"]),
        ),
        Cell(formats.interval(row["score_min"], row["score_max"]), sort=row["score_min"]),
        *(
            Cell(formats.share(row[name]), sort=row[name])
            if row[name] is not None
            else unknown(why_null(REPEATS, row, name))
            for name in ("question_sd", "repeat_sd", "residual_sd", "agreement")
        ),
        unknown(why_null(REPEATS, row, "energy_answer_mean_j"))
        if energy is None
        else Cell(
            f"{formats.figures(energy)} J",
            sort=energy,
            detail="deviation not known" if spread is None else f"± {formats.figures(spread, 2)} J",
        ),
    )


_FORMS = (("", "confidence_count"), ("risk_", "risk_count"))


def calibration(group: Group) -> Grid:
    """How far the runs' confidence may be trusted."""
    known = [r for r in group.runs if any(r.row[column] for _, column in _FORMS)]
    why = next(
        (
            why_null(RUNS, r.row, "confidence_mean")
            for r in group.runs
            if r.row["confidence_mean"] is None and not r.is_ensemble
        ),
        "no run has an answer with a confidence",
    )
    with_risk = any(r.row["risk_count"] for r in known)
    return Grid(
        name="calibration",
        caption="ECE: expected calibration error in ten bins, 0 is best. Brier score: mean squared "
        "error of the confidence, 0 is best. AUC: how often a right answer is surer than a wrong "
        "one, 0.5 is chance."
        + (
            " True or false: the same of the probability of 'true' against the gold answer."
            if with_risk
            else ""
        ),
        heads=(
            Head("Model"),
            Head("Answers", numeric=True, title="Answers whose confidence is known"),
            Head("Mean confidence", numeric=True),
            Head("C-ECE", numeric=True),
            Head("Brier score", numeric=True),
            Head("AUC", numeric=True),
            *(
                (
                    Head("True or false", numeric=True, title="Questions of that kind"),
                    Head("R-ECE", numeric=True),
                    Head("Brier score, risk", numeric=True),
                    Head("AUC, risk", numeric=True),
                )
                if with_risk
                else ()
            ),
        ),
        rows=tuple(_calibrated(group, run, with_risk=with_risk) for run in group.runs)
        if known
        else (),
        empty=f"Not measured: {why}.",
    )


def _calibrated(group: Group, run: Run, *, with_risk: bool) -> tuple[Cell, ...]:
    columns = ["confidence_count", "confidence_mean", "ece", "brier", "auc"]
    if with_risk:
        columns += ["risk_count", "risk_ece", "risk_brier", "risk_auc"]
    return (run_cell(group, run.name), *(measures.of_column(run, column) for column in columns))
