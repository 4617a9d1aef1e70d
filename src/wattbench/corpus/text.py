"""Cleaning text, mending line ends and splitting paragraphs and sentences."""

from __future__ import annotations

import re
from collections.abc import Iterable

SENTENCE_END = re.compile(r"(?<=[.!?;])\s+")
"""A sentence ends after one of . ! ? ; with whitespace behind it: 3.14 and 1,287 stay whole,
an abbreviation such as 'et al. ' ends one."""

BLANK_LINE = re.compile(r"\n[^\S\n]*\n\s*")
CONTROL = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u200b\u2060\ufeff\ufffe\uffff]")
SURROGATE = re.compile("[\ud800-\udfff]")
WORD = re.compile(r"[^\W_]+(?:-[^\W_]+)*")
HYPHENATED = re.compile(rf"({WORD.pattern})-$")


def clean(text: str) -> str:
    """Text without control characters, soft hyphens and halves of surrogate pairs."""
    return CONTROL.sub("", SURROGATE.sub("\ufffd", text))


def one_line(text: str) -> str:
    """Cleaned text with each run of whitespace as one space."""
    return " ".join(clean(text).split())


def sentences_of(text: str) -> list[str]:
    """Sentences of a text, each on one line; joined with spaces they are the text again."""
    return [part for part in SENTENCE_END.split(one_line(text)) if part]


def blocks_of(text: str) -> list[str]:
    """Blocks of a text that blank lines part."""
    return [block for block in BLANK_LINE.split(text) if block.strip()]


def vocabulary_of(text: str) -> frozenset[str]:
    """Words of a text in lower case, hyphenated ones whole, for `join_lines`."""
    return frozenset(word.lower() for word in WORD.findall(text))


def join_lines(lines: Iterable[str], vocabulary: frozenset[str]) -> str:
    """Lines as one, words that a line end cut mended.

    A hyphen at a line end is dropped when small letters stand on both sides of it, unless the
    word has a hyphen already, or the document spells it with this one and never without.

    Args:
        lines: Lines of one paragraph.
        vocabulary: Words of the document, as `vocabulary_of` gives them.
    """
    joined = ""
    for raw in lines:
        line = one_line(raw.replace("\u00ad", "-") if raw.rstrip().endswith("\u00ad") else raw)
        if not line:
            continue
        head = HYPHENATED.search(joined)
        tail = WORD.match(line)
        if head is None or tail is None:
            joined = f"{joined} {line}" if joined else line
            continue
        first, second = head.group(1), tail.group(0)
        whole = (first + second).lower()
        compound = f"{first}-{second}".lower()
        kept = (compound in vocabulary or "-" in first) and whole not in vocabulary
        cut = first[-1].islower() and second[0].islower() and not kept
        joined = (joined[:-1] if cut else joined) + line
    return joined
