"""PDFs: one section a page, columns in reading order, tables as sentences."""

from __future__ import annotations

import importlib
import logging
import signal
import struct
import textwrap
import threading
import warnings
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from types import FrameType
from typing import Any

from wattbench.corpus.grids import row_sentences
from wattbench.corpus.pdf_lines import LARGER, Block
from wattbench.corpus.pdf_page import blocks_of_page, images_of_page
from wattbench.corpus.text import join_lines, one_line, vocabulary_of
from wattbench.corpus.tree import (
    Note,
    Paragraph,
    Parsed,
    Section,
    UnreadableError,
    count_words,
    prose,
    rows,
)

SCANNED_MEND = "Run a text recogniser such as ocrmypdf over it."
BROKEN_MEND = "Repair it, or save it anew."
LOCKED_MEND = "Save a copy without the password."
LISTED_PAGES = 8
HEADING_WORDS = 15
DETAIL = 120

PAGE_SECONDS = 60.0
"""Processor time for one page. A page of a paper takes below one second; only files made to
exhaust a reader, or drawings of a million strokes, come near."""
ALARM_SECONDS = 0.1
"""Processor time between two alarms of a page that is too slow."""

DAMAGE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
"""What a damaged file makes pdfminer raise beside its own errors: it trusts types, lengths and
references of the file."""


class _TooSlow(BaseException):
    """A page took too long; no Exception, for pdfplumber catches every one of these."""


def read_pdf(data: bytes) -> Parsed:
    """Sections of a PDF, one a page.

    Raises:
        UnreadableError: It is broken, encrypted or holds no text.
    """
    library, errors, locked = _library()
    try:
        # The libraries warn of every oddity of a file, on the terminal of whoever runs the study.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with _time_limit(), library.open(BytesIO(data)) as document:
                pages = list(document.pages)
                title = (document.metadata or {}).get("Title")
            return _read(pages, errors, title if isinstance(title, str) else "")
    except errors as error:
        raise _unreadable(error, locked) from error
    except _TooSlow as error:
        raise UnreadableError("broken", str(error), BROKEN_MEND) from error


def _library() -> tuple[Any, tuple[type[Exception], ...], type[Exception]]:
    """pdfplumber, what it raises of damaged files, and of encrypted ones.

    Loaded where a PDF is read, for it takes half a second.
    """
    library: Any = importlib.import_module("pdfplumber")
    wrapped = importlib.import_module("pdfplumber.utils.exceptions")
    own = importlib.import_module("pdfminer.psexceptions")
    locked = importlib.import_module("pdfminer.pdfdocument").PDFEncryptionError
    for name in ("pdfminer", "pdfplumber"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    raised = (
        wrapped.PdfminerException,
        wrapped.MalformedPDFException,
        own.PSException,
        *DAMAGE,
    )
    return library, raised, locked


def _unreadable(error: Exception, locked: type[Exception]) -> UnreadableError:
    cause = _cause(error)
    if isinstance(cause, locked):
        return UnreadableError("broken", "encrypted", LOCKED_MEND)
    return UnreadableError("broken", _detail(error), BROKEN_MEND)


def _cause(error: Exception) -> Exception:
    """The error itself; pdfplumber wraps those of pdfminer."""
    inner = error.args[0] if error.args else None
    return inner if isinstance(inner, Exception) else error


def _detail(error: Exception) -> str:
    """What was found; the libraries' own messages may hold half of the file."""
    cause = _cause(error)
    told, name = one_line(str(cause)), type(cause).__name__
    if isinstance(cause, DAMAGE) or not told:
        told = f"{name}: {told}" if told else name
    return textwrap.shorten(told, DETAIL, placeholder=" ...")


@contextmanager
def _time_limit() -> Iterator[None]:
    """Raise _TooSlow where the block takes more than PAGE_SECONDS of the processor.

    Signals reach the main thread only; elsewhere there is no limit. Python swallows what is raised
    while it collects garbage or runs a finaliser, so the alarm rings again until it is heard.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    reading = True

    def stop(_number: int, _frame: FrameType | None) -> None:
        if reading:
            raise _TooSlow(f"it takes more than {PAGE_SECONDS:.0f} s of the processor")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, PAGE_SECONDS, ALARM_SECONDS)
    try:
        yield
    finally:
        reading = False
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _read(pages: Sequence[Any], errors: tuple[type[Exception], ...], title: str) -> Parsed:
    contents: list[tuple[int, list[Block], tuple[Paragraph, ...]]] = []
    notes: list[Note] = []
    for page in pages:
        try:
            with _time_limit():
                found = blocks_of_page(page), images_of_page(page)
        except errors as error:
            notes.append(_lost(page, _detail(error)))
        except _TooSlow as error:
            notes.append(_lost(page, str(error)))
        else:
            contents.append((page.page_number, *found))
        finally:
            page.close()
    blocks = [block for _, found_blocks, _ in contents for block in found_blocks]
    vocabulary = vocabulary_of("\n".join(line for block in blocks for line in block.lines))
    body = _body_size(blocks)
    sections = []
    textless = []
    for number, page_blocks, images in contents:
        paragraphs = _paragraphs(page_blocks, vocabulary, body)
        if images and not paragraphs:
            textless.append(number)
        if paragraphs or images:
            sections.append(Section(f"Page {number}", (*paragraphs, *images), number))
    if len(sections) == len(textless):
        if notes:
            raise UnreadableError("broken", notes[0].detail, BROKEN_MEND)
        what = "no text, only images" if textless else "no text"
        raise UnreadableError("scanned" if textless else "empty", what, SCANNED_MEND)
    if textless:
        named = ", ".join(map(str, textless[:LISTED_PAGES]))
        more = ", ..." if len(textless) > LISTED_PAGES else ""
        notes.append(Note("scanned", f"no text on page {named}{more}", SCANNED_MEND))
    return Parsed(tuple(sections), title=one_line(title) or None, notes=tuple(notes))


def _lost(page: Any, detail: str) -> Note:
    return Note("broken", f"page {page.page_number}: {detail}", BROKEN_MEND)


def _body_size(blocks: Sequence[Block]) -> float:
    """Font size of most of the document's words; the smaller of two that are even."""
    words: Counter[float] = Counter()
    for block in blocks:
        words[block.size] += sum(map(count_words, block.lines))
    return max(words, key=lambda size: (words[size], -size), default=0.0)


def _is_heading(block: Block, body: float) -> bool:
    text = " ".join(block.lines).strip()
    stands_out = block.size > body * LARGER or block.bold
    return stands_out and count_words(text) <= HEADING_WORDS and not text.endswith((".", ";", ","))


def _paragraphs(
    blocks: Sequence[Block], vocabulary: frozenset[str], body: float
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
