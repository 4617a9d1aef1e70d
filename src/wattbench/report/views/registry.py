"""Views: named plots, each drawn as an inline SVG for the page and as a figure for files."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

from markupsafe import Markup
from matplotlib.figure import Figure

from wattbench.report.data import Group, ReportData

Prepare = Callable[[ReportData, Group], object]
WIDE = 920
NARROW = 360


class CannotDraw(Exception):  # noqa: N818 - it says why a view is left out, and is no fault
    """A view has nothing it could honestly show; the message says why."""


@dataclass(frozen=True)
class View:
    """One plot.

    Args:
        name: File name's stem and element id.
        title: Heading.
        caption: How to read it.
        svg: Draws it for the page, `width` pixels wide; raises CannotDraw.
        figure: Draws it for files; raises CannotDraw.
    """

    name: str
    title: str
    caption: str
    svg: Callable[[ReportData, Group, int], Markup]
    figure: Callable[[ReportData, Group], Figure]


VIEWS: dict[str, View] = {}
"""Every view, in the order of registration."""


def view(
    name: str,
    *,
    title: str,
    caption: str,
    svg: Callable[[ReportData, Group, int], Markup],
) -> Callable[[Callable[[ReportData, Group], Figure]], Callable[[ReportData, Group], Figure]]:
    """Register the decorated function as the figure of a view.

    Raises:
        ValueError: The name is taken.
    """

    def register(
        figure: Callable[[ReportData, Group], Figure],
    ) -> Callable[[ReportData, Group], Figure]:
        if name in VIEWS:
            raise ValueError(f"a view named '{name}' is registered already")
        VIEWS[name] = View(name, title, caption, svg, figure)
        return figure

    return register


@dataclass(frozen=True)
class Drawn:
    """A view that was drawn, or the reason why it was not."""

    view: View
    wide: Markup | None = None
    narrow: Markup | None = None
    figure: Figure | None = None
    reason: str | None = None


def draw(view: View, data: ReportData, group: Group) -> Drawn:
    """Draw a view; whatever goes wrong in it becomes its reason and stops nothing else."""
    try:
        with warnings.catch_warnings():
            # Model names may hold characters that the figure's font lacks: it draws boxes.
            warnings.filterwarnings("ignore", message="Glyph .* missing from font")
            return Drawn(
                view,
                wide=view.svg(data, group, WIDE),
                narrow=view.svg(data, group, NARROW),
                figure=view.figure(data, group),
            )
    except CannotDraw as reason:
        return Drawn(view, reason=str(reason))
    except Exception as error:  # noqa: BLE001 - a plot's fault must not cost the rest of the report
        return Drawn(view, reason=f"drawing failed: {type(error).__name__}: {error}")
