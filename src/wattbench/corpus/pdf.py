"""PDFs: one section a page, columns in reading order, tables as sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pymupdf

from wattbench.corpus.columns import Box, reading_order
from wattbench.corpus.grids import Grid, row_sentences, square
from wattbench.corpus.text import join_lines, one_line, vocabulary_of
from wattbench.corpus.tree import (
    Note,
    Paragraph,
    Parsed,
    Section,
    UnreadableError,
    count_words,
    image,
    prose,
    rows,
)

Rectangle = tuple[float, float, float, float]

SCANNED_MEND = "Run a text recogniser such as ocrmypdf over it."
LISTED_PAGES = 8
HEADING_WORDS = 15
LARGER = 1.05
"""A heading's font is larger than the body's by this factor, or bold."""

MIN_FILLED = 0.5
"""Share of a table's cells that must hold text; less is a drawing."""

MAX_TABLE_RULES = 4000
"""Drawings on a page beyond which it is a plot, where looking for tables takes minutes."""


@dataclass(frozen=True)
class _Block:
    """Text of a page that belongs together."""

    box: Rectangle
    lines: tuple[str, ...] = ()
    table: Grid | None = None
    size: float = 0.0
    bold: bool = False


def read_pdf(data: bytes) -> Parsed:
    """Sections of a PDF, one a page.

    Raises:
        UnreadableError: It is broken, encrypted or holds no text.
    """
    library: Any = pymupdf
    library.TOOLS.mupdf_display_errors(False)
    library.TOOLS.mupdf_display_warnings(False)
    try:
        with library.open(stream=data, filetype="pdf") as document:
            if document.needs_pass:
                raise UnreadableError("broken", "encrypted", "Save a copy without the password.")
            return _read(document)
    except (RuntimeError, ValueError, IndexError, pymupdf.mupdf.FzErrorBase) as error:
        # MuPDF reports every damage of a file by one of these.
        detail = one_line(str(error)) or type(error).__name__
        raise UnreadableError("broken", detail, "Repair it, or save it anew.") from error


def _read(document: Any) -> Parsed:
    pages = [(_blocks(page), _images(document, page)) for page in document]
    vocabulary = vocabulary_of(
        "\n".join(line for blocks, _ in pages for block in blocks for line in block.lines)
    )
    body = _body_size([block for blocks, _ in pages for block in blocks])
    sections = []
    textless = []
    for number, (blocks, images) in enumerate(pages, start=1):
        paragraphs = _paragraphs(blocks, vocabulary, body)
        if images and not paragraphs:
            textless.append(number)
        found = (*paragraphs, *images)
        if found:
            sections.append(Section(f"Page {number}", found, number))
    if len(sections) == len(textless):
        what = "no text, only images" if textless else "no text"
        raise UnreadableError("scanned" if textless else "empty", what, SCANNED_MEND)
    notes: tuple[Note, ...] = ()
    if textless:
        named = ", ".join(map(str, textless[:LISTED_PAGES]))
        more = ", ..." if len(textless) > LISTED_PAGES else ""
        notes = (Note("scanned", f"no text on page {named}{more}", SCANNED_MEND),)
    title = one_line((document.metadata or {}).get("title") or "")
    return Parsed(tuple(sections), title=title or None, notes=notes)


def _blocks(page: Any) -> list[_Block]:
    tables = _tables(page)
    flags = pymupdf.TEXT_PRESERVE_WHITESPACE | pymupdf.TEXT_MEDIABOX_CLIP
    blocks = [_Block(box, table=grid) for box, grid in tables]
    for block in page.get_text("dict", flags=flags, sort=False)["blocks"]:
        kept = [
            line["spans"]
            for line in block.get("lines", ())
            if not any(_inside(line["bbox"], box) for box, _ in tables)
        ]
        lines = tuple("".join(span["text"] for span in spans) for spans in kept)
        spans = [span for line in kept for span in line if span["text"].strip()]
        if spans:
            size = max(round(span["size"], 1) for span in spans)
            bold = all(span["flags"] & pymupdf.TEXT_FONT_BOLD for span in spans)
            blocks.append(_Block(tuple(block["bbox"]), lines, size=size, bold=bold))
    order = reading_order([_box(block) for block in blocks])
    return [blocks[i] for i in order]


def _box(block: _Block) -> Box:
    text = block.lines if block.table is None else [" ".join(row) for row in block.table]
    return Box(*block.box, sum(map(count_words, text)))


def _body_size(blocks: Sequence[_Block]) -> float:
    """Font size of most of the document's words; the smaller of two that are even."""
    words: Counter[float] = Counter()
    for block in blocks:
        words[block.size] += sum(map(count_words, block.lines))
    return max(words, key=lambda size: (words[size], -size), default=0.0)


def _is_heading(block: _Block, body: float) -> bool:
    text = " ".join(block.lines).strip()
    stands_out = block.size > body * LARGER or block.bold
    return stands_out and count_words(text) <= HEADING_WORDS and not text.endswith((".", ";", ","))


def _paragraphs(
    blocks: Sequence[_Block], vocabulary: frozenset[str], body: float
) -> tuple[Paragraph, ...]:
    """Paragraphs of a page; a heading opens the paragraph under it, for it says what that is of."""
    found: list[Paragraph] = []
    headings: list[str] = []
    lines: list[str] = []

    def flush() -> None:
        if lines:
            found.append(prose([*headings, join_lines(lines, vocabulary)]))
            headings.clear()
            lines.clear()

    for block in blocks:
        if block.table is not None:
            flush()
            found.append(rows([*headings, *row_sentences(block.table)]))
            headings.clear()
            continue
        if _is_heading(block, body):
            flush()
            headings.append(join_lines(block.lines, vocabulary))
            continue
        if not (lines and _goes_on(lines[-1], block.lines[0])):
            flush()
        lines.extend(block.lines)
    flush()
    if headings:
        found.append(prose(headings))
    return tuple(paragraph for paragraph in found if paragraph.text)


def _goes_on(end: str, start: str) -> bool:
    """Whether a paragraph that a column's end cut goes on: no stop before, a small letter after."""
    end, start = end.rstrip(), start.lstrip()
    return bool(end) and start[:1].islower() and not end.endswith((".", "!", "?", ":", ";"))


def _tables(page: Any) -> list[tuple[Rectangle, Grid]]:
    """Ruled tables of a page, cells filled with the words that lie in them.

    The library's own cell text drops spaces and moves commas; the words keep both.
    """
    if not 0 < len(page.get_drawings()) <= MAX_TABLE_RULES:
        return []
    words = page.get_text("words", sort=True)
    tables: list[tuple[Rectangle, Grid]] = []
    for table in page.find_tables(strategy="lines").tables:
        box: Rectangle = tuple(table.bbox)
        grid = [[_cell(cell, words) for cell in row.cells] for row in table.rows]
        names = [_cell(cell, words) for cell in table.header.cells]
        if table.header.external and any(names):
            grid.insert(0, names)
            tops = [cell[1] for cell in table.header.cells if cell]
            box = (box[0], min([box[1], *tops]), box[2], box[3])
        cells = [cell for row in grid for cell in row]
        filled = sum(bool(cell) for cell in cells)
        shape = square(grid)
        if len(shape) > 1 and len(shape[0]) > 1 and filled >= MIN_FILLED * len(cells):
            tables.append((box, grid))
    return tables


def _cell(cell: Rectangle | None, words: Sequence[Any]) -> str:
    if cell is None:
        return ""
    return one_line(" ".join(word[4] for word in words if _inside(word[:4], cell)))


def _inside(inner: Sequence[float], outer: Rectangle) -> bool:
    x, y = (inner[0] + inner[2]) / 2, (inner[1] + inner[3]) / 2
    return outer[0] <= x <= outer[2] and outer[1] <= y <= outer[3]


def _images(document: Any, page: Any) -> tuple[Paragraph, ...]:
    number = page.number + 1
    return tuple(
        image(
            number,
            index,
            str(entry[7]) or f"image{entry[0]}",
            (int(entry[2]), int(entry[3])),
            len(document.xref_stream_raw(entry[0]) or b""),
        )
        for index, entry in enumerate(page.get_images(full=True), start=1)
    )
