"""Reading YAML or JSON settings into plain values that know their lines.

Only plain data is read: mappings with text keys, lists, text, numbers, truth values and null.
Every surprise a YAML file can hold (tabs, repeated keys, tags, aliases that expand without
bound) is refused with its line.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from wattbench.errors import InputError

MAX_BYTES = 4 * 2**20
MAX_VALUES = 100_000
"""Values in all, aliases expanded; far above any study, far below what stalls a machine."""

MAX_INTEGER = 2**63 - 1
MAX_QUOTED = 60
TAG = "tag:yaml.org,2002:"

Key = tuple[str | int, ...]


@dataclass(frozen=True)
class Place:
    """Where a value stands.

    Args:
        file: The file.
        line: Line from 1, or None where not known.
        written: The scalar as the file has it, or None.
    """

    file: str
    line: int | None
    written: str | None = None

    def __str__(self) -> str:
        return self.file if self.line is None else f"{self.file}, line {self.line}"


@dataclass
class Settings:
    """Plain values and the places of their keys."""

    values: dict[str, Any]
    places: dict[str, Place] = field(default_factory=dict)


def dotted(key: Iterable[str | int]) -> str:
    """A key path for people: 'models.small.weights'."""
    return ".".join(str(part) for part in key)


def shorten(value: object) -> str:
    """A value as a message quotes it."""
    text = repr(value)
    return text if len(text) <= MAX_QUOTED else f"{text[: MAX_QUOTED - 3]}..."


def read_settings(path: Path) -> Settings:
    """Values and places of a YAML or JSON file.

    Raises:
        InputError: The file is missing, too large, no text, no valid YAML, or holds more than
            plain data; the message names the line.
    """
    return parse_settings(_read_text(path), str(path), as_json=path.suffix == ".json")


def parse_settings(text: str, source: str, *, as_json: bool = False) -> Settings:
    """Values and places of a YAML or JSON text.

    Args:
        text: The text.
        source: The file's name, for messages.
        as_json: Whether the text is JSON; its values know no lines.

    Raises:
        InputError: As of `read_settings`.
    """
    try:
        if as_json:
            values = json.loads(text, object_pairs_hook=_Pairs)
            settings = Settings(plain(values, source))
            settings.places[""] = Place(source, None)
            return settings
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        return _Reader(source).settings(node)
    except RecursionError:
        raise InputError(
            "the file nests deeper than any study does.", where=source, mend="Flatten it."
        ) from None
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(error, text, source) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise InputError(
            f"the file holds a control character (#x{ord(text[error.position]):02x}).",
            where=f"{source}, line {line}",
            mend="Remove it; a study is plain text.",
        ) from error
    except ValueError as error:
        raise InputError(f"is no valid JSON: {error}.", where=source) from error


def plain(values: Mapping[str, Any], source: str) -> dict[str, Any]:
    """A merged configuration as plain data.

    Raises:
        InputError: It holds something that is no plain data, or far too much of it.
    """
    if not isinstance(values, Mapping | _Pairs):
        raise _no_mapping(source)
    budget = _Budget(source)
    result: dict[str, Any] = _plain(values, (), source, budget)
    return result


def _plain(value: Any, key: Key, source: str, budget: _Budget) -> Any:
    budget.spend()
    if isinstance(value, _Pairs):
        value = value.mapping(key, source)
    if isinstance(value, Mapping):
        for name in value:
            if not isinstance(name, str):
                raise _bad_key(dotted(key), shorten(name), source)
        return {n: _plain(v, (*key, n), source, budget) for n, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v, (*key, i), source, budget) for i, v in enumerate(value)]
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    return _scalar(value, dotted(key), source)


def _scalar(value: Any, key: str, where: str) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        raise InputError(f"{key}: {value} is no usable number.", where=where)
    if isinstance(value, int) and abs(value) > MAX_INTEGER:
        raise InputError(f"{key}: the number is too large.", where=where)
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise InputError(f"{key}: the text holds half a character.", where=where) from None
    elif value is not None and not isinstance(value, bool | int | float):
        raise InputError(f"{key}: a {type(value).__name__} is no plain value.", where=where)
    return value


def _no_mapping(where: str) -> InputError:
    return InputError(
        "the file must be a mapping of keys to values, and is something else.",
        where=where,
        mend="Write it as lines of `key: value`.",
    )


def _bad_key(key: str, name: str, where: str) -> InputError:
    place = f"in '{key}' " if key else ""
    return InputError(
        f"{place}the key {name} is no text.",
        where=where,
        mend="YAML reads bare numbers, dates, yes, no, on, off and null as values; write it in "
        'quotes: "...".',
    )


class _Budget:
    """Counts values, so that aliases of aliases end in an error and not in a full memory."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._left = MAX_VALUES

    def spend(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise InputError(
                f"the file expands to more than {MAX_VALUES} values.",
                where=self._source,
                mend="Aliases (*name) of aliases grow fast; write the values out.",
            )


class _Pairs(list[tuple[str, Any]]):
    """A JSON object before repeated keys are dropped."""

    def mapping(self, key: Key, source: str) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name, value in self:
            if name in values:
                raise InputError(f"the key '{dotted((*key, name))}' stands twice.", where=source)
            values[name] = value
        return values


def _read_text(path: Path) -> str:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise InputError(
                f"the file has {size} bytes; a study has at most {MAX_BYTES}.", where=str(path)
            )
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(
            f"the study cannot be read: {error.strerror}.",
            where=str(path),
            mend="Check the path given to --study or --configfile.",
        ) from error
    except ValueError as error:
        raise InputError(f"is no usable path: {error}.", where=repr(str(path))) from error
    if b"\0" in data or len(data) > MAX_BYTES:
        raise InputError("is no text file.", where=str(path), mend="A study is YAML or JSON.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            "the file is not UTF-8.",
            where=f"{path}, line {line}",
            mend="Save it as UTF-8.",
        ) from error


def _syntax_error(error: yaml.MarkedYAMLError, text: str, source: str) -> InputError:
    mark = error.problem_mark or error.context_mark
    where = source if mark is None else f"{source}, line {mark.line + 1}"
    lines = text.splitlines()
    line = lines[mark.line] if mark is not None and mark.line < len(lines) else ""
    if "\t" in line[: len(line) - len(line.lstrip())] or "'\\t'" in str(error.problem):
        return InputError(
            "the line holds a tab where YAML wants spaces.",
            where=where,
            mend="Indent with spaces only.",
        )
    problem = " ".join(str(part) for part in (error.context, error.problem) if part)
    return InputError(
        f"is no valid YAML: {problem or 'syntax error'}.",
        where=where,
        mend="Check indentation, colons and quotes there.",
    )


class _Reader:
    """Turns one YAML node tree into plain values and places."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._budget = _Budget(source)
        self._places: dict[str, Place] = {"": Place(source, None)}
        self._open: set[int] = set()
        self._constructor = yaml.constructor.SafeConstructor()

    def settings(self, node: yaml.Node | None) -> Settings:
        if node is None:
            raise InputError("the file is empty.", where=self._source)
        if not isinstance(node, yaml.MappingNode):
            raise _no_mapping(f"{self._source}, line {node.start_mark.line + 1}")
        values: dict[str, Any] = self._value(node, ())
        return Settings(values, self._places)

    def _where(self, node: yaml.Node) -> str:
        return f"{self._source}, line {node.start_mark.line + 1}"

    def _value(self, node: yaml.Node, key: Key) -> Any:
        self._budget.spend()
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, key)
        if id(node) in self._open:
            raise InputError(
                f"'{dotted(key)}' is an alias of something it is part of.", where=self._where(node)
            )
        wanted = "map" if isinstance(node, yaml.MappingNode) else "seq"
        self._check_tag(node, {wanted})
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, key)
            return [self._item(item, (*key, i)) for i, item in enumerate(node.value)]
        finally:
            self._open.discard(id(node))

    def _item(self, node: yaml.Node, key: Key) -> Any:
        self._note(key, node)
        return self._value(node, key)

    def _note(self, key: Key, node: yaml.Node, value: yaml.Node | None = None) -> None:
        scalar = value if value is not None else node
        written = None
        if isinstance(scalar, yaml.ScalarNode) and scalar.style is None:
            written = str(scalar.value)
        self._places[dotted(key)] = Place(self._source, node.start_mark.line + 1, written)

    def _mapping(self, node: yaml.MappingNode, key: Key) -> dict[str, Any]:
        values: dict[str, Any] = {}
        lines: dict[str, int] = {}
        merged: list[yaml.Node] = []
        for name_node, value_node in node.value:
            if name_node.tag == f"{TAG}merge":
                merged.append(value_node)
                continue
            name = self._key(name_node, key)
            if name in values:
                raise InputError(
                    f"the key '{dotted((*key, name))}' stands on line {lines[name]} too.",
                    where=self._where(name_node),
                    mend="Keep one of them.",
                )
            lines[name] = name_node.start_mark.line + 1
            self._note((*key, name), name_node, value_node)
            values[name] = self._value(value_node, (*key, name))
        for source in self._merge_sources(merged):
            values.update(self._merged(source, key, set(values)))
        return values

    def _merge_sources(self, merged: list[yaml.Node]) -> Iterator[yaml.MappingNode]:
        for node in merged:
            for source in node.value if isinstance(node, yaml.SequenceNode) else [node]:
                if not isinstance(source, yaml.MappingNode):
                    raise InputError("'<<' takes a mapping.", where=self._where(source))
                yield source

    def _merged(self, node: yaml.MappingNode, key: Key, there: set[str]) -> dict[str, Any]:
        kept = {name: place for name, place in self._places.items() if name.startswith(dotted(key))}
        values = self._value(node, key)
        self._places.update(kept)
        return {name: value for name, value in values.items() if name not in there}

    def _key(self, node: yaml.Node, parent: Key) -> str:
        if not isinstance(node, yaml.ScalarNode) or node.tag != f"{TAG}str":
            written = f"`{node.value}`" if isinstance(node, yaml.ScalarNode) else "there"
            raise _bad_key(dotted(parent), written, self._where(node))
        return str(_scalar(node.value, dotted((*parent, node.value)), self._where(node)))

    def _check_tag(self, node: yaml.Node, wanted: set[str]) -> None:
        if node.tag.removeprefix(TAG) not in wanted:
            raise InputError(
                f"the tag {node.tag} is not for settings.",
                where=self._where(node),
                mend="Write plain values only.",
            )

    def _scalar(self, node: yaml.ScalarNode, key: Key) -> Any:
        kinds = {"null", "bool", "int", "float", "str", "timestamp"}
        self._check_tag(node, kinds)
        kind = node.tag.removeprefix(TAG)
        if kind == "timestamp":
            return node.value
        try:
            value = getattr(self._constructor, f"construct_yaml_{kind}")(node)
        except (ValueError, yaml.YAMLError) as error:
            raise InputError(
                f"{dotted(key)}: {shorten(node.value)} is no valid {kind}.",
                where=self._where(node),
            ) from error
        return _scalar(value, dotted(key), self._where(node))
