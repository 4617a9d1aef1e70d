"""What the figures in files have in common."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cache
from itertools import count
from typing import Any

import matplotlib as mpl
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import PlaceHolderLayoutEngine
from matplotlib.transforms import Bbox

from wattbench.report import formats
from wattbench.report.data import Run
from wattbench.report.views.svg import fitted, text_width

DPI = 300
WIDTH = 7.6
"""Inches of a figure: two columns of a paper."""

LABEL_PT = 8.5
LABEL_PX = LABEL_PT * DPI / 72
SMALL_PT = 7.5
INK = "#222222"
QUIET = "#6b6b6b"
GRID = "#e3e3e3"
NAME_PT = 165.0
"""Points that a run's name may take beside its row."""

SUPLABEL_IN = 0.24
"""Height of the label beneath several panels."""

LEAST_NAME_PT = 60.0
"""Points beneath a plot below which a name is rather counted than cut."""

FURTHER_FONTS = (
    "Noto Sans CJK JP", "Noto Sans JP", "WenQuanYi Zen Hei", "Droid Sans Fallback",
    "Noto Sans Arabic", "Noto Sans Devanagari", "Noto Sans", "Symbola", "Noto Emoji",
)  # fmt: skip
"""Fonts for letters that DejaVu Sans lacks, used where they are installed."""

_STEERING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Characters that turn the direction of the text after them, and show nothing."""


@cache
def fonts() -> tuple[str, ...]:
    """Names of the fonts that text is drawn in, the later ones for letters the earlier lack."""
    known = {entry.name for entry in font_manager.fontManager.ttflist}
    return ("DejaVu Sans", *(name for name in FURTHER_FONTS if name in known))


def style(settings: Mapping[str, Any]) -> AbstractContextManager[None]:
    """Matplotlib's settings while figures are made and saved."""
    # A model's name may hold dollar signs, and no label of ours holds a formula. Hinted text is up
    # to a tenth wider at one number of dots an inch than at another, and a figure is laid out once.
    more: Any = {
        "font.family": list(fonts()), "text.parse_math": False, "text.hinting": "no_hinting",
        "axes.titley": 1.0,
    }  # fmt: skip
    # Names of clip paths and markers are random without it: equal tables make equal files.
    more |= {"svg.hashsalt": "wattbench", **settings}
    return mpl.rc_context(more)


def literal(text: str) -> str:
    """Text on one line, read from left to right as a whole."""
    shown = formats.clean(_STEERING.sub("", text))
    shown = " ".join(shown.split())
    rightward = any(unicodedata.bidirectional(c) in {"R", "AL"} for c in shown)
    return f"\u200e{shown}" if rightward else shown


def squeezed(text: str, points: float, size: float = LABEL_PT) -> str:
    """Text fit to be drawn in that many points of width."""
    return literal(fitted(" ".join(formats.clean(_STEERING.sub("", text)).split()), points, size))


def names(runs: Iterable[Run], points: float = NAME_PT, size: float = LABEL_PT) -> dict[str, str]:
    """Names to draw by run, no wider than `points` and all different though some were cut."""
    taken: set[str] = set()
    return {run.name: distinct(run.label, taken, points, size) for run in runs}


def distinct(text: str, taken: set[str], points: float, size: float = LABEL_PT) -> str:
    """Text fit to be drawn that is none of `taken`; it is added to them."""
    shown = squeezed(text, points, size)
    for number in count(2):
        if shown not in taken:
            break
        ending = f" #{number}"
        shown = squeezed(text, points - text_width(ending, size), size) + ending
    taken.add(shown)
    return shown


def axes(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure of that many inches with one pair of plain axes."""
    figure = sheet(width, height)
    found = figure.add_subplot()
    plain(found)
    return figure, found


def sheet(width: float, height: float) -> Figure:
    """An empty figure of that many inches."""
    return Figure(figsize=(width, height), dpi=DPI, layout="constrained")


def plain(found: Axes) -> None:
    """Axes without a frame, with a quiet grid behind the data."""
    found.spines[["top", "right", "left"]].set_visible(False)
    found.spines["bottom"].set_color("#999999")
    found.grid(visible=True, color=GRID, linewidth=0.7)
    found.set_axisbelow(True)
    found.tick_params(length=0, labelsize=LABEL_PT, colors=INK)
    found.xaxis.label.set_fontsize(9)
    found.yaxis.label.set_fontsize(9)


def threshold_line(found: Axes, value: float, *, across: bool) -> None:
    """A dotted line at a threshold: across the plot, or upright."""
    draw = found.axhline if across else found.axvline
    draw(value, color="#b00020", linewidth=1, linestyle=":", zorder=2)


def foot(
    figure: Figure,
    left_out: Iterable[tuple[str, str]],
    key: Sequence[tuple[str, str]] = (),
    most: int = 3,
    notes: Sequence[str] = (),
) -> None:
    """Writes beneath the plot what its numbers stand for, and what it cannot show and why.

    Args:
        figure: The plot, before it is laid out.
        left_out: Label and reason of each run that is not shown; each reason has one line.
        key: Number and name of each run.
        most: Runs named of one reason before the rest is counted.
        notes: Further sentences, such as how to read a mark.
    """
    inches = figure.get_size_inches()
    width = float(inches[0]) * 72 - 30
    columns = [key[i : i + -(-len(key) // 3)] for i in range(0, len(key), -(-len(key) // 3) or 1)]
    blocks = [
        (i * width / 3, [squeezed(f"{n}  {name}", width / 3 - 8, SMALL_PT) for n, name in column])
        for i, column in enumerate(columns)
    ]
    lines = [*notes, *_by_reason(left_out, most, width)]
    lines = [part for line in lines for part in wrapped(line, width)]
    if not lines and not blocks:
        return
    leading = SMALL_PT * 1.42
    above = max((len(column) for _, column in blocks), default=0)
    height = (above + len(lines) + 1.2) * leading / 72
    # The engine would put the figure's own label at the very bottom: it is placed by hand.
    label = SUPLABEL_IN if figure.get_supxlabel() else 0.0
    figure.set_size_inches(inches[0], float(inches[1]) + height)
    whole = (float(inches[1]) + height) * 72
    share, bottom = height * 72 / whole, (height + label) * 72 / whole
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.set(rect=(0, bottom, 1, 1 - bottom))  # type: ignore[call-arg]
    if label:
        figure.supxlabel(figure.get_supxlabel(), y=share + 0.02 * 72 / whole, fontsize=9)
    blocks.append((0.0, [""] * above + [squeezed(line, width, SMALL_PT) for line in lines]))
    for left, column in blocks:
        figure.text(
            (6 + left) / (width + 30), share - 0.4 * leading / whole, "\n".join(column),
            fontsize=SMALL_PT, color=QUIET, va="top", linespacing=1.35,
        ).set_in_layout(False)  # fmt: skip


def _by_reason(left_out: Iterable[tuple[str, str]], most: int, points: float) -> list[str]:
    """A line a reason, to be wrapped; names are cut, the reason is not."""
    reasons: dict[str, list[str]] = {}
    for label, why in left_out:
        reasons.setdefault(why, []).append(label)
    lines = []
    for why, labels in reasons.items():
        counted = " and 99 more" * (len(labels) > most)
        room = points - text_width(f"Not shown: , ,{counted}: {literal(why)}", SMALL_PT)
        room = max(room, points / 2)  # A long reason goes on in a second line.
        named = labels[: max(min(most, int(room // LEAST_NAME_PT)), 1)]
        each = max(room / len(named), LEAST_NAME_PT)
        shown = ", ".join(squeezed(label, each, SMALL_PT) for label in named)
        rest = len(labels) - len(named)
        more = f" and {rest:,} more" if rest else ""
        lines.append(f"Not shown: {shown}{more}: {literal(why)}")
    return lines


def wrapped(text: str, points: float) -> list[str]:
    """A small text in lines of that many points of width, broken between words."""
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}".lstrip()
        if lines[-1] and text_width(longer, SMALL_PT) > points:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def lay_out(figure: Figure) -> None:
    """Lay the figure out; what is drawn later lies where it lies now.

    A second time does nothing: laying out takes as long as drawing, and drawing finds the
    places of titles and labels anew for each format unless they are set.
    """
    engine = figure.get_layout_engine()
    if engine is None or isinstance(engine, PlaceHolderLayoutEngine):
        return
    canvas: Any = FigureCanvasAgg(figure)
    engine.execute(figure)
    figure.set_layout_engine("none")
    # The solver orders its variables by their addresses in memory, so that its last bits differ
    # from call to call; SVG names its clip paths by a hash of all bits.
    for text in figure.texts:
        x, y = text.get_position()
        text.set_position((round(float(x), 6), round(float(y), 6)))
    for axes in figure.axes:
        for which in ("original", "active"):
            box = axes.get_position(original=which == "original")
            axes.set_position(Bbox(box.get_points().round(6)), which=which)
        axes.apply_aspect()
        axes.get_tightbbox(canvas.get_renderer())
        for axis in (axes.xaxis, axes.yaxis):
            at = axis.label.get_transform().transform(axis.label.get_position())
            x, y = axes.transAxes.inverted().transform(at).round(6)
            axis.set_label_coords(x, y)


def pixels(figure: Figure, found: Axes) -> tuple[float, float, float, float]:
    """Left, right, bottom and top of the axes in the figure's pixels; lays the figure out."""
    lay_out(figure)
    box = found.get_window_extent()
    return float(box.x0), float(box.x1), float(box.y0), float(box.y1)
