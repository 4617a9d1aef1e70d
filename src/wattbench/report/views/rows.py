"""Rows with intervals, a row a run: bars or dots, in one panel or several side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from wattbench.report import formats
from wattbench.report.data import Run
from wattbench.report.metrics import Metric, Value
from wattbench.report.views import plotting
from wattbench.report.views.svg import linear_ticks, text_width

ROW_IN = 0.25
LEAST_ROW_IN = 0.13
"""Below it names overlap."""

PANEL_IN = 0.62


@dataclass(frozen=True)
class Entry:
    """One row of a panel.

    Args:
        name: What its colour and mark stand for, already fit to be drawn.
        colour: Its colour.
        value: Its figure, or the reason why there is none.
        shown: The figure for people.
        diamond: Whether it is an ensemble.
        strong: Whether it is brought out.
        faint: Whether it stands back.
    """

    name: str
    colour: str
    value: Value | str
    shown: str = ""
    diamond: bool = False
    strong: bool = False
    faint: bool = False


@dataclass(frozen=True)
class Panel:
    """Rows under one title, all on one axis."""

    title: str
    entries: tuple[Entry, ...]
    label: str = ""
    share: bool = False
    threshold: float | None = None


def entry(run: Run, name: str, metric: Metric, level: float) -> Entry:
    """A run's row for a metric."""
    value = metric.read(run, level)
    shown = ""
    if isinstance(value, Value):
        shown = ("~" if value.estimate else "") + metric.write(value.value)
    return Entry(
        name, run.colour, value, shown, diamond=run.is_ensemble, strong=bool(run.row["headline"])
    )


def best_first(entries: Sequence[Entry], *, more_is_better: bool) -> tuple[Entry, ...]:
    """Entries in order of their figures; those without one last, in their own order."""
    sign = -1 if more_is_better else 1
    known = [e for e in entries if isinstance(e.value, Value)]
    ordered = sorted(known, key=lambda e: sign * e.value.value if isinstance(e.value, Value) else 0)
    return (*ordered, *(e for e in entries if not isinstance(e.value, Value)))


def draw(panels: Sequence[Panel], *, columns: int = 1, bars: bool = False) -> Figure:
    """A figure of panels, `columns` abreast.

    Panels of one line that list the same names share them at its left.
    """
    lines = [panels[i : i + columns] for i in range(0, len(panels), columns)]
    depths = [max(len(p.entries) for p in line) for line in lines]
    heights = [depth * ROW_IN + PANEL_IN for depth in depths]
    figure = plotting.sheet(plotting.WIDTH, max(sum(heights), 1.5))
    grid = figure.add_gridspec(len(lines), columns, height_ratios=heights)
    for row, line in enumerate(lines):
        before: list[str] = []
        for column, panel in enumerate(line):
            axes = figure.add_subplot(grid[row, column])
            named = [e.name for e in panel.entries]
            _panel(axes, panel, depths[row], bars=bars, named=named != before, room=_room(columns))
            before = named
    return figure


def _room(columns: int) -> float:
    """Points of width that the axes of a panel have about."""
    return plotting.WIDTH * 72 / columns * (0.62 if columns == 1 else 0.6)


def _panel(axes: Axes, panel: Panel, depth: int, *, bars: bool, named: bool, room: float) -> None:
    plotting.plain(axes)
    low, high = _limits(panel, bars=bars)
    beside = max((text_width(e.shown, plotting.SMALL_PT) for e in panel.entries), default=0) + 9
    air = (high - low) * min(beside / max(room - beside, beside), 0.8)
    axes.set_xlim(low, high + air)
    axes.set_ylim(-depth + 0.4, 0.6)
    axes.set_xticks(linear_ticks(low, high, 5 if room > 200 else 3))
    for place, entry in enumerate(panel.entries):
        _row(axes, entry, -place, low, high, bars=bars, room=room)
    axes.set_yticks(
        [-i for i in range(len(panel.entries))],
        [e.name for e in panel.entries] if named else [""] * len(panel.entries),
    )
    # Clear of the marks of shares of 0, which stand on the axis.
    axes.tick_params(axis="y", pad=6)
    axes.grid(visible=False, axis="y")
    for tick, one in zip(axes.get_yticklabels(), panel.entries, strict=True):
        tick.set_fontweight("bold" if one.strong else "normal")
    if panel.title:
        axes.set_title(plotting.literal(panel.title), fontsize=9, loc="left")
    if panel.label:
        axes.set_xlabel(panel.label)
    if panel.threshold is not None and low <= panel.threshold <= high + air:
        plotting.threshold_line(axes, panel.threshold, across=False)


def _limits(panel: Panel, *, bars: bool) -> tuple[float, float]:
    if panel.share:
        return 0.0, 1.0
    known = [e.value for e in panel.entries if isinstance(e.value, Value)]
    ends = [v for one in known for v in (one.value, one.low, one.high) if v is not None]
    low, high = min(ends, default=0.0), max(ends, default=1.0)
    low = min(low, 0.0) if bars or low >= 0 else low - (high - low) * 0.03
    return low, high if high > low else low + 1.0


def _row(
    axes: Axes, entry: Entry, y: float, low: float, high: float, *, bars: bool, room: float
) -> None:
    if not isinstance(entry.value, Value):
        reason = plotting.squeezed(
            f"{formats.NOT_MEASURED}: {entry.value}", room, plotting.SMALL_PT
        )
        axes.text(
            low + (high - low) * 0.01, y, reason, va="center",
            fontsize=plotting.SMALL_PT, color=plotting.QUIET, style="italic", clip_on=False,
        ).set_in_layout(False)  # fmt: skip
        return
    found = entry.value
    alpha = 0.45 if entry.faint else 1.0
    hollow = found.estimate
    if bars:
        axes.barh(
            y, found.value, height=0.62, color="white" if hollow else entry.colour,
            edgecolor=entry.colour, linewidth=1.2, alpha=(0.55 if entry.strong else 0.38) * alpha,
        )  # fmt: skip
    if found.low is not None or found.high is not None:
        start = found.value if found.low is None else found.low
        end = found.value if found.high is None else found.high
        axes.hlines(y, start, end, color=entry.colour, linewidth=1.8, alpha=0.75 * alpha)
    axes.plot(
        [found.value], [y], linestyle="none", marker="D" if entry.diamond else "o", markersize=5,
        markeredgewidth=1.4, markeredgecolor=entry.colour, alpha=alpha,
        markerfacecolor="white" if hollow else entry.colour, zorder=4, clip_on=False,
    )  # fmt: skip
    if entry.shown:
        end = max(v for v in (found.value, found.high) if v is not None)
        axes.annotate(
            plotting.literal(entry.shown), (end, y), xytext=(5, 0), textcoords="offset points",
            va="center", fontsize=plotting.SMALL_PT, color=plotting.INK,
            fontweight="bold" if entry.strong else "normal", annotation_clip=False,
        ).set_in_layout(False)  # fmt: skip
