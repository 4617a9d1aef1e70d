"""The resolved study: every default filled in, as the stages of a workflow read it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from wattbench.errors import InputError
from wattbench.files import fault_of, read_json, write_text
from wattbench.study.models import Study


def resolved_text(study: Study) -> str:
    """The study as JSON with every default filled in."""
    return json.dumps(study.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n"


def write_resolved(study: Study, path: Path) -> None:
    """Write the resolved study, and leave the file alone where nothing has changed.

    Paths in it stay as the user wrote them, relative to the working directory.

    Raises:
        FaultError: The file cannot be written.
    """
    _write_changed(path, resolved_text(study))


def write_skipped(skipped: Mapping[str, str], path: Path) -> None:
    """Write why runs and ensembles of the study were left out; no file where none was.

    Raises:
        FaultError: The file cannot be written.
    """
    if skipped:
        document = {"skipped": [{"name": n, "reason": r} for n, r in skipped.items()]}
        _write_changed(path, json.dumps(document, indent=2, ensure_ascii=False) + "\n")
        return
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise fault_of(error, path) from error


def read_skipped(path: Path) -> dict[str, str]:
    """Why runs and ensembles were left out, by name.

    Raises:
        InputError: The file is there but cannot be read.
    """
    if not path.exists():
        return {}
    try:
        return {str(one["name"]): str(one["reason"]) for one in read_json(path)["skipped"]}
    except (KeyError, TypeError) as error:
        raise InputError(
            "is no list of skipped runs.",
            where=str(path),
            mend="Delete it and run the workflow again.",
        ) from error


def _write_changed(path: Path, text: str) -> None:
    try:
        if path.read_text(encoding="utf-8") == text:
            return
    except (OSError, UnicodeDecodeError):
        pass
    write_text(path, text)
