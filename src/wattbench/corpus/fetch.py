"""Fetching documents that metadata.csv names by url."""

from __future__ import annotations

import http.client
import re
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from wattbench.corpus.readers import SUFFIXES
from wattbench.tables.files import write_whole

TIMEOUT_S = 30.0
"""Silence of the server after which a fetch is given up."""

TOTAL_S = 300.0
MAX_BYTES = 100 * 1024 * 1024
CHUNK = 1 << 16
SAFE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,199}")
TYPES = {
    "application/pdf": ".pdf",
    "application/x-pdf": ".pdf",
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "text/markdown": ".md",
    "text/plain": ".txt",
    "application/json": ".json",
}


@dataclass(frozen=True)
class NotFetched:
    """Why a document could not be fetched."""

    reason: str


class Fetcher:
    """Fetches documents into a folder, and asks a host that did not answer only once.

    Args:
        folder: Where documents are kept; one that lies there is not fetched again.
        timeout_s: Silence of a server after which a fetch is given up.
        max_bytes: Size beyond which a document is refused.
    """

    def __init__(
        self, folder: Path, *, timeout_s: float = TIMEOUT_S, max_bytes: int = MAX_BYTES
    ) -> None:
        self._folder = folder
        self._timeout_s = timeout_s
        self._max_bytes = max_bytes
        self._silent: dict[str, str] = {}

    def fetch(self, document_id: str, url: str) -> Path | NotFetched:
        """Path of a document, fetched now or before.

        Args:
            document_id: Becomes the file's stem.
            url: Its address, http or https.
        """
        kept = self._kept(document_id)
        if kept is not None:
            return kept
        host, refusal = _host(url)
        if not refusal and host in self._silent:
            refusal = f"{host} did not answer before: {self._silent[host]}"
        if refusal:
            return NotFetched(refusal)
        try:
            return self._load(document_id, url)
        except urllib.error.HTTPError as error:
            return NotFetched(f"{url} answered {error.code} {error.reason}")
        except (OSError, http.client.HTTPException, ValueError) as error:
            # Everything a network can do: no name, no route, a reset, a timeout, no HTTP.
            reason = getattr(error, "reason", None) or error
            self._silent[host] = str(reason)
            return NotFetched(f"{url}: {reason}")

    def _kept(self, document_id: str) -> Path | NotFetched | None:
        if not SAFE_ID.fullmatch(document_id):
            return NotFetched("its id cannot be a file name")
        paths = (self._folder / f"{document_id}{suffix}" for suffix in sorted(SUFFIXES))
        return next((path for path in paths if path.is_file()), None)

    def _load(self, document_id: str, url: str) -> Path | NotFetched:
        request = urllib.request.Request(  # noqa: S310
            url, headers={"User-Agent": f"wattbench/{version('wattbench')}"}
        )
        deadline = time.monotonic() + TOTAL_S
        with urllib.request.urlopen(request, timeout=self._timeout_s) as answer:  # noqa: S310
            pieces: list[bytes] = []
            length = 0
            while piece := answer.read1(CHUNK):
                pieces.append(piece)
                length += len(piece)
                if length > self._max_bytes:
                    return NotFetched(f"{url} is larger than {self._max_bytes} bytes")
                if time.monotonic() > deadline:
                    return NotFetched(f"{url} took longer than {TOTAL_S:g} s")
            expected = answer.headers.get("Content-Length")
            media = answer.headers.get_content_type()
        if expected is not None and expected.isdigit() and int(expected) != length:
            return NotFetched(f"{url} broke off after {length} of {expected} bytes")
        data = b"".join(pieces)
        suffix = _suffix(data, media, url)
        if suffix is None:
            return NotFetched(f"{url} is of the type {media}, which is not read")
        path = self._folder / f"{document_id}{suffix}"
        write_whole(path, lambda stream: stream.write(data))
        return path


def _suffix(data: bytes, media: str, url: str) -> str | None:
    if data.startswith(b"%PDF-"):
        return ".pdf"
    named = PurePosixPath(urlsplit(url).path).suffix.lower()
    if media in {"text/plain", "application/octet-stream"} and named in SUFFIXES:
        return named
    return TYPES.get(media)


def _host(url: str) -> tuple[str, str]:
    """Host of an address, or why it cannot be fetched."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError as error:
        return "", f"{url} is no address: {error}"
    if parts.scheme not in {"http", "https"} or not host:
        return "", f"{url} is no http or https address"
    return host, ""
