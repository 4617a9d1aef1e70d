"""Writing files whole (temporary name, flush, fsync, rename), and where caches lie.

Stands below the tables so that what must start fast can write without loading Arrow.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from wattbench.errors import FaultError, InputError

CACHE_VARIABLE = "WATTBENCH_CACHE"


def cache_folder() -> Path:
    """Folder of what is kept between studies and can be made again.

    `$WATTBENCH_CACHE`, else `$XDG_CACHE_HOME/wattbench`, else `~/.cache/wattbench`.
    """
    if named := os.environ.get(CACHE_VARIABLE):
        return Path(named).expanduser()
    if base := os.environ.get("XDG_CACHE_HOME"):
        return Path(base) / "wattbench"
    return Path.home() / ".cache" / "wattbench"


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
