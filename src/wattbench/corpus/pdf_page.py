"""What a page of a PDF holds: blocks of text, ruled tables, images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wattbench.corpus.columns import Box, reading_order
from wattbench.corpus.grids import Grid, square
from wattbench.corpus.pdf_lines import (
    Block,
    Glyph,
    Rectangle,
    blocks_of_lines,
    cell_text,
    glyph_of,
    lines_of,
    once,
)
from wattbench.corpus.tree import Paragraph, count_words, image

MIN_FILLED = 0.5
"""Share of a table's cells that must hold text; less is a drawing."""

MAX_RULES = 5000
MAX_CROSSINGS = 5000
"""Rules on a page, and places where those could cross, beyond which it is a plot or a squared
sheet, where looking for tables takes minutes."""


def blocks_of_page(page: Any) -> list[Block]:
    """Text and tables of a page of pdfplumber in reading order."""
    glyphs = once(glyph for glyph in map(glyph_of, page.chars) if _inside(glyph.box, page.cropbox))
    tables = _tables(page, glyphs)
    for box, _ in tables:
        glyphs = [glyph for glyph in glyphs if not _inside(glyph.box, box)]
    blocks = [Block(box, table=grid) for box, grid in tables]
    blocks += blocks_of_lines(lines_of(glyphs))
    order = reading_order([_box(block) for block in blocks])
    return [blocks[i] for i in order]


def _box(block: Block) -> Box:
    text = block.lines if block.table is None else [" ".join(row) for row in block.table]
    return Box(*block.box, sum(map(count_words, text)))


def _tables(page: Any, glyphs: Sequence[Glyph]) -> list[tuple[Rectangle, Grid]]:
    """Ruled tables of a page, cells filled with the characters that lie in them."""
    if not _may_hold_tables(page.edges):
        return []
    tables: list[tuple[Rectangle, Grid]] = []
    for table in page.find_tables():
        box: Rectangle = tuple(table.bbox)
        within = [glyph for glyph in glyphs if _inside(glyph.box, box)]
        grid = [_row(row, within) for row in table.rows]
        cells = [cell for row in grid for cell in row]
        filled = sum(bool(cell) for cell in cells)
        shape = square(grid)
        if len(shape) > 1 and len(shape[0]) > 1 and filled >= MIN_FILLED * len(cells):
            tables.append((box, grid))
    return tables


def _may_hold_tables(rules: Sequence[Mapping[str, Any]]) -> bool:
    if len(rules) > MAX_RULES:
        return False
    across = {round(rule["top"]) for rule in rules if rule["orientation"] == "h"}
    down = {round(rule["x0"]) for rule in rules if rule["orientation"] == "v"}
    return 0 < len(across) * len(down) <= MAX_CROSSINGS


def _row(row: Any, glyphs: Sequence[Glyph]) -> list[str]:
    level = [glyph for glyph in glyphs if _inside(glyph.box, row.bbox)]
    return [_cell(cell, level) for cell in row.cells]


def _cell(cell: Rectangle | None, glyphs: Sequence[Glyph]) -> str:
    if cell is None:
        return ""
    return cell_text(glyph for glyph in glyphs if _inside(glyph.box, cell))


def _inside(inner: Rectangle, outer: Rectangle) -> bool:
    x, y = (inner[0] + inner[2]) / 2, (inner[1] + inner[3]) / 2
    return outer[0] <= x <= outer[2] and outer[1] <= y <= outer[3]


def images_of_page(page: Any) -> tuple[Paragraph, ...]:
    """One paragraph for each image of a page, however often the page draws it."""
    found: list[Paragraph] = []
    seen: set[int] = set()
    for entry in page.images:
        stream, (width, height) = entry["stream"], entry["srcsize"]
        number = stream.objid
        drawable = isinstance(width, int) and isinstance(height, int)
        if number in seen or not drawable:
            continue
        index = len(found) + 1
        # Where an image stands within the page's own stream, its name is an address in memory.
        name = f"inline{index}" if number is None else str(entry["name"])
        if number is not None:
            seen.add(number)
        length = len(stream.get_rawdata() or b"")
        found.append(image(page.page_number, index, name, (width, height), length))
    return tuple(found)
