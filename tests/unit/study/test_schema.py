"""The committed schema is that of the sections, and says what each key means."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from wattbench.errors import InputError
from wattbench.study.schema import check_schema, study_schema, write_schema

COMMITTED = Path(__file__).parents[3] / "config" / "schema" / "study.schema.json"


def test_the_committed_schema_is_in_step() -> None:
    check_schema(COMMITTED)


def test_an_old_schema_is_refused_and_mended(tmp_path: Path) -> None:
    path = tmp_path / "schema.json"
    schema = json.loads(COMMITTED.read_text())
    schema["properties"].pop("models")
    path.write_text(json.dumps(schema))
    with pytest.raises(InputError, match="--write"):
        check_schema(path)
    write_schema(path)
    check_schema(path)


def test_unknown_keys_are_refused_at_every_level() -> None:
    schema = study_schema()
    assert schema["additionalProperties"] is False
    for name, section in schema["$defs"].items():
        if section.get("type") == "object":
            assert section["additionalProperties"] is False, name


def test_names_are_checked_in_every_section_of_entries() -> None:
    schema = study_schema()
    for section in ("corpora", "questions", "indexes", "retrievals", "models", "ensembles"):
        assert "patternProperties" in schema["properties"][section] or (
            "propertyNames" in schema["properties"][section]
        )
