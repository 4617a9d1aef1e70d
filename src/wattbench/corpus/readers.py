"""Which reader reads a file, and its bytes as text."""

from __future__ import annotations

import codecs
from collections.abc import Callable
from dataclasses import replace

from wattbench.corpus.html_page import declared_charset, read_html
from wattbench.corpus.json_corpus import read_json_corpus
from wattbench.corpus.markdown import read_markdown
from wattbench.corpus.pdf import read_pdf
from wattbench.corpus.plain import read_plain
from wattbench.corpus.tree import Note, Parsed, UnreadableError
from wattbench.text_files import decode

SUFFIXES = {
    ".pdf": "pdf",
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".txt": "plain",
    ".text": "plain",
    ".json": "json",
}
"""Formats by file ending."""

TEXT_READERS: dict[str, Callable[[str, str], Parsed]] = {
    "markdown": read_markdown,
    "html": read_html,
    "plain": read_plain,
    "json": read_json_corpus,
}
UTF8 = "utf-8"


def read_document(data: bytes, suffix: str, title: str) -> Parsed:
    """What a file holds.

    Args:
        data: Its bytes.
        suffix: Its ending in lower case, with the dot.
        title: Title of sections that have none of their own.

    Returns:
        The sections; at least one paragraph.

    Raises:
        UnreadableError: The document must be left out.
    """
    if not data.strip():
        raise UnreadableError("empty", "the file is empty", "Put the document there, or delete it.")
    form = SUFFIXES.get(suffix)
    if form is None:
        known = ", ".join(SUFFIXES)
        raise UnreadableError(
            "unsupported", f"files ending in '{suffix}' are not read", f"Convert it to: {known}."
        )
    if form == "pdf":
        parsed = read_pdf(data)
    else:
        text, encoding = _text(data, form)
        parsed = TEXT_READERS[form](text, title)
        if encoding != UTF8:
            note = Note("encoding", f"read as {encoding}", "Save it as UTF-8.")
            parsed = replace(parsed, notes=(*parsed.notes, note))
    if not any(section.paragraphs for section in parsed.sections):
        raise UnreadableError("empty", "no text in it", "Put the document there, or delete it.")
    return parsed


def _text(data: bytes, form: str) -> tuple[str, str]:
    declared = declared_charset(data) if form == "html" else None
    text, encoding = decode(data)
    if encoding not in {UTF8, "utf-16"} and declared is not None:
        try:
            name = codecs.lookup(declared).name
            text, encoding = data.decode(name), name
        except (LookupError, UnicodeDecodeError):
            # The page does not hold what it declares; what `decode` made of it stands.
            pass
    if "\x00" in text:
        raise UnreadableError(
            "encoding",
            "it holds NUL bytes: no text, or UTF-16 without its mark",
            "Save it as UTF-8.",
        )
    return text, encoding
