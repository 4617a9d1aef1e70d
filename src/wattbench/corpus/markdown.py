"""Markdown: headings, paragraphs, lists, pipe tables and code."""

from __future__ import annotations

import html
import re

from wattbench.corpus.grids import row_sentences
from wattbench.corpus.text import one_line
from wattbench.corpus.tree import Paragraph, Parsed, Section, prose, rows

ATX = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$")
SETEXT = re.compile(r" {0,3}(=+|-{2,})[ \t]*$")
FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
RULE = re.compile(r" {0,3}([-*_])(?:[ \t]*\1){2,}[ \t]*$")
ITEM = re.compile(r"[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]+(?:\[[ xX]\][ \t]+)?")
QUOTE = re.compile(r" {0,3}>[ ]?")
ALIGNMENT = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$")
CELL_END = re.compile(r"(?<!\\)\|")
COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
FRONT_TITLE = re.compile(r"^title:[ \t]*(.+?)[ \t]*$", re.MULTILINE)
DEFINITION = re.compile(r" {0,3}\[[^\]^]+\]:[ \t]+\S+.*$")

CODE_SPAN = re.compile(r"(`+)(.+?)(?<!`)\1(?!`)")
IMAGE = re.compile(r"!\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])")
LINK = re.compile(r"\[([^\]]+)\](?:\((?:[^()]|\([^()]*\))*\)|\[[^\]]*\])")
AUTOLINK = re.compile(r"<((?:https?|mailto):[^>\s]+)>")
TAG = re.compile(r"</?[A-Za-z][^<>]*>")
STARS = re.compile(r"(\*{1,3})(?=\S)([^*]+?)(?<=\S)\1")
UNDERSCORES = re.compile(r"(?<!\w)(_{1,3})(?=\S)(.+?)(?<=\S)\1(?!\w)")
STRUCK = re.compile(r"~~(?=\S)(.+?)(?<=\S)~~")
ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")


def inline(text: str) -> str:
    """Text of a line without its markup; the text of links and code stays."""
    held: list[str] = []

    def hold(kept: str) -> str:
        held.append(kept)
        return f"\x00{len(held) - 1}\x00"

    text = text.replace("\x00", "")
    text = CODE_SPAN.sub(lambda found: hold(found.group(2).strip()), text)
    text = ESCAPED.sub(lambda found: hold(found.group(1)), text)
    text = IMAGE.sub(r"\1", text)
    text = LINK.sub(r"\1", text)
    text = AUTOLINK.sub(r"\1", text)
    text = TAG.sub(" ", text) if "<br" in text.lower() else TAG.sub("", text)
    for marks in (STARS, UNDERSCORES):
        text = marks.sub(r"\2", text)
        text = marks.sub(r"\2", text)
    text = html.unescape(STRUCK.sub(r"\1", text))
    return one_line(re.sub(r"\x00(\d+)\x00", lambda found: held[int(found.group(1))], text))


class _Reader:
    """Walks the lines and gathers sections."""

    def __init__(self, title: str) -> None:
        self.sections: list[Section] = []
        self.first_heading: str | None = None
        self._title = title
        self._heading: str | None = None
        self._paragraphs: list[Paragraph] = []

    def heading(self, text: str) -> None:
        self.close()
        self._heading = text
        if self.first_heading is None and text:
            self.first_heading = text

    def add(self, paragraph: Paragraph) -> None:
        if paragraph.text:
            self._paragraphs.append(paragraph)

    def close(self) -> None:
        if self._heading is not None or self._paragraphs:
            self.sections.append(Section(self._heading or self._title, tuple(self._paragraphs)))
        self._heading = None
        self._paragraphs = []

    def walk(self, lines: list[str]) -> None:
        at = 0
        while at < len(lines):
            at = self._block(lines, at)
        self.close()

    def _block(self, lines: list[str], at: int) -> int:
        line = lines[at]
        following = lines[at + 1] if at + 1 < len(lines) else ""
        if not line.strip() or RULE.match(line) or DEFINITION.match(line):
            return at + 1
        if found := ATX.match(line):
            self.heading(inline(found.group(2) or ""))
            return at + 1
        return self._leaf(lines, at, line, following)

    def _leaf(self, lines: list[str], at: int, line: str, following: str) -> int:
        if fence := FENCE.match(line):
            return self._code(lines, at + 1, fence.group(1))
        if "|" in line and "|" in following and ALIGNMENT.match(following):
            return self._table(lines, at)
        if ITEM.match(line):
            return self._list(lines, at)
        return self._prose(lines, at)

    def _code(self, lines: list[str], at: int, fence: str) -> int:
        code: list[str] = []
        while at < len(lines):
            closing = FENCE.match(lines[at])
            if closing and closing.group(1).startswith(fence) and not lines[at].strip(" `~"):
                at += 1
                break
            code.append(lines[at])
            at += 1
        self.add(rows(code))
        return at

    def _table(self, lines: list[str], at: int) -> int:
        grid = [_cells(lines[at])]
        at += 2
        while at < len(lines) and "|" in lines[at] and lines[at].strip():
            grid.append(_cells(lines[at]))
            at += 1
        self.add(rows(row_sentences(grid)))
        return at

    def _list(self, lines: list[str], at: int) -> int:
        items: list[str] = []
        while at < len(lines) and lines[at].strip() and not _starts_block(lines[at]):
            found = ITEM.match(lines[at])
            if found:
                items.append(lines[at][found.end() :])
            else:
                items[-1] += f" {lines[at]}"
            at += 1
        self.add(prose(map(inline, items)))
        return at

    def _prose(self, lines: list[str], at: int) -> int:
        gathered = [QUOTE.sub("", lines[at])]
        at += 1
        while at < len(lines) and lines[at].strip() and not _starts_block(lines[at]):
            if SETEXT.match(lines[at]):
                self.heading(inline(" ".join(gathered)))
                return at + 1
            gathered.append(QUOTE.sub("", lines[at]))
            at += 1
        self.add(prose([inline(" ".join(gathered))]))
        return at


def _starts_block(line: str) -> bool:
    return bool(ATX.match(line) or FENCE.match(line))


def _cells(line: str) -> list[str]:
    trimmed = line.strip().removeprefix("|")
    if trimmed.endswith("|") and not trimmed.endswith("\\|"):
        trimmed = trimmed[:-1]
    return [inline(cell.replace("\\|", "|")) for cell in CELL_END.split(trimmed)]


def read_markdown(text: str, title: str) -> Parsed:
    """Sections of a Markdown file, one a heading.

    Args:
        text: The file's text.
        title: Title of what stands before the first heading.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n")
    own: str | None = None
    if front := FRONT_MATTER.match(text):
        named = FRONT_TITLE.search(front.group(1))
        own = one_line(named.group(1).strip("'\"")) if named else None
        text = text[front.end() :]
    reader = _Reader(title)
    reader.walk(COMMENT.sub("", text).split("\n"))
    return Parsed(tuple(reader.sections), title=own or reader.first_heading)
