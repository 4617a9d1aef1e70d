"""Finding weight files on this machine, and knowing that they are whole."""

from __future__ import annotations

import difflib
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wattbench.errors import FaultError, InputError
from wattbench.files import cache_folder, file_digest, write_json
from wattbench.weights.catalogue import CATALOGUE, PinnedFile
from wattbench.weights.gguf import is_gguf, least_bytes


def weights_folder() -> Path:
    """Folder of the pinned files."""
    return cache_folder() / "weights"


def cached_path(pinned: PinnedFile) -> Path:
    """Where a pinned file lies once it is fetched."""
    return weights_folder() / pinned.filename


def pinned_file(name: str) -> PinnedFile:
    """The pinned file of a name.

    Raises:
        InputError: No pinned file has that name.
    """
    try:
        return CATALOGUE[name]
    except KeyError:
        near = difflib.get_close_matches(name, CATALOGUE, n=1, cutoff=0.5)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        raise InputError(
            f"there is no pinned weight file named '{name}'.{hint}",
            mend=f"Known: {', '.join(CATALOGUE)}.",
        ) from None


@dataclass(frozen=True)
class Presence:
    """What lies in the cache under a pinned name.

    Args:
        state: 'missing', 'truncated', 'unverified' (right size, not yet hashed), 'verified' or
            'changed' (right size, other bytes).
        path: Where it lies or would lie.
        size: Its size in bytes, or None where missing.
    """

    state: str
    path: Path
    size: int | None


def presence(pinned: PinnedFile, *, verify: bool = False) -> Presence:
    """What lies in the cache under a pinned name.

    Args:
        pinned: The file looked for.
        verify: Hash the file where its hash is not remembered; else stay cheap.
    """
    path = cached_path(pinned)
    try:
        size = path.stat().st_size
    except OSError:
        return Presence("missing", path, None)
    if size != pinned.bytes:
        return Presence("truncated", path, size)
    known = _remembered(path, _note_of_pinned(path))
    if known is None and verify:
        known = _hash(path, _note_of_pinned(path))
    if known is None:
        return Presence("unverified", path, size)
    return Presence("verified" if known == pinned.sha256 else "changed", path, size)


def locate(name_or_path: str) -> Path:
    """Path of a weight file on this machine; a pinned file is verified by its hash.

    Args:
        name_or_path: A name of the catalogue, or a path of any weight file.

    Raises:
        InputError: The file is absent, cannot be read or is not the pinned one.
    """
    if name_or_path not in CATALOGUE:
        return check_path(name_or_path)
    found = presence(CATALOGUE[name_or_path], verify=True)
    raise_if_unusable(name_or_path, found)
    return found.path


def raise_if_unusable(name: str, found: Presence) -> None:
    """Say what is wrong with a pinned file, if anything is.

    Raises:
        InputError: The file is missing, truncated or changed.
    """
    expected = CATALOGUE[name].bytes
    what = {
        "missing": f"the weight file '{name}' is not on this machine.",
        "truncated": f"the weight file '{name}' is truncated or not the pinned one: it has "
        f"{found.size} bytes, expected {expected}.",
        "changed": f"the weight file '{name}' is damaged: its sha256 is not the pinned one.",
    }.get(found.state)
    if what is not None:
        raise InputError(what, where=str(found.path), mend=f"Run `wattbench fetch {name}`.")


def identity(name_or_path: str) -> str:
    """sha256 of a weight file: the catalogue's for a pinned name, else that of its bytes.

    Raises:
        InputError: A file given by path is absent or cannot be read.
    """
    if name_or_path in CATALOGUE:
        return CATALOGUE[name_or_path].sha256
    path = check_path(name_or_path)
    note = _note_of_path(path)
    return _remembered(path, note) or _hash(path, note)


def remember_verified(path: Path, sha256: str) -> None:
    """Keep the hash of a pinned file that was just assembled, so that it is not hashed again."""
    _remember(path, _note_of_pinned(path), sha256)


def looks_like_path(text: str) -> bool:
    """Whether a name that the catalogue lacks was meant as a path."""
    return "/" in text or text.startswith(("~", ".")) or Path(text).suffix in {".gguf", ".onnx"}


def check_path(text: str) -> Path:
    """A weight file given by path, checked as far as is cheap.

    A GGUF file's header says how long the file must be; that it was found whole is remembered.

    Raises:
        InputError: It is absent, cannot be read, or is cut.
    """
    if "\0" in text:
        raise InputError("a path holds a zero byte.", where=repr(text))
    path = Path(text).expanduser()
    if not path.exists() and not looks_like_path(text):
        pinned_file(text)
    try:
        if path.stat().st_size == 0:
            raise InputError("the weight file is empty.", where=str(path), mend="Fetch it again.")
        gguf = is_gguf(path)
    except OSError as error:
        raise InputError(
            f"the weight file cannot be read: {error.strerror}.",
            where=str(path),
            mend="Give the path of a weight file, or a name that `wattbench list weights` shows.",
        ) from error
    if gguf and not _found_whole(path):
        _check_gguf(path)
    return path


def _check_gguf(path: Path) -> None:
    least = least_bytes(path)
    size = path.stat().st_size
    if size < least:
        raise InputError(
            f"the weight file is truncated: it has {size} bytes, its header promises {least}.",
            where=str(path),
            mend="Copy or download it again.",
        )
    note = _note_of_path(path)
    _remember(path, note, _remembered(path, note))


def _found_whole(path: Path) -> bool:
    return _kept(path, _note_of_path(path)) is not None


def _note_of_pinned(path: Path) -> Path:
    return path.with_name(f"{path.name}.verified.json")


def _note_of_path(path: Path) -> Path:
    key = hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:32]
    return cache_folder() / "identities" / f"{key}.json"


def _stamp(path: Path) -> dict[str, Any]:
    state = path.stat()
    return {"bytes": state.st_size, "mtime_ns": state.st_mtime_ns}


def _remembered(path: Path, note: Path) -> str | None:
    kept = _kept(path, note)
    sha256 = kept.get("sha256") if kept is not None else None
    return sha256 if isinstance(sha256, str) else None


def _kept(path: Path, note: Path) -> dict[str, Any] | None:
    """What is remembered of a file, unless it has changed since."""
    try:
        kept = json.loads(note.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(kept, dict):
        return None
    return kept if all(kept.get(key) == value for key, value in _stamp(path).items()) else None


def _hash(path: Path, note: Path) -> str:
    before = _stamp(path)
    try:
        sha256 = file_digest(path)
    except OSError as error:
        raise InputError(
            f"the weight file cannot be read: {error.strerror}.", where=str(path)
        ) from error
    if _stamp(path) == before:
        _remember(path, note, sha256)
    return sha256


def _remember(path: Path, note: Path, sha256: str | None) -> None:
    try:
        write_json(note, {**_stamp(path), "sha256": sha256})
    except FaultError:
        # A cache that cannot be written, as one shared by a site, only costs the next hashing.
        return
