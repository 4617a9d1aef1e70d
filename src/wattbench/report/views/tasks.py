"""The views of scores by task, model and factor: a report's tasks are its types of questions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from wattbench.report.data import Group, ReportData, Run
from wattbench.report.metrics import METRICS
from wattbench.report.tables import KINDS
from wattbench.report.views import evaluations
from wattbench.report.views.registry import CannotDraw, Plot, view
from wattbench.study.reporting import ScoreName

COLUMNS = {
    "score": "weighted_score",
    "value_accuracy": "value_correct",
    "ref_overlap": "ref_overlap",
    "na_recall": "na_correct",
}
"""Column of an answer's judgement by the score that sums it."""


def kinds_of(group: Group) -> dict[str, list[int]]:
    """Places of the questions of each type, in the report's order; empty types are left out."""
    found: dict[str, list[int]] = {kind: [] for kind in KINDS if kind != "all"}
    for place, question in enumerate(group.question_rows):
        for kind in question["kinds"] or ["other"]:
            found.setdefault(kind, []).append(place)
    return {kind: places for kind, places in found.items() if places}


def summed(
    group: Group, run: Run, places: Sequence[int], score: ScoreName, level: float
) -> tuple[float, tuple[float, float]] | None:
    """A run's score over some questions with its interval; None where none of them counts.

    Wilson's interval, which is too wide rather than too narrow for means of values from 0 to 1:
    their variance is at most that of a share with the same mean (Bhatia and Davis 2000).
    """
    answers = group.answers[run.name]
    chosen = np.array(places, dtype=np.intp)
    chosen = chosen[answers.judged[chosen]]
    if score == "na_recall":
        blank = np.array([not q["answerable"] for q in group.question_rows])
        chosen = chosen[blank[chosen]]
    if not len(chosen):
        return None
    values = np.array(answers.column(COLUMNS[score]), dtype=float)[chosen]
    middle = float(values.mean())
    z2 = evaluations.normal_half(level) ** 2 / len(values)
    centre = (middle + z2 / 2) / (1 + z2)
    half = math.sqrt(z2 * (middle * (1 - middle) + z2 / 4)) / (1 + z2)
    return middle, (max(centre - half, 0.0), min(centre + half, 1.0))


def frame_of(
    group: Group, tasks: Mapping[str, Sequence[int]], score: ScoreName, level: float
) -> pd.DataFrame:
    """One row a run and task, as `evaluations` draws it: column `score` with `_low` and `_high`."""
    rows = []
    for task, places in tasks.items():
        for run in group.runs:
            found = summed(group, run, places, score, level)
            middle, (low, high) = found or (math.nan, (math.nan, math.nan))
            rows.append(
                {
                    "model": run.name, "model_display_name": run.label, "colour": run.colour,
                    "kind": run.row["kind"], "task_name": task, "score": middle,
                    "score_low": low, "score_high": high,
                }
            )  # fmt: skip
    frame = pd.DataFrame(rows)
    if frame.empty or frame["score"].isna().all():
        raise CannotDraw("no question was scored")
    return frame


def _by_kind(group: Group, score: ScoreName, level: float) -> pd.DataFrame:
    tasks = {f"{KINDS.get(k, k)} (n = {len(p)})": p for k, p in kinds_of(group).items()}
    if score == "na_recall":
        tasks = {t: p for t, p in tasks.items() if t.startswith(KINDS["na"])}
    frame = frame_of(group, tasks, score, level)
    return frame.groupby("task_name", sort=False).filter(lambda part: part["score"].notna().any())


def _level(data: ReportData, ci: float | None) -> float:
    return data.study.scoring.confidence_level if ci is None else ci


def _label(score: ScoreName, given: str | None, level: float) -> str:
    return f"{given or METRICS[score].label} ({level * 100:g} % interval)"


@view(
    "scores_by_task",
    title="Scores by type of question",
    caption="A score of every run on each type of question, with Wilson's intervals, which are "
    "wide rather than narrow for means.",
    section="Accuracy",
)
def by_task(data: ReportData, group: Group) -> Plot:
    """A panel a type of question."""
    settings = data.definition.outputs.figures.scores_by_task
    level = _level(data, settings.ci)
    frame = _by_kind(group, settings.score_value, level)
    label = _label(settings.score_value, settings.score_label, level)
    return Plot(evaluations.scores_by_task(frame, score_value="score", score_label=label))


@view(
    "scores_by_model",
    title="Scores by model",
    caption="One score of every run on all questions, the best first, with its interval.",
    section="Accuracy",
)
def by_model(data: ReportData, group: Group) -> Plot:
    """A bar a run."""
    settings = data.definition.outputs.figures.scores_by_model
    level = _level(data, settings.ci)
    every = {"all": list(range(len(group.question_rows)))}
    frame = frame_of(group, every, settings.score_value, level)
    if settings.ci is None:
        frame = _with_own_figures(frame, group, settings.score_value)
    label = _label(settings.score_value, settings.score_label, level)
    return Plot(
        evaluations.scores_by_model(
            frame, score_value="score", score_label=label, height=settings.height
        )
    )


def _with_own_figures(frame: pd.DataFrame, group: Group, score: ScoreName) -> pd.DataFrame:
    """The runs' own scores and intervals in place of means over their answers."""
    for ending in ("", "_low", "_high"):
        own: dict[str, Any] = {run.name: run.row[f"{score}{ending}"] for run in group.runs}
        frame[f"score{ending}"] = frame["model"].map(own).astype(float)
    return frame


@view(
    "scores_by_factor",
    title="Scores by a factor",
    caption="One score of every run on the questions without and with a property, with intervals.",
    section="Accuracy",
)
def by_factor(data: ReportData, group: Group) -> Plot:
    """Two panels."""
    settings = data.definition.outputs.figures.scores_by_factor
    level = _level(data, settings.ci)
    factor = settings.factor
    has: Callable[[dict[str, Any]], bool] = (
        (lambda q: bool(q["answerable"]))
        if factor == "answerable"
        else (lambda q: factor in (q["kinds"] or ()))
    )
    sides = {
        side: [i for i, q in enumerate(group.question_rows) if has(q) is side]
        for side in (False, True)
    }
    usual = (
        ("Unanswerable", "Answerable")
        if factor == "answerable"
        else (f"Other questions than {factor}", f"Type {factor}")
    )
    names = settings.factor_labels or usual
    labels = (f"{names[0]} (n = {len(sides[False])})", f"{names[1]} (n = {len(sides[True])})")
    present = {str(side): places for side, places in sides.items() if places}
    frame = frame_of(group, present, settings.score_value, level)
    frame["factor"] = frame["task_name"] == "True"
    figure = evaluations.scores_by_factor(
        frame, factor="factor", factor_labels=labels, score_value="score",
        score_label=_label(settings.score_value, settings.score_label, level),
    )  # fmt: skip
    return Plot(figure)


@view(
    "scores_heatmap",
    title="Scores of runs and types of question",
    caption="One score of every run on each type of question with Wilson's interval, or how wide "
    "intervals are where cells have no room; pale where there is none.",
    section="Accuracy",
)
def as_heatmap(data: ReportData, group: Group) -> Plot:
    """Runs against types of question."""
    settings = data.definition.outputs.figures.scores_heatmap
    level = data.study.scoring.confidence_level
    frame = _by_kind(group, settings.score_value, level)
    return Plot(
        evaluations.scores_heatmap(
            frame, score_value="score", score_label=METRICS[settings.score_value].label,
            ci=level, title=settings.title, model_label=settings.model_label,
            orientation=settings.orientation,
        )
    )  # fmt: skip


NORMALIZED = {
    "min_max": "0 is the worst run of a type and 1 the best",
    "percentile": "the share of the other runs that are worse",
    "absolute": "the score itself",
}


@view(
    "scores_radar_by_task",
    title="Radar of types of question",
    caption="A radar a run, a spoke a type of question, outwards is better; bars along the spokes "
    "are Wilson's intervals, which ranks have none of. The scale is set by `normalization`.",
    section="Accuracy",
)
def as_radar(data: ReportData, group: Group) -> Plot:
    """A radar a run."""
    settings = data.definition.outputs.figures.scores_radar_by_task
    level = data.study.scoring.confidence_level
    tasks = {KINDS.get(k, k): p for k, p in kinds_of(group).items()}
    frame = frame_of(group, tasks, settings.score_value, level)
    if settings.score_value == "na_recall":
        raise CannotDraw("NA recall is of one type of question, and a radar needs three")
    figure = evaluations.scores_radar_by_task(
        evaluations.scores_radar_by_task_df(
            frame, score_value="score", invert=settings.invert,
            normalization=settings.normalization, domain=settings.domain,
        )
    )  # fmt: skip
    label = f"{METRICS[settings.score_value].label}: {NORMALIZED[settings.normalization]}"
    if settings.normalization != "percentile":
        label += f"; bars are {level * 100:g} % intervals"
    figure.supxlabel(label, fontsize=8)
    return Plot(figure)
