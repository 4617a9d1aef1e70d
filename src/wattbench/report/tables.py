"""The report's tables of runs: models, question types, comparisons, ensembles."""

from __future__ import annotations

from dataclasses import dataclass

from wattbench.report import formats, measures
from wattbench.report.data import Group, ReportData, Run
from wattbench.report.grids import (
    Badge,
    Cell,
    Grid,
    Head,
    count,
    number,
    text,
    unknown,
)
from wattbench.tables.runs import ENSEMBLES

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


def models(data: ReportData, group: Group) -> Grid:
    """The table of runs: how well each answers and what it takes."""
    rows = []
    for run in group.runs:
        row = run.row
        name = run_cell(group, run.name)
        rows.append(
            (
                Cell(
                    name.text,
                    sort=name.sort,
                    css=name.css,
                    hollow=name.hollow,
                    diamond=name.diamond,
                    detail=_describe(group, run),
                    badge=Badge("headline", "the cheapest of the top group", "headline")
                    if row["headline"]
                    else None,
                ),
                measures.rated(
                    run, "score", bar=True, title=f"Weighted score with its {level(data)} interval."
                ),
                _tie(group, run),
                measures.rated(run, "value_accuracy", title="Share of right values (Wilson)."),
                measures.rated(run, "ref_overlap", title="Mean Jaccard index of references."),
                measures.rated(
                    run, "na_recall", title="Share of unanswerable questions left blank."
                ),
                measures.per_correct(run),
                measures.gross_wh(run),
                measures.latency(run),
                measures.peak_memory(run),
                Cell(
                    f"{row['failed']:,}",
                    sort=row["failed"],
                    detail=f"{row['blank']:,} blank",
                    title=f"Failed, of {row['question_count']:,}; they count as wrong.",
                ),
            )
        )
    return Grid(
        name="models",
        caption=f"Every run and ensemble with {level(data)} intervals. "
        "Sort by any column; what is not known sorts last.",
        heads=(
            Head("Model"),
            Head("Score", numeric=True),
            Head("Tie group", title="Whether the data can tell it from the best run"),
            Head("Value acc.", numeric=True),
            Head("Ref. overlap", numeric=True),
            Head("NA recall", numeric=True),
            Head("Energy/correct", numeric=True),
            Head("Energy, all", numeric=True),
            Head("Time/question", numeric=True),
            Head("Peak memory", numeric=True),
            Head("Failed", numeric=True),
        ),
        rows=tuple(rows),
        marked=frozenset(i for i, run in enumerate(group.runs) if run.row["headline"]),
    )


def _describe(group: Group, run: Run) -> str:
    if run.is_ensemble:
        strategy = next(
            (e["strategy"].replace("_", " ") for e in group.ensembles if e["run"] == run.name),
            "vote",
        )
        return f"ensemble of {len(run.row['members'])}, {formats.clean(strategy)}"
    size = run.row["parameters_b"]
    parts = [
        f"{size:g} B parameters" if size is not None else None,
        run.row["precision"],
        run.row["backend"],
    ]
    return formats.clean(" · ".join(p for p in parts if p))


def _tie(group: Group, run: Run) -> Cell:
    tied = [
        group.label_of(c["second"] if c["first"] == run.name else c["first"])
        for c in group.comparisons
        if run.name in (c["first"], c["second"])
        and c["difference_low"] <= 0 <= c["difference_high"]
    ]
    said = (
        f"The interval of the difference includes 0 against: {', '.join(tied)}." if tied else None
    )
    if run.row["top_group"]:
        return Cell("top group", sort=0, title=formats.clean(said) if said else None)
    return Cell("below", sort=1, title=formats.clean(said) if said else None)


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
    alpha = 1 - data.study.scoring.confidence_level
    rows = []
    for pair in group.comparisons:
        apart = pair["difference_low"] > 0 or pair["difference_high"] < 0
        rows.append(
            (
                run_cell(group, pair["first"]),
                run_cell(group, pair["second"]),
                Cell(
                    formats.signed(pair["difference"]),
                    sort=pair["difference"],
                    detail=f"{formats.signed(pair['difference_low'])} to "
                    f"{formats.signed(pair['difference_high'])}",
                ),
                count(pair["only_first"]),
                count(pair["only_second"]),
                count(pair["paired"]),
                _probability(pair["p"]),
                _probability(pair["p_adjusted"]),
                _verdict(apart=apart, adjusted=pair["p_adjusted"] < alpha),
            )
        )
    return Grid(
        name="comparisons",
        caption="Every pair, paired by question: difference of scores with its "
        f"{level(data)} bootstrap interval; p of McNemar's exact test on right values, raw and "
        "Holm-adjusted over the pairs.",
        heads=(
            Head("First"),
            Head("Second"),
            Head("Difference", numeric=True),
            Head("Only first right", numeric=True),
            Head("Only second right", numeric=True),
            Head("Questions", numeric=True),
            Head("p", numeric=True),
            Head("p adjusted", numeric=True),
            Head("Verdict"),
        ),
        rows=tuple(rows),
        empty="There is one run, so nothing to compare.",
    )


def _verdict(*, apart: bool, adjusted: bool) -> Cell:
    if adjusted:
        return Cell("differ", sort=0, title="The Holm-adjusted p is below the level.")
    if apart:
        return Cell(
            "interval excludes 0",
            sort=1,
            detail="not after adjustment",
            title="Taken alone the pair differs; among all pairs that may be chance.",
        )
    return Cell("cannot tell", sort=2, title="The interval of the difference includes 0.")


def _probability(p: float) -> Cell:
    return Cell("< 0.001" if p < 0.001 else f"{p:.3f}", sort=p)


def ensembles(group: Group) -> Grid:
    """How each ensemble votes, and what it takes beside its members."""
    rows = []
    for row in group.ensembles:
        run = group.run_of(row["run"])
        gain = row["score"] - row["best_member_score"]
        energy: Cell
        if row["energy_gross_j"] is None:
            energy = unknown("a member's energy is unknown")
        elif run is None:
            energy = number(row["energy_gross_j"] / formats.JOULES_PER_WH)
        else:
            energy = Cell(
                measures.energy_text(run, row["energy_gross_j"] / formats.JOULES_PER_WH, "Wh"),
                sort=row["energy_gross_j"],
                badge=measures.energy_badge(run),
            )
        rows.append(
            (
                run_cell(group, row["run"]),
                Cell(
                    formats.clean(row["strategy"].replace("_", " ")),
                    sort=row["strategy"],
                    detail="blanks dropped" if row["ignore_blank"] else "blanks counted",
                ),
                text(", ".join(group.label_of(m) for m in row["members"])),
                Cell(formats.share(row["score"]), sort=row["score"]),
                Cell(
                    formats.share(row["best_member_score"]),
                    sort=row["best_member_score"],
                    detail=formats.clean(group.label_of(row["best_member"])),
                ),
                Cell(formats.signed(gain), sort=gain),
                count(row["unanimous"]),
                count(row["decided_by_order"]),
                energy,
                _latency(row, "latency_sequential_s"),
                _latency(row, "latency_parallel_s"),
            )
        )
    return Grid(
        name="ensembles",
        caption="What voting buys and costs: an ensemble's energy is the sum over its members; "
        "its seconds a question depend on whether members run one after another or side by side.",
        heads=(
            Head("Ensemble"),
            Head("Strategy"),
            Head("Members", broad=True),
            Head("Score", numeric=True),
            Head("Best member", numeric=True),
            Head("Gain", numeric=True),
            Head("Unanimous", numeric=True),
            Head("Decided by order", numeric=True),
            Head("Energy, all", numeric=True),
            Head("Time a question, in turn", numeric=True),
            Head("side by side", numeric=True),
        ),
        rows=tuple(rows),
        empty="The study has no ensemble.",
    )


def _latency(row: dict[str, float | None], column: str) -> Cell:
    value = row[column]
    if value is None:
        return unknown(formats.contract_reason(ENSEMBLES, column))
    return Cell(f"{formats.figures(value)} s", sort=value)
