"""Getting a weight file from the Hugging Face hub, resuming where an earlier try stopped."""

from __future__ import annotations

import http.client
import os
import queue
import threading
import urllib.error
import urllib.parse
import urllib.request
from importlib.metadata import version
from pathlib import Path
from typing import Any

from wattbench.files import fault_of
from wattbench.weights.catalogue import PinnedFile
from wattbench.weights.sources import CHUNK_BYTES, Advance, SourceFailed, sha256_of

HUB_VARIABLE = "WATTBENCH_HUB"
MIRROR_VARIABLE = "HF_ENDPOINT"
DEFAULT_HUB = "https://huggingface.co"
OPEN_WITHIN_S = 6.0
"""Name look-up, connection and headers together: an offline machine must not hang."""

STALL_S = 20.0
TRIES_WITHOUT_PROGRESS = 3
PARTIAL = 206
RANGE_NOT_SATISFIABLE = 416

_away: dict[str, str] = {}
"""Hubs that did not answer in this process; they are not waited for again."""


def hub_address() -> str:
    """`$WATTBENCH_HUB`, else `$HF_ENDPOINT` (the usual variable for a mirror), else the hub."""
    named = os.environ.get(HUB_VARIABLE) or os.environ.get(MIRROR_VARIABLE) or DEFAULT_HUB
    return named.rstrip("/")


def fetch_from_hub(pinned: PinnedFile, part: Path, advance: Advance) -> None:
    """Fill `part` with the file's bytes, verified.

    Args:
        pinned: The file.
        part: Where it is assembled; what lies there already is continued.
        advance: Told of each stretch of bytes, the resumed ones included.

    Raises:
        SourceFailed: The hub cannot be reached, does not have the file, or has other bytes.
        FaultError: The disk is full.
    """
    if pinned.hub is None:
        raise SourceFailed("the hub does not hold this file")
    path = urllib.parse.quote(
        f"{pinned.hub.repository}/resolve/{pinned.hub.revision}/{pinned.hub.file}"
    )
    hub = hub_address()
    if hub in _away:
        raise SourceFailed(_away[hub])
    resumed = part.stat().st_size if part.exists() else 0
    advance(min(resumed, pinned.bytes))
    _fill(hub, f"{hub}/{path}", pinned, part, advance)
    if sha256_of(part) != pinned.sha256:
        part.unlink()
        raise SourceFailed(f"{hub} served other bytes than the pinned ones (sha256 differs)")


def _fill(hub: str, url: str, pinned: PinnedFile, part: Path, advance: Advance) -> None:
    tries = 0
    while (have := part.stat().st_size if part.exists() else 0) != pinned.bytes:
        if have > pinned.bytes:
            part.unlink()
            continue
        response = _open(hub, url, have)
        try:
            got = _receive(response, pinned, part, have, advance)
        finally:
            response.close()
        tries = 0 if got else tries + 1
        if tries >= TRIES_WITHOUT_PROGRESS:
            raise SourceFailed(f"the connection to {hub} breaks off; run again to resume")


def _open(hub: str, url: str, have: int) -> Any:
    headers = {"User-Agent": f"wattbench/{version('wattbench')}"}
    if have:
        headers["Range"] = f"bytes={have}-"
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - the user's own address
    answers: queue.Queue[Any] = queue.Queue()

    def ask() -> None:
        try:
            answers.put(urllib.request.urlopen(request, timeout=STALL_S))  # noqa: S310
        except (OSError, http.client.HTTPException, ValueError) as error:
            answers.put(error)

    # Name look-up has no time limit of its own, so the whole opening is waited for from outside.
    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=OPEN_WITHIN_S)
    except queue.Empty:
        answer = TimeoutError(f"no answer within {OPEN_WITHIN_S:g} s")
    if isinstance(answer, urllib.error.HTTPError):
        answer.close()
        raise SourceFailed(f"{url} answered {answer.code} {answer.reason}")
    if isinstance(answer, Exception):
        reason = getattr(answer, "reason", None) or answer
        _away[hub] = f"{hub} cannot be reached ({reason})"
        raise SourceFailed(_away[hub])
    return answer


def _receive(response: Any, pinned: PinnedFile, part: Path, have: int, advance: Advance) -> int:
    """Append what comes; bytes received, which may be fewer than are missing."""
    length = response.headers.get("Content-Length")
    start = have if response.status == PARTIAL else 0
    if length is not None and start + int(length) != pinned.bytes:
        raise SourceFailed(
            f"{response.url} has {start + int(length)} bytes, not the pinned {pinned.bytes}"
        )
    got = 0
    try:
        with part.open("ab" if start else "wb") as stream:
            while start + got < pinned.bytes:
                try:
                    data = response.read(min(CHUNK_BYTES, pinned.bytes - start - got))
                except (TimeoutError, ConnectionError, http.client.HTTPException):
                    break
                if not data:
                    break
                stream.write(data)
                got += len(data)
                advance(max(0, min(len(data), start + got - have)))
    except OSError as error:
        raise fault_of(error, part) from error
    return got
