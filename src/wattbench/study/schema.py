"""The JSON schema of a study, for editors and other programs; generated from the sections."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from wattbench.errors import InputError
from wattbench.files import write_text
from wattbench.study.models import Study

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def study_schema() -> dict[str, Any]:
    """The JSON schema of a study file, every key with its meaning and default."""
    return {
        "$schema": DIALECT,
        **Study.model_json_schema(),
        "title": "A wattbench study",
    }


def schema_text() -> str:
    """The schema as the committed file holds it."""
    return json.dumps(study_schema(), indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def write_schema(path: Path) -> None:
    """Write the schema file."""
    write_text(path, schema_text())


def check_schema(path: Path) -> None:
    """Check that a schema file is that of this version.

    Raises:
        InputError: It is missing or differs.
    """
    try:
        found = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"the schema cannot be read: {error.strerror}.", where=str(path)
        ) from error
    if found != schema_text():
        raise InputError(
            "the schema is not that of this version.",
            where=str(path),
            mend=f"Run `wattbench study schema --write {path}`.",
        )
