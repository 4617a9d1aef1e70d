"""Characters of a PDF page put together to lines, and lines to blocks.

A PDF places characters; words, lines and paragraphs have to be found by the gaps between them.
Characters are taken in the order of the file, for that is mostly the order of reading, while their
order by height mixes columns whose lines do not stand level.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from wattbench.corpus.grids import Grid
from wattbench.corpus.text import one_line
from wattbench.corpus.tree import count_words

Rectangle = tuple[float, float, float, float]
"""Left, top, right and bottom in points, y growing downwards."""

SPACE = 0.15
"""A gap wider than this, in font sizes, parts words: many files place words and draw no spaces."""

WIDE = 1.5
"""A gap wider than this, in font sizes, parts cells of a row or columns of text."""

COLUMN_WORDS = 4
"""Words on both sides of a wide gap from which on these are columns, not cells of a row."""

LEVEL = 0.5
"""Characters whose feet differ by less, in font sizes, stand on one line: so do sub- and
superscripts."""

PITCH = 1.5
"""Lines whose feet are farther apart, in font sizes, belong to different paragraphs."""

LARGER = 1.05
"""Font sizes that differ by more than this factor are different."""

TWICE = 0.5
"""Points within which a character drawn again is the same one: so files make text look bold."""

OPEN_BLOCKS = 12
"""Blocks back in which a line may go on; a limit, so that a page's time does not grow squared."""

BOLD = re.compile(r"bold|black|heavy|demi|cmbx|-medi(?![a-z])", re.IGNORECASE)
"""Names of bold fonts, TeX's and Nimbus' among them."""

UNMAPPED = re.compile(r"\(cid:\d+\)")
LIGATURES = str.maketrans(
    {"\ufb00": "ff", "\ufb01": "fi", "\ufb02": "fl", "\ufb03": "ffi", "\ufb04": "ffl"}
)


@dataclass(frozen=True)
class Glyph:
    """A character.

    Args:
        text: Its text.
        box: Where it is on the page.
        turn: Quarter turns of its line against upright text, counterclockwise.
        start: Where it starts along its line, in points.
        end: Where it ends along its line.
        foot: How far down its foot is, seen along its line.
        size: Font size in points.
        bold: Whether its font is bold.
    """

    text: str
    box: Rectangle
    turn: int
    start: float
    end: float
    foot: float
    size: float
    bold: bool


@dataclass
class Line:
    """Glyphs on one line and their text, with spaces between words."""

    glyphs: list[Glyph] = field(default_factory=list)
    text: str = ""

    def size(self) -> float:
        """Font size of most of the line; the smaller of two that are even."""
        counts = Counter(glyph.size for glyph in self.glyphs)
        return max(counts, key=lambda size: (counts[size], -size))

    def bold(self) -> bool:
        """Whether all of the line is bold."""
        return all(glyph.bold for glyph in self.glyphs)


@dataclass(frozen=True)
class Block:
    """Text of a page that belongs together: lines of one look, or a table."""

    box: Rectangle
    lines: tuple[str, ...] = ()
    table: Grid | None = None
    size: float = 0.0
    bold: bool = False


def glyph_of(char: Mapping[str, Any]) -> Glyph:
    """A character as pdfplumber gives it."""
    left, top = float(char["x0"]), float(char["top"])
    right, bottom = float(char["x1"]), float(char["bottom"])
    along, across = char["matrix"][:2]
    level = abs(along) >= abs(across)
    turn = (0 if along >= 0 else 2) if level else (1 if across > 0 else 3)
    start, end, head, foot = {
        0: (left, right, top, bottom),
        1: (-bottom, -top, left, right),
        2: (-right, -left, -bottom, -top),
        3: (top, bottom, -right, -left),
    }[turn]
    return Glyph(
        text=UNMAPPED.sub("\ufffd", str(char["text"])).translate(LIGATURES),
        box=(left, top, right, bottom),
        turn=turn,
        start=start,
        end=end,
        foot=foot,
        size=round(foot - head, 1),
        bold=BOLD.search(str(char["fontname"]).rpartition("+")[2]) is not None,
    )


def once(glyphs: Iterable[Glyph]) -> list[Glyph]:
    """Glyphs without those that are drawn a second time over themselves."""
    kept: list[Glyph] = []
    drawn: dict[tuple[str, int, int, int], Glyph] = {}
    for glyph in glyphs:
        x, y = math.floor(glyph.start / TWICE), math.floor(glyph.foot / TWICE)
        near = (
            drawn.get((glyph.text, glyph.turn, x + i, y + j))
            for i in (-1, 0, 1)
            for j in (-1, 0, 1)
        )
        if glyph.text.isspace() or not any(_over(glyph, other) for other in near if other):
            kept.append(glyph)
            drawn[glyph.text, glyph.turn, x, y] = glyph
    return kept


def _over(one: Glyph, other: Glyph) -> bool:
    return abs(one.start - other.start) <= TWICE and abs(one.foot - other.foot) <= TWICE


def lines_of(glyphs: Iterable[Glyph]) -> list[Line]:
    """Lines of text in the order of the file; cells of a row without rules make one line."""
    pieces: list[Line] = []
    spaced = False
    for glyph in glyphs:
        if not glyph.text.strip():
            spaced = True
            continue
        last = pieces[-1].glyphs[-1] if pieces else None
        size = max(glyph.size, last.size) if last else 0.0
        gap = glyph.start - last.end if last else 0.0
        if last is None or not _level(last, glyph) or not -size <= gap <= WIDE * size:
            pieces.append(Line([glyph], glyph.text))
        else:
            line = pieces[-1]
            line.glyphs.append(glyph)
            line.text += (" " if spaced or gap > SPACE * size else "") + glyph.text
        spaced = False
    lines: list[Line] = []
    for piece in pieces:
        if lines and _same_row(lines[-1], piece):
            lines[-1].glyphs += piece.glyphs
            lines[-1].text += " " + piece.text
        else:
            lines.append(piece)
    return lines


def _level(one: Glyph, other: Glyph) -> bool:
    near = LEVEL * max(one.size, other.size)
    return one.turn == other.turn and abs(one.foot - other.foot) < near


def _same_row(line: Line, piece: Line) -> bool:
    last, first = line.glyphs[-1], piece.glyphs[0]
    after = first.start > last.end
    columns = min(count_words(line.text), count_words(piece.text)) >= COLUMN_WORDS
    return _level(last, first) and after and not columns


def blocks_of_lines(lines: Sequence[Line]) -> list[Block]:
    """Lines put together to blocks: one below the other, near, of one size and weight."""
    blocks: list[list[Line]] = []
    for line in lines:
        for block in reversed(blocks[-OPEN_BLOCKS:]):
            if _goes_under(block, line):
                block.append(line)
                break
        else:
            blocks.append([line])
    return [_block(block) for block in blocks]


def _goes_under(block: Sequence[Line], line: Line) -> bool:
    last, first = block[-1].glyphs[0], line.glyphs[0]
    size, other = block[-1].size(), line.size()
    if last.turn != first.turn or block[-1].bold() != line.bold():
        return False
    if max(size, other) > LARGER * min(size, other):
        return False
    if not 0 < first.foot - last.foot <= PITCH * size:
        return False
    left = min(row.glyphs[0].start for row in block)
    right = max(row.glyphs[-1].end for row in block)
    return line.glyphs[0].start < right and left < line.glyphs[-1].end


def _block(lines: Sequence[Line]) -> Block:
    boxes = [glyph.box for line in lines for glyph in line.glyphs]
    box = (
        min(b[0] for b in boxes),
        min(b[1] for b in boxes),
        max(b[2] for b in boxes),
        max(b[3] for b in boxes),
    )
    texts = tuple(line.text for line in lines)
    size = max(line.size() for line in lines)
    return Block(box, texts, size=size, bold=all(line.bold() for line in lines))


def cell_text(glyphs: Iterable[Glyph]) -> str:
    """Text of a table cell on one line."""
    lines = sorted(lines_of(glyphs), key=lambda n: (n.glyphs[0].foot, n.glyphs[0].start))
    return one_line(" ".join(line.text for line in lines))
