"""A small SVG builder that escapes all it is given, and axes for it."""

from __future__ import annotations

import math
from xml.etree import ElementTree as ET

from markupsafe import Markup

from wattbench.report import formats

FONT = 12.5
"""Pixels of a plot's text."""

AVERAGE_GLYPH = 0.57
"""Width of an average glyph of a system font in ems, on the wide side."""


def text_width(text: str, size: float = FONT) -> float:
    """Pixels that a text takes at most; wide scripts count double."""
    return sum(size * (AVERAGE_GLYPH if ord(c) < 0x1100 else 1.05) for c in text)


def fitted(text: str, width: float, size: float = FONT) -> str:
    """A text cut in its middle until it is no wider than `width` pixels."""
    if text_width(text, size) <= width:
        return text
    fits, too_long = 3, len(text)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if text_width(formats.squeeze(text, middle), size) <= width:
            fits = middle
        else:
            too_long = middle
    return formats.squeeze(text, min(fits, len(text)))


class Canvas:
    """An SVG drawing; colours come from the page's classes, never from style attributes.

    Args:
        width: Pixels.
        height: Pixels.
        label: What it shows, for screen readers.
    """

    def __init__(self, width: float, height: float, label: str) -> None:
        self.width = width
        self.height = height
        self.root = ET.Element(
            "svg",
            {
                "viewBox": f"0 0 {_n(width)} {_n(height)}",
                "role": "img",
                "class": "plot",
                "aria-label": formats.clean(label),
            },
        )
        self._open = [self.root]

    def group(self, css: str = "", title: str | None = None, **attributes: str) -> ET.Element:
        """Open a group; close it with `close`."""
        element = ET.SubElement(self._open[-1], "g", {"class": css, **attributes})
        if title is not None:
            ET.SubElement(element, "title").text = formats.clean(title)
            if "tabindex" in attributes:
                # What is in an image has no name of its own; a stop for Tab must have one.
                element.attrib.update({"role": "img", "aria-label": formats.clean(title)})
                self.root.set("role", "group")
        self._open.append(element)
        return element

    def close(self) -> None:
        """Close the group opened last."""
        self._open.pop()

    def line(self, x1: float, y1: float, x2: float, y2: float, css: str) -> None:
        """A straight line."""
        ET.SubElement(
            self._open[-1],
            "line",
            {"x1": _n(x1), "y1": _n(y1), "x2": _n(x2), "y2": _n(y2), "class": css},
        )

    def path(self, d: str, css: str) -> None:
        """A path."""
        ET.SubElement(self._open[-1], "path", {"d": d, "class": css})

    def polyline(self, points: list[tuple[float, float]], css: str) -> None:
        """A line through points."""
        d = "M" + "L".join(f"{_n(x)} {_n(y)}" for x, y in points)
        self.path(d, css)

    def rect(self, x: float, y: float, width: float, height: float, css: str) -> None:
        """A rectangle."""
        ET.SubElement(
            self._open[-1],
            "rect",
            {
                "x": _n(x), "y": _n(y), "width": _n(max(width, 0)), "height": _n(max(height, 0)),
                "class": css,
            },
        )  # fmt: skip

    def text(self, x: float, y: float, text: str, css: str = "", anchor: str = "start") -> None:
        """Text with its baseline at `y`."""
        element = ET.SubElement(
            self._open[-1],
            "text",
            {"x": _n(x), "y": _n(y), "text-anchor": anchor, "class": css},
        )
        element.text = formats.clean(text)

    def vertical_text(self, x: float, y: float, text: str, css: str = "") -> None:
        """Text that reads upwards, centred on the point."""
        element = ET.SubElement(
            self._open[-1],
            "text",
            {
                "transform": f"translate({_n(x)} {_n(y)}) rotate(-90)",
                "text-anchor": "middle",
                "class": css,
            },
        )
        element.text = formats.clean(text)

    def mark(self, x: float, y: float, *, diamond: bool, hollow: bool, size: float = 6) -> None:
        """A run's mark: a circle, or a diamond for an ensemble; hollow for an estimate."""
        css = "mark hollow" if hollow else "mark"
        if diamond:
            r = size * 1.3
            self.path(
                f"M{_n(x)} {_n(y - r)}l{_n(r)} {_n(r)}l{_n(-r)} {_n(r)}l{_n(-r)} {_n(-r)}z", css
            )
            return
        ET.SubElement(
            self._open[-1], "circle", {"cx": _n(x), "cy": _n(y), "r": _n(size), "class": css}
        )

    def markup(self) -> Markup:
        """The drawing as markup; every text and attribute in it is escaped by the serialiser."""
        return Markup(ET.tostring(self.root, encoding="unicode"))  # noqa: S704


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def log_ticks(low: float, high: float) -> list[float]:
    """Ticks of a logarithmic axis: 1-2-5 in short ranges, whole decades in long ones."""
    decades = math.log10(high / low)
    steps = (1.0, 2.0, 5.0) if decades <= 3 else (1.0,)
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    every = max(1, math.ceil((last - first) / 8))
    ticks = [
        step * 10.0**power
        for power in range(first, last + 1)
        for step in steps
        if power % every == 0 and low <= step * 10.0**power <= high
    ]
    if len(ticks) >= 2:
        return ticks
    return linear_ticks(low, high, 4)


def linear_ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round ticks of a linear axis within its ends."""
    if not high > low:
        return [low]
    rough = (high - low) / about
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(s * size for s in (1, 2, 2.5, 5, 10) if s * size >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, 12) for i in range(first, math.floor(high / step + 1e-9) + 1)]


_TIME_STEPS = (
    0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 21600, 86400,
)  # fmt: skip


def time_ticks(seconds: float, about: int) -> list[tuple[float, str]]:
    """Ticks of a time axis from 0 with their texts, at most `about` steps."""
    step = next((s for s in _TIME_STEPS if seconds / s <= about), seconds / about)
    return [(i * step, formats.clock(i * step, step)) for i in range(int(seconds / step) + 1)]
