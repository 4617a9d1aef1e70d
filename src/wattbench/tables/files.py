"""Writing result files whole: temporary name in the same folder, flush, fsync, rename."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import IO, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from wattbench.errors import FaultError, InputError
from wattbench.tables.contract import SCHEMA_VERSION, SCHEMA_VERSION_KEY, TABLE_KEY, Table


def write_whole(path: Path, fill: Callable[[IO[bytes]], object]) -> None:
    """Write a file so that it is there whole or not at all.

    Args:
        path: The file to write; its folder is made.
        fill: Called with the open temporary file.

    Raises:
        FaultError: The disk is full or the folder cannot be written.
    """
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(
            dir=path.parent, prefix=f".{path.name}.", suffix=".tmp"
        )
        with os.fdopen(descriptor, "wb") as stream:
            fill(stream)
            stream.flush()
            os.fsync(stream.fileno())
        umask = os.umask(0)
        os.umask(umask)
        Path(temporary).chmod(0o666 & ~umask)
        Path(temporary).replace(path)
        temporary = None
        sync_folder(path.parent)
    except OSError as error:
        raise fault_of(error, path) from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make a rename or a new file in `folder` durable, where the file system can."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.ENOTSUP}:
            raise
    finally:
        os.close(descriptor)


def fault_of(error: OSError, path: Path) -> FaultError:
    """The user's view of a failed write."""
    mends = {
        errno.ENOSPC: "Free some space or point 'study.results' elsewhere, then run again: "
        "what was written before is whole and is kept.",
        errno.EDQUOT: "Free some of your quota, then run again: what was written is kept.",
        errno.EACCES: "Give yourself write permission there or set 'study.results' elsewhere.",
        errno.EROFS: "Set 'study.results' to a folder that can be written.",
    }
    return FaultError(
        f"cannot write: {os.strerror(error.errno) if error.errno else error}.",
        where=str(path),
        mend=mends.get(error.errno or 0),
    )


def write_text(path: Path, text: str) -> None:
    """Write a text file whole, as UTF-8."""
    write_whole(path, lambda stream: stream.write(text.encode()))


def canonical_json(value: object) -> str:
    """JSON with sorted keys and no spare spaces; refuses NaN and infinity."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def write_json(path: Path, value: object) -> None:
    """Write readable JSON whole; refuses NaN and infinity."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        InputError: The file is missing or no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}.", where=str(path)) from error
    except ValueError as error:
        raise InputError(f"is no valid JSON: {error}.", where=str(path)) from error


def file_digest(path: Path) -> str:
    """sha256 of a file's bytes, as 64 hex digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest(value: object) -> str:
    """sha256 of a value's canonical JSON, as 64 hex digits."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


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
    frame: pd.DataFrame = read_arrow(path, table).to_pandas(types_mapper=pd.ArrowDtype)
    return frame
