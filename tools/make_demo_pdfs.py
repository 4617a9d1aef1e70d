#!/usr/bin/env python3
"""Write the PDF documents of the demo study.

Each text file in ``tools/demo_pdfs`` becomes one PDF in
``config/demo/documents``. The PDFs are reproducible: the same text gives the
same bytes, because reportlab is told to leave out dates and random ids.

The text files have a few header lines (``title:``, ``columns:``), then blocks
separated by blank lines. A block which starts with ``##`` holds a heading, a
line ``---`` starts a new page and a line ``+++`` a new column. Lines which
start with ``T:`` are the rows of a ruled table with cells separated by
semicolons. Anything else is a paragraph.

Requires reportlab::

    python tools/make_demo_pdfs.py
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.pagesizes import A5
from reportlab.lib.styles import ParagraphStyle, getSampleStyleSheet
from reportlab.lib.units import mm
from reportlab.platypus import (
    BaseDocTemplate,
    Flowable,
    Frame,
    FrameBreak,
    PageBreak,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
    TableStyle,
)

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "tools" / "demo_pdfs"
DOCUMENTS = ROOT / "config" / "demo" / "documents"

MARGIN = 15 * mm
GUTTER = 6 * mm


@dataclass(frozen=True)
class Source:
    """One text file: the title, the number of columns and the body lines."""

    title: str
    columns: int
    lines: tuple[str, ...]


def read_source(path: Path) -> Source:
    """Split a text file into its header and its body."""
    lines = path.read_text(encoding="utf-8").splitlines()
    header: dict[str, str] = {}
    while lines and not lines[0].startswith("##"):
        key, _, value = lines.pop(0).partition(":")
        if value:
            header[key.strip()] = value.strip()
    return Source(header["title"], int(header.get("columns", "1")), tuple(lines))


def table(rows: list[list[str]]) -> Table:
    """A table with ruled cells and a shaded first row."""
    style = TableStyle(
        [
            ("GRID", (0, 0), (-1, -1), 0.5, colors.black),
            ("BACKGROUND", (0, 0), (-1, 0), colors.lightgrey),
            ("FONTNAME", (0, 0), (-1, 0), "Helvetica-Bold"),
            ("FONTNAME", (0, 1), (-1, -1), "Helvetica"),
            ("FONTSIZE", (0, 0), (-1, -1), 8),
            ("ALIGN", (1, 0), (-1, -1), "RIGHT"),
        ]
    )
    return Table(rows, style=style, spaceBefore=4, spaceAfter=8)


def story(source: Source) -> list[Flowable]:
    """Turn the body of a source into the flowables of reportlab."""
    styles = getSampleStyleSheet()
    body = ParagraphStyle("body", parent=styles["BodyText"], fontSize=9.5, leading=13, spaceAfter=5)
    heading = ParagraphStyle("heading", parent=styles["Heading2"], fontSize=12, keepWithNext=1)
    title = ParagraphStyle("title", parent=styles["Heading1"], fontSize=14, leading=18)
    flowables: list[Flowable] = [Paragraph(escape(source.title), title)]
    rows: list[list[str]] = []
    for line in (*source.lines, ""):
        if line.startswith("T:"):
            rows.append([cell.strip() for cell in line[2:].split(";")])
            continue
        if rows:
            flowables.append(table(rows))
            rows = []
        if line.startswith("##"):
            flowables.append(Paragraph(escape(line[2:].strip()), heading))
        elif line.strip() == "---":
            flowables.append(PageBreak())
        elif line.strip() == "+++":
            flowables.append(FrameBreak())
        elif line.strip():
            flowables.append(Paragraph(escape(line.strip()), body))
    flowables.append(Spacer(1, 1))
    return flowables


def frames(columns: int) -> list[Frame]:
    """The text frames of a page, side by side."""
    width, height = A5
    usable = width - 2 * MARGIN - (columns - 1) * GUTTER
    return [
        Frame(
            MARGIN + index * (usable / columns + GUTTER),
            MARGIN,
            usable / columns,
            height - 2 * MARGIN,
            leftPadding=0,
            rightPadding=0,
            topPadding=0,
            bottomPadding=0,
        )
        for index in range(columns)
    ]


def write_pdf(source: Source, target: Path) -> None:
    """Write one PDF."""
    document = BaseDocTemplate(
        str(target),
        pagesize=A5,
        title=source.title,
        author="wattbench demo study",
        invariant=1,
    )
    document.addPageTemplates([PageTemplate("text", frames(source.columns))])
    document.build(story(source))


def main() -> None:
    """Write all PDFs of the demo study."""
    parser = argparse.ArgumentParser(description="Write the PDFs of the demo study.")
    parser.add_argument("--sources", type=Path, default=SOURCES)
    parser.add_argument("--documents", type=Path, default=DOCUMENTS)
    arguments = parser.parse_args()
    arguments.documents.mkdir(parents=True, exist_ok=True)
    for path in sorted(arguments.sources.glob("*.txt")):
        target = arguments.documents / f"{path.stem}.pdf"
        write_pdf(read_source(path), target)
        print(target)


if __name__ == "__main__":
    main()
