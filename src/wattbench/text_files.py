"""Text that people and other programs wrote, whatever its encoding."""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
from collections.abc import Sequence
from pathlib import Path

from wattbench.errors import InputError

AS_WINDOWS_1252 = "wattbench-windows-1252"

# A model that loops writes cells longer than the 128 KiB at which Python's csv gives up.
csv.field_size_limit((1 << 31) - 1)


def decode(data: bytes) -> tuple[str, str]:
    """Text of a file that may not be UTF-8, and the encoding used, without loss.

    UTF-8 (with or without BOM), UTF-16 with BOM, else each undecodable byte is read as
    Windows-1252 (the few bytes it leaves undefined as Latin-1).
    """
    if data[:2] in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}:
        with contextlib.suppress(UnicodeDecodeError):
            return data.decode("utf-16"), "utf-16"
    try:
        return data.decode("utf-8-sig"), "utf-8"
    except UnicodeDecodeError:
        text = data.decode("utf-8", errors=AS_WINDOWS_1252)
        return text.removeprefix("\ufeff"), "mixed UTF-8 and Windows-1252"


def _as_windows_1252(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    byte = error.object[error.start : error.start + 1]
    try:
        return byte.decode("cp1252"), error.start + 1
    except UnicodeDecodeError:
        return byte.decode("latin-1"), error.start + 1


codecs.register_error(AS_WINDOWS_1252, _as_windows_1252)


def storable(text: str) -> str:
    """The text without halves of surrogate pairs, which no file takes and JSON can escape."""
    return text.encode("utf-8", errors="replace").decode("utf-8")


def check_columns(
    columns: Sequence[str], needed: Sequence[str], *, what: str, where: Path | str, mend: str
) -> None:
    """Refuse a CSV file that lacks columns.

    Args:
        columns: Those it has.
        needed: Those it has to have.
        what: What it is, for the message.
        where: The file, for the message.
        mend: What to do.

    Raises:
        InputError: One is missing.
    """
    lacking = [name for name in needed if name not in columns]
    if lacking:
        raise InputError(
            f"{what} lacks the column{'s' if len(lacking) > 1 else ''} {', '.join(lacking)}; it "
            f"has: {', '.join(columns) or 'none'}.",
            where=f"{where}, line 1",
            mend=mend,
        )


def check_closed(text: str, *, what: str, where: Path | str) -> None:
    """Refuse a CSV file whose last quote is never closed: every row behind it is in one cell.

    Args:
        text: The file's text.
        what: What it is, for the message.
        where: The file, for the message.

    Raises:
        InputError: It ends within quotes.
    """
    if text.count('"') % 2 == 0:
        return
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    try:
        for _ in rows:
            line = rows.line_num + 1
    except csv.Error as error:
        # Whatever else a strict reader finds is read as other programs read it.
        if "unexpected end" in str(error):
            raise InputError(
                f"{what} opens a quote that nothing closes, so all lines behind it are one cell.",
                where=f"{where}, the row that begins on line {line}",
                mend="Close the quote, or double it where it is part of the text.",
            ) from error


def open_csv(
    path: Path, *, what: str, mend: str, whole: bool = True
) -> tuple[csv.DictReader[str], str]:
    """A reader of a CSV file with a head, and the file's encoding.

    Args:
        path: The file.
        what: What it is, for the message.
        mend: What to do where it cannot be read.
        whole: Whether a file that ends within quotes is refused.

    Raises:
        InputError: It cannot be read, or is not whole.
    """
    text, encoding = decode(read_bytes(path, what=what, mend=mend))
    if whole:
        check_closed(text, what=what, where=path)
    return csv.DictReader(io.StringIO(text, newline="")), encoding


def read_bytes(path: Path, *, what: str, mend: str) -> bytes:
    """Bytes of a file.

    Args:
        path: The file.
        what: What it is, for the message.
        mend: What to do where it cannot be read.

    Raises:
        InputError: It cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{what} cannot be read: {error.strerror}.", where=str(path), mend=mend
        ) from error
