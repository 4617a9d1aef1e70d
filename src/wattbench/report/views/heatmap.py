"""A grid of coloured cells with their figures in them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from wattbench.report.views import plotting

MAP = "cividis"
"""Nunez, Anderton and Renslow (2018): the same order of lightness for colour-blind readers."""

CELL_IN = 0.34
EMPTY = "#f2f2f2"


def draw(
    values: np.ndarray,
    rows: Sequence[str],
    columns: Sequence[str],
    shown: Sequence[Sequence[str]],
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
        label: What the colour means.
        title: Title of the plot.
        row_label: What the rows are.
        ends: Values at the ends of the colours.
    """
    height = max(len(rows) * CELL_IN * 0.78 + 1.6, 2.2)
    figure, axes = plotting.axes(plotting.WIDTH, height)
    colours = colormaps[MAP].with_extremes(bad=EMPTY)
    image = axes.imshow(
        np.ma.masked_invalid(values), cmap=colours, vmin=ends[0], vmax=ends[1], aspect="auto"
    )
    axes.grid(visible=False)
    axes.spines["bottom"].set_visible(False)
    long = max((len(c) for c in columns), default=0) > 9 and len(columns) > 4
    axes.set_xticks(
        range(len(columns)), columns, rotation=40 if long else 0, ha="right" if long else "center",
        rotation_mode="anchor" if long else None, fontsize=plotting.SMALL_PT,
    )  # fmt: skip
    axes.set_yticks(range(len(rows)), rows, fontsize=plotting.SMALL_PT)
    small = plotting.SMALL_PT if len(columns) <= 12 else plotting.SMALL_PT * 11 / len(columns)
    middle = (ends[0] + ends[1]) / 2
    for (row, column), value in np.ndenumerate(values):
        known = not np.isnan(value)
        ink = "white" if known and value < middle else plotting.INK
        axes.text(
            column, row, shown[row][column], ha="center", va="center", fontsize=small,
            color=ink if known else plotting.QUIET,
        ).set_in_layout(False)  # fmt: skip
    bar = figure.colorbar(image, ax=axes, shrink=0.8, pad=0.02, aspect=24)
    bar.outline.set_visible(False)
    bar.set_label(label, fontsize=plotting.LABEL_PT)
    bar.ax.tick_params(labelsize=plotting.SMALL_PT, length=0)
    if title:
        axes.set_title(plotting.literal(title), fontsize=9, loc="left")
    if row_label:
        axes.set_ylabel(row_label)
    return figure
