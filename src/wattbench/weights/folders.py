"""Models that are a hub's id or a folder of this machine, as Hugging Face's libraries have it."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from wattbench.errors import InputError
from wattbench.weights.store import check_path, identity

MODEL_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")
CONFIG = "config.json"


def model_on_disk(name: str) -> Path | None:
    """The folder or weight file that a name means; None where it is the id of a hub's model.

    A folder of that name comes first, as it does in the libraries.

    Raises:
        InputError: It is meant as a path and is not there or no model, or is no id.
    """
    path = Path(name).expanduser()
    try:
        folder = path.is_dir()
    except (OSError, ValueError):
        folder = False
    if folder:
        if not (path / CONFIG).is_file():
            raise InputError(
                f"the folder holds no {CONFIG}, so it is no model.",
                where=str(path),
                mend="Give the folder that `save_pretrained` or `hf download` wrote.",
            )
        return path
    if name.startswith(("/", "~", ".")) or path.suffix == ".gguf":
        return check_path(name)
    if not MODEL_ID.fullmatch(name):
        raise InputError(
            f"'{name}' is neither a model id, such as owner/name, nor a folder.", where="weights"
        )
    return None


def folder_identity(folder: Path) -> tuple[str, int]:
    """Digest of a model's folder and its size in bytes.

    The digest is the sha256 of every file's name and sha256; hidden files and folders are left out.
    A file's hash is remembered until the file changes.

    Raises:
        InputError: A file cannot be read.
    """
    digest, size = hashlib.sha256(), 0
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        empty = not path.is_file() or not path.stat().st_size
        if empty or any(part.startswith(".") for part in name.parts):
            continue
        size += path.stat().st_size
        digest.update(f"{name.as_posix()}\0{identity(str(path))}\n".encode())
    return digest.hexdigest(), size
