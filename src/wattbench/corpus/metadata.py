"""Reading metadata.csv: what the documents are called and where they come from."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from wattbench.errors import InputError
from wattbench.text_files import check_columns, open_csv


@dataclass(frozen=True)
class Entry:
    """One row of metadata.csv.

    Args:
        id: Id of the document: its file's stem.
        line: Line of the file it starts on, from 1.
        title: Title, or None.
        url: Where the document is published, or None.
        cells: Every column as written.
    """

    id: str
    line: int
    title: str | None
    url: str | None
    cells: dict[str, str]


@dataclass(frozen=True)
class Metadata:
    """What metadata.csv holds.

    Args:
        entries: Rows with an id, in the file's order.
        encoding: How the file was read.
        faults: Rows that cannot be used: line, id and what is wrong.
    """

    entries: tuple[Entry, ...]
    encoding: str
    faults: tuple[tuple[int, str, str], ...]


def read_metadata(path: Path) -> Metadata:
    """Rows of a metadata file, whatever its encoding.

    Raises:
        InputError: The file is missing, or lacks the column 'id'.
    """
    reader, encoding = open_csv(
        path,
        what="the metadata file",
        mend="Check 'corpora.<name>.metadata' in the study.",
    )
    reader.restkey, reader.restval = "", ""
    entries: list[Entry] = []
    faults: list[tuple[int, str, str]] = []
    lines: dict[str, int] = {}
    try:
        columns = [name.strip().lower() for name in reader.fieldnames or ()]
        reader.fieldnames = columns
        mend = "Add it; ids are the documents' file names without their ending."
        check_columns(columns, ["id"], what="the metadata file", where=path, mend=mend)
        line = reader.line_num + 1
        for row in reader:
            cells = {name: (row[name] or "").strip() for name in columns}
            identifier = cells["id"]
            if not identifier:
                faults.append((line, "", "a row without an id"))
            elif identifier in lines:
                faults.append((line, identifier, f"the id stands on line {lines[identifier]} too"))
            else:
                lines[identifier] = line
                title, url = cells.get("title") or None, cells.get("url") or None
                entries.append(Entry(identifier, line, title, url, cells))
            line = reader.line_num + 1
    except csv.Error as error:
        raise InputError(
            f"the metadata file is no valid CSV: {error}.",
            where=f"{path}, line {reader.line_num}",
            mend="Save it as CSV with comma and double quotes.",
        ) from error
    return Metadata(tuple(entries), encoding, tuple(faults))
