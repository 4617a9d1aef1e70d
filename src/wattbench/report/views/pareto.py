"""Energy against quality of any frame, such as one of pipelines rather than of runs."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from wattbench.analyses.frontier import frontier
from wattbench.files import write_whole
from wattbench.report import palette
from wattbench.report.figures import FORMATS, figure_bytes
from wattbench.report.metrics import Value
from wattbench.report.views import evaluations, plotting, scatter
from wattbench.report.views.registry import CannotDraw


def mark_pareto_frontier(frame: pd.DataFrame, energy_col: str, quality_col: str) -> pd.DataFrame:
    """The frame with the column `is_pareto`: whether no row has less energy and more quality.

    A row is dominated where another has at most its energy and at least its quality, and is
    better in one; equal rows stay together, and a row without one of the two figures is none.

    Args:
        frame: One row a point.
        energy_col: Column of energies; less is better.
        quality_col: Column of qualities; more is better.

    Raises:
        CannotDraw: A column is missing.
    """
    evaluations.needs(frame, energy_col, quality_col)
    found = frame.copy()
    pairs = [
        (evaluations.number(q), evaluations.number(e))
        for e, q in zip(frame[energy_col], frame[quality_col], strict=True)
    ]
    known = [q is not None and e is not None for q, e in pairs]
    best = frontier([(-math.inf if q is None else q, e) for q, e in pairs])
    found["is_pareto"] = [b and k for b, k in zip(best, known, strict=True)]
    return found


def plot_energy_quality_pareto(
    frame: pd.DataFrame,
    *,
    energy_col: str,
    quality_col: str,
    label_col: str = "run_id",
    outpath: str | Path | None = None,
) -> Figure:
    """Quality over energy with the Pareto front; rows that lack a figure are named beneath.

    Args:
        frame: One row a point; `<column>_low` and `_high` are intervals where they are there.
        energy_col: Column of energies.
        quality_col: Column of qualities.
        label_col: Column of the points' names.
        outpath: File to write, its format by its ending: png, svg or pdf.

    Raises:
        CannotDraw: A column is missing, no row has both figures, or the ending is none of these.
        FaultError: The file cannot be written.
    """
    evaluations.needs(frame, energy_col, quality_col, label_col)
    with plotting.style({}):
        figure = _drawn(frame, energy_col, quality_col, label_col)
    if outpath is not None:
        suffix = Path(outpath).suffix.removeprefix(".")
        if suffix not in FORMATS:
            raise CannotDraw(f"'{outpath}' ends in none of: {', '.join(FORMATS)}")
        written = figure_bytes(figure, (suffix,))[suffix]
        write_whole(Path(outpath), lambda stream: stream.write(written))
    return figure


def _drawn(frame: pd.DataFrame, energy_col: str, quality_col: str, label_col: str) -> Figure:
    marks: list[scatter.Mark] = []
    lacking: list[tuple[str, str]] = []
    taken: set[str] = set()
    for place, row in enumerate(frame.to_dict("records")):
        label = str(row[label_col])
        found = [
            evaluations.value_of(row, column, None, 0.95) for column in (energy_col, quality_col)
        ]
        energy, quality = found
        if isinstance(energy, Value) and isinstance(quality, Value):
            name = plotting.distinct(label, taken, 150)
            marks.append(scatter.Mark(name, palette.of_place(place), energy, quality))
        else:
            missing = energy_col if not isinstance(energy, Value) else quality_col
            lacking.append((label, f"{missing} is not known"))
    if not marks:
        raise CannotDraw(f"no row has both {energy_col} and {quality_col}")
    return scatter.draw(
        marks, scatter.axis_of(energy_col, [m.x for m in marks]), scatter.Axis(quality_col),
        left_out=lacking, front=True,
    )  # fmt: skip
