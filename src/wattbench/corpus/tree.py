"""A parsed document and its nodes: document > section > paragraph > sentence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from wattbench.corpus.text import one_line, sentences_of

TITLED = frozenset({"document", "section"})


@dataclass(frozen=True)
class Paragraph:
    """One paragraph.

    Args:
        text: Its text.
        sentences: Its sentences; joined they are the text, whitespace aside.
        kind: 'paragraph', or 'attachment' for what stands for an image.
        page: Page it lies on where that is not its section's.
    """

    text: str
    sentences: tuple[str, ...]
    kind: str = "paragraph"
    page: int | None = None


@dataclass(frozen=True)
class Section:
    """A page or what stands under one heading."""

    title: str
    paragraphs: tuple[Paragraph, ...]
    page: int | None = None


@dataclass(frozen=True)
class Note:
    """What a user should know of a document that was read all the same.

    Args:
        kind: Kind of the contract's problems table.
        detail: What was found.
        mend: What the user can do, or None.
    """

    kind: str
    detail: str
    mend: str | None = None


class UnreadableError(Exception):
    """A document that must be left out; never leaves this room."""

    def __init__(self, kind: str, detail: str, mend: str | None = None) -> None:
        super().__init__(detail)
        self.note = Note(kind, detail, mend)


@dataclass(frozen=True)
class Parsed:
    """What a reader makes of one file.

    Args:
        sections: Sections in reading order.
        title: Title the file itself gives, or None.
        document_id: Id the file itself gives, or None.
        notes: What the user should know.
    """

    sections: tuple[Section, ...]
    title: str | None = None
    document_id: str | None = None
    notes: tuple[Note, ...] = field(default=())


def prose(pieces: Iterable[str], page: int | None = None) -> Paragraph:
    """A paragraph of running text; no sentence reaches over the end of a piece."""
    sentences = [sentence for piece in pieces for sentence in sentences_of(piece)]
    return Paragraph(" ".join(sentences), tuple(sentences), page=page)


def rows(lines: Iterable[str], page: int | None = None) -> Paragraph:
    """A paragraph of lines that are sentences as they are: table rows, code."""
    kept = [line for line in map(one_line, lines) if line]
    return Paragraph("\n".join(kept), tuple(kept), page=page)


def image(page: int | None, index: int, name: str, size: tuple[int, int], length: int) -> Paragraph:
    """The paragraph that stands for an image.

    Args:
        page: Page, from 1, or None.
        index: Number of the image on the page, from 1.
        name: Its name in the file.
        size: Width and height in pixels.
        length: Bytes of its data as stored.
    """
    text = (
        f"[Image page={page if page is not None else '-'} idx={index} name={one_line(name)}] "
        f"Size: {size[0]}x{size[1]}, Data: {length} bytes"
    )
    return Paragraph(text, (), kind="attachment", page=page)


def count_words(text: str) -> int:
    """Words of a text: what whitespace parts."""
    return len(text.split())


def nodes_of(document_id: str, title: str, sections: Sequence[Section]) -> Iterator[dict[str, Any]]:
    """Rows of the nodes table of one document, parents before children, in reading order.

    The numbers of sections, paragraphs and sentences start at 1 and run through the document.
    """
    common = {"document_id": document_id, "document_title": title}
    yield _row(document_id, None, "document", title, common)
    paragraph_index = sentence_index = 0
    for section_index, section in enumerate(sections, start=1):
        section_id = f"{document_id}:sec{section_index}"
        here = {**common, "section_index": section_index, "page": section.page}
        yield _row(section_id, document_id, "section", section.title, here)
        for paragraph in section.paragraphs:
            paragraph_index += 1
            paragraph_id = f"{section_id}:p{paragraph_index}"
            place = {**here, "paragraph_index": paragraph_index}
            if paragraph.page is not None:
                place["page"] = paragraph.page
            yield _row(paragraph_id, section_id, paragraph.kind, paragraph.text, place)
            for sentence in paragraph.sentences:
                sentence_index += 1
                yield _row(
                    f"{paragraph_id}:s{sentence_index}",
                    paragraph_id,
                    "sentence",
                    sentence,
                    {**place, "sentence_index": sentence_index},
                )


def _row(
    node_id: str,
    parent_id: str | None,
    kind: str,
    text: str,
    place: dict[str, Any],
) -> dict[str, Any]:
    return {
        **place,
        "node_id": node_id,
        "parent_id": parent_id,
        "kind": kind,
        "title": text if kind in TITLED else None,
        "text": text,
        "words": count_words(text),
    }
