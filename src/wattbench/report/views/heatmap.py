"""A grid of coloured cells with their figures in them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from wattbench.report import palette
from wattbench.report.views import plotting
from wattbench.report.views.svg import text_width

MAP = "cividis"
"""Nunez, Anderton and Renslow (2018): the same order of lightness for colour-blind readers."""

CELL_IN = 0.34
CELLS_PT = plotting.WIDTH * 72 * 0.64
"""Width of all cells about, beside the names and the scale."""

INTERVAL_PT = 5.5
LEAST_PT = 4.5
EMPTY = "#f2f2f2"


def draw(
    values: np.ndarray,
    rows: Sequence[str],
    columns: Sequence[str],
    shown: Sequence[Sequence[str]],
    beneath: Sequence[Sequence[str]] | None = None,
    *,
    label: str,
    title: str = "",
    row_label: str = "",
    ends: tuple[float, float] = (0.0, 1.0),
) -> Figure:
    """A heatmap.

    Args:
        values: Shape (rows, columns); NaN where there is none, drawn pale.
        rows: Names of the rows.
        columns: Names of the columns, drawn aslant where they are long.
        shown: What stands in each cell.
        beneath: What stands under it in small, such as its interval; see `has_room`.
        label: What the colour means.
        title: Title of the plot.
        row_label: What the rows are.
        ends: Values at the ends of the colours.
    """
    cell = CELLS_PT / max(len(columns), 1)
    height = max(len(rows) * (CELL_IN * (0.94 if beneath else 0.78)) + 1.6, 2.2)
    figure, axes = plotting.axes(plotting.WIDTH, height)
    colours = colormaps[MAP].with_extremes(bad=EMPTY)
    axes.set_facecolor(EMPTY)
    # Not an image, which is scaled anew for each format in half a second.
    mesh = axes.pcolormesh(
        np.ma.masked_invalid(values), cmap=colours, vmin=ends[0], vmax=ends[1], linewidth=0
    )
    axes.invert_yaxis()
    axes.grid(visible=False)
    axes.spines["bottom"].set_visible(False)
    widest = max(
        (text_width(line, plotting.SMALL_PT) for c in columns for line in c.split("\n")), default=0
    )
    long = widest > cell * 0.98
    axes.set_xticks(
        np.arange(len(columns)) + 0.5, columns, rotation=40 if long else 0,
        ha="right" if long else "center", rotation_mode="anchor" if long else None,
        fontsize=plotting.SMALL_PT,
    )  # fmt: skip
    axes.set_yticks(np.arange(len(rows)) + 0.5, rows, fontsize=plotting.SMALL_PT)
    longest = max((text_width(text, 1) for row in shown for text in row), default=1)
    size = min(plotting.SMALL_PT, max(cell * 0.85 / longest, LEAST_PT))
    painted = mesh.to_rgba(np.ma.masked_invalid(values))
    for (row, column), value in np.ndenumerate(values):
        known = not np.isnan(value)
        ink = _ink(to_hex(tuple(painted[row, column]))) if known else plotting.QUIET
        for text, points, rise in (
            (shown[row][column], size, 0.14 if beneath else 0),
            (beneath[row][column] if beneath else "", INTERVAL_PT, -0.24),
        ):
            if text:
                axes.text(
                    column + 0.5,
                    row + 0.5 - rise,
                    text,
                    ha="center",
                    va="center",
                    fontsize=points,
                    color=ink,
                ).set_in_layout(False)
    bar = figure.colorbar(mesh, ax=axes, shrink=0.8, pad=0.02, aspect=24)
    bar.outline.set_visible(False)
    bar.set_label(label, fontsize=plotting.LABEL_PT)
    bar.ax.tick_params(labelsize=plotting.SMALL_PT, length=0)
    if title:
        axes.set_title(plotting.literal(title), fontsize=9, loc="left")
    if row_label:
        axes.set_ylabel(row_label)
    return figure


def of_shares(
    cells: np.ndarray,
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    label: str,
    level: float,
    title: str = "",
    row_label: str = "",
) -> Figure:
    """A heatmap of shares with their intervals: in the cells, or the widest in words.

    Args:
        cells: Shape (3, rows, columns): values and both ends of their intervals; NaN for none.
        rows: Names of the rows.
        columns: Names of the columns.
        label: What the colour means.
        level: Level of the intervals.
        title: Title of the plot.
        row_label: What the rows are.
    """
    values, low, high = cells
    shown = [["\N{EN DASH}" if np.isnan(v) else f"{v:.2f}" for v in row] for row in values]
    beneath: list[list[str]] | None = None
    known = ~np.isnan(high - low)
    if known.any() and has_room(len(columns)):
        label = f"{label}\n{level * 100:g} % interval beneath"
        beneath = [
            [
                "" if np.isnan(b - a) else f"{a:.2f}\N{EN DASH}{b:.2f}"
                for a, b in zip(*row, strict=True)
            ]
            for row in zip(low, high, strict=True)
        ]
    elif known.any():
        widest = max((values - low)[known].max(), (high - values)[known].max())
        label = f"{label}\n{level * 100:g} % intervals within \u00b1{widest:.2f}"
    return draw(
        values, rows, columns, shown, beneath, label=label, title=title, row_label=row_label
    )


def has_room(columns: int) -> bool:
    """Whether an interval fits beneath the figure of a cell."""
    return text_width("0.00\N{EN DASH}0.00", INTERVAL_PT) < CELLS_PT / max(columns, 1)


def _ink(ground: str) -> str:
    """Of white and dark, what is better read on a colour."""
    return max(("#ffffff", plotting.INK), key=lambda ink: palette.contrast(ink, ground))
