"""Figures as files: PNG, SVG and PDF with the same bytes for the same tables."""

from __future__ import annotations

import io
import warnings
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from wattbench.report.views import plotting

FORMATS: dict[str, dict[str, None]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "ModDate": None, "Creator": None, "Producer": None},
}
"""Each format with the metadata to leave out, for it would differ from day to day."""

_SETTINGS: Any = {"svg.hashsalt": "wattbench", "svg.fonttype": "path", "pdf.fonttype": 42}


def figure_bytes(figure: Figure) -> dict[str, bytes]:
    """The figure in every format, by file name suffix."""
    written: dict[str, bytes] = {}
    with mpl.rc_context(_SETTINGS), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        # Laid out once: a layout engine would do it again for every format.
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        for suffix, metadata in FORMATS.items():
            stream = io.BytesIO()
            figure.savefig(
                stream, format=suffix, metadata=metadata, dpi=plotting.DPI, facecolor="white"
            )
            written[suffix] = stream.getvalue()
    return written
