"""Power, or CPU use where no meter exists, over the time of each run."""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
import pyarrow as pa
from markupsafe import Markup
from matplotlib.axes import Axes

from wattbench.report import formats
from wattbench.report.data import Group, ReportData, Run
from wattbench.report.views import plotting
from wattbench.report.views.registry import NARROW, CannotDraw, Plot, view
from wattbench.report.views.svg import Canvas, fitted, linear_ticks, text_width, time_ticks

MOST_POINTS = 240
"""Points drawn of one device; each is the mean of the samples in its stretch of time."""

FEW = 5
"""Runs above which their strips stand two abreast."""

PHASES = {"load": "load", "warm_up": "warm-up", "answer": "answering", "idle": "idle"}
SHADES = {"load": "#dddddd", "warm_up": "#eeeeee", "answer": "#ffffff", "idle": "#f5f5f5"}


@dataclass(frozen=True)
class Trace:
    """What one run drew over time.

    Args:
        run: The run.
        unit: 'W', or 'busy cores' where no device has a meter.
        lines: Points (seconds, value) by device and segment.
        bands: Stretches (start, end in seconds, phase).
        breaks: Seconds at which a further segment starts.
        end_s: Seconds of all segments, laid end to end.
    """

    run: Run
    unit: str
    lines: tuple[tuple[str, tuple[tuple[float, float], ...]], ...]
    bands: tuple[tuple[float, float, str], ...]
    breaks: tuple[float, ...]
    end_s: float

    @property
    def top(self) -> float:
        """The highest value drawn."""
        return max((v for _, line in self.lines for _, v in line), default=1.0) or 1.0


def trace_of(run: Run, samples: pa.Table) -> Trace | None:
    """A run's trace, or None where its samples hold neither power nor CPU use."""
    powered = samples.filter(pa.compute.is_valid(samples["power_w"]))
    column, factor, unit = "power_w", 1.0, "W"
    if not powered.num_rows:
        process = pa.compute.and_(
            pa.compute.equal(samples["device"], "process"),
            pa.compute.is_valid(samples["utilisation_pct"]),
        )
        powered = samples.filter(process)
        column, factor, unit = "utilisation_pct", 0.01, "busy cores"
    if not powered.num_rows:
        return None
    frame = powered.select(["segment", "at", "elapsed_s", "phase", "device", column]).to_pandas()
    order = frame.groupby("segment")["at"].min().sort_values(kind="stable").index.tolist()
    lines: list[tuple[str, tuple[tuple[float, float], ...]]] = []
    bands: list[tuple[float, float, str]] = []
    breaks: list[float] = []
    start = 0.0
    for segment in order:
        part = frame[frame["segment"] == segment].sort_values("elapsed_s", kind="stable")
        if start:
            breaks.append(start)
        for device, rows in part.groupby("device", sort=True):
            line = _thinned(
                rows["elapsed_s"].to_numpy(dtype=float), rows[column].to_numpy(dtype=float) * factor
            )
            lines.append((str(device), tuple((start + t, v) for t, v in line)))
        elapsed = part["elapsed_s"].to_numpy(dtype=float)
        phases = part["phase"].to_numpy(dtype=object)
        bands += [(start + a, start + b, p) for a, b, p in _bands(elapsed, phases)]
        start += max(float(part["elapsed_s"].max()), 1e-9)
    return Trace(run, unit, tuple(lines), tuple(bands), tuple(breaks), start)


def _thinned(times: np.ndarray, values: np.ndarray) -> list[tuple[float, float]]:
    if len(times) <= MOST_POINTS:
        return [(float(t), float(v)) for t, v in zip(times, values, strict=True)]
    edges = np.linspace(times[0], times[-1], MOST_POINTS + 1)
    bins = np.clip(np.searchsorted(edges, times, side="right") - 1, 0, MOST_POINTS - 1)
    counted = np.bincount(bins, minlength=MOST_POINTS)
    kept = counted > 0
    at = np.bincount(bins, times, MOST_POINTS)[kept] / counted[kept]
    mean = np.bincount(bins, values, MOST_POINTS)[kept] / counted[kept]
    return [(float(t), float(v)) for t, v in zip(at, mean, strict=True)]


def _bands(elapsed: np.ndarray, phases: np.ndarray) -> list[tuple[float, float, str]]:
    """Start, end and name of each phase; one begins where the one before it was last seen."""
    last = [*np.flatnonzero(phases[1:] != phases[:-1]).tolist(), len(phases) - 1]
    ends = elapsed[last].tolist()
    return list(zip([0.0, *ends[:-1]], ends, map(str, phases[last]), strict=True))


_TRACES: WeakKeyDictionary[Group, tuple[list[Trace], list[Run]]] = WeakKeyDictionary()
"""Of each group, for the page at both widths and the file all draw the same."""


def traces(group: Group) -> tuple[list[Trace], list[Run]]:
    """Traces of the runs that have one, and the runs that have none."""
    if group not in _TRACES:
        _TRACES[group] = _traces(group)
    return _TRACES[group]


def _traces(group: Group) -> tuple[list[Trace], list[Run]]:
    found, lacking = [], []
    for run in group.runs:
        if run.is_ensemble:
            continue
        samples = group.samples.get(run.name)
        trace = trace_of(run, samples) if samples is not None and samples.num_rows else None
        if trace is None:
            lacking.append(run)
        else:
            found.append(trace)
    return found, lacking


def _needed(group: Group) -> list[Trace]:
    found, _ = traces(group)
    if not found:
        raise CannotDraw("no run has samples of power or CPU use")
    return found


def draw_svg(_data: ReportData, group: Group, width: int) -> Markup:
    """The plot for the page: one strip a run."""
    found = _needed(group)
    narrow = width <= NARROW
    strip, head, foot = 104, 26, 36
    each = strip + head + foot
    canvas = Canvas(width, each * len(found), "Power or CPU use over the time of each run")
    left, right = 44.0, width - 8.0
    for position, trace in enumerate(found):
        top = position * each + head
        bottom = top + strip
        ceiling = trace.top * 1.32

        def x(seconds: float, trace: Trace = trace) -> float:
            return left + seconds / trace.end_s * (right - left)

        def y(value: float, bottom: float = bottom, ceiling: float = ceiling) -> float:
            return bottom - value / ceiling * strip

        canvas.group(trace.run.css)
        canvas.mark(left + 5, top - 13, diamond=False, hollow=trace.unit != "W", size=4.5)
        what = "power, W" if trace.unit == "W" else "no power meter: CPU use, busy cores"
        canvas.text(
            left + 16, top - 9,
            f"{fitted(trace.run.label, 170 if narrow else 400)}", "panel-title",
        )  # fmt: skip
        canvas.text(
            right, top - 9, "busy cores" if narrow and trace.unit != "W" else what, "tick", "end"
        )
        for start, end, phase in trace.bands:
            canvas.group("band", f"{PHASES.get(phase, phase)}: {formats.seconds(end - start)}")
            css = phase if phase in PHASES else "other"
            canvas.rect(x(start), top, x(end) - x(start), strip, f"phase {css}")
            shown = PHASES.get(phase, phase)
            if x(end) - x(start) > len(shown) * 7 + 8:
                canvas.text(x(start) + 4, top + 13, shown, "phase-label")
            canvas.close()
        for tick in linear_ticks(0, ceiling, 3):
            canvas.line(left, y(tick), right, y(tick), "grid")
            canvas.text(left - 6, y(tick) + 4, formats.figures(tick, 2), "tick", "end")
        for device, line in trace.lines:
            canvas.group("", device)
            canvas.polyline([(x(t), y(v)) for t, v in line], "trace")
            canvas.close()
        for at in trace.breaks:
            canvas.group("", "a further segment of the ledger starts here")
            canvas.line(x(at), top, x(at), bottom, "break")
            canvas.close()
        for tick, shown in time_ticks(trace.end_s, 4 if narrow else 8):
            anchor = "middle" if tick else "start"
            canvas.text(x(tick), bottom + 16, shown if tick else "0", "tick", anchor)
        canvas.close()
    return canvas.markup()


@view(
    "power",
    title="Energy over time",
    caption="Power of every device over each run, its phases shaded; segments of the ledger lie "
    "end to end, a dashed line between them. Where no meter exists the trace is CPU use.",
    section="Over time",
    svg=draw_svg,
)
def draw_figure(_data: ReportData, group: Group) -> Plot:
    """The plot for files."""
    found, lacking = _needed(group), traces(group)[1]
    abreast = 1 if len(found) <= FEW else 2
    down = -(-len(found) // abreast)
    figure = plotting.sheet(plotting.WIDTH, (1.7 if abreast == 1 else 1.35) * down + 0.2)
    for position, trace in enumerate(found):
        _strip(figure.add_subplot(down, abreast, position + 1), trace, plotting.WIDTH / abreast)
    figure.supxlabel("Seconds, segments end to end", fontsize=9)
    left_out = [(run.label, "no samples of power or CPU use") for run in lacking]
    left_out += [(r.label, "an ensemble is no run of its own") for r in group.runs if r.is_ensemble]
    plotting.foot(figure, left_out)
    return Plot(figure, tuple(left_out))


def _strip(axes: Axes, trace: Trace, inches: float) -> None:
    """One run: its bands named where they are wide enough, its devices drawn over them."""
    plotting.plain(axes)
    top = trace.top * 1.25
    for start, end, phase in trace.bands:
        axes.axvspan(start, end, color=SHADES.get(phase, "#f0f0f0"), linewidth=0)
        shown = PHASES.get(phase, phase)
        if (end - start) / trace.end_s * inches * 72 * 0.85 > text_width(shown, 6.5) + 4:
            axes.annotate(
                plotting.literal(shown), (start, top), xytext=(2, -2), textcoords="offset points",
                va="top", fontsize=6.5, color=plotting.QUIET,
            ).set_in_layout(False)  # fmt: skip
    for _, line in trace.lines:
        axes.plot([t for t, _ in line], [v for _, v in line], color=trace.run.colour, linewidth=1)
    for at in trace.breaks:
        axes.axvline(at, color="#777777", linewidth=0.8, linestyle="--")
    axes.set_xlim(0, trace.end_s)
    axes.set_ylim(0, top)
    axes.set_yticks(linear_ticks(0, top, 4))
    axes.set_ylabel("Power (W)" if trace.unit == "W" else "busy cores\n(no meter)", fontsize=8)
    points = inches * 72 * 0.85
    axes.set_title(
        plotting.literal(fitted(trace.run.label, points, 8.5)), fontsize=plotting.LABEL_PT,
        loc="left",
    )  # fmt: skip
