"""Digests of source data by content, so that a `touch` changes nothing.

Hashes are remembered by the files' size, times and inode; a file whose stat is unchanged is not
read again.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any

from wattbench.errors import FaultError, InputError
from wattbench.files import file_digest as bytes_digest
from wattbench.files import write_text

FORMAT = 1
SETTLED_NS = 2_000_000_000
"""A file changed within this time may change again with the same stat; it is not remembered."""

UNREADABLE = bytes(32)


def tree_digest(folder: Path, cache: Path) -> str:
    """Digest of a folder's files: their names relative to it and their bytes.

    Hidden files and folders are left out; links are followed.

    Args:
        folder: The folder.
        cache: JSON file that remembers hashes; made if need be.

    Returns:
        sha256 as 64 hex digits.

    Raises:
        InputError: The folder or one in it cannot be read, or it holds no file.
    """
    known = _Known(cache)
    total = hashlib.sha256()
    files = files_below(folder)
    if not files:
        # A file system that is not mounted leaves an empty folder.
        raise InputError("the folder holds no file.", where=str(folder))
    for file in files:
        name = os.fsencode(file.relative_to(folder).as_posix())
        total.update(len(name).to_bytes(8, "big") + name)
        try:
            total.update(bytes.fromhex(known.digest(file)))
        except InputError:
            # One bad document does not stop a study: the corpus stage lists it as a problem.
            total.update(UNREADABLE)
    known.remember(folder, total.hexdigest())
    known.save()
    return total.hexdigest()


def last_digest(path: Path, cache: Path) -> str | None:
    """The digest that a folder or file had when it was last seen; None where it never was.

    Args:
        path: The folder or file as it was given then; it need not be there.
        cache: The file that remembers hashes.
    """
    return _Known(cache).last.get(str(path))


def file_digest(path: Path, cache: Path) -> str:
    """sha256 of a file's bytes as 64 hex digits, remembered in `cache`.

    Raises:
        InputError: The file cannot be read.
    """
    known = _Known(cache)
    found = known.digest(path)
    known.remember(path, found)
    known.save()
    return found


def files_below(folder: Path) -> list[Path]:
    """Every file below a folder, sorted by name, hidden ones left out.

    Raises:
        InputError: A folder cannot be read, or a link leads back to a folder above it.
    """
    files: list[Path] = []
    _collect(folder, frozenset(), files)
    return sorted(files, key=lambda file: os.fsencode(file.as_posix()))


def _collect(folder: Path, above: frozenset[tuple[int, int]], files: list[Path]) -> None:
    try:
        state = folder.stat()
        here = (state.st_dev, state.st_ino)
        if here in above:
            raise InputError(
                "a link in the documents folder leads back to a folder above it.",
                where=str(folder),
                mend="Remove the link.",
            )
        entries = [entry for entry in folder.iterdir() if not entry.name.startswith(".")]
    except OSError as error:
        raise InputError(
            f"the folder cannot be read: {error.strerror}.",
            where=str(folder),
            mend="Check 'corpora.<name>.documents' in the study, and your permission to read it.",
        ) from error
    for entry in entries:
        if entry.is_dir():
            _collect(entry, above | {here}, files)
        else:
            files.append(entry)


class _Known:
    """Hashes remembered in one JSON file."""

    def __init__(self, cache: Path) -> None:
        self._cache = cache
        kept = self._load()
        self._kept: dict[str, Any] = kept.get("files", {})
        self.last: dict[str, str] = kept.get("last", {})
        self._changed = False

    def _load(self) -> dict[str, Any]:
        try:
            kept = json.loads(self._cache.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return kept if isinstance(kept, dict) and kept.get("format") == FORMAT else {}

    def remember(self, path: Path, found: str) -> None:
        """Remember the digest of what the study names, for when it is gone."""
        self._changed |= self.last.get(str(path)) != found
        self.last[str(path)] = found

    def digest(self, path: Path) -> str:
        """sha256 of a file, from memory where its stat is unchanged."""
        key = str(path.absolute())
        try:
            stamp = _stamp(path)
            kept = self._kept.get(key)
            if kept is not None and kept[0] == stamp:
                return str(kept[1])
            found = bytes_digest(path)
            after = _stamp(path)
        except OSError as error:
            raise InputError(
                f"the file cannot be read: {error.strerror}.",
                where=str(path),
                mend="Check that it is there and that you may read it.",
            ) from error
        newest = max(after[1], after[2])
        if after == stamp and time.time_ns() - newest > SETTLED_NS:
            self._kept[key] = [stamp, found]
            self._changed = True
        return found

    def save(self) -> None:
        """Write what was learnt."""
        if not self._changed:
            return
        self._changed = False
        try:
            kept = {"format": FORMAT, "files": self._kept, "last": self.last}
            write_text(self._cache, json.dumps(kept))
        except FaultError:
            # Where results cannot be written the first stage says so; hashing again is slow only.
            return


def _stamp(path: Path) -> list[int]:
    state = path.stat()
    return [state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino]
