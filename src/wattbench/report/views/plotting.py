"""What the figures in files have in common."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from wattbench.report import formats

DPI = 200
LABEL_PT = 8.5
LABEL_PX = LABEL_PT * DPI / 72
INK = "#222222"
GRID = "#e3e3e3"


def literal(text: str) -> str:
    """Text that matplotlib draws as it stands, '$' included."""
    return formats.clean(text).replace("$", r"\$").replace("\n", " ")


def axes(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure of that many inches with one pair of plain axes."""
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    found = figure.add_subplot()
    plain(found)
    return figure, found


def plain(found: Axes) -> None:
    """Axes without a frame, with a quiet grid behind the data."""
    found.spines[["top", "right", "left"]].set_visible(False)
    found.spines["bottom"].set_color("#999999")
    found.grid(visible=True, color=GRID, linewidth=0.7)
    found.set_axisbelow(True)
    found.tick_params(length=0, labelsize=8.5, colors=INK)
    found.xaxis.label.set_fontsize(9)
    found.yaxis.label.set_fontsize(9)


def pixels(figure: Figure, found: Axes) -> tuple[float, float, float, float]:
    """Left, right, bottom and top of the axes in the figure's pixels, once it is laid out."""
    figure.draw_without_rendering()
    box = found.get_window_extent()
    return float(box.x0), float(box.x1), float(box.y0), float(box.y1)
