"""Documents that were parsed elsewhere: JSON with sections, paragraphs and sentences."""

from __future__ import annotations

import json
from typing import Any

from wattbench.corpus.plain import read_plain
from wattbench.corpus.text import one_line
from wattbench.corpus.tree import Paragraph, Parsed, Section, UnreadableError, prose

MEND = (
    "Give it the keys document_id, title, text and sections "
    "(title, paragraphs with text and sentences)."
)
PAGES = range(1, 1_000_000)
IMAGE_PREFIX = "[Image "


def read_json_corpus(text: str, title: str) -> Parsed:
    """Sections of a JSON document.

    Where the sentences do not add up to the paragraph's text, the text is split anew, so that
    nothing is lost.

    Args:
        text: The file's text.
        title: Title of sections that have none.

    Raises:
        UnreadableError: It is no JSON, or not of this format.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnreadableError("broken", f"no valid JSON: {error}", MEND) from error
    if not isinstance(data, dict) or not ("sections" in data or "text" in data):
        raise UnreadableError("broken", "JSON, but no document with sections or text", MEND)
    own = _text(data.get("title")) or None
    sections = [_section(entry, own or title) for entry in _dicts(data.get("sections"))]
    kept = tuple(section for section in sections if section.paragraphs)
    if not kept and _raw(data.get("text")).strip():
        kept = read_plain(_raw(data["text"]), own or title).sections
    return Parsed(kept, title=own, document_id=_text(data.get("document_id")) or None)


def _section(entry: dict[str, Any], title: str) -> Section:
    page = _page(entry)
    paragraphs = (_paragraph(item) for item in _dicts(entry.get("paragraphs")))
    kept = tuple(paragraph for paragraph in paragraphs if paragraph.text)
    return Section(_text(entry.get("title")) or title, kept, page)


def _paragraph(entry: dict[str, Any]) -> Paragraph:
    page = _page(entry)
    text = _text(entry.get("text"))
    given = [_text(item.get("text")) for item in _dicts(entry.get("sentences"))]
    sentences = tuple(sentence for sentence in given if sentence)
    joined = " ".join(sentences)
    if text.startswith(IMAGE_PREFIX):
        return Paragraph(text, (), kind="attachment", page=page)
    if sentences and text in {"", joined}:
        return Paragraph(joined, sentences, page=page)
    return prose([text], page)


def _dicts(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _raw(value: object) -> str:
    return value if isinstance(value, str) else ""


def _text(value: object) -> str:
    return one_line(_raw(value))


def _page(entry: dict[str, Any]) -> int | None:
    metadata = entry.get("metadata")
    page = metadata.get("page") if isinstance(metadata, dict) else None
    return page if isinstance(page, int) and not isinstance(page, bool) and page in PAGES else None
