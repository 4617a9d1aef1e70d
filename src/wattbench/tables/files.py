"""Reading and writing tables as Parquet files of the contract's schemas.

The plain file writers of `wattbench.files` are offered here too: a stage needs one module only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from wattbench.errors import InputError
from wattbench.files import (
    canonical_json,
    digest,
    fault_of,
    file_digest,
    read_json,
    sync_folder,
    write_json,
    write_text,
    write_whole,
)
from wattbench.tables.contract import SCHEMA_VERSION, SCHEMA_VERSION_KEY, TABLE_KEY, Table

if TYPE_CHECKING:
    # A stage that needs no frame does not wait for pandas to load.
    import pandas as pd

__all__ = [
    "canonical_json",
    "digest",
    "fault_of",
    "file_digest",
    "read_arrow",
    "read_frame",
    "read_json",
    "read_rows",
    "sync_folder",
    "to_arrow",
    "write_arrow",
    "write_json",
    "write_rows",
    "write_text",
    "write_whole",
]


def to_arrow(table: Table, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Rows as an Arrow table of the contract's schema.

    Raises:
        ValueError: A row has a key that the table lacks, or lacks one that is never null.
    """
    rows = list(rows)
    known = set(table.names())
    for row in rows:
        surplus = set(row) - known
        if surplus:
            raise ValueError(f"{table.name}: unknown columns {sorted(surplus)}")
    for column in table.columns:
        if not column.null and any(row.get(column.name) is None for row in rows):
            raise ValueError(f"{table.name}.{column.name}: null, which the contract does not allow")
    return pa.Table.from_pylist([dict(row) for row in rows], schema=table.schema)


def write_arrow(path: Path, data: pa.Table) -> None:
    """Write an Arrow table whole as Parquet (zstd)."""
    write_whole(
        path, lambda stream: pq.write_table(data, stream, compression="zstd", version="2.6")
    )


def write_rows(path: Path, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows whole as a Parquet file of the contract's schema."""
    write_arrow(path, to_arrow(table, rows))


def read_arrow(path: Path, table: Table) -> pa.Table:
    """Read a Parquet file that `write_rows` wrote.

    Raises:
        InputError: The file is missing, broken, of another table or of a newer version.
    """
    try:
        data = pq.read_table(path, partitioning=None)
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(
            f"cannot be read as Parquet: {error}.",
            where=str(path),
            mend="Delete it and run the workflow again; it is made anew.",
        ) from error
    metadata = data.schema.metadata or {}
    if metadata.get(TABLE_KEY, b"").decode() != table.name:
        raise InputError(f"is no wattbench table '{table.name}'.", where=str(path))
    if int(metadata.get(SCHEMA_VERSION_KEY, b"0")) > SCHEMA_VERSION:
        raise InputError(
            "was written by a newer wattbench.", where=str(path), mend="Upgrade wattbench."
        )
    return data


def read_rows(path: Path, table: Table) -> list[dict[str, Any]]:
    """Rows of a table as dictionaries; null is None."""
    rows: list[dict[str, Any]] = read_arrow(path, table).to_pylist()
    return rows


def read_frame(path: Path, table: Table) -> pd.DataFrame:
    """A table as a pandas frame with Arrow types, so that null stays null."""
    import pandas as pd  # noqa: PLC0415

    frame: pd.DataFrame = read_arrow(path, table).to_pandas(types_mapper=pd.ArrowDtype)
    return frame
