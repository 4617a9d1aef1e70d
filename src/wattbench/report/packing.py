"""Answers packed into the page: all verdicts, and as much text as the page's size allows."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from wattbench.report.browser import Places, core, detail, disagreement, short
from wattbench.report.data import Group

PAGE_LIMIT_BYTES = 5_000_000
"""A page larger than this is refused by mail servers and slow on a phone."""

CHUNK_BYTES = 200_000
"""JSON that is packed together, uncompressed: a browser unpacks it in a few milliseconds."""

FIRST_CHUNK = 16
MOST_IN_CHUNK = 2_000
TAG_BYTES = 96
"""Of the element that a packed chunk stands in."""


@dataclass(frozen=True)
class Chunk:
    """Texts of some questions: gzip of JSON in base64, and the places of the questions."""

    packed: str
    places: tuple[int, ...]

    @property
    def size_bytes(self) -> int:
        """Bytes that it takes on the page."""
        return len(self.packed) + TAG_BYTES


@dataclass
class Holding:
    """What the page holds of one question set.

    Args:
        group: The question set.
        order: Places of its questions, those on which the models disagree most first.
        core: Runs, ids and every verdict.
        shorts: Questions, gold answers and the values of all answers.
        details: Explanations, raw replies, votes and contexts.
    """

    group: Group
    order: tuple[int, ...]
    core: Chunk
    shorts: list[Chunk] = field(default_factory=list)
    details: list[Chunk] = field(default_factory=list)

    @property
    def size_bytes(self) -> int:
        """Bytes that it takes on the page."""
        return sum(c.size_bytes for c in (self.core, *self.shorts, *self.details))

    @property
    def weight(self) -> int:
        """Answers: question sets share the page's room by it."""
        return len(self.group.question_rows) * len(self.group.runs)

    def sentence(self) -> str:
        """What the page holds and where the rest is."""
        total = len(self.group.question_rows)
        texts, wholes = (_questions(chunks) for chunks in (self.shorts, self.details))
        if wholes == total:
            return f"All {total:,} questions are here with every answer whole." if total else ""
        first = "those on which the models disagree most first"
        held = (
            f"of all {total:,} questions also their text, gold answer and every answer's value"
            if texts == total
            else f"the text, gold answer and answers' values of {texts:,}, {first}"
        )
        return (
            f"This page keeps below {PAGE_LIMIT_BYTES / 1e6:g} MB: it holds the verdict of every "
            f"answer, {held}, and of {wholes:,} also explanations, raw replies, votes and contexts"
            f"{f', {first}' if texts == total else ''}. The rest is left to "
            "tables/predictions.parquet of the results."
        )


def pack(groups: Sequence[Group], room_bytes: int) -> list[Holding]:
    """Pack the answers of all question sets into at most `room_bytes` of the page.

    Every verdict is held, whatever the room. Then come questions, gold answers and values, and
    last what stands behind each answer; both of the questions first on which the models
    disagree most. Room that one question set leaves goes to the next.
    """
    holdings = []
    for group in groups:
        order, digits = disagreement(group)
        places = tuple(order.tolist())
        everything = {**core(group, digits), "order": places}
        holdings.append(Holding(group, places, _chunk(everything, ())))
    left = room_bytes - sum(h.size_bytes for h in holdings)
    for attribute, make in (("shorts", short), ("details", detail)):
        weight = sum(h.weight for h in holdings)
        for holding in holdings:
            share = left * holding.weight // max(weight, 1)
            found = _fill(holding, make, share)
            setattr(holding, attribute, found)
            left -= sum(c.size_bytes for c in found)
            weight -= holding.weight
    return holdings


def _fill(
    holding: Holding, make: Callable[[Group, Places], dict[str, Any]], room: int
) -> list[Chunk]:
    """Chunks of as many questions as fit, in order; a chunk that does not fit is halved."""
    chunks: list[Chunk] = []
    start, count, tight = 0, FIRST_CHUNK, False
    while start < len(holding.order):
        places = holding.order[start : start + count]
        chunk = _chunk(make(holding.group, places), places)
        if chunk.size_bytes > room:
            if len(places) == 1:
                break
            count, tight = len(places) // 2, True
            continue
        chunks.append(chunk)
        room -= chunk.size_bytes
        start += len(places)
        if not tight:
            raw = len(chunk.packed) * 3 // 4 * _USUAL_RATIO
            count = max(1, min(MOST_IN_CHUNK, count * CHUNK_BYTES // max(raw, 1), count * 4))
    return chunks


_USUAL_RATIO = 4
"""Of JSON to its gzip; it only steers the size of chunks."""


def _chunk(value: dict[str, Any], places: Places) -> Chunk:
    text = json.dumps(
        {**value, "at": list(places)}, ensure_ascii=False, allow_nan=False, separators=(",", ":")
    )
    packed = gzip.compress(text.encode("utf-8", "replace"), compresslevel=6, mtime=0)
    return Chunk(base64.b64encode(packed).decode("ascii"), tuple(places))


def _questions(chunks: Sequence[Chunk]) -> int:
    return sum(len(c.places) for c in chunks)
