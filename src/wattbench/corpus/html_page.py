"""HTML: headings, paragraphs, lists and tables, by the standard library's parser."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

from wattbench.corpus.grids import row_sentences
from wattbench.corpus.text import one_line
from wattbench.corpus.tree import Paragraph, Parsed, Section, prose, rows

DROPPED = frozenset({"script", "style", "noscript", "template", "svg", "iframe"})
HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
BLOCKS = frozenset(
    {"address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details"}
    | {"dialog", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form"}
    | {"header", "hr", "html", "li", "main", "nav", "ol", "option", "p", "pre", "section"}
    | {"summary", "ul"}
)
CDATA = re.compile(r"<!\[CDATA\[(.*?)(?:\]\]>|\Z)", re.DOTALL)
CONDITIONAL = re.compile(r"<!\[[^>]*>?")
CHARSET = re.compile(rb"<meta[^>]+charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]+)", re.IGNORECASE)
ROW_TAGS = frozenset({"thead", "tbody", "tfoot", "tr", "td", "th"})
MAX_SPAN = 100


class _Table:
    """A table while it is read."""

    def __init__(self) -> None:
        self.grid: list[list[str]] = []
        self.header_rows = 0
        self.row_headers = True
        self._row: list[str] | None = None
        self._heads = 0
        self._in_head = False
        self._cell: list[str] | None = None
        self._span = (1, 1)
        self._carried: dict[int, tuple[int, str]] = {}
        self._caption: list[str] = []
        self._in_caption = False

    def start(self, tag: str, attributes: dict[str, str | None]) -> None:
        self._in_caption = tag == "caption" or (self._in_caption and tag not in ROW_TAGS)
        if tag == "thead":
            self._in_head = True
        elif tag == "tr":
            self.end_row()
            self._row, self._heads = [], 0
        elif tag in {"td", "th"}:
            self.end_cell()
            if self._row is None:
                self._row, self._heads = [], 0
            if tag == "th":
                self._heads += 1
                self.row_headers &= self._heads == 1
            self._cell = []
            self._span = (_span(attributes.get("colspan")), _span(attributes.get("rowspan")))

    def end(self, tag: str) -> None:
        if tag == "caption":
            self._in_caption = False
        elif tag in {"td", "th"}:
            self.end_cell()
        elif tag == "tr":
            self.end_row()
        elif tag == "thead":
            self.end_row()
            self._in_head = False

    def data(self, text: str) -> bool:
        into = self._caption if self._in_caption else self._cell
        if into is None:
            return False
        into.append(text)
        return True

    def end_cell(self) -> None:
        if self._cell is None or self._row is None:
            return
        self._fill_carried()
        text = one_line("".join(self._cell))
        across, down = self._span
        for _ in range(across):
            if down > 1:
                self._carried[len(self._row)] = (down - 1, text)
            self._row.append(text)
        self._cell = None

    def _fill_carried(self) -> None:
        if self._row is None:
            return
        while (left := self._carried.get(len(self._row))) is not None:
            rows_left, text = left
            if rows_left == 1:
                del self._carried[len(self._row)]
            else:
                self._carried[len(self._row)] = (rows_left - 1, text)
            self._row.append(text)

    def end_row(self) -> None:
        self.end_cell()
        if self._row is None:
            return
        self._fill_carried()
        leads = len(self.grid) == self.header_rows
        if any(self._row):
            if leads and (self._in_head or (self._heads > 1 and self._heads == len(self._row))):
                self.header_rows += 1
            elif self._heads == 0:
                self.row_headers = False
            self.grid.append(self._row)
        self._row = None

    def paragraph(self) -> Paragraph:
        self.end_row()
        headers = self.header_rows
        if headers == 0 and not self.row_headers:
            headers = 1
        return rows(["".join(self._caption), *row_sentences(self.grid, header_rows=headers)])


def _span(value: str | None) -> int:
    number = int(value) if value and value.isascii() and value.isdigit() and len(value) < 9 else 1
    return min(max(number, 1), MAX_SPAN)


class _Page(HTMLParser):
    """Gathers sections while the parser reads."""

    def __init__(self, title: str) -> None:
        super().__init__(convert_charrefs=True)
        self.sections: list[Section] = []
        self.own_title: str | None = None
        self._default = title
        self._heading: str | None = None
        self._paragraphs: list[Paragraph] = []
        self._text: list[str] = []
        self._items: list[str] = []
        self._dropped = 0
        self._into: str | None = None
        self._pre = 0
        self._tables: list[_Table] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag in DROPPED:
            self._dropped += 1
        if self._dropped:
            return
        if tag == "table":
            self._flush()
            self._tables.append(_Table())
        elif self._tables:
            self._in_table(tag, attributes)
        elif tag in HEADINGS or tag == "title":
            self._flush()
            self._into = tag
        elif tag in BLOCKS:
            self._flush(item=tag == "li")
            self._pre += tag == "pre"
        elif tag == "br":
            self._text.append("\n")
        elif tag == "img" and attributes.get("alt"):
            self._text.append(f" {attributes['alt']} ")

    def _in_table(self, tag: str, attributes: dict[str, str | None]) -> None:
        self._tables[-1].start(tag, attributes)
        if tag in BLOCKS or tag == "br":
            self._tables[-1].data(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in DROPPED:
            self._dropped = max(self._dropped - 1, 0)
            return
        if self._dropped:
            return
        if tag == "table" and self._tables:
            self._close_table()
        elif self._tables:
            self._tables[-1].end(tag)
        elif tag == self._into:
            self._close_heading(tag)
        elif tag in BLOCKS:
            self._flush(item=tag in {"li", "dd", "dt"}, closes=tag in {"ul", "ol", "dl"})
            self._pre = max(self._pre - (tag == "pre"), 0)

    def handle_data(self, data: str) -> None:
        if self._dropped:
            return
        if self._tables and self._tables[-1].data(data):
            return
        self._text.append(data)

    def close(self) -> None:
        super().close()
        while self._tables:
            self._close_table()
        if self._into is not None:
            self._close_heading(self._into)
        self._flush()
        self._end_section()

    def _close_table(self) -> None:
        found = self._tables.pop().paragraph()
        if self._tables and self._tables[-1].data(f" {found.text} "):
            return
        self._flush()
        if found.text:
            self._paragraphs.append(found)

    def _close_heading(self, tag: str) -> None:
        text = one_line("".join(self._text))
        self._text = []
        self._into = None
        if tag == "title":
            self.own_title = self.own_title or text or None
            return
        self._end_section()
        self._heading = text

    def _end_section(self) -> None:
        if self._heading is not None or self._paragraphs:
            self.sections.append(Section(self._heading or self._default, tuple(self._paragraphs)))
        self._heading = None
        self._paragraphs = []

    def _flush(self, *, item: bool = False, closes: bool = False) -> None:
        raw = "".join(self._text)
        self._text = []
        if self._into is not None:
            # An unclosed heading: what follows is text under it.
            self._text = [raw]
            self._close_heading(self._into)
            raw = ""
        if self._pre and raw.strip():
            self._paragraphs.append(rows(raw.splitlines()))
        elif raw.strip():
            self._items.append(raw)
        if self._items and (closes or not item):
            found = prose(self._items)
            self._items = []
            if found.text:
                self._paragraphs.append(found)


def declared_charset(data: bytes) -> str | None:
    """Charset that a page declares in its first bytes, or None."""
    found = CHARSET.search(data[:2048])
    return found.group(1).decode("ascii") if found else None


def read_html(text: str, title: str) -> Parsed:
    """Sections of an HTML page, one a heading; scripts and styles are left out.

    Args:
        text: The file's text.
        title: Title of what stands before the first heading.
    """
    text = CDATA.sub(lambda found: html.escape(found.group(1)), text)
    page = _Page(title)
    page.feed(CONDITIONAL.sub("", text))
    page.close()
    own = page.own_title or next((s.title for s in page.sections if s.title != title), None)
    return Parsed(tuple(page.sections), title=own)
