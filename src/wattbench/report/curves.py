"""Plots of the page alone: figures over model size, and how far confidence may be trusted."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from wattbench.report import formats, measures
from wattbench.report.data import Group, Run
from wattbench.report.metrics import beside
from wattbench.report.views.placing import Anchor, Box, place
from wattbench.report.views.registry import NARROW, WIDE
from wattbench.report.views.svg import (
    FONT,
    Canvas,
    fitted,
    linear_ticks,
    log_ticks,
    text_width,
)

Row = dict[str, Any]
MOST_PANELS = 24
LEAST_ANSWERS = 10
"""Of fewer a reliability curve shows chance."""

LONGEST_LABEL = 130.0
MOST_NAMED = 10
"""Points that are all named; of more, those at the ends and the headline's."""


@dataclass(frozen=True)
class Curves:
    """A plot at both widths of the page, or the reason why there is none."""

    title: str
    caption: str
    wide: Markup | None = None
    narrow: Markup | None = None
    reason: str | None = None


def all_curves(group: Group) -> dict[str, Curves]:
    """Every plot of the page alone, by name."""
    return {"scaling": _scaling(group), "reliability": _reliability(group)}


def _both(title: str, caption: str, draw: Callable[[int], Markup]) -> Curves:
    return Curves(title, caption, draw(WIDE), draw(NARROW))


@dataclass(frozen=True)
class Point:
    """A run's figure over its size, with the ends of its whisker."""

    run: Run
    size: float
    value: float
    low: float
    high: float


def _scaling(group: Group) -> Curves:
    title = "Score and energy over model size"
    scores, energies = points(group, "score"), points(group, "energy_per_question_j")
    if len({p.size for p in scores}) < 2:
        return Curves(
            title,
            "",
            reason="fewer than two models have a known size that differs (`parameters_b`)",
        )
    return _both(
        title,
        "Whiskers are intervals. A dashed line is a family's fit of the table below; it is no "
        "forecast beyond its models. Hollow marks are estimated energy; a mark without a name "
        "tells it when pointed at.",
        lambda width: _draw_scaling(group, scores, energies, width),
    )


def points(group: Group, column: str) -> list[Point]:
    """Models whose size and figure are known.

    Args:
        group: The runs.
        column: A figure of the table `runs` that has an interval.
    """
    found = []
    for run in group.runs:
        row, size, value = run.row, run.row["parameters_b"], run.row[column]
        if size is None or value is None or size <= 0 or run.is_ensemble:
            continue
        low, high = row[beside(column, "low")], row[beside(column, "high")]
        found.append(Point(run, size, value, value if low is None else low,
                            value if high is None else high))  # fmt: skip
    return found


def _draw_scaling(group: Group, scores: list[Point], energies: list[Point], width: int) -> Markup:
    narrow = width <= NARROW
    panels = [("Score", scores, "score", False)]
    if energies:
        panels.append(("Joules a question (log scale)", energies, "energy_per_question_j", True))
    abreast = 1 if narrow else 2
    column = (width - (abreast - 1) * 36) / abreast
    panel_height = 300
    canvas = Canvas(
        width, panel_height * math.ceil(len(panels) / abreast),
        "Score and energy a question over the number of parameters; the table below holds the fits",
    )  # fmt: skip
    for i, (name, points, measure, log) in enumerate(panels):
        x0, y0 = (i % abreast) * (column + 36), (i // abreast) * panel_height
        fits = [r for r in group.scaling if r["measure"] == measure]
        box = Box(x0 + 46, y0 + 26, x0 + column - 8, y0 + panel_height - 44)
        canvas.text(x0, y0 + 13, name, "panel-title")
        _scatter(canvas, box, points, fits, log=log)
    return canvas.markup()


def _scatter(canvas: Canvas, box: Box, points: list[Point], fits: list[Row], *, log: bool) -> None:
    sizes = [p.size for p in points]
    left, right = min(sizes) / 1.5, max(sizes) * 1.5
    low, high = min(p.low for p in points), max(p.high for p in points)
    if log:
        low, high = low / 1.3, high * 1.3
    else:
        low, high = max(0.0, low - 0.05), min(1.0, high + 0.05)

    def x(size: float) -> float:
        share = math.log(size / left) / math.log(right / left)
        return box.left + share * (box.right - box.left)

    def y(value: float) -> float:
        share = (
            math.log(value / low) / math.log(high / low) if log else (value - low) / (high - low)
        )
        return box.bottom - min(max(share, 0.0), 1.0) * (box.bottom - box.top)

    for tick in log_ticks(left, right):
        canvas.line(x(tick), box.top, x(tick), box.bottom, "grid")
        canvas.text(x(tick), box.bottom + 17, f"{tick:g}", "tick", "middle")
    for tick in log_ticks(low, high) if log else linear_ticks(low, high):
        canvas.line(box.left, y(tick), box.right, y(tick), "grid")
        canvas.text(box.left - 6, y(tick) + 4, formats.figures(tick, 2), "tick", "end")
    canvas.text(
        (box.left + box.right) / 2, box.bottom + 36, "Billion parameters (log scale)",
        "axis-label", "middle",
    )  # fmt: skip
    for fit in fits:
        ends = [fit["parameters_min_b"], fit["parameters_max_b"]]
        values = [fit["intercept"] + fit["slope"] * math.log10(s) for s in ends]
        if fit["transform"] == "log10":
            values = [10**v for v in values]
        if not log or all(v > 0 for v in values):
            canvas.polyline([(x(s), y(v)) for s, v in zip(ends, values, strict=True)], "front")
    _marks(canvas, box, points, x, y)


def _marks(
    canvas: Canvas,
    box: Box,
    points: list[Point],
    x: Callable[[float], float],
    y: Callable[[float], float],
) -> None:
    named = [p for p in points if len(points) <= MOST_NAMED or _stands_out(p, points)]
    placed = place(
        [
            Anchor(
                x(p.size), y(p.value), text_width(fitted(p.run.label, LONGEST_LABEL)) + 4,
                FONT * 1.3,
            )
            for p in named
        ],
        [Box(x(p.size) - 2, y(p.high), x(p.size) + 2, y(p.low)) for p in points],
        box,
    )  # fmt: skip
    spots = {p.run.name: spot for p, spot in zip(named, placed, strict=True)}
    for p in points:
        here, there = x(p.size), y(p.value)
        canvas.group(
            f"point {p.run.css}",
            f"{p.run.label}: {p.size:g} billion parameters, {formats.figures(p.value)} "
            f"({formats.figures(p.low)} to {formats.figures(p.high)})",
        )
        canvas.line(here, y(p.low), here, y(p.high), "whisker")
        spot = spots.get(p.run.name)
        if spot is not None and spot.leader:
            middle = (spot.box.top + spot.box.bottom) / 2
            edge = min(max(here, spot.box.left), spot.box.right)
            canvas.line(here, there, edge, middle, "leader")
        canvas.mark(here, there, diamond=False, hollow=measures.is_estimate(p.run), size=5)
        if spot is not None:
            before = spot.box.right <= here
            canvas.text(
                spot.box.right - 2 if before else spot.box.left + 2,
                spot.box.bottom - FONT * 0.36, fitted(p.run.label, LONGEST_LABEL), "point-label",
                "end" if before else "start",
            )  # fmt: skip
        canvas.close()


def _stands_out(point: Point, points: list[Point]) -> bool:
    """Whether it is named where there are too many to name all."""
    values, sizes = [p.value for p in points], [p.size for p in points]
    return (
        bool(point.run.row["headline"])
        or point.value in {min(values), max(values)}
        or point.size in {min(sizes), max(sizes)}
    )


def _reliability(group: Group) -> Curves:
    title = "Reliability"
    found: list[tuple[Run, str, list[Row]]] = []
    for form in ("confidence", "risk"):
        for run in group.runs:
            bins = [
                r
                for r in group.calibration
                if r["run"] == run.name and r["form"] == form and r["count"]
            ]
            if sum(r["count"] for r in bins) >= LEAST_ANSWERS:
                found.append((run, form, bins))
    if not found:
        return Curves(
            title, "", reason=f"no run has {LEAST_ANSWERS} answers whose confidence is known"
        )
    left_out = len(found) - MOST_PANELS
    more = f" {left_out} further curves stand in tables/calibration.csv." if left_out > 0 else ""
    return _both(
        title,
        "Share that was right over the confidence, in ten bins; the area of a point is its number "
        f"of answers. On the dashed line confidence says what it means. Runs with fewer than "
        f"{LEAST_ANSWERS} such answers have no curve.{more}",
        lambda width: _draw_reliability(found[:MOST_PANELS], width),
    )


def _draw_reliability(found: list[tuple[Run, str, list[Row]]], width: int) -> Markup:
    abreast = 2 if width <= NARROW else 4
    column = (width - (abreast - 1) * 22) / abreast
    side = min(column - 34, 190)
    height = side + 58
    canvas = Canvas(
        width, height * math.ceil(len(found) / abreast),
        "Share of right answers over their confidence; the table below sums it up",
    )  # fmt: skip
    for i, (run, form, bins) in enumerate(found):
        x0 = (i % abreast) * (column + 22) + 30
        y0 = (i // abreast) * height + 22
        name = fitted(run.label + (", true or false" if form == "risk" else ""), column - 4)
        canvas.text(x0 - 30, y0 - 9, name, "panel-title")
        _diagonal(canvas, x0, y0, side)
        most = max(b["count"] for b in bins)
        points = [
            (x0 + b["predicted_mean"] * side, y0 + (1 - b["observed_share"]) * side, b)
            for b in bins
        ]
        canvas.group(f"point {run.css}")
        if len(points) > 1:
            canvas.polyline([(x, y) for x, y, _ in points], "trace")
        canvas.close()
        for x, y, b in points:
            canvas.group(
                f"point {run.css}",
                f"{run.label}: {b['count']} answers of confidence {formats.share(b['low'])} to "
                f"{formats.share(b['high'])}, {formats.share(b['observed_share'])} of them right",
            )
            size = 2.5 + 4.5 * math.sqrt(b["count"] / most)
            canvas.mark(x, y, diamond=run.is_ensemble, hollow=False, size=size)
            canvas.close()
    return canvas.markup()


def _diagonal(canvas: Canvas, x0: float, y0: float, side: float) -> None:
    for tick in (0.0, 0.5, 1.0):
        canvas.line(x0 + tick * side, y0, x0 + tick * side, y0 + side, "grid")
        canvas.line(x0, y0 + tick * side, x0 + side, y0 + tick * side, "grid")
        canvas.text(x0 + tick * side, y0 + side + 15, f"{tick:g}", "tick", "middle")
        canvas.text(x0 - 5, y0 + (1 - tick) * side + 4, f"{tick:g}", "tick", "end")
    canvas.polyline([(x0, y0 + side), (x0 + side, y0)], "front")
