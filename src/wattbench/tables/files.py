"""Reading and writing tables as Parquet files of the contract's schemas.

The plain file writers of `wattbench.files` are offered here too: a stage needs one module only.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc
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
    import pyarrow.dataset as ds

__all__ = [
    "as_frame",
    "canonical_json",
    "digest",
    "encoded",
    "fault_of",
    "file_digest",
    "from_columns",
    "open_dataset",
    "read_arrow",
    "read_frame",
    "read_json",
    "read_rows",
    "sync_folder",
    "to_arrow",
    "write_arrow",
    "write_batches",
    "write_json",
    "write_rows",
    "write_text",
    "write_whole",
]


VERSION: Final = "2.6"
CODEC: Final = "zstd"
FEW_ROWS = 10_000
SMALL_ROWS = 1_000
SMALL_TEXT_BYTES = 8 * 1024
"""Of a table of at most `SMALL_ROWS` rows only texts of more bytes are compressed: unpacking a
column takes 50 us however little is in it, three times what the rest of reading it takes."""
GROUP_ROWS = 1 << 20
"""Rows of a row group."""


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
    return from_columns(table, {name: [row.get(name) for row in rows] for name in table.names()})


def from_columns(table: Table, columns: Mapping[str, Sequence[Any]]) -> pa.Table:
    """Columns as an Arrow table of the contract's schema.

    Raises:
        ValueError: A column is not the table's or is missing, or has a null that it may not have.
    """
    if set(columns) != set(table.names()):
        raise ValueError(f"{table.name}: its columns are {table.names()}, not {list(columns)}")
    schema = table.schema
    data = pa.table([pa.array(columns[one.name], one.type) for one in schema], schema=schema)
    for column in table.columns:
        if not column.null and data[column.name].null_count:
            raise ValueError(f"{table.name}.{column.name}: null, which the contract does not allow")
    return data


def write_arrow(path: Path, data: pa.Table) -> None:
    """Write an Arrow table whole as Parquet (zstd where that pays)."""
    write_whole(path, lambda stream: _write(data, stream))


def encoded(data: pa.Table) -> memoryview:
    """The bytes that `write_arrow` would write."""
    # Each of a thousand small writes to a stream of Python's would wait for whoever runs Python.
    stream = pa.BufferOutputStream(pa.system_memory_pool())
    _write(data, stream)
    return memoryview(stream.getvalue())


def _write(data: pa.Table, stream: Any) -> None:
    # What the values of a group are lets a reader skip other groups: of one it says nothing.
    several = data.num_rows > GROUP_ROWS
    options = _options(data.schema, _worth_packing(data))
    pq.write_table(data, stream, GROUP_ROWS, write_statistics=several, **options)


def _options(schema: pa.Schema, packed: Collection[str]) -> dict[str, Any]:
    """How the columns are written.

    Args:
        schema: The columns.
        packed: Names of those that are compressed.
    """
    leaves = [(field.name, *leaf) for field in schema for leaf in _leaves(field.name, field.type)]
    return {
        "version": VERSION,
        "compression": {path: CODEC for name, path, _ in leaves if name in packed} or "none",
        # Measured numbers hardly repeat: a dictionary of them is filled and then thrown away.
        "use_dictionary": [path for _, path, kind in leaves if not pa.types.is_floating(kind)],
    }


def _leaves(path: str, kind: pa.DataType) -> Iterator[tuple[str, pa.DataType]]:
    """The Parquet columns that hold an Arrow column, and their types."""
    if pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind):
        yield from _leaves(f"{path}.list.element", kind.value_type)
    elif pa.types.is_struct(kind):
        for field in kind:
            yield from _leaves(f"{path}.{field.name}", field.type)
    else:
        yield path, kind


def _worth_packing(data: pa.Table) -> list[str]:
    """Names of the columns that are compressed.

    That follows from the values alone, not from how they lie in memory: equal tables are equal
    files.
    """
    names: list[str] = data.column_names
    if data.num_rows > SMALL_ROWS:
        return names
    return [
        name
        for name, column in zip(names, data.columns, strict=True)
        if pa.types.is_string(column.type)
        and (pc.sum(pc.binary_length(column)).as_py() or 0) > SMALL_TEXT_BYTES
    ]


def write_rows(path: Path, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows whole as a Parquet file of the contract's schema."""
    write_arrow(path, to_arrow(table, rows))


def write_batches(path: Path, table: Table, batches: Iterable[Mapping[str, Sequence[Any]]]) -> None:
    """Write columns that come some rows at a time whole as one Parquet file."""

    def write(stream: IO[bytes]) -> None:
        options = _options(table.schema, list(table.names()))
        with pq.ParquetWriter(stream, table.schema, **options) as writer:
            for columns in batches:
                writer.write_table(from_columns(table, columns))

    write_whole(path, write)


def read_arrow(path: Path, table: Table, *, without: Collection[str] = ()) -> pa.Table:
    """Read a Parquet file that `write_rows` wrote; columns that the contract lacks are left out.

    Args:
        path: The file.
        table: What it should hold.
        without: Columns that are not read, for they are large.

    Raises:
        InputError: The file is missing, broken, of another table or of another version.
    """
    wanted = [name for name in table.names() if name not in without]
    with _opened(path, table, wanted) as file:
        # Most files are small: sharing one out to threads takes longer than reading it.
        data = file.read(wanted, use_threads=file.metadata.num_rows > FEW_ROWS)
    if not _is_own(data.schema, table):
        _check_nulls(path, table, data)
    return data


@contextmanager
def _opened(path: Path, table: Table, wanted: Sequence[str]) -> Iterator[pq.ParquetFile]:
    """A file of a table, for as long as it is read.

    Args:
        path: The file.
        table: What it should hold.
        wanted: The columns that will be read.

    Raises:
        InputError: The file is missing, broken, of another table or of another version.
    """
    try:
        with pa.OSFile(str(path)) as source, pq.ParquetFile(source) as file:
            if not _is_own(file.schema_arrow, table):
                _check(path, table, file.schema_arrow, wanted)
            yield file
    except FileNotFoundError as error:
        raise InputError("is not there.", where=str(path), mend=_anew(path)) from error
    except (OSError, pa.ArrowException) as error:
        raise InputError(
            f"cannot be read as Parquet: {error}.", where=str(path), mend=_anew(path)
        ) from error


def _is_own(schema: pa.Schema, table: Table) -> bool:
    """Whether a schema is the table's to the letter, as nearly every file's is."""
    return bool(schema.equals(table.schema)) and schema.metadata == table.schema.metadata


def _check(path: Path, table: Table, schema: pa.Schema, wanted: Sequence[str]) -> None:
    """Whether a file's schema has the table's columns.

    Raises:
        InputError: It is another table's or another version's.
    """
    metadata = schema.metadata or {}
    if metadata.get(TABLE_KEY, b"").decode() != table.name:
        raise InputError(
            f"is no wattbench table '{table.name}'.", where=str(path), mend=_anew(path)
        )
    if int(metadata.get(SCHEMA_VERSION_KEY, b"0")) > SCHEMA_VERSION:
        raise InputError(
            "was written by a newer wattbench.", where=str(path), mend="Upgrade wattbench."
        )
    lacking = [name for name in wanted if schema.get_field_index(name) < 0]
    if lacking:
        wrong = f"lacks {_columns(lacking)} of table '{table.name}'"
    elif other := [n for n in wanted if schema.field(n).type != table.schema.field(n).type]:
        wrong = f"holds {_columns(other)} of table '{table.name}' in another form"
    else:
        return
    raise InputError(
        f"{wrong}: another version of wattbench wrote it.", where=str(path), mend=_anew(path)
    )


def _check_nulls(path: Path, table: Table, data: pa.Table) -> None:
    for name in data.column_names:
        if data[name].null_count and not table.schema.field(name).nullable:
            raise InputError(
                f"column '{name}' of table '{table.name}' is null in places, which it never is: "
                "another version of wattbench wrote it.",
                where=str(path),
                mend=_anew(path),
            )


def _columns(names: Sequence[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in names)
    return f"column {shown}" if len(names) == 1 else f"columns {shown}"


def _anew(path: Path) -> str:
    return (
        f"Make it anew with `snakemake --force {shlex.quote(str(path))}` and the options you run "
        "the workflow with: the stage that wrote it runs again, and asks no model again what is "
        "answered."
    )


def read_rows(path: Path, table: Table) -> list[dict[str, Any]]:
    """Rows of a table as dictionaries; null is None."""
    rows: list[dict[str, Any]] = read_arrow(path, table).to_pylist()
    return rows


def read_frame(path: Path, table: Table) -> pd.DataFrame:
    """A table as a pandas frame with Arrow types, so that null stays null."""
    return as_frame(read_arrow(path, table))


def as_frame(data: pa.Table) -> pd.DataFrame:
    """An Arrow table as a pandas frame with Arrow types, so that null stays null."""
    import pandas as pd  # noqa: PLC0415

    frame: pd.DataFrame = data.to_pandas(types_mapper=pd.ArrowDtype)
    return frame


def open_dataset(path: Path, table: Table) -> ds.Dataset:
    """A table of which only what is asked for is read.

    Args:
        path: The file.
        table: What it should hold.

    Raises:
        InputError: The file is missing, broken, of another table or of another version.
    """
    import pyarrow.dataset as ds  # noqa: PLC0415

    with _opened(path, table, list(table.names())):
        return ds.dataset(str(path), format="parquet")
