"""Plots over the size of models."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes

from wattbench.report.data import Group, ReportData, Run
from wattbench.report.metrics import METRICS, Metric, Value
from wattbench.report.views import plotting, scatter
from wattbench.report.views.costs import PAYMENT, priced
from wattbench.report.views.registry import CannotDraw, Plot, view
from wattbench.report.views.scatter import Axis, Mark

SIZE = METRICS["parameters_b"]
SIZE_AXIS = "Parameters (billions, log scale)"
LEAST_AREA, MOST_AREA = 30.0, 620.0
MOST_NAMED = 8
"""Runs named in each panel; of more, panels show numbers and the foot their names."""


def _sized(data: ReportData, group: Group, y: Metric) -> tuple[list[Mark], list[tuple[str, str]]]:
    found, lacking = scatter.marks(
        group, SIZE, y, data.study.scoring.confidence_level, log=True, payment=True
    )
    if not found:
        raise CannotDraw(
            f"no run has both a size and this figure; the first lacks one because: {lacking[0][1]}"
            if lacking
            else "there is no run"
        )
    return found, lacking


def _one(data: ReportData, group: Group, y: Metric, threshold: float | None) -> Plot:
    found, lacking = _sized(data, group, y)
    axis = scatter.axis_of(y.label, [m.y for m in found], threshold)
    figure = scatter.draw(found, Axis(SIZE_AXIS, log=True), axis, left_out=lacking)
    return Plot(figure, tuple(lacking))


@view(
    "size_vs_scores",
    title="Size against scores",
    caption="Score and its components over the number of parameters, with intervals; the thin "
    f"lines are the fits within families of three sizes or more. {PAYMENT}",
    section="Model size",
)
def size_vs_scores(data: ReportData, group: Group) -> Plot:
    """Four panels over size."""
    found, lacking = _sized(data, group, METRICS["score"])
    many = len(found) > MOST_NAMED
    numbers = {mark.label: str(i + 1) for i, mark in enumerate(found)} if many else {}
    figure = plotting.sheet(plotting.WIDTH, 6.6)
    drawn = []
    for place, name in enumerate(("score", "value_accuracy", "ref_overlap", "na_recall")):
        metric = METRICS[name]
        axes = figure.add_subplot(2, 2, place + 1)
        plotting.plain(axes)
        try:
            marks, _ = _sized(data, group, metric)
        except CannotDraw as reason:
            axes.set_axis_off()
            axes.set_title(
                plotting.squeezed(f"{metric.label}: {reason}", 250, 8), fontsize=8, loc="left"
            )
            continue
        marks = [replace(mark, label=numbers.get(mark.label, mark.label)) for mark in marks]
        scatter.on(
            axes, marks, Axis(SIZE_AXIS if place > 1 else "", log=True),
            Axis(metric.label, ends=(-0.03, 1.05),
                 threshold=getattr(data.definition.thresholds, name)),
        )  # fmt: skip
        _fits(axes, group, name)
        drawn.append((axes, marks))
    notes = [(number, name) for name, number in numbers.items()]
    plotting.foot(figure, lacking, key=notes)
    for axes, marks in drawn:
        scatter.name(axes, marks)
    return Plot(figure, tuple(lacking))


def _fits(axes: Axes, group: Group, measure: str) -> None:
    """The line of each family of three sizes or more, from the table `scaling`."""
    for row in group.scaling:
        if row["measure"] != measure or row["slope_low"] is None or row["transform"] != "none":
            continue
        sizes = np.geomspace(row["parameters_min_b"], row["parameters_max_b"], 50)
        axes.plot(
            sizes, row["intercept"] + row["slope"] * np.log10(sizes), color="#777777",
            linewidth=1, linestyle="-.", zorder=1,
        )  # fmt: skip
        axes.annotate(
            plotting.squeezed(row["family"], 70, 6.5),
            (sizes[34], row["intercept"] + row["slope"] * math.log10(sizes[34])), xytext=(3, -9),
            textcoords="offset points", ha="left", fontsize=6.5, color=plotting.QUIET,
        ).set_in_layout(False)  # fmt: skip


@view(
    "size_vs_latency",
    title="Size against latency",
    caption="Mean seconds a question over the number of parameters; an upright line reaches from "
    f"the median to the 95th percentile. {PAYMENT}",
    section="Model size",
)
def size_vs_latency(data: ReportData, group: Group) -> Plot:
    """Latency over size."""

    def read(run: Run, level: float) -> Value | str:
        mean = METRICS["latency_mean_s"].read(run, level)
        if not isinstance(mean, Value):
            return mean
        return Value(mean.value, run.row["latency_p50_s"], run.row["latency_p95_s"])

    metric = Metric("Time a question (s)", read)
    return _one(data, group, metric, data.definition.thresholds.latency_p50_s)


@view(
    "size_vs_cost",
    title="Size against price",
    caption="Price of the whole run, of its tokens or else of its energy, over the number of "
    f"parameters. {PAYMENT}",
    section="Model size",
)
def size_vs_cost(data: ReportData, group: Group) -> Plot:
    """Price over size."""
    return _one(data, group, priced(group), data.definition.thresholds.price)


@view(
    "size_score_cost_bubble",
    title="Size, score and price",
    caption="Score over the number of parameters; the area of a mark is the price of the run, and "
    f"a hollow mark's price is not known. {PAYMENT}",
    section="Model size",
)
def size_score_cost_bubble(data: ReportData, group: Group) -> Plot:
    """Score over size, price as area."""
    metric = priced(group)
    level = data.study.scoring.confidence_level
    prices = {r.label: metric.read(r, level) for r in group.runs}
    most = max(v.value for v in prices.values() if isinstance(v, Value))
    found, lacking = _sized(data, group, METRICS["score"])
    shown = [r for r in group.runs if r.label not in {label for label, _ in lacking}]
    bubbles = []
    for run, mark in zip(shown, found, strict=True):
        price = prices[run.label]
        known = isinstance(price, Value)
        area = MOST_AREA * price.value / most if isinstance(price, Value) else 0.0
        bubbles.append(
            Mark(
                mark.label + (f"  {metric.write(price.value)}" if isinstance(price, Value) else ""),
                mark.colour, mark.x, mark.y, mark.shape, area=max(area, LEAST_AREA),
                hollow=not known, strong=mark.strong,
            )
        )  # fmt: skip
    hollow = sum(mark.hollow for mark in bubbles)
    figure = scatter.draw(
        bubbles, Axis(SIZE_AXIS, log=True), Axis("Score", ends=scatter.share_ends(bubbles)),
        left_out=lacking,
        notes=[
            f"Areas, and figures beside names: {metric.label}.",
            *[f"Hollow: {hollow} whose price is not known."] * bool(hollow),
        ],
    )  # fmt: skip
    return Plot(figure, tuple(lacking))
