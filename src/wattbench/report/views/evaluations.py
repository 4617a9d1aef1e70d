"""Scores by task, model and factor, over a frame with one row a model and task.

The functions take any such frame (columns are named by their arguments), so that results from
elsewhere can be drawn alike; the registered views make the frame of a report, whose tasks are
the types of questions.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from wattbench.report import palette
from wattbench.report.metrics import Value
from wattbench.report.views import heatmap, plotting, rows
from wattbench.report.views.registry import CannotDraw

Normalization = Literal["min_max", "percentile", "absolute"]


@dataclass(frozen=True)
class _Model:
    name: str
    colour: str
    diamond: bool


def _models(frame: pd.DataFrame, column: str, points: float) -> dict[str, _Model]:
    """Each model's name fit to be drawn, colour and mark, in the frame's order."""
    found: dict[str, _Model] = {}
    taken: set[str] = set()
    firsts = frame.drop_duplicates(column)
    for place, row in enumerate(firsts.to_dict("records")):
        shown = plotting.distinct(str(row[column]), taken, points)
        colour = row.get("colour") or palette.of_place(place)
        found[str(row[column])] = _Model(shown, str(colour), row.get("kind") == "ensemble")
    return found


def value_of(row: Mapping[Hashable, Any], score: str, stderr: str | None, ci: float) -> Value | str:
    """A row's score with its interval: its own ends, or those of its standard error."""
    middle = number(row.get(score))
    if middle is None:
        return "the frame holds no such score"
    low, high = number(row.get(f"{score}_low")), number(row.get(f"{score}_high"))
    error = number(row.get(stderr)) if stderr else None
    if (low is None or high is None) and error is not None:
        half = normal_half(ci) * error
        low, high = max(middle - half, 0.0), min(middle + half, 1.0)
    return Value(middle, low, high)


def normal_half(level: float) -> float:
    """Standard errors from the middle to the end of a normal interval of that level."""
    return NormalDist().inv_cdf(0.5 + level / 2)


def number(value: object) -> float | None:
    """A finite number, or None."""
    if isinstance(value, int | float | np.number) and math.isfinite(float(value)):
        return float(value)
    return None


def needs(frame: pd.DataFrame, *columns: str) -> None:
    """Raises CannotDraw where the frame lacks one of the columns."""
    lacking = [c for c in columns if c not in frame.columns]
    if lacking:
        raise CannotDraw(f"the scores lack the columns {', '.join(lacking)}")


def _entry(
    row: Mapping[Hashable, Any], model: _Model, score: str, stderr: str | None, ci: float
) -> rows.Entry:
    value = value_of(row, score, stderr, ci)
    shown = f"{value.value:.3f}" if isinstance(value, Value) else ""
    return rows.Entry(model.name, model.colour, value, shown, diamond=model.diamond)


def scores_by_task(
    frame: pd.DataFrame,
    *,
    task_name: str = "task_name",
    model_name: str = "model_display_name",
    score_value: str,
    score_stderr: str | None = None,
    score_label: str = "Score",
    ci: float = 0.95,
) -> Figure:
    """A panel a task, a row a model.

    Args:
        frame: One row a model and task; `<score_value>_low` and `_high` are its interval where
            the frame has them.
        task_name: Column of tasks.
        model_name: Column of models.
        score_value: Column of scores from 0 to 1.
        score_stderr: Column of their standard errors.
        score_label: What the scores are.
        ci: Level of the intervals made from standard errors.

    Raises:
        CannotDraw: A column is missing.
    """
    needs(frame, task_name, model_name, score_value)
    models = _models(frame, model_name, 120)
    panels = [
        rows.Panel(
            str(task),
            tuple(
                _entry(row, models[str(row[model_name])], score_value, score_stderr, ci)
                for row in part.to_dict("records")
            ),
            score_label,
            share=True,
        )
        for task, part in frame.groupby(task_name, sort=False)
    ]
    return rows.draw(panels, columns=2)


def scores_by_model(
    frame: pd.DataFrame,
    *,
    task_name: str = "task_name",
    model_name: str = "model_display_name",
    score_value: str,
    score_stderr: str | None = None,
    score_label: str = "Score",
    ci: float = 0.95,
    height: float | None = None,
) -> Figure:
    """A bar a model, of one task.

    Args:
        frame: As of `scores_by_task`, of a single task.
        task_name: Column of tasks, which may be missing.
        model_name: Column of models.
        score_value: Column of scores.
        score_stderr: Column of their standard errors.
        score_label: What the scores are.
        ci: Level of the intervals.
        height: Pixels of 1/96 inch; None: by the number of models.

    Raises:
        CannotDraw: A column is missing, there are several tasks, or rows would overlap.
    """
    needs(frame, model_name, score_value)
    if task_name in frame.columns and len(frame[task_name].unique()) > 1:
        raise CannotDraw("the scores are of several tasks; scores_by_task shows them")
    models = _models(frame, model_name, plotting.NAME_PT)
    entries = [
        _entry(row, models[str(row[model_name])], score_value, score_stderr, ci)
        for row in frame.to_dict("records")
    ]
    ordered = rows.best_first(entries, more_is_better=True)
    figure = rows.draw([rows.Panel("", ordered, score_label, share=True)], bars=True)
    least = math.ceil((rows.PANEL_IN + rows.LEAST_ROW_IN * len(entries)) * 96)
    if height is not None and height < least:
        raise CannotDraw(f"a height of {height:g} is too little: {len(entries)} need {least}")
    if height is not None:
        figure.set_size_inches(plotting.WIDTH, height / 96)
    return figure


def scores_by_factor(
    frame: pd.DataFrame,
    *,
    factor: str,
    factor_labels: tuple[str, str] = ("False", "True"),
    model: str = "model_display_name",
    model_label: str = "Model",
    score_value: str,
    score_stderr: str | None = None,
    score_label: str = "Score",
    ci: float = 0.95,
) -> Figure:
    """Two panels, without and with a factor, a row a model in both.

    Args:
        frame: One row a model and side of the factor.
        factor: Column of truths.
        factor_labels: Names of its sides, the false one first.
        model: Column of models.
        model_label: What they are.
        score_value: Column of scores.
        score_stderr: Column of their standard errors.
        score_label: What the scores are.
        ci: Level of the intervals.

    Raises:
        CannotDraw: A column is missing, or the factor has one side only.
    """
    needs(frame, factor, model, score_value)
    sides = set(frame[factor].astype(bool))
    if len(sides) < 2:
        raise CannotDraw(
            f"there is nothing to compare: all of it is '{factor_labels[sides.pop()]}'"
        )
    models = _models(frame, model, 120)
    panels = []
    for side, name in zip((False, True), factor_labels, strict=True):
        found = {str(r[model]): r for r in frame.to_dict("records") if bool(r[factor]) is side}
        entries = tuple(
            _entry(found.get(key, {}), one, score_value, score_stderr, ci)
            for key, one in models.items()
        )
        panels.append(rows.Panel(name, entries, score_label, share=True))
    figure = rows.draw(panels, columns=2)
    figure.axes[0].set_ylabel(plotting.literal(model_label))
    return figure


def is_diagonal(frame: pd.DataFrame, task_name: str, model_name: str) -> bool:
    """Whether each task has but one model, so that a matrix of both is a diagonal."""
    return bool(frame.groupby(task_name)[model_name].nunique().max() <= 1)


def scores_heatmap(
    frame: pd.DataFrame,
    *,
    task_name: str = "task_name",
    model_name: str = "model_display_name",
    model_label: str = "Model",
    score_value: str,
    score_stderr: str | None = None,
    score_label: str = "Score",
    ci: float = 0.95,
    title: str = "",
    orientation: Literal["vertical", "horizontal"] = "vertical",
) -> Figure:
    """Models against tasks, the interval in each cell where there is room, else their width.

    Args:
        frame: As of `scores_by_task`.
        task_name: Column of tasks.
        model_name: Column of models.
        model_label: What the models are.
        score_value: Column of scores.
        score_stderr: Column of their standard errors.
        score_label: What they are.
        ci: Level of the intervals.
        title: Title of the plot.
        orientation: vertical: a row a model; horizontal: a column a model.

    Raises:
        CannotDraw: A column is missing, or each task has but one model.
    """
    needs(frame, task_name, model_name, score_value)
    if is_diagonal(frame, task_name, model_name):
        raise CannotDraw("each task has but one model: the matrix would be a diagonal")
    models = _models(frame, model_name, 120)
    tasks = list(dict.fromkeys(map(str, frame[task_name])))
    cells = np.full((3, len(models), len(tasks)), np.nan)
    places = {name: i for i, name in enumerate(models)}
    for row in frame.to_dict("records"):
        found = value_of(row, score_value, score_stderr, ci)
        if isinstance(found, Value):
            place = places[str(row[model_name])], tasks.index(str(row[task_name]))
            ends = (math.nan if end is None else end for end in (found.low, found.high))
            cells[:, place[0], place[1]] = (found.value, *ends)
    names = [m.name for m in models.values()]
    shown_tasks = [
        plotting.squeezed(t, 110, plotting.SMALL_PT).replace(" (n = ", "\n(n = ") for t in tasks
    ]
    if orientation == "horizontal":
        cells, names, shown_tasks = cells.transpose(0, 2, 1), shown_tasks, names
    return heatmap.of_shares(
        cells, names, shown_tasks, label=score_label, level=ci, title=title,
        row_label=plotting.literal(model_label) if orientation == "vertical" else "",
    )  # fmt: skip


def scores_radar_by_task_df(
    frame: pd.DataFrame,
    *,
    task_name: str = "task_name",
    model_name: str = "model_display_name",
    score_value: str,
    invert: Sequence[str] = (),
    normalization: Normalization = "absolute",
    domain: tuple[float, float] = (0.0, 1.0),
) -> pd.DataFrame:
    """The frame with the column `value`, from 0 to 1: the score as a radar draws it.

    `value_low` and `value_high` are its interval on the same scale, where the frame has one;
    ranks have none.

    min_max: 0 for the worst model of a task and 1 for the best; 0.5 where all are equal.
    percentile: the share of the other models that are worse, ties by half. absolute: the place in
    `domain`, cut at its ends.

    Args:
        frame: As of `scores_by_task`.
        task_name: Column of tasks.
        model_name: Column of models.
        score_value: Column of scores.
        invert: Tasks on which less is better: 1 - value.
        normalization: One of the three.
        domain: Ends under `absolute`.

    Raises:
        CannotDraw: A column is missing, or `invert` names no task.
    """
    needs(frame, task_name, model_name, score_value)
    found = frame.copy()
    unknown = set(invert) - set(map(str, found[task_name]))
    if unknown:
        raise CannotDraw(f"'invert' names what is no task: {', '.join(sorted(unknown))}")
    scores = found[score_value].astype(float)
    by_task = scores.groupby(found[task_name])
    if normalization == "min_max":
        low, high = by_task.transform("min"), by_task.transform("max")
        for column, values in _with_ends(found, score_value):
            spread = ((values - low) / (high - low)).clip(0, 1)
            found[f"value{column}"] = spread.where(high > low, 0.5 if not column else math.nan)
        found["value"] = found["value"].where(scores.notna())
    elif normalization == "percentile":
        others = by_task.transform("count") - 1
        worse = by_task.rank(method="average") - 1
        found["value"] = (worse / others).where(others > 0, 0.5).where(scores.notna())
    else:
        for column, values in _with_ends(found, score_value):
            found[f"value{column}"] = ((values - domain[0]) / (domain[1] - domain[0])).clip(0, 1)
    turned = found[task_name].astype(str).isin(list(invert))
    there = [c for c in ("value", "value_low", "value_high") if c in found.columns]
    found.loc[turned, there] = 1 - found.loc[turned, there]
    return found


def _with_ends(frame: pd.DataFrame, score: str) -> list[tuple[str, pd.Series[float]]]:
    """The scores, and both ends of their intervals where the frame has them, by their endings."""
    return [
        (ending, frame[f"{score}{ending}"].astype(float))
        for ending in ("", "_low", "_high")
        if f"{score}{ending}" in frame.columns
    ]


def scores_radar_by_task(
    frame: pd.DataFrame,
    *,
    task_name: str = "task_name",
    model_name: str = "model_display_name",
    value: str = "value",
    columns: int = 4,
) -> Figure:
    """A small radar a model, a spoke a task; overlaid polygons of many models hide each other.

    Args:
        frame: From `scores_radar_by_task_df`; a bar along a spoke is an interval.
        task_name: Column of tasks.
        model_name: Column of models.
        value: Column of values from 0 to 1.
        columns: Radars abreast.

    Raises:
        CannotDraw: A column is missing, or there are fewer than three tasks.
    """
    needs(frame, task_name, model_name, value)
    tasks = list(dict.fromkeys(map(str, frame[task_name])))
    if len(tasks) < 3:
        raise CannotDraw(f"a radar needs three tasks at least, and there are {len(tasks)}")
    models = _models(frame, model_name, 108)
    across = min(columns, len(models))
    down = -(-len(models) // across)
    figure = plotting.sheet(plotting.WIDTH, (1.6 if across > 3 else 2.05) * down + 0.2)
    angles = [2 * math.pi * i / len(tasks) for i in range(len(tasks))]
    for place, (key, model) in enumerate(models.items()):
        axes = figure.add_subplot(down, across, place + 1, projection="polar")
        mine = frame[frame[model_name].astype(str) == key]
        known = dict(zip(mine[task_name].astype(str), mine[value].astype(float), strict=True))
        line = [known.get(task, math.nan) for task in tasks]
        axes.plot([*angles, angles[0]], [*line, line[0]], color=model.colour, linewidth=1.5)
        if not any(map(math.isnan, line)):
            axes.fill(angles, line, color=model.colour, alpha=0.18, linewidth=0)
        if {f"{value}_low", f"{value}_high"} <= set(mine.columns):
            at = [angles[tasks.index(task)] for task in mine[task_name].astype(str)]
            ends = mine[[f"{value}_low", f"{value}_high"]].astype(float)
            axes.vlines(
                at, ends.min(axis=1), ends.max(axis=1), color=model.colour, linewidth=2.2, alpha=0.5
            )
        axes.plot(angles, line, linestyle="none", marker="o", color=model.colour, markersize=3)
        axes.set_ylim(0, 1)
        axes.set_theta_zero_location("N")  # type: ignore[attr-defined]
        axes.set_theta_direction(-1)  # type: ignore[attr-defined]
        axes.set_xticks(angles, [plotting.squeezed(t, 48, 6) for t in tasks], fontsize=6)
        for name, angle in zip(axes.get_xticklabels(), angles, strict=True):
            name.set(
                ha=_side(math.sin(angle), "left", "right"),
                va=_side(math.cos(angle), "bottom", "top"),
            )
        axes.set_yticks([0.5, 1], ["0.5", "1"], fontsize=5.5, color=plotting.QUIET)
        # Half-way between two spokes, where the fewest lines are.
        axes.set_rlabel_position(180 / len(tasks))  # type: ignore[attr-defined]
        axes.tick_params(pad=-5)
        axes.grid(color=plotting.GRID, linewidth=0.7)
        axes.spines["polar"].set_color("#bbbbbb")
        # Above the name of the first spoke, which stands at the top.
        axes.set_title(model.name, fontsize=plotting.LABEL_PT, color=plotting.INK, pad=15)
    return figure


def _side(lean: float, ahead: str, behind: str) -> str:
    """How a name beyond the end of a spoke is aligned, by where the spoke leans."""
    if abs(lean) < 0.1:
        return "center"
    return ahead if lean > 0 else behind
