"""What must be there before a workflow starts; cheap enough for every parse of the Snakefile."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wattbench.errors import InputError
from wattbench.study.inference import Model
from wattbench.study.models import Study
from wattbench.study.needs import weights_of
from wattbench.study.questions import read_questions
from wattbench.weights.catalogue import CATALOGUE
from wattbench.weights.folders import model_on_disk
from wattbench.weights.store import check_path, presence, raise_if_unusable

BACKENDS = "wattbench.inference.backends"
"""Named as the plan names the stages: settings stand below the rooms that they choose from."""


def preflight(study: Study) -> None:
    """Check that what the study names is there, without reading documents or hashing weights.

    Raises:
        InputError: Something is missing or cannot be used; everything is listed.
    """
    problems = list(problems_of(study))
    if len(problems) == 1:
        raise problems[0]
    if problems:
        lines = "\n".join(f"  {problem.paragraph()}" for problem in problems)
        raise InputError(f"{len(problems)} things stand in the way of this study:\n{lines}")


def problems_of(study: Study) -> Iterator[InputError]:
    """Everything that `preflight` complains of."""
    for name, corpus in study.corpora.items():
        yield from _folder(f"corpora.{name}.documents", corpus.documents)
        if corpus.metadata is not None:
            yield from _file(f"corpora.{name}.metadata", corpus.metadata)
    for questions in study.questions.values():
        yield from _complaints(read_questions, Path(questions.file))
    shown = {"report": study.report, **{f"reports.{n}": r for n, r in study.reports.items()}}
    for place, report in shown.items():
        if report.analysis is not None:
            yield from _file(f"{place}.analysis", report.analysis)
    yield from _results(study.study.results)
    for name, model in study.models.items():
        yield from _model(f"models.{name}", model)
    for weights in weights_of(study):
        yield from _complaints(_pinned, weights)


def _complaints(check: Any, value: Any) -> Iterator[InputError]:
    try:
        check(value)
    except InputError as problem:
        yield problem


def _pinned(name: str) -> None:
    raise_if_unusable(name, presence(CATALOGUE[name]))


def _folder(key: str, text: str) -> Iterator[InputError]:
    try:
        with os.scandir(text) as entries:
            if next(entries, None) is None:
                yield InputError("the documents folder is empty.", where=text, mend=_look_at(key))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        yield InputError(
            f"the documents folder cannot be read: {reason}.", where=text, mend=_look_at(key)
        )


def _file(key: str, text: str) -> Iterator[InputError]:
    try:
        with Path(text).open("rb") as stream:
            stream.read(1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        yield InputError(f"the file cannot be read: {reason}.", where=text, mend=_look_at(key))


def _look_at(key: str) -> str:
    return f"Check '{key}' in the study; paths are relative to the working directory."


def _results(text: str) -> Iterator[InputError]:
    folder = Path(text)
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        yield InputError(
            "results cannot be written there.",
            where=str(folder),
            mend="Set 'study.results' to a folder that can be written.",
        )


def _model(key: str, model: Model) -> Iterator[InputError]:
    registry = importlib.import_module(BACKENDS)
    try:
        backend = registry.backend_class(model.backend)
    except InputError as unknown:
        yield InputError(unknown.what, where=f"{key}.backend", mend=unknown.mend)
        return
    usable, reason, extra = registry.availability(model.backend)
    if not usable:
        yield InputError(
            f"the backend '{model.backend}' cannot run here: {reason}.",
            where=f"{key}.backend",
            mend=f"Run `pip install 'wattbench[{extra}]'`." if extra else None,
        )
    try:
        backend.check(model.options)
    except InputError as wrong:
        yield InputError(wrong.what, where=f"{key}.{wrong.where}", mend=wrong.mend)
    name = model.requests.api_key_env
    if name is not None and not os.environ.get(name):
        yield InputError(
            f"the environment variable {name} holds no key.",
            where=f"{key}.requests.api_key_env",
            mend=f"Run `export {name}=...` in the shell that starts the workflow.",
        )
    known = backend.capabilities.precisions
    if known is not None and model.precision is not None and model.precision.lower() not in known:
        yield InputError(
            f"the backend '{model.backend}' cannot load weights in '{model.precision}'.",
            where=f"{key}.precision",
            mend=f"Known: {', '.join(known)}.",
        )
    if model.weights in CATALOGUE:
        return
    check = model_on_disk if backend.capabilities.hub else check_path
    if backend.capabilities.hub or backend.capabilities.local_weights:
        for problem in _complaints(check, model.weights):
            yield InputError(
                problem.what, where=f"{key}.weights: {problem.where}", mend=problem.mend
            )
