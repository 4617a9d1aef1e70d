"""The report's tables of question types and comparisons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from wattbench.report import formats, measures
from wattbench.report.data import Group, ReportData, Run
from wattbench.report.grids import (
    Cell,
    Grid,
    Head,
    count,
    text,
    unknown,
    why_null,
)
from wattbench.tables.verdicts import COMPARISONS

KINDS = {
    "all": "All questions",
    "quote": "Quote",
    "table": "Table",
    "figure": "Figure",
    "math": "Calculation",
    "na": "Unanswerable",
    "other": "No type given",
}


def run_cell(group: Group, name: str) -> Cell:
    """A cell that names a run, with its mark."""
    run = group.run_of(name)
    label = formats.clean(group.label_of(name))
    if run is None:
        return Cell(label, sort=label.casefold())
    return Cell(
        label,
        sort=label.casefold(),
        css=run.css,
        hollow=measures.is_estimate(run),
        diamond=run.is_ensemble,
    )


def level(data: ReportData) -> str:
    """The level of every interval, such as '95 %'."""
    return f"{data.study.scoring.confidence_level * 100:g} %"


@dataclass(frozen=True)
class KindResult:
    """How often a run is right on the questions of one kind."""

    run: Run
    kind: str
    right: int
    asked: int
    accuracy: float
    low: float
    high: float


def by_kind(group: Group) -> list[KindResult]:
    """Accuracy by kind of question from the table `question_types`, kinds in their order."""
    order = [*KINDS, *(r["kind"] for r in group.question_types if r["kind"] not in KINDS)]
    found = {(r["kind"], r["run"]): r for r in group.question_types if r["count"]}
    return [
        KindResult(
            run, kind, row["correct"], row["count"],
            row["accuracy"], row["accuracy_low"], row["accuracy_high"],
        )
        for kind in dict.fromkeys(order)
        for run in group.runs
        if (row := found.get((kind, run.name))) is not None
    ]  # fmt: skip


def kinds(data: ReportData, group: Group) -> Grid:
    """Accuracy by type of question."""
    results = by_kind(group)
    return Grid(
        name="question-types",
        caption=f"Share of right values by type of question, with {level(data)} Wilson intervals; "
        "a question of several types counts in each.",
        heads=(
            Head("Type"),
            Head("Model"),
            Head("Right", numeric=True),
            Head("Questions", numeric=True),
            Head("Accuracy", numeric=True),
            Head(f"{level(data)} interval", numeric=True),
        ),
        rows=tuple(
            (
                text(KINDS.get(r.kind, r.kind)),
                run_cell(group, r.run.name),
                count(r.right),
                count(r.asked),
                Cell(formats.share(r.accuracy), sort=r.accuracy),
                Cell(formats.interval(r.low, r.high), sort=r.low),
            )
            for r in results
        ),
    )


def comparisons(data: ReportData, group: Group) -> Grid:
    """Every pair of runs, paired by question."""
    return Grid(
        name="comparisons",
        caption="Every pair, paired by question. Difference: of scores, with its "
        f"{level(data)} interval and p, Holm-adjusted over the pairs. Right values: questions that "
        "one alone has right, the share judged alike, and p of McNemar's test, Holm-adjusted. "
        "Energy ratio: answering energy of the first over that of the second. Dominates: "
        "probability of the higher score for less energy.",
        heads=(
            Head("First"),
            Head("Second"),
            Head("Verdict", broad=True),
            Head("Difference", numeric=True),
            Head("p adjusted", numeric=True),
            Head("Only first right", numeric=True),
            Head("Only second right", numeric=True),
            Head("Agreement", numeric=True),
            Head("McNemar p adjusted", numeric=True),
            Head("Energy ratio", numeric=True),
            Head("First dominates", numeric=True),
            Head("Second dominates", numeric=True),
        ),
        rows=tuple(_pair(group, pair) for pair in group.comparisons),
        empty="There is one run, so nothing to compare.",
    )


def _pair(group: Group, pair: dict[str, Any]) -> tuple[Cell, ...]:
    ratio = pair["energy_ratio"]
    return (
        run_cell(group, pair["first"]),
        run_cell(group, pair["second"]),
        *_difference(pair),
        count(pair["only_first"]),
        count(pair["only_second"]),
        _share(pair, "agreement", lambda share: formats.percent(100 * share)),
        _probability(pair["p_adjusted"]),
        unknown(why_null(COMPARISONS, pair, "energy_ratio"))
        if ratio is None
        else Cell(
            formats.figures(ratio),
            sort=ratio,
            detail=formats.interval(pair["energy_ratio_low"], pair["energy_ratio_high"], "figures"),
        ),
        _share(pair, "first_dominates", formats.probability),
        _share(pair, "second_dominates", formats.probability),
    )


def _difference(pair: dict[str, Any]) -> tuple[Cell, Cell, Cell]:
    """Verdict, difference and its p."""
    if pair["difference"] is None:
        nothing = unknown(why_null(COMPARISONS, pair, "difference"))
        return nothing, nothing, nothing
    low, high = formats.signed(pair["difference_low"]), formats.signed(pair["difference_high"])
    return (
        _verdict(pair),
        Cell(
            formats.signed(pair["difference"]),
            sort=pair["difference"],
            detail=f"{low} to {high}",
        ),
        _probability(pair["difference_p_adjusted"]),
    )


def _share(pair: dict[str, Any], column: str, write: Callable[[float], str]) -> Cell:
    value = pair[column]
    if value is None:
        return unknown(why_null(COMPARISONS, pair, column))
    return Cell(write(value), sort=value)


def _verdict(pair: dict[str, Any]) -> Cell:
    if pair["distinct"]:
        return Cell("differ", sort=0, title="The adjusted p of the difference is below the level.")
    if pair["difference_low"] > 0 or pair["difference_high"] < 0:
        return Cell(
            "interval excludes 0",
            sort=1,
            detail="not after adjustment",
            title="Taken alone the pair differs; among all pairs that may be chance.",
        )
    return Cell("cannot tell", sort=2, title="The interval of the difference includes 0.")


def _probability(p: float) -> Cell:
    return Cell("< 0.001" if p < 0.001 else f"{p:.3f}", sort=p)
