"""Colours that colour-blind readers can tell apart, and names that are safe as file names."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from wattbench.study.models import Study

OKABE_ITO = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#6d5301", "#56b4e9", "#881860", "#8c8c8c")
"""Okabe and Ito's colour-blind safe palette (2008), but for its yellow and black, which vanish on
white and on black, and its orange, which comes too near vermilion once it stands out from white."""

LIGHT_GROUND = "#ffffff"
DARK_GROUND = "#16181b"
LEAST_CONTRAST = 3.0
"""WCAG 2.2, 1.4.11: contrast of graphics against their ground."""


@dataclass(frozen=True)
class Shade:
    """Colour of one run on both grounds, and the class that carries it."""

    css: str
    light: str
    dark: str


def assign(study: Study, runs: list[str]) -> dict[str, Shade]:
    """A colour for each run, the same wherever it is shown.

    The study's own colour comes first; the others take the palette in the study's order, so that
    a run keeps its colour when another is added behind it. Past the palette's end its colours
    come again, lighter and darker in turn.
    """
    order = [*study.models, *study.ensembles]
    known = sorted(
        set(runs) | set(order), key=lambda n: (order.index(n) if n in order else len(order), n)
    )
    shades: dict[str, Shade] = {}
    for position, name in enumerate(known):
        entry = study.models.get(name)
        colour = entry.colour if entry and entry.colour else of_place(position)
        shades[name] = Shade(
            css=f"c{position}",
            light=against(colour.lower(), LIGHT_GROUND),
            dark=against(colour.lower(), DARK_GROUND),
        )
    return {name: shades[name] for name in runs}


def of_place(position: int) -> str:
    """Colour of the run at a place, from 0."""
    lap, place = divmod(position, len(OKABE_ITO))
    colour = OKABE_ITO[place]
    if lap == 0:
        return colour
    return mix(colour, "#000000" if lap % 2 else "#ffffff", min(0.35 * ((lap + 1) // 2), 0.7))


def mix(colour: str, other: str, share: float) -> str:
    """`colour` with `share` (0 to 1) of `other` in it."""
    pairs = zip(_channels(colour), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2.2)."""
    first, second = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (first + 0.05) / (second + 0.05)


def _luminance(colour: str) -> float:
    linear = [
        v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4
        for v in (c / 255 for c in _channels(colour))
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def against(colour: str, ground: str) -> str:
    """`colour`, moved away from `ground` until it stands out from it."""
    away = "#000000" if _luminance(ground) > 0.5 else "#ffffff"
    for step in range(20):
        moved = mix(colour, away, step * 0.05)
        if contrast(moved, ground) >= LEAST_CONTRAST:
            return moved
    return away


def slugs(names: list[str]) -> list[str]:
    """Names made safe as file names and element ids, all different."""
    found: list[str] = []
    for name in names:
        safe = re.sub(r"[^A-Za-z0-9_-]", "-", name)[:60] or "set"
        if safe != name or safe in found:
            safe = f"{safe}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
        found.append(safe)
    return found
