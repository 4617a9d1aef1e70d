"""Files of records: one checksummed line for each thing that happened, on disk before the next.

A process may die at any byte. What it leaves is read back line by line: a line cut short at the
end is cut off, and a damaged line before it is set aside.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from wattbench.errors import FaultError
from wattbench.files import fault_of, sync_folder, write_whole

PREFIX = b'{"crc32":"'
MIDDLE = b'","record":'
BODY_AT = len(PREFIX) + 8 + len(MIDDLE)

Record = dict[str, Any]


def encode(record: Mapping[str, Any]) -> bytes:
    """One line: the record and the CRC-32 of its bytes."""
    body = json.dumps(
        record, ensure_ascii=False, separators=(",", ":"), allow_nan=False, sort_keys=True
    ).encode()
    return PREFIX + f"{zlib.crc32(body):08x}".encode() + MIDDLE + body + b"}\n"


def decode(line: bytes) -> Record | None:
    """The record of a line without its line break, or None where the line is damaged."""
    body = line[BODY_AT:-1]
    if not (line.startswith(PREFIX) and line.endswith(b"}")):
        return None
    if line[len(PREFIX) : BODY_AT] != f"{zlib.crc32(body):08x}".encode() + MIDDLE:
        return None
    record = json.loads(body)
    return record if isinstance(record, dict) else None


@dataclass(frozen=True)
class Found:
    """What a file of records holds.

    Args:
        records: Its whole records, in order.
        damaged: Damaged lines before the last.
        torn: Bytes at the end that are no whole line.
        unended: The last record is whole but lacks its line break.
    """

    records: list[Record]
    damaged: list[bytes] = field(default_factory=list)
    torn: bytes = b""
    unended: bool = False

    @property
    def whole(self) -> bool:
        """Whether nothing needs mending."""
        return not self.damaged and not self.torn and not self.unended


def read(path: Path) -> Found:
    """The records of a file, without changing it; none where there is no file.

    Raises:
        FaultError: The file is there and cannot be read.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return Found([])
    except OSError as error:
        raise FaultError(f"cannot be read: {error.strerror}.", where=str(path)) from error
    with _no_collection():
        return _decoded(data)


def each(path: Path) -> Iterator[Record]:
    """The whole records of a file one after the other, without holding them.

    Damaged ones are left out, and there are none where there is no file.

    Raises:
        FaultError: The file is there and cannot be read.
    """
    try:
        with path.open("rb") as lines:
            for line in lines:
                record = decode(line.rstrip(b"\n"))
                if record is not None:
                    yield record
    except FileNotFoundError:
        return
    except OSError as error:
        raise FaultError(f"cannot be read: {error.strerror}.", where=str(path)) from error


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Reading makes a million small objects and no cycle: collecting on the way takes longest."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _decoded(data: bytes) -> Found:
    lines = data.split(b"\n")
    last = lines.pop()
    records: list[Record] = []
    damaged: list[bytes] = []
    for line in lines:
        record = decode(line)
        if record is None:
            damaged.append(line)
        else:
            records.append(record)
    final = decode(last) if last else None
    if final is not None:
        records.append(final)
    return Found(records, damaged, torn=last if final is None else b"", unended=final is not None)


def mend(path: Path) -> tuple[list[Record], list[str]]:
    """The records of a file, after repairing it.

    Returns:
        The records and a sentence for each repair.

    Raises:
        FaultError: The file cannot be read or written.
    """
    found = read(path)
    if found.whole:
        return found.records, []
    notes: list[str] = []
    if found.torn:
        notes.append(
            f"{path}: the last record was cut short ({len(found.torn)} bytes) and is cut off"
        )
    if found.damaged:
        aside = path.with_name(f"{path.name}.damaged")
        notes.append(
            f"{path}: {len(found.damaged)} damaged record{'s' if len(found.damaged) > 1 else ''} "
            f"set aside in {aside.name}"
        )
        before = aside.read_bytes() if aside.exists() else b""
        write_whole(aside, lambda s: s.write(before + b"\n".join(found.damaged) + b"\n"))
    write_whole(path, lambda s: s.write(b"".join(encode(r) for r in found.records)))
    return found.records, notes


class Appender:
    """Appends records to a file, each whole on disk or not there at all.

    Args:
        path: The file; its folder is made.

    Raises:
        FaultError: The disk is full or the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
            self._size = os.fstat(self._descriptor).st_size
            sync_folder(path.parent)
        except OSError as error:
            raise fault_of(error, path) from error

    def append(self, record: Mapping[str, Any], *, sync: bool = True) -> None:
        """Write one record.

        Args:
            record: The record, JSON values only.
            sync: Wait until it is on disk.

        Raises:
            FaultError: It could not be written; the file is as it was before.
        """
        line = encode(record)
        try:
            written = 0
            while written < len(line):
                written += os.write(self._descriptor, line[written:])
            if sync:
                os.fsync(self._descriptor)
        except OSError as error:
            self._cut_back()
            raise fault_of(error, self._path) from error
        self._size += len(line)

    def _cut_back(self) -> None:
        try:
            os.ftruncate(self._descriptor, self._size)
        except OSError:
            # The next start cuts the torn record off; the failure of the write is what matters.
            return

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
