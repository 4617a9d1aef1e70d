"""Plain text."""

from __future__ import annotations

from wattbench.corpus.text import blocks_of, join_lines, vocabulary_of
from wattbench.corpus.tree import Parsed, Section, prose


def read_plain(text: str, title: str) -> Parsed:
    """Sections of a plain text: one, or one a page where form feeds part pages.

    Args:
        text: The file's text.
        title: Title of the only section.
    """
    vocabulary = vocabulary_of(text)
    pages = text.replace("\r\n", "\n").replace("\r", "\n").split("\f")
    sections = []
    for number, page in enumerate(pages, start=1):
        paragraphs = (
            prose([join_lines(block.split("\n"), vocabulary)]) for block in blocks_of(page)
        )
        kept = tuple(paragraph for paragraph in paragraphs if paragraph.text)
        paged = len(pages) > 1
        if kept:
            sections.append(
                Section(f"Page {number}" if paged else title, kept, number if paged else None)
            )
    return Parsed(tuple(sections))
