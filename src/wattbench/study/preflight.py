"""What must be there before a workflow starts; cheap enough for every parse of the Snakefile."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wattbench.errors import InputError
from wattbench.study.finished import finished
from wattbench.study.identity import run_identity
from wattbench.study.inference import Model
from wattbench.study.layout import Layout
from wattbench.study.models import Study
from wattbench.study.needs import weights_of
from wattbench.study.questions import read_questions, study_questions
from wattbench.weights.catalogue import CATALOGUE
from wattbench.weights.folders import model_on_disk
from wattbench.weights.store import check_path, presence, raise_if_unusable

BACKENDS = "wattbench.inference.backends"
"""Named as the plan names the stages: settings stand below the rooms that they choose from."""


@dataclass(frozen=True)
class Lack:
    """Something that this machine lacks and that jobs of some models cannot do without.

    Args:
        problem: What it is and how to mend it.
        models: Names of the models.
    """

    problem: InputError
    models: frozenset[str]


def preflight(study: Study) -> None:
    """Check that what the study names is there, without reading documents or hashing weights.

    Raises:
        InputError: Something is missing or cannot be used; everything is listed.
    """
    _raise(list(problems_of(study)))


def startable(study: Study) -> tuple[InputError, ...]:
    """Check that the workflow can do anything at all; cheap enough for every parse of it.

    What only some models lack stops none of the others: their own jobs say it again, where they
    are needed. What is needed for results that are there already is needed no more.

    Returns:
        What is missing for some models.

    Raises:
        InputError: The study is wrong, or every model lacks something and none has results;
            everything is listed.
    """
    mistakes = list(_mistakes(study))
    if mistakes:
        _raise([*mistakes, *(lack.problem for lack in _lacks(study))])
    lacks = list(_lacks(study))
    stopped = frozenset().union(*(lack.models for lack in lacks))
    problems = [lack.problem for lack in lacks]
    if all(name in stopped and not _has_results(study, name) for name in study.models):
        _raise(problems)
    return tuple(problems)


def problems_of(study: Study) -> Iterator[InputError]:
    """Everything that `preflight` complains of."""
    yield from _mistakes(study)
    yield from (lack.problem for lack in _lacks(study))


def _raise(problems: Sequence[InputError]) -> None:
    if len(problems) == 1:
        raise problems[0]
    if problems:
        lines = "\n".join(f"  {problem.paragraph()}" for problem in problems)
        raise InputError(f"{len(problems)} things stand in the way of this study:\n{lines}")


def _mistakes(study: Study) -> Iterator[InputError]:
    """What is wrong for whoever runs the study, and every parse of the workflow reads."""
    for questions in study.questions.values():
        yield from _complaints(read_questions, Path(questions.file))
    shown = {"report": study.report, **{f"reports.{n}": r for n, r in study.reports.items()}}
    for place, report in shown.items():
        if report.analysis is not None:
            yield from _file(f"{place}.analysis", report.analysis)
    yield from _results(study.study.results)
    for name, model in study.models.items():
        yield from _entry(f"models.{name}", model)


def _lacks(study: Study) -> Iterator[Lack]:
    everyone = frozenset(study.models)
    for name, corpus in study.corpora.items():
        lacking = [*_folder(f"corpora.{name}.documents", corpus.documents)]
        if corpus.metadata is not None:
            lacking += _file(f"corpora.{name}.metadata", corpus.metadata)
        yield from (Lack(problem, everyone) for problem in lacking)
    for name, model in study.models.items():
        yield from (Lack(one, frozenset({name})) for one in _means(f"models.{name}", model))
    for weights in weights_of(study):
        loaded = frozenset(name for name, one in study.models.items() if one.weights == weights)
        # What no model loads is an embedder's, which every model's contexts are made with.
        for problem in _complaints(_pinned, weights):
            yield Lack(problem, loaded or everyone)


def _has_results(study: Study, run: str) -> bool:
    layout = Layout(Path(study.study.results))
    return all(
        finished(
            layout.run(study.study.environment, questions, run),
            run_identity(study, run),
            len(study_questions(study, questions)),
        )
        for questions in study.questions
    )


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


def _entry(key: str, model: Model) -> Iterator[InputError]:
    """What is wrong with a model's entry."""
    registry = importlib.import_module(BACKENDS)
    try:
        backend = registry.backend_class(model.backend)
    except InputError as unknown:
        yield InputError(unknown.what, where=f"{key}.backend", mend=unknown.mend)
        return
    try:
        backend.check(model.options)
    except InputError as wrong:
        yield InputError(wrong.what, where=f"{key}.{wrong.where}", mend=wrong.mend)
    known = backend.capabilities.precisions
    if known is not None and model.precision is not None and model.precision.lower() not in known:
        yield InputError(
            f"the backend '{model.backend}' cannot load weights in '{model.precision}'.",
            where=f"{key}.precision",
            mend=f"Known: {', '.join(known)}.",
        )


def _means(key: str, model: Model) -> Iterator[InputError]:
    """What a model needs and this machine or shell lacks."""
    registry = importlib.import_module(BACKENDS)
    try:
        backend = registry.backend_class(model.backend)
    except InputError:
        return  # a mistake, which `_entry` tells of
    usable, reason, extra = registry.availability(model.backend)
    if not usable:
        yield InputError(
            f"the backend '{model.backend}' cannot run here: {reason}.",
            where=f"{key}.backend",
            mend=f"Run `pip install 'wattbench[{extra}]'`." if extra else None,
        )
    name = model.requests.api_key_env
    if name is not None and not os.environ.get(name):
        yield InputError(
            f"the environment variable {name} holds no key.",
            where=f"{key}.requests.api_key_env",
            mend=f"Run `export {name}=...` in the shell that starts the workflow.",
        )
    if model.weights in CATALOGUE:
        return
    check = model_on_disk if backend.capabilities.hub else check_path
    if backend.capabilities.hub or backend.capabilities.local_weights:
        for problem in _complaints(check, model.weights):
            yield InputError(
                problem.what, where=f"{key}.weights: {problem.where}", mend=problem.mend
            )
