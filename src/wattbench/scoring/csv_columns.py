"""CSV files as columns: a plain file in one go with Arrow, any other row by row.

Both read what Python's `csv` reads: a cell that a row lacks is empty, one too many is left out,
empty lines are skipped, and of two columns of one name the last counts.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as arrow_csv

from wattbench.errors import InputError
from wattbench.text_files import check_closed, check_columns, decode, read_bytes

HEAD_BYTES = 1 << 16
"""Of a file: as much as its head may take to be read by Arrow."""

UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
LARGEST_BYTES = (1 << 31) - 1
"""What Arrow reads in one block, and holds in one column."""


def read_columns(
    path: Path, needed: Sequence[str], others: Sequence[str], *, what: str
) -> dict[str, pa.Array]:
    """Columns of a CSV file as texts, none of them null.

    Args:
        path: The file, in any encoding that `decode` knows.
        needed: Columns that it has to have.
        others: Columns that are read where it has them.
        what: What it is, for the message.

    Raises:
        InputError: It cannot be read, is no CSV file, ends within quotes, lacks a column or has no
            row.
    """
    data = read_bytes(path, what=what, mend="Check the path.")
    found = plain_columns(data, needed, others)
    if found is None:
        check_closed(decode(data)[0], what=what, where=path)
        found = any_columns(data, needed, others, what=what, where=str(path))
    if not len(found[needed[0]]):
        raise InputError(
            f"{what} holds no row.", where=str(path), mend="It needs one row for each question."
        )
    return found


def plain_columns(
    data: bytes, needed: Sequence[str], others: Sequence[str]
) -> dict[str, pa.Array] | None:
    """Columns of a file of plain rows: UTF-8, as many cells in each row as in the head.

    Args:
        data: The file's bytes.
        needed: Columns that it has to have.
        others: Columns that are read where it has them.

    Returns:
        None where the file is not plain, or lacks a column.
    """
    data = data.removeprefix(codecs.BOM_UTF8)
    if len(data) >= LARGEST_BYTES or data.startswith(codecs.BOM_UTF8) or _odd_ends(data):
        return None
    head = _head(data)
    if not set(needed) <= set(head) or len(set(head)) < len(head):
        return None
    wanted = [name for name in (*needed, *others) if name in head]
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(data),
            read_options=arrow_csv.ReadOptions(
                use_threads=False, block_size=len(data) + 1, column_names=head
            ),
            parse_options=arrow_csv.ParseOptions(newlines_in_values=True),
            convert_options=arrow_csv.ConvertOptions(
                include_columns=wanted,
                column_types=dict.fromkeys(wanted, pa.string()),
                strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid:
        return None
    return {name: table[name].combine_chunks().slice(1) for name in wanted}


def _odd_ends(data: bytes) -> bool:
    """Whether a line ends as Arrow does not read it, or the last quote is never closed."""
    return data.count(b"\r") != data.count(b"\r\n") or data.count(b'"') % 2 == 1


def _head(data: bytes) -> list[str]:
    """Names of the columns; none where they are too long or not UTF-8."""
    try:
        text = data[:HEAD_BYTES].decode("utf-8") if len(data) <= HEAD_BYTES else _lines(data)
    except UnicodeDecodeError:
        return []
    return [name.strip() for name in next(csv.reader(io.StringIO(text, newline="")), [])]


def _lines(data: bytes) -> str:
    """The whole lines among a file's first bytes."""
    return data[: data.rfind(b"\n", 0, HEAD_BYTES) + 1].decode("utf-8")


def any_columns(
    data: bytes, needed: Sequence[str], others: Sequence[str], *, what: str, where: str
) -> dict[str, pa.Array]:
    """Columns of a file as Python's `csv` reads it.

    Args:
        data: The file's bytes.
        needed: Columns that it has to have.
        others: Columns that are read where it has them.
        what: What it is, for the message.
        where: The file, for the message.

    Raises:
        InputError: It is no CSV file, or lacks a column.
    """
    if b"\0" in data[:HEAD_BYTES] and not data.startswith(UTF16):
        raise InputError(f"{what} is no text.", where=where, mend="Give a CSV file.")
    rows = csv.reader(io.StringIO(decode(data)[0], newline=""))
    head = [name.strip() for name in next(rows, [])]
    mend = f"It needs {', '.join(needed)}, parted by commas."
    check_columns(head, needed, what=what, where=where, mend=mend)
    place = {name: at for at, name in enumerate(head) if name in {*needed, *others}}
    cells: dict[str, list[str]] = {name: [] for name in place}
    for row in rows:
        if row:
            for name, at in place.items():
                cells[name].append(row[at] if at < len(row) else "")
    return {name: pa.array(column, pa.string()) for name, column in cells.items()}


def first_lines(path: Path, rows: Sequence[int], *, what: str) -> list[int]:
    """Lines, from 1, that rows of a CSV file begin on.

    Args:
        path: The file.
        rows: Places of the rows behind the head, from 0, in their order.
        what: What it is, for the message.
    """
    text, _ = decode(read_bytes(path, what=what, mend="Check the path."))
    reader = csv.reader(io.StringIO(text, newline=""))
    next(reader, None)
    begins, line = [], reader.line_num + 1
    for row in reader:
        if row:
            begins.append(line)
        line = reader.line_num + 1
    return [begins[row] for row in rows]
