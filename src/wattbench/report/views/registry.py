"""Views: named plots, each drawn as an inline SVG for the page and as a figure for files."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from markupsafe import Markup
from matplotlib.figure import Figure

from wattbench.report.data import Group, ReportData
from wattbench.report.views import plotting
from wattbench.study.reporting import FigureName, Report

Sections = Literal[
    "Accuracy", "Energy and cost", "Model size", "Agreement", "Calibration", "Over time"
]
"""What a view is about, in the order of a reader's questions."""

WIDE = 920
NARROW = 360


class CannotDraw(Exception):  # noqa: N818 - it says why a view is left out, and is no fault
    """A view has nothing it could honestly show; the message says why."""


@dataclass(frozen=True)
class Plot:
    """A figure for files.

    Args:
        figure: The drawing.
        left_out: Label and reason of each run that it cannot show.
    """

    figure: Figure
    left_out: tuple[tuple[str, str], ...] = ()


OnPage = Callable[[ReportData, Group, int], Markup]
InFile = Callable[[ReportData, Group], Plot]


@dataclass(frozen=True)
class View:
    """One plot.

    Args:
        name: File name's stem and element id.
        title: Heading.
        caption: How to read it.
        svg: Draws it for the page, `width` pixels wide; raises CannotDraw. None: files only.
        figure: Draws it for files; raises CannotDraw.
        section: What it is about.
    """

    name: str
    title: str
    caption: str
    svg: OnPage | None
    figure: InFile
    section: Sections = "Accuracy"


VIEWS: dict[str, View] = {}
"""Every view, in the order of registration."""


def view(
    name: str, *, title: str, caption: str, section: Sections, svg: OnPage | None = None
) -> Callable[[InFile], InFile]:
    """Register the decorated function as the figure of a view.

    Raises:
        ValueError: The name is taken.
    """

    def register(figure: InFile) -> InFile:
        if name in VIEWS:
            raise ValueError(f"a view named '{name}' is registered already")
        VIEWS[name] = View(name, title, caption, svg, figure, section)
        return figure

    return register


def chosen(definition: Report) -> list[View]:
    """The views that a report shows, in the order it names them; all where it names none."""
    names = definition.outputs.which_figures or get_args(FigureName)
    return [VIEWS[name] for name in dict.fromkeys(names)]


@dataclass(frozen=True)
class Drawn:
    """A view that was drawn, or the reason why it was not."""

    view: View
    wide: Markup | None = None
    narrow: Markup | None = None
    figure: Figure | None = None
    reason: str | None = None
    left_out: tuple[tuple[str, str], ...] = ()
    """Label and reason of each run that the figure cannot show."""


def draw(view: View, data: ReportData, group: Group) -> Drawn:
    """Draw a view; whatever goes wrong in it becomes its reason and stops nothing else."""
    try:
        with plotting.style({}), warnings.catch_warnings():
            # Model names may hold characters that the figure's font lacks: it draws boxes.
            warnings.filterwarnings("ignore", message="Glyph .* missing from font")
            plot = view.figure(data, group)
            return Drawn(
                view,
                wide=view.svg(data, group, WIDE) if view.svg else None,
                narrow=view.svg(data, group, NARROW) if view.svg else None,
                figure=plot.figure,
                left_out=plot.left_out,
            )
    except CannotDraw as reason:
        return Drawn(view, reason=str(reason))
    except Exception as error:  # noqa: BLE001 - a plot's fault must not cost the rest of the report
        return Drawn(view, reason=f"drawing failed: {type(error).__name__}: {error}")
