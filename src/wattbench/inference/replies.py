"""Reading a model's reply: JSON where there is any, else lines of keys and values."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wattbench.tables.values import BLANK, is_abstention, parse_range, parse_truth
from wattbench.text_files import storable

KEYS = (
    "explanation",
    "answer",
    "answer_value",
    "ref_id",
    "ref_url",
    "supporting_materials",
)
SHORT: Mapping[str, str] = {"ref_id": "refs"}
"""Name that the compact prompt uses in place of the guide's."""

LONGEST_REPLY = 200_000
"""Characters read of a reply: no answer is longer, and a runaway reply must not cost minutes."""

LONGEST_RANGE = 80
EXACT = 2**53
"""Below this a float holds every whole number."""

LINE_KEYS = "|".join([*KEYS, *SHORT.values()])
KEY_LINE = re.compile(
    rf"^[ \t]*[-*]?[ \t]*[\"'`*]*({LINE_KEYS})[\"'`*]*(?:[ \t]*[:=][ \t]*|[ \t]{{2,}})(.*)$",
    re.IGNORECASE | re.MULTILINE,
)
TRAILING_COMMA = re.compile(r",(\s*[}\]])")
REF_MARK = re.compile(r"\[?\s*ref_id\s*=\s*([^\]\[,;]+)\]?", re.IGNORECASE)


@dataclass(frozen=True)
class Answer:
    """What a reply says.

    Args:
        value: The answer's value, booleans as 1 and 0, ranges as [low,high]; 'is_blank' where
            the model abstains.
        refs: Ids of the documents cited, none for an abstention.
        blank: Whether the model abstains.
        answer: The answer as a sentence, or None.
        explanation: The model's reason, or None.
        supporting_materials: What it quotes, or None.
    """

    value: str
    refs: tuple[str, ...]
    blank: bool
    answer: str | None
    explanation: str | None
    supporting_materials: str | None


@dataclass(frozen=True)
class Unparsable:
    """A reply without an answer value, and why."""

    reason: str


def parse_reply(text: str) -> Answer | Unparsable:
    """The answer of a reply; never raises, whatever the text.

    Reads the JSON object from the first '{' to the last '}', mending what models get wrong
    (trailing commas, unescaped line breaks, NaN, a missing end), and else lines such as
    '- answer_value  42'.
    """
    text = printable(text[:LONGEST_REPLY])
    found = _json_object(text)
    if found is None or _key(found, "answer_value") is None:
        found = _key_lines(text) or found
    if not found:
        return Unparsable("the reply holds neither a JSON object nor lines of keys and values")
    value = _key(found, "answer_value")
    if value is None:
        return Unparsable("the reply has no 'answer_value'")
    written = normal_value(value)
    blank = is_abstention(written)
    return Answer(
        value=BLANK if blank else written,
        refs=() if blank else normal_refs(_key(found, "ref_id")),
        blank=blank,
        answer=_prose(_key(found, "answer")),
        explanation=_prose(_key(found, "explanation")),
        supporting_materials=_prose(_key(found, "supporting_materials")),
    )


def printable(text: str) -> str:
    """The text without lone surrogates and NUL, which no file format takes."""
    return storable(text).replace("\0", "")


def _json_object(text: str) -> dict[str, Any] | None:
    start, end = text.find("{"), text.rfind("}")
    if start < 0:
        return None
    whole = text[start : end + 1]
    for candidate in (whole, TRAILING_COMMA.sub(r"\1", whole)):
        found = _object(candidate)
        if found is not None:
            return found
    cut = _object(text[start:] + '"}')
    if cut is not None:
        # What stood in the last key when the reply was cut is not what the model meant to say.
        cut.popitem()
        return cut
    return _first_object(text[start:])


def _object(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text, strict=False, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return None
    return _printable_items(found)


def _printable_items(found: object) -> dict[str, Any] | None:
    if not isinstance(found, dict):
        return None
    return {printable(str(key)): _clean(value) for key, value in found.items()}


def _first_object(text: str) -> dict[str, Any] | None:
    """The first whole object, where more text with braces follows it."""
    try:
        found, _ = json.JSONDecoder(strict=False, parse_constant=lambda _: None).raw_decode(text)
    except (ValueError, RecursionError):
        return None
    return _printable_items(found)


def _clean(value: Any) -> Any:
    """The value with every text in it printable: escapes in JSON can make surrogates."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, list):
        return [printable(v) if isinstance(v, str) else v for v in value]
    return value


def _key_lines(text: str) -> dict[str, Any] | None:
    found = {m[1].lower(): m[2].strip().rstrip(",").strip("\"'` ") for m in KEY_LINE.finditer(text)}
    return found or None


def _key(found: Mapping[str, Any], name: str) -> Any:
    """Value of a key, or of its short name; None where neither is there."""
    for wanted in (name, SHORT.get(name)):
        for key, value in found.items():
            if key.strip().lower() == wanted:
                return value
    return None


def normal_value(value: Any) -> str:
    """An answer value as text: booleans as 1 and 0, ranges as [low,high], numbers without '.0'."""
    text = _written(value).strip()
    truth = parse_truth(text)
    if truth is not None:
        return "1" if truth else "0"
    if not text.startswith(("[", "{")) and len(text) <= LONGEST_RANGE:
        ends = parse_range(text)
        if ends is not None:
            return f"[{_number(ends[0])},{_number(ends[1])}]"
    return text


def _written(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, list) and len(value) == 1:
        return _written(value[0])
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except (ValueError, RecursionError):
        return ""


def _number(value: float) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < EXACT:
        value = int(value)
    try:
        return repr(value)
    except ValueError:  # an integer of more digits than Python writes
        return ""


def normal_refs(value: Any) -> tuple[str, ...]:
    """Document ids of a list, '[ref_id=a]', "['a','b']" or 'a, b', without doubles and blanks."""
    items = value if isinstance(value, list) else [value]
    found: list[str] = []
    for item in items:
        text = "" if item is None else str(item) if not isinstance(item, str) else item
        marked = REF_MARK.findall(text)
        pieces = marked or text.strip().strip("[]").split(",")
        found += [piece.strip().strip("[]\"'` ").strip() for piece in pieces]
    return tuple(dict.fromkeys(ref for ref in found if not is_abstention(ref)))


def _prose(value: Any) -> str | None:
    text = "" if value is None else _written(value).strip()
    return None if is_abstention(text) else text


def value_span(text: str) -> tuple[int, int] | None:
    """Where the answer value stands in a JSON reply, its quotes left out; None where it is not."""
    found = re.search(r'"answer_value"\s*:\s*', text)
    if found is None:
        return None
    start = found.end()
    try:
        value, end = json.JSONDecoder(strict=False).raw_decode(text, start)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, str):
        start, end = start + 1, end - 1
    return (start, end) if end > start else None
