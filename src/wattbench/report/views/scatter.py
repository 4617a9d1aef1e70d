"""Points with intervals on both axes and their names beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from wattbench.analyses.frontier import frontier
from wattbench.report import measures
from wattbench.report.data import Group, Run
from wattbench.report.metrics import Metric, Value, by_token
from wattbench.report.views import plotting
from wattbench.report.views.placing import Anchor, Box, place
from wattbench.report.views.svg import linear_ticks, log_ticks, text_width

_LEADER = {"arrowstyle": "-", "color": "#999999", "linewidth": 0.7, "shrinkA": 0, "shrinkB": 4}


@dataclass(frozen=True)
class Mark:
    """One point.

    Args:
        label: Its name, fit to be drawn; it may have a second line.
        colour: Its colour.
        x: Where it stands, with its interval.
        y: The same upwards.
        shape: matplotlib's marker.
        open_right: Whether the interval on x has no upper end.
        area: Area in points squared; None for the usual size.
        hollow: Whether it is drawn hollow: an estimate, or a size that is not known.
        strong: Whether its name is bold.
        halo: From 0 to 1, how strongly a halo is drawn around it; None for no halo.
    """

    label: str
    colour: str
    x: Value
    y: Value
    shape: str = "o"
    open_right: bool = False
    area: float | None = None
    hollow: bool = False
    strong: bool = False
    halo: float | None = None


WIDE_RANGE = 15.0
"""Largest over smallest from which an axis is better logarithmic."""


@dataclass(frozen=True)
class Axis:
    """One axis: its label, whether it is logarithmic, ends that are given, and a threshold."""

    label: str
    log: bool = False
    ends: tuple[float, float] | None = None
    threshold: float | None = None


def shape_of(run: Run, *, payment: bool = False) -> str:
    """A run's marker: a diamond for ensembles; squares for own machines where payment is shown."""
    if run.is_ensemble:
        return "D"
    return "s" if payment and not by_token(run) else "o"


def marks(
    group: Group, x: Metric, y: Metric, level: float, *, log: bool = False, payment: bool = False
) -> tuple[list[Mark], list[tuple[str, str]]]:
    """A mark for each run that has both figures, and label and reason of those that lack one."""
    named = plotting.names(group.runs, 150)
    found: list[Mark] = []
    lacking: list[tuple[str, str]] = []
    for run in group.runs:
        across, up = x.read(run, level), y.read(run, level)
        if not isinstance(across, Value) or not isinstance(up, Value):
            lacking.append((run.label, across if not isinstance(across, Value) else str(up)))
        elif log and across.value <= 0:
            lacking.append((run.label, "zero cannot stand on a logarithmic axis"))
        else:
            found.append(
                Mark(
                    named[run.name] + (measures.estimate_mark(run) if across.estimate else ""),
                    run.colour, across, up, shape_of(run, payment=payment),
                    open_right=across.low is not None and across.high is None,
                    hollow=across.estimate or up.estimate, strong=bool(run.row["headline"]),
                )
            )  # fmt: skip
    return found, lacking


def draw(
    found: Sequence[Mark],
    x: Axis,
    y: Axis,
    *,
    left_out: Sequence[tuple[str, str]] = (),
    notes: Sequence[str] = (),
    front: bool = False,
) -> Figure:
    """A figure of one pair of axes, with what it lacks beneath it."""
    figure, axes = plotting.axes(plotting.WIDTH, 4.6)
    on(axes, found, x, y, front=front)
    plotting.foot(figure, left_out, notes=notes)
    name(axes, found)
    return figure


def on(axes: Axes, found: Sequence[Mark], x: Axis, y: Axis, *, front: bool = False) -> None:
    """Draw the points into axes, without their names."""
    _scale(axes, found, x, y)
    if front:
        _front(axes, found)
    limits = axes.get_xlim()
    for mark in found:
        right = limits[1] if mark.open_right else mark.x.high
        if mark.x.low is not None or right is not None:
            axes.hlines(
                mark.y.value, mark.x.value if mark.x.low is None else mark.x.low,
                mark.x.value if right is None else right,
                color=mark.colour, linewidth=1.2, alpha=0.6,
            )  # fmt: skip
        if mark.y.low is not None and mark.y.high is not None:
            axes.vlines(
                mark.x.value, mark.y.low, mark.y.high, color=mark.colour, linewidth=1.2, alpha=0.6
            )
        if mark.open_right:
            axes.plot(
                [limits[1]], [mark.y.value], marker=">", color=mark.colour, clip_on=False,
                markersize=5,
            )  # fmt: skip
        if mark.halo:
            axes.scatter(
                [mark.x.value], [mark.y.value], s=300, color=mark.colour, linewidths=0,
                alpha=0.4 * mark.halo, zorder=3,
            )  # fmt: skip
        axes.scatter(
            [mark.x.value], [mark.y.value], marker=mark.shape, s=mark.area or 48,
            linewidths=1.6, edgecolors=mark.colour, alpha=0.75 if mark.area else 1.0,
            facecolors="white" if mark.hollow else mark.colour, zorder=5,
        )  # fmt: skip
    axes.set_xlabel(x.label)
    axes.set_ylabel(y.label)


def _front(axes: Axes, found: Sequence[Mark]) -> None:
    best = frontier([(m.y.value, m.x.value) for m in found])
    kept = sorted(
        (m for m, is_best in zip(found, best, strict=True) if is_best),
        key=lambda m: (m.x.value, m.y.value),
    )
    if len(kept) > 1:
        axes.step(
            [m.x.value for m in kept], [m.y.value for m in kept], where="post",
            linestyle="--", color="#888888", linewidth=1, zorder=1,
        )  # fmt: skip


def _scale(axes: Axes, found: Sequence[Mark], x: Axis, y: Axis) -> None:
    for axis, values, is_x in ((x, [m.x for m in found], True), (y, [m.y for m in found], False)):
        low, high = axis.ends or _ends(values, log=axis.log)
        ticks = log_ticks(low, high) if axis.log else linear_ticks(low, high)
        shown = [f"{t:,.0f}" if t >= 10000 else f"{t:g}" for t in ticks]
        if is_x:
            if axis.log:
                axes.set_xscale("log")
            axes.set_xlim(low, high)
            axes.set_xticks(ticks, shown)
        else:
            if axis.log:
                axes.set_yscale("log")
            axes.set_ylim(low, high)
            axes.set_yticks(ticks, shown)
        if axis.threshold is not None and low <= axis.threshold <= high:
            plotting.threshold_line(axes, axis.threshold, across=not is_x)
    axes.minorticks_off()


def _ends(values: Sequence[Value], *, log: bool) -> tuple[float, float]:
    every = [v for one in values for v in (one.value, one.low, one.high) if v is not None]
    if log:
        every = [v for v in every if v > 0]
        air = max((max(every) / min(every)) ** 0.08, 1.25)
        return min(every) / air, max(every) * air
    low, high = min(every), max(every)
    air = (high - low) * 0.08 or max(abs(high) * 0.1, 0.1)
    return (low - air if low < 0 or low - air > 0 else -air * 0.4), high + air


def axis_of(label: str, values: Sequence[Value], threshold: float | None = None) -> Axis:
    """An axis that is logarithmic where its values are far apart and all above zero."""
    least = min(v.value for v in values)
    wide = least > 0 and max(v.value for v in values) / least > WIDE_RANGE
    return Axis(f"{label}, log scale" if wide else label, log=wide, threshold=threshold)


def share_ends(found: Sequence[Mark]) -> tuple[float, float]:
    """Ends of an axis of shares that hold every interval with some air."""
    low = min((m.y.value if m.y.low is None else m.y.low for m in found), default=0.0)
    high = max((m.y.value if m.y.high is None else m.y.high for m in found), default=1.0)
    bottom = max(int(max(low - 0.04, 0) * 10) / 10, 0.0) - 0.02
    return bottom, max(min(high + 0.05, 1.03), bottom + 0.2)


def name(axes: Axes, found: Sequence[Mark]) -> None:
    """Put names where there is room, which is known once the figure has all its parts."""
    figure = axes.get_figure()
    if not isinstance(figure, Figure):
        raise TypeError("axes stand in a figure")
    left, right, bottom, top = plotting.pixels(figure, axes)
    height = top - bottom
    at = axes.transData.transform

    def pixel(x: float, y: float) -> tuple[float, float]:
        across, up = at((x, y))
        return float(across) - left, height - (float(up) - bottom)

    lines: list[Box] = []
    anchors: list[Anchor] = []
    for mark in found:
        x, y = pixel(mark.x.value, mark.y.value)
        start = pixel(mark.x.low, mark.y.value)[0] if mark.x.low else x
        end = pixel(mark.x.high, mark.y.value)[0] if mark.x.high else x
        lines.append(Box(start, y - 2, right - left if mark.open_right else end, y + 2))
        if mark.y.low is not None and mark.y.high is not None:
            upper, lower = pixel(mark.x.value, mark.y.high)[1], pixel(mark.x.value, mark.y.low)[1]
            lines.append(Box(x - 2, upper, x + 2, lower))
        rows = mark.label.split("\n")
        wide = max(text_width(row, plotting.LABEL_PX) for row in rows)
        wide = wide * (1.1 if mark.strong else 1.0) + 4
        anchors.append(Anchor(x, y, wide, plotting.LABEL_PX * 1.25 * len(rows)))
    unit = plotting.DPI / 96
    bounds = Box(0, 0, right - left + 10 * unit, height)
    for mark, spot in zip(found, place(anchors, lines, bounds, unit), strict=True):
        x, y = pixel(mark.x.value, mark.y.value)
        before = spot.box.right <= x
        axes.annotate(
            mark.label,
            xy=(mark.x.value, mark.y.value),
            xytext=(
                ((spot.box.right - 2 if before else spot.box.left + 2) - x) * 72 / plotting.DPI,
                (y - (spot.box.top + spot.box.bottom) / 2) * 72 / plotting.DPI,
            ),
            textcoords="offset points", va="center", ha="right" if before else "left",
            fontsize=plotting.LABEL_PT, fontweight="bold" if mark.strong else "normal",
            arrowprops=_LEADER if spot.leader else None, zorder=6, annotation_clip=False,
        ).set_in_layout(False)  # fmt: skip
