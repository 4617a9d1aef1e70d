"""The report's plots. Importing the package registers every view."""

from wattbench.report.views import (
    costs,
    frontier,
    kinds,
    pairs,
    sizes,
    traces,
    verdicts,
)
from wattbench.report.views.registry import VIEWS, CannotDraw, Plot, View, view

__all__ = [
    "VIEWS", "CannotDraw", "Plot", "View", "costs", "frontier", "kinds", "pairs", "sizes",
    "traces", "verdicts", "view",
]  # fmt: skip
