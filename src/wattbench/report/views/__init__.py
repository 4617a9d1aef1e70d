"""The report's plots. Importing the package registers every view."""

from wattbench.report.views import frontier, kinds, pairs, traces
from wattbench.report.views.registry import VIEWS, CannotDraw, View, view

__all__ = ["VIEWS", "CannotDraw", "View", "frontier", "kinds", "pairs", "traces", "view"]
