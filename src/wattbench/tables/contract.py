"""How a table is described: its columns, their units and what null means in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pyarrow as pa

SCHEMA_VERSION = 1
SCHEMA_VERSION_KEY = b"wattbench_schema_version"
TABLE_KEY = b"wattbench_table"

TEXT = pa.string()
REAL = pa.float64()
COUNT = pa.int64()
TRUTH = pa.bool_()
TEXTS = pa.list_(pa.string())
TIME = pa.timestamp("us", tz="UTC")
FLAG = pa.struct([("column", TEXT), ("kind", TEXT), ("detail", TEXT)])
FLAGS = pa.list_(FLAG)


@dataclass(frozen=True)
class Column:
    """One column.

    Args:
        name: Its name, the unit in it.
        type: Its Arrow type.
        meaning: One sentence for docs/outputs.md.
        unit: Its unit, or empty where it has none.
        null: When it is null; empty where it never is.
    """

    name: str
    type: pa.DataType
    meaning: str
    unit: str = ""
    null: str = ""


@dataclass(frozen=True)
class Table:
    """One table: a name and its columns in order."""

    name: str
    meaning: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    """Columns that together are unique."""

    schema: pa.Schema = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        schema = pa.schema(
            [pa.field(c.name, c.type, nullable=bool(c.null)) for c in self.columns],
            metadata={
                SCHEMA_VERSION_KEY: str(SCHEMA_VERSION).encode(),
                TABLE_KEY: self.name.encode(),
            },
        )
        object.__setattr__(self, "schema", schema)

    @cached_property
    def empty(self) -> pa.Table:
        """The table without rows."""
        return self.schema.empty_table()

    def names(self) -> Iterator[str]:
        """Names of the columns, in order."""
        return (column.name for column in self.columns)


FLAGS_COLUMN = Column(
    "flags",
    FLAGS,
    "Why a column is null (kind `unknown`), or what to know of its figure (kind `warning`).",
)


def flag(column: str, kind: str, detail: str) -> dict[str, str]:
    """One entry of a `flags` column; kind is 'unknown' or 'warning'."""
    return {"column": column, "kind": kind, "detail": detail}


def unknown(column: str, reason: str) -> dict[str, str]:
    """The flag that explains a null."""
    return flag(column, "unknown", reason)


def warning(column: str, detail: str) -> dict[str, str]:
    """A flag beside a figure that is there."""
    return flag(column, "warning", detail)


def reason_for(row: Mapping[str, Any], column: str) -> str | None:
    """Why `column` is null in `row`, or None where no flag says so."""
    for entry in row.get("flags") or ():
        if entry["column"] == column and entry["kind"] == "unknown":
            return str(entry["detail"])
    return None
