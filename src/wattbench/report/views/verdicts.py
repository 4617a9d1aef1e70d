"""Plots of who is right on what: scores, ranking, components, agreement, wins, refusals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wattbench.report import formats
from wattbench.report.data import Group, ReportData, Run
from wattbench.report.metrics import METRICS, Value
from wattbench.report.tables import level
from wattbench.report.views import heatmap, plotting, rows
from wattbench.report.views.registry import CannotDraw, Plot, view
from wattbench.scoring.intervals import wilson

TOP = 10


def _rate(run: Run, name: str, count: int, of: int, confidence: float) -> rows.Entry:
    """A row of 'count of so many' with its Wilson interval."""
    ends = wilson(count, of, confidence)
    value: Value | str = "no question was judged"
    if ends is not None:
        value = Value(count / of, ends[0], ends[1])
    return rows.Entry(
        name, run.colour, value, f"{count}/{of}", diamond=run.is_ensemble,
        strong=bool(run.row["headline"]),
    )  # fmt: skip


def _models(group: Group) -> list[Run]:
    return [run for run in group.runs if not run.is_ensemble]


@view(
    "overall_scores",
    title="Overall scores",
    caption="Weighted score of every run and ensemble, the best first, with its interval.",
    section="Accuracy",
)
def overall_scores(data: ReportData, group: Group) -> Plot:
    """Scores as bars."""
    confidence = data.study.scoring.confidence_level
    named = plotting.names(group.runs)
    metric = METRICS["score"]
    entries = [rows.entry(run, named[run.name], metric, confidence) for run in group.runs]
    panel = rows.Panel(
        "", rows.best_first(entries, more_is_better=True), f"Score ({level(data)} interval)",
        share=True, threshold=data.definition.thresholds.score,
    )  # fmt: skip
    return Plot(rows.draw([panel], bars=True))


@view(
    "overall_ranking",
    title="Ranking",
    caption="Rank by score. Full colour is the top group, which the data cannot tell apart from "
    "the best; bold is the headline, its cheapest. Beside the score stands the energy per correct "
    "answer.",
    section="Accuracy",
)
def overall_ranking(data: ReportData, group: Group) -> Plot:
    """Ranks with tie groups."""
    confidence = data.study.scoring.confidence_level
    named = plotting.names(group.runs)
    per_correct = METRICS["energy_per_correct_j"]
    entries = []
    for place, run in enumerate(group.runs):
        energy = per_correct.read(run, confidence)
        cost = (
            f"{'~' if energy.estimate else ''}{formats.figures(energy.value)} J/correct"
            if isinstance(energy, Value)
            else "energy not measured"
        )
        entry = rows.entry(run, named[run.name], METRICS["score"], confidence)
        entries.append(
            rows.Entry(
                entry.name, entry.colour, entry.value, f"#{place + 1} · {entry.shown} · {cost}",
                diamond=entry.diamond, strong=entry.strong, faint=not run.row["top_group"],
            )
        )  # fmt: skip
    panel = rows.Panel(
        "", tuple(entries), f"Score ({level(data)} interval)", share=True,
        threshold=data.definition.thresholds.score
    )  # fmt: skip
    return Plot(rows.draw([panel], bars=True))


COMPONENTS = ("value_accuracy", "ref_overlap", "na_recall")


def _breakdown(data: ReportData, runs: Sequence[Run]) -> Plot:
    confidence = data.study.scoring.confidence_level
    named = plotting.names(runs, 120)
    panels = [
        rows.Panel(
            METRICS[name].label,
            tuple(rows.entry(run, named[run.name], METRICS[name], confidence) for run in runs),
            f"{level(data)} interval",
            share=True,
            threshold=getattr(data.definition.thresholds, name),
        )
        for name in COMPONENTS
    ]
    return Plot(rows.draw(panels, columns=3, bars=True))


@view(
    "score_breakdown",
    title="Score breakdown",
    caption="The score's components: share of right values and NA recall with Wilson intervals, "
    "overlap of references with its bootstrap interval.",
    section="Accuracy",
)
def score_breakdown(data: ReportData, group: Group) -> Plot:
    """Components of every run."""
    return _breakdown(data, group.runs)


@view(
    "score_breakdown_top10",
    title="Score breakdown, the best ten",
    caption="The components of the ten highest scores.",
    section="Accuracy",
)
def score_breakdown_top10(data: ReportData, group: Group) -> Plot:
    """Components of the best ten."""
    if len(group.runs) <= TOP:
        raise CannotDraw(f"there are no more than {TOP} runs: score_breakdown shows all of them")
    return _breakdown(data, group.runs[:TOP])


@view(
    "agreement_heatmap",
    title="Agreement",
    caption="Share of the questions judged of both on which two runs are both right or both "
    "wrong, with Wilson's interval, or how wide intervals are where cells have no room.",
    section="Agreement",
)
def agreement_heatmap(data: ReportData, group: Group) -> Plot:
    """Pairwise agreement of verdicts."""
    confidence = data.study.scoring.confidence_level
    if len(group.runs) < 2:
        raise CannotDraw("there is one run, so nothing to compare")
    right = np.stack([group.answers[r.name].flag("value_correct") for r in group.runs])
    judged = np.stack([group.answers[r.name].judged for r in group.runs])
    both = judged[:, None, :] & judged[None, :, :]
    same = (right[:, None, :] == right[None, :, :]) & both
    counts = both.sum(axis=2)
    with np.errstate(invalid="ignore", divide="ignore"):
        values = np.where(counts > 0, same.sum(axis=2) / counts, np.nan)
    named = plotting.names(group.runs, 110, plotting.SMALL_PT)
    labels = [named[r.name] for r in group.runs]
    questions = int(counts.max()) if counts.size else 0
    return Plot(
        heatmap.of_shares(
            np.stack([values, *_wilson_ends(same.sum(axis=2), counts, confidence)]), labels, labels,
            label=f"Same verdict (n = {questions:,})", level=confidence,
        )
    )  # fmt: skip


def _wilson_ends(same: np.ndarray, counts: np.ndarray, confidence: float) -> np.ndarray:
    """Wilson's intervals of shares, shape (2, ...); NaN on the diagonal, where all agree."""
    found = np.full((2, *counts.shape), np.nan)
    for row, column in np.ndindex(*counts.shape):
        ends = wilson(int(same[row, column]), int(counts[row, column]), confidence)
        if row != column and ends is not None:
            found[:, row, column] = ends
    return found


@view(
    "unique_wins",
    title="Unique wins",
    caption="Questions that one model alone got right, as a share of all, with Wilson intervals. "
    "Ensembles repeat their members' answers and are left out.",
    section="Agreement",
)
def unique_wins(data: ReportData, group: Group) -> Plot:
    """What each model alone gets right."""
    models = _models(group)
    if len(models) < 2:
        raise CannotDraw("there are fewer than two models, so no win is unique")
    right = np.stack([group.answers[r.name].flag("value_correct") for r in models])
    alone = right & (right.sum(axis=0) == 1)
    judged = np.stack([group.answers[r.name].judged for r in models]).sum(axis=1)
    named = plotting.names(models)
    entries = [
        _rate(
            run, named[run.name], int(alone[i].sum()), int(judged[i]),
            data.study.scoring.confidence_level,
        )
        for i, run in enumerate(models)
    ]  # fmt: skip
    panel = rows.Panel(
        "", rows.best_first(entries, more_is_better=True),
        f"Share of questions only it gets right ({level(data)} interval)",
    )  # fmt: skip
    left_out = tuple(
        (r.label, "an ensemble repeats its members") for r in group.runs if r.is_ensemble
    )
    figure = rows.draw([panel], bars=True)
    plotting.foot(figure, left_out)
    return Plot(figure, left_out)


@view(
    "refusal_rates",
    title="Refusals",
    caption="Share of the questions left blank, with Wilson intervals: of the answerable ones, "
    "where a refusal is an error, and of the unanswerable ones, where it is right.",
    section="Accuracy",
)
def refusal_rates(data: ReportData, group: Group) -> Plot:
    """How often each run abstains, and whether it should."""
    confidence = data.study.scoring.confidence_level
    answerable = np.array([bool(q["answerable"]) for q in group.question_rows])
    named = plotting.names(group.runs, 120)
    panels = []
    for title, asked in (("Answerable questions", answerable), ("Unanswerable", ~answerable)):
        if not asked.any():
            continue
        entries = []
        for run in group.runs:
            answers = group.answers[run.name]
            there = asked & answers.predicted
            blank = int((answers.flag("blank") & there).sum())
            entries.append(_rate(run, named[run.name], blank, int(there.sum()), confidence))
        sized = f"{title} (n = {int(asked.sum()):,})"
        panels.append(
            rows.Panel(
                sized, tuple(entries), f"Share left blank ({level(data)} interval)", share=True
            )
        )
    if not panels:
        raise CannotDraw("there is no question")
    return Plot(rows.draw(panels, columns=2, bars=True))
