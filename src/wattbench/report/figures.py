"""Figures as files: PNG, SVG and PDF with the same bytes for the same tables."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterable
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from wattbench.report.views import plotting

_SETTINGS: Any = {"svg.fonttype": "path", "pdf.fonttype": 3}
"""Text stays text in PDF, as Type 3: whole subsets of TrueType fonts take a second each."""

_QUICK = 4
"""zlib's level 6 makes PNG files 3 % smaller in twice the time."""


def figure_bytes(
    figure: Figure, formats: Iterable[str] | None = None, dpi: int = plotting.DPI
) -> dict[str, bytes]:
    """The figure in every format, by file name suffix.

    Args:
        figure: The figure; it is laid out once for all formats.
        formats: Some of `FORMATS`; None for all.
        dpi: Dots an inch of PNG files.
    """
    written: dict[str, bytes] = {}
    with plotting.style(_SETTINGS), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        plotting.lay_out(figure)
        figure.set_facecolor("white")
        for suffix in FORMATS if formats is None else formats:
            # An SVG or PDF leaves the figure at 72 dots an inch.
            figure.set_dpi(dpi)
            stream = io.BytesIO()
            FORMATS[suffix](figure, stream)
            written[suffix] = stream.getvalue()
    return written


# The canvases are asked themselves, for `savefig` draws each figure twice: once to see how
# it is laid out, which it is already. Dates and versions, which differ from day to day and
# from machine to machine, are left out.


def _png(figure: Figure, stream: io.BytesIO) -> None:
    canvas: Any = FigureCanvasAgg(figure)
    canvas.print_png(stream, metadata={"Software": None}, pil_kwargs={"compress_level": _QUICK})


def _svg(figure: Figure, stream: io.BytesIO) -> None:
    canvas: Any = FigureCanvasSVG(figure)
    canvas.print_svg(stream, metadata={"Date": None, "Creator": None})


def _pdf(figure: Figure, stream: io.BytesIO) -> None:
    canvas: Any = FigureCanvasPdf(figure)
    nothing = ("CreationDate", "ModDate", "Creator", "Producer")
    canvas.print_pdf(stream, metadata=dict.fromkeys(nothing))


FORMATS: dict[str, Callable[[Figure, io.BytesIO], None]] = {"png": _png, "svg": _svg, "pdf": _pdf}
"""Writer of each format by its suffix."""
