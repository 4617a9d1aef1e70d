"""Reading order of the blocks of a page that may have several columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDE = 0.55
"""A block wider than this share of the page's text is taken to span columns."""

GUTTER = 5.0
"""Points of white between columns."""

MIN_WORDS = 12
"""Words that each column must hold; less is a label beside its value, read row by row."""


@dataclass(frozen=True)
class Box:
    """A block on a page: its rectangle in points, y growing downwards, and its words."""

    left: float
    top: float
    right: float
    bottom: float
    words: int


def reading_order(boxes: Sequence[Box]) -> list[int]:
    """Positions of the boxes in reading order.

    Columns are found as stretches of x that narrow blocks fill with white between them. Blocks
    that lie over more than one column part the page into bands; within a band, columns are read
    from left to right and each from top to bottom.
    """
    columns = _columns(boxes)
    by_height = sorted(range(len(boxes)), key=lambda i: (boxes[i].top, boxes[i].left, i))
    if len(columns) < 2:
        return by_height
    order: list[int] = []
    band: list[int] = []
    for i in by_height:
        if len(_touched(boxes[i], columns)) > 1:
            order += _band(band, boxes, columns)
            order.append(i)
            band = []
        else:
            band.append(i)
    return order + _band(band, boxes, columns)


def _band(band: list[int], boxes: Sequence[Box], columns: list[tuple[float, float]]) -> list[int]:
    return sorted(
        band, key=lambda i: (_touched(boxes[i], columns)[:1], boxes[i].top, boxes[i].left, i)
    )


def _touched(box: Box, columns: list[tuple[float, float]]) -> list[int]:
    return [
        n
        for n, (left, right) in enumerate(columns)
        if min(box.right, right) - max(box.left, left) > GUTTER / 2
    ]


def _columns(boxes: Sequence[Box]) -> list[tuple[float, float]]:
    if not boxes:
        return []
    width = max(b.right for b in boxes) - min(b.left for b in boxes)
    narrow = sorted(
        (b for b in boxes if b.right - b.left <= WIDE * width), key=lambda b: (b.left, b.right)
    )
    columns: list[tuple[float, float]] = []
    words: list[int] = []
    for box in narrow:
        if columns and box.left < columns[-1][1] + GUTTER:
            left, right = columns[-1]
            columns[-1] = (left, max(right, box.right))
            words[-1] += box.words
        else:
            columns.append((box.left, box.right))
            words.append(box.words)
    return columns if min(words, default=0) >= MIN_WORDS else []
