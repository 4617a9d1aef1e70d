"""What is wrong with a study, in words: key, line, what is allowed, what was probably meant."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from wattbench.study.models import Study
from wattbench.study.section import NAME_LENGTH, NAME_PATTERN
from wattbench.study.yaml_reader import Key, Place, dotted, shorten

NAME_RULE = (
    f"a name becomes a folder: 1 to {NAME_LENGTH} letters, digits, '_', '-' and '.', "
    "beginning with a letter or digit"
)
KEY_MARK = "[key]"
TYPES: Mapping[str, str] = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "string_type": "text",
    "bool_type": "true or false",
    "dict_type": "a mapping of names to entries",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
    "tuple_type": "a list",
}
BOUNDS: Mapping[str, tuple[str, str]] = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}


class Mistake(typing.NamedTuple):
    """One mistake: the dotted key it concerns, where that stands, and what is wrong."""

    key: str
    place: Place | None
    text: str

    def sentence(self) -> str:
        """The mistake with its place."""
        line = f" (line {self.place.line})" if self.place and self.place.line else ""
        return f"{self.key}{line}: {self.text}" if self.key else f"{self.text}"


def mistakes_of(
    error: ErrorDetails, places: Mapping[str, Place], root: type[BaseModel] = Study
) -> Iterator[Mistake]:
    """The mistakes that one validation error stands for.

    Args:
        error: What pydantic found.
        places: Places of the file's keys by dotted key.
        root: What the file should hold.
    """
    key: Key = tuple(part for part in error["loc"] if part != KEY_MARK)
    if error["type"] == "value_error":
        yield from _by_validator(error, key, places)
        return
    place = find_place(dotted(key), places)
    yield Mistake(dotted(key), place, _text(error, key, place, root))


def _by_validator(error: ErrorDetails, key: Key, places: Mapping[str, Place]) -> Iterator[Mistake]:
    reason = str(error["ctx"]["error"])
    if key:
        yield Mistake(dotted(key), find_place(dotted(key), places), reason)
        return
    for line in reason.splitlines():
        named, _, text = line.partition(": ")
        yield Mistake(named, find_place(named, places), _with_hint(text))


def _with_hint(text: str) -> str:
    """Adds what was probably meant to 'there is no model named 'x'; known: a, b'."""
    before, found, names = text.partition("; known: ")
    if not found:
        return text
    wanted = before.rpartition("named ")[2].strip("'")
    return before + _did_you_mean(wanted, names.split(", ")) + found + names


def find_place(key: str, places: Mapping[str, Place]) -> Place | None:
    """Place of a key, or of the nearest key above it that the file holds."""
    while key and key not in places:
        key = key.rpartition(".")[0]
    return places.get(key)


def _text(error: ErrorDetails, key: Key, place: Place | None, root: type[BaseModel]) -> str:
    kind = error["type"]
    found = error["input"]
    if KEY_MARK in error["loc"] or _is_bad_name(error):
        return f"{shorten(found)} is no usable name; {NAME_RULE}."
    if kind in TYPES:
        return _wrong_type(kind, found, place)
    if kind in BOUNDS:
        word, bound = BOUNDS[kind]
        limit = error.get("ctx", {})[bound]
        return f"{shorten(found)} is out of range; it must be {word} {limit}."
    writers: dict[str, Callable[[], str]] = {
        "extra_forbidden": lambda: _unknown_key(key, root),
        "missing": lambda: "the key is missing and has no default.",
        "literal_error": lambda: _not_allowed(key, found, root),
    }
    return writers.get(kind, lambda: _plain_words(error))()


def _wrong_type(kind: str, found: Any, place: Place | None) -> str:
    if found is None:
        return f"is empty; give {TYPES[kind]}, or remove the key."
    return f"{_as_written(found, place)} is not {TYPES[kind]}.{_yaml_hint(kind, found, place)}"


def _plain_words(error: ErrorDetails) -> str:
    return f"{error['msg'][0].lower()}{error['msg'][1:]}; found {shorten(error['input'])}."


def _is_bad_name(error: ErrorDetails) -> bool:
    context = error.get("ctx", {})
    too_long = error["type"] == "string_too_long" and context.get("max_length") == NAME_LENGTH
    return too_long or context.get("pattern") == NAME_PATTERN


def _as_written(found: Any, place: Place | None) -> str:
    if place is not None and place.written and not isinstance(found, str):
        return f"`{place.written}`"
    return shorten(found)


def _yaml_hint(kind: str, found: Any, place: Place | None) -> str:
    written = place.written if place is not None else None
    hint = ""
    if kind == "string_type" and isinstance(found, bool):
        word = written or str(found).lower()
        hint = f' YAML reads {word} as {str(found).lower()}; write it in quotes: "{word}".'
    elif kind == "string_type" and isinstance(found, int | float):
        hint = " Write it in quotes."
    elif kind in {"float_type", "int_type"} and isinstance(found, str):
        hint = _number_hint(found, written)
    elif kind == "bool_type" and isinstance(found, str | int):
        hint = " Write true or false, without quotes."
    return hint


def _number_hint(found: str, written: str | None) -> str:
    try:
        number = float(found)
    except ValueError:
        return ""
    if written is not None:
        return f" YAML takes it for text; write {number!r}."
    return f" Write the number without quotes: {found.strip()}."


def _unknown_key(key: Key, root: type[BaseModel]) -> str:
    known = _keys_at(key[:-1], root)
    wanted = str(key[-1])
    below = [f"{name}.{inner}" for name in known for inner in _keys_at((*key[:-1], name), root)]
    hint = _did_you_mean(wanted, known) or _did_you_mean(wanted, below, last_part=True)
    return f"there is no such key{hint}; known here: {', '.join(known)}."


def _not_allowed(key: Key, found: Any, root: type[BaseModel]) -> str:
    allowed = [str(value) for value in _literals(_annotation(key, root))]
    hint = _did_you_mean(str(found), allowed)
    return f"{shorten(found)} is not one of: {', '.join(allowed)}{hint}."


def _did_you_mean(wanted: str, known: list[str], *, last_part: bool = False) -> str:
    words = {name.rpartition(".")[2] if last_part else name: name for name in known}
    near = difflib.get_close_matches(wanted[:200], words, n=1, cutoff=0.6)
    return f" (did you mean '{words[near[0]]}'?)" if near else ""


def _literals(annotation: Any) -> list[Any]:
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    return [value for part in get_args(annotation) for value in _literals(part)]


def _keys_at(key: Key, root: type[BaseModel]) -> list[str]:
    model = _model(_annotation(key, root))
    return list(model.model_fields) if model is not None else []


def _model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in {typing.Union, types.UnionType}:
        found = (_model(part) for part in get_args(annotation))
        return next((model for model in found if model is not None), None)
    return None


def _annotation(key: Key, root: type[BaseModel]) -> Any:
    """The type that the file has at a key, or None where it has none."""
    here: Any = root
    for part in key:
        model = _model(here)
        if model is not None:
            info = model.model_fields.get(str(part))
            if info is None:
                return None
            here = info.annotation
        elif get_origin(here) is dict:
            here = get_args(here)[1]
        elif get_origin(here) is tuple:
            here = get_args(here)[0]
        else:
            return None
    return here
