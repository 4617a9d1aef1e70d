"""The resolved study: every default filled in, as the stages of a workflow read it."""

from __future__ import annotations

import json
from pathlib import Path

from wattbench.files import write_text
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
    text = resolved_text(study)
    try:
        if path.read_text(encoding="utf-8") == text:
            return
    except (OSError, UnicodeDecodeError):
        pass
    write_text(path, text)
