"""The report's plots. Importing the package registers every view."""

from wattbench.report.views import (
    calibration,
    costs,
    frontier,
    kinds,
    pairs,
    sizes,
    tasks,
    traces,
    verdicts,
)
from wattbench.report.views.registry import VIEWS, CannotDraw, Plot, View, view

__all__ = [
    "VIEWS", "CannotDraw", "Plot", "View", "calibration", "costs", "frontier", "kinds", "pairs",
    "sizes", "tasks", "traces", "verdicts", "view",
]  # fmt: skip
