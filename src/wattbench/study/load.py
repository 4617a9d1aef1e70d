"""Reading and validating a study; every mistake in it is reported at once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from wattbench.errors import InputError
from wattbench.study.mistakes import Mistake, mistakes_of
from wattbench.study.models import Study
from wattbench.study.repair import Remainder, without_mistakes
from wattbench.study.yaml_reader import Place, plain, read_settings

MAX_MISTAKES = 30
REPAIRS = 4
"""A key, its section and its entry may go one after the other, and no more."""


def load_study(path: Path) -> Study:
    """The validated study of a YAML or JSON file.

    Args:
        path: The file; paths in it stay relative to the working directory.

    Raises:
        InputError: The file cannot be read or the study has mistakes; all are listed, each with
            its key and line.
    """
    settings = read_settings(path)
    return validated(settings.values, str(path), settings.places)


def load_studies(paths: Sequence[Path]) -> Study:
    """The study of several files, later ones first in force, as Snakemake merges them.

    Raises:
        InputError: As of `load_study`.
    """
    if len(paths) == 1:
        return load_study(paths[0])
    values: dict[str, Any] = {}
    for path in paths:
        _merge(values, read_settings(path).values)
    return study_from_mapping(values, paths)


def _merge(into: dict[str, Any], more: Mapping[str, Any]) -> None:
    for key, value in more.items():
        there = into.get(key)
        if isinstance(there, dict) and isinstance(value, Mapping):
            _merge(there, value)
        else:
            into[key] = value


def study_from_mapping(values: Mapping[str, Any], files: Iterable[Path] = ()) -> Study:
    """The validated study of a configuration that was merged from files and options.

    Args:
        values: The merged configuration.
        files: The files it came from, later ones first in force; they give the lines.

    Raises:
        InputError: As of `load_study`.
    """
    places: dict[str, Place] = {}
    names: list[str] = []
    for file in files:
        places.update(read_settings(file).places)
        names.append(str(file))
    source = " + ".join(names) or "the configuration"
    return validated(plain(values, source), source, places)


def validated(values: dict[str, Any], source: str, places: Mapping[str, Place]) -> Study:
    """The study of plain values.

    Args:
        values: Plain data only, as `yaml_reader` gives it.
        source: Where it comes from, for messages.
        places: Places of its keys.

    Raises:
        InputError: The study has mistakes.
    """
    try:
        # Strict, so that a quoted number or a bare `yes` is not taken for what it may not mean;
        # by way of JSON, whose lists may fill tuples.
        return Study.model_validate_json(json.dumps(values), strict=True)
    except ValidationError as error:
        found = _all_mistakes(values, error, places)
    raise complaint(found, source)


def mistakes_in(path: Path) -> list[Mistake] | None:
    """Every mistake of a study file, or None where the file cannot be read as settings at all."""
    try:
        settings = read_settings(path)
        Study.model_validate_json(json.dumps(settings.values), strict=True)
    except InputError:
        return None
    except ValidationError as error:
        return _all_mistakes(settings.values, error, settings.places)
    return []


def _all_mistakes(
    values: dict[str, Any], error: ValidationError, places: Mapping[str, Place]
) -> list[Mistake]:
    errors = error.errors(include_url=False)
    found = [mistake for detail in errors for mistake in mistakes_of(detail, places)]
    found += _dangling(values, errors, places)
    order = {mistake.key: i for i, mistake in reversed(list(enumerate(found)))}
    return sorted(
        dict.fromkeys(found),
        key=lambda m: (m.place.line or 0 if m.place else 0, order[m.key]),
    )


def _dangling(
    values: dict[str, Any], errors: list[ErrorDetails], places: Mapping[str, Place]
) -> list[Mistake]:
    """Names that refer to nothing; pydantic looks for them only in a study otherwise sound."""
    left = Remainder(values, frozenset())
    for _ in range(REPAIRS):
        if all(not detail["loc"] for detail in errors):
            break
        left = without_mistakes(left, errors)
        try:
            Study.model_validate_json(json.dumps(left.values), strict=True)
        except ValidationError as error:
            errors = error.errors(include_url=False)
        else:
            return []
    return [
        mistake
        for detail in errors
        if not detail["loc"]
        for mistake in mistakes_of(detail, places)
        if not any(f"named '{name}'" in mistake.text for name in left.dropped)
    ]


def complaint(
    found: list[Mistake],
    source: str,
    *,
    what: str = "the study",
    mend: str = "`wattbench study schema` prints every key with its meaning.",
) -> InputError:
    """All mistakes of a file as one error.

    Args:
        found: The mistakes.
        source: The file's name.
        what: What the file is.
        mend: Where its keys are explained.
    """
    if len(found) == 1:
        (mistake,) = found
        where = str(mistake.place) if mistake.place is not None else source
        text = f"{mistake.key}: {mistake.text}" if mistake.key else mistake.text
        return InputError(_ended(text), where=where, mend=mend)
    lines = [f"  {mistake.sentence()}" for mistake in found[:MAX_MISTAKES]]
    if len(found) > MAX_MISTAKES:
        lines.append(f"  and {len(found) - MAX_MISTAKES} more")
    return InputError(
        f"{what} has {len(found)} mistakes:\n" + "\n".join(lines) + "\n",
        where=source,
        mend=mend,
    )


def _ended(text: str) -> str:
    return text if text.endswith((".", "?")) else f"{text}."
