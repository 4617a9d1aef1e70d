"""Text that no spreadsheet takes for a formula."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\Z")
_SIGNS = "[=+\\-@\uff1d\uff0b\uff0d\uff20]"
"""What a spreadsheet may take for a formula's beginning, full-width forms included."""
_START = re.compile(rf"[\t\r\n]|\s*{_SIGNS}")
_INNER = {end: re.compile(rf'({end}[\s"]*)(?={_SIGNS})') for end in ";\t\r\n"}
"""A pattern for each mark: a search for one character is many times faster than for one of four."""


def safe_text(text: str) -> str:
    """The text, with an apostrophe wherever a spreadsheet might see a formula begin.

    That is in front of a text that starts as one, blanks before it or not (a plain number stays
    as it is), and within a text behind what may end a cell: where the list separator is a
    semicolon, as in much of Europe, a spreadsheet splits a comma-separated file at semicolons and
    line ends, quoted or not. After OWASP's page on CSV injection.
    """
    safe = text
    if ";" in text or "\n" in text or "\t" in text or "\r" in text:
        for end, pattern in _INNER.items():
            safe = pattern.sub(r"\1'", safe) if end in safe else safe
    return f"'{safe}" if _START.match(text) and not _NUMBER.match(text) else safe
