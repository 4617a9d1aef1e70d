"""Text that no spreadsheet takes for a formula."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\Z")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a spreadsheet may take for a formula, full-width forms included."""


def safe_text(text: str) -> str:
    """The text, with an apostrophe in front where it starts as a formula does.

    Blanks before it do not matter; a plain number stays as it is. After OWASP's page on CSV
    injection.
    """
    if text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA):
        return text if _NUMBER.match(text) else f"'{text}"
    return text
