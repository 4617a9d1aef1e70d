"""Placing labels beside points so that none covers another label or a point."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Box:
    """A rectangle; y grows downwards."""

    left: float
    top: float
    right: float
    bottom: float

    def overlap(self, other: Box) -> float:
        """Area shared with another box."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(width, 0.0) * max(height, 0.0)

    def outside(self, bounds: Box) -> float:
        """Pixels by which it leaves `bounds`."""
        return (
            max(bounds.left - self.left, 0.0)
            + max(self.right - bounds.right, 0.0)
            + max(bounds.top - self.top, 0.0)
            + max(self.bottom - bounds.bottom, 0.0)
        )


@dataclass(frozen=True)
class Anchor:
    """A point to label, and the size of its label, in pixels."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Placed:
    """Where a label went, and whether it is far enough to need a leader line."""

    box: Box
    leader: bool


_DIRECTIONS = (
    (1.0, -1.0), (1.0, 1.0), (-1.0, -1.0), (-1.0, 1.0),
    (1.0, 0.0), (-1.0, 0.0), (0.0, -1.0), (0.0, 1.0),
)  # fmt: skip
_DISTANCES = (11.0, 18.0, 28.0, 42.0, 60.0, 84.0, 112.0, 150.0, 200.0, 260.0)
_FORBIDDEN = 1e6
_LEADER_FROM = 24.0


def place(anchors: list[Anchor], lines: list[Box], bounds: Box, unit: float = 1.0) -> list[Placed]:
    """A place for each label, greedily, the most crowded first.

    Args:
        anchors: Points and label sizes.
        lines: Intervals and the like: better not covered, but may be.
        bounds: Labels stay inside.
        unit: Device pixels of one CSS pixel, by which distances grow.

    Returns:
        One place for each anchor, in their order.
    """
    reach = 7 * unit
    points = [Box(a.x - reach, a.y - reach, a.x + reach, a.y + reach) for a in anchors]

    def crowd(index: int) -> float:
        here = anchors[index]
        return -sum(
            1 / (1 + math.hypot(here.x - a.x, here.y - a.y))
            for i, a in enumerate(anchors)
            if i != index
        )

    taken: list[Box] = []
    found: dict[int, Placed] = {}
    for index in sorted(range(len(anchors)), key=lambda i: (crowd(i), i)):
        anchor = anchors[index]
        best: tuple[float, Placed] | None = None
        for distance in _DISTANCES:
            for order, (across, down) in enumerate(_DIRECTIONS):
                box = _box(anchor, across, down, distance, unit)
                cost = distance + order * 0.8 + box.outside(bounds) * _FORBIDDEN
                if best is not None and cost >= best[0]:
                    continue  # Overlaps, which take most of the time, only add to it.
                cost += (
                    sum(box.overlap(b) for b in taken) * _FORBIDDEN
                    + sum(box.overlap(b) for b in points) * _FORBIDDEN
                    + sum(box.overlap(b) for b in lines) * 0.35 / unit**2
                )
                if best is None or cost < best[0]:
                    best = (cost, Placed(box, leader=distance >= _LEADER_FROM))
        if best is None:
            raise AssertionError("there is always a candidate")
        taken.append(best[1].box)
        found[index] = best[1]
    return [found[i] for i in range(len(anchors))]


def _box(anchor: Anchor, across: float, down: float, distance: float, unit: float) -> Box:
    if across > 0:
        left = anchor.x + distance * unit
    elif across < 0:
        left = anchor.x - distance * unit - anchor.width
    else:
        left = anchor.x - anchor.width / 2
    # Clear of the point's own interval, which lies at its height.
    away = anchor.height / 2 + (4 if across else distance) * unit
    if across:
        away += (distance - _DISTANCES[0]) * 0.8 * unit
    centre = anchor.y + down * away
    half = anchor.height / 2
    return Box(left, centre - half, left + anchor.width, centre + half)
