"""One reader for result folders: wattbench's, and those of the benchmark guide.

Both hold submission.csv, results.json (or results_chunk_NNN.json) and summary.json. Nothing that
is in a folder is dropped without a word.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PureWindowsPath
from typing import Any

from wattbench.analyses.artifact_files import (
    CHUNK,
    SUBMISSION_FILE,
    Answer,
    Problem,
    answers_of,
    gold_of,
    plain_text,
    repeated_ids,
    results_of,
    shown,
    submission_of,
)
from wattbench.analyses.artifact_summary import summary_of
from wattbench.analyses.audit.facts import some
from wattbench.errors import InputError
from wattbench.progress import Progress
from wattbench.study.models import SMOKE
from wattbench.study.questions import Question

EXPERIMENTS = "experiments"
"""The guide's folder above environments; it names none."""


@dataclass(frozen=True)
class Experiment:
    """One result folder.

    Args:
        folder: Where it lies.
        environment: The machine or cluster, or None where nothing says.
        questions: Name of the question set.
        name: Name of the experiment.
        ours: Whether wattbench wrote it.
        answers: Answers by question id.
        repeated: Ids that stand more than once in the answers; the first counts.
        gold: Gold answers that the folder's results quote, by question id.
        summary: Content of summary.json; empty where there is none.
        problems: What could not be used.
    """

    folder: Path
    environment: str | None
    questions: str
    name: str
    ours: bool
    answers: Mapping[str, Answer]
    repeated: tuple[str, ...] = ()
    gold: Mapping[str, Question] = field(default_factory=dict)
    summary: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    @property
    def ensemble(self) -> bool:
        """Whether several models voted."""
        return self.summary.get("type") == "ensemble"


def find_folders(paths: Iterable[Path]) -> tuple[list[Path], list[tuple[Path, str]]]:
    """Result folders below some paths, sorted, each once; and what was left out, with the reason.

    Args:
        paths: Result folders, folders that hold some at any depth (links are followed), or files.

    Raises:
        InputError: A path is not there, cannot be read, or nothing below it holds results.
    """
    found: dict[Path, Path] = {}
    left_out: list[tuple[Path, str]] = []
    for path in paths:
        for folder in _results_of_path(path, left_out):
            if folder.resolve() in found:
                left_out.append((folder, f"it is {shown(found[folder.resolve()])} again"))
            elif folder.parent.name.endswith(SMOKE):
                left_out.append((folder, "a smoke run of one question is no result"))
            else:
                found[folder.resolve()] = folder
    return sorted(found.values()), left_out


def _results_of_path(path: Path, left_out: list[tuple[Path, str]]) -> list[Path]:
    try:
        if not path.exists():
            raise InputError("there is no such folder or file.", where=shown(path))
        if path.is_file():
            # A file of a result folder stands for it; another is a submission of its own.
            return [path.parent if _is_result(path.name) else path]
        below = [path] if holds_results(path) else []
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}.", where=shown(path)) from error
    below = below or _below(path, left_out)
    if not below:
        raise InputError(
            "no folder below holds submission.csv, results.json or summary.json.",
            where=shown(path),
            mend="Name the folder that holds the experiments, such as artifacts/experiments.",
        )
    return below


def holds_results(folder: Path) -> bool:
    """Whether there is such a folder, and a file of results in it."""
    return folder.is_dir() and any(_is_result(file.name) for file in folder.iterdir())


def _below(path: Path, left_out: list[tuple[Path, str]]) -> list[Path]:
    """Folders below that hold results, and into `left_out` those that seem to be meant to."""

    def refused(error: OSError) -> None:
        left_out.append((Path(error.filename), f"it cannot be read: {error.strerror}"))

    found: list[Path] = []
    seen: dict[Path, Path] = {}
    empty: list[Path] = []
    tops = [path]
    for top in tops:
        # Links wait until the folders themselves are seen: those give a run its name.
        if top.resolve() in seen:
            left_out.append((top, f"it is {shown(seen[top.resolve()])} again"))
            continue
        for name, folders, files in os.walk(top, onerror=refused):
            folders.sort()
            folder = Path(name)
            seen[folder.resolve()] = folder
            tops += [folder / one for one in folders if (folder / one).is_symlink()]
            if any(map(_is_result, files)):
                found.append(folder)
            elif not folders:
                empty.append(folder)
    beside = {folder.parent for folder in found}
    lacking = f"it holds no {SUBMISSION_FILE}, results.json or summary.json"
    left_out += [(folder, lacking) for folder in empty if folder.parent in beside]
    return found


def _is_result(name: str) -> bool:
    return name in {SUBMISSION_FILE, "results.json", "summary.json"} or bool(CHUNK.match(name))


def read_experiments(paths: Iterable[Path]) -> tuple[list[Experiment], list[tuple[Path, str]]]:
    """Experiments below some paths, in the order of their paths; and what was left out, and why.

    Raises:
        InputError: A path is not there, or nothing below it holds results.
    """
    folders, left_out = find_folders(paths)
    with Progress("read results", total=len(folders), unit="folders") as progress:
        experiments = []
        for folder in folders:
            experiments.append(read_experiment(folder))
            progress.advance()
    return _placed(experiments), left_out


def read_experiment(path: Path) -> Experiment:
    """One result folder, or one submission file.

    A file that cannot be read is a problem of the experiment, never an error: an audit has to
    tell of it.
    """
    problems: list[Problem] = []
    folder = path if path.is_dir() else path.parent
    name = folder.name if path.is_dir() else path.stem.removeprefix("submission_")
    submission = folder / SUBMISSION_FILE if path.is_dir() else path
    summary = summary_of(folder, problems) if path.is_dir() else {}
    results = results_of(folder, problems) if path.is_dir() else []
    cells = submission_of(submission, problems)
    repeated = sorted(
        {*repeated_ids(r["id"] for r in cells), *repeated_ids(plain_text(r["id"]) for r in results)}
    )
    if repeated:
        problems.append(
            Problem("duplicates", f"answered more than once, the first counts: {some(repeated)}")
        )
    answers = answers_of(cells, results, problems)
    counted = int(summary.get("num_questions") or 0)
    if counted > len(answers):
        what = f"summary.json counts {counted} questions, the files hold {len(answers)} answers"
        problems.append(Problem("files_disagree", what))
    ours = "wattbench_version" in summary
    environment, questions = _place(path, summary, ours=ours)
    return Experiment(
        folder=path,
        environment=environment,
        questions=questions,
        name=shown(Path(name)),
        ours=ours,
        answers=answers,
        repeated=tuple(repeated),
        gold=gold_of(results),
        summary=summary,
        problems=tuple(problems),
    )


def _place(path: Path, summary: Mapping[str, Any], *, ours: bool) -> tuple[str | None, str]:
    """Environment and question set: what the summary says, else the folders above."""
    above = path.resolve().parents
    if ours:
        return summary.get("run_environment"), shown(Path(above[0].name))
    file = summary.get("questions_file") or (summary.get("config_snapshot") or {}).get(
        "_questions_file"
    )
    said = summary.get("run_environment") or None
    parent = shown(Path(above[1].name)) if len(above) > 1 else ""
    environment = said or (parent if parent not in {EXPERIMENTS, ""} else None)
    # A run on Windows wrote data\\train_QA.csv: PureWindowsPath parts at either slash.
    return environment, PureWindowsPath(str(file)).stem if file else shown(Path(above[0].name))


def _placed(experiments: Sequence[Experiment]) -> list[Experiment]:
    """The guide's ensembles do not say where they belong: beside them lie their members."""
    by_folder = {(one.folder.parent, one.name): one for one in experiments}
    found = []
    for one in experiments:
        members = [
            by_folder.get((one.folder.parent, str(name)))
            for name in one.summary.get("models") or ()
        ]
        beside = next((member for member in members if member is not None), None)
        if not one.ours and one.ensemble and "questions_file" not in one.summary and beside:
            one = replace(one, environment=beside.environment, questions=beside.questions)  # noqa: PLW2901
        found.append(one)
    return found


def labels(experiments: Sequence[Experiment]) -> list[str]:
    """A name for each experiment that no other has: with its environment or path where it must.

    No name is shortened, and no experiment dropped because another has its name.
    """
    names = [one.name for one in experiments]
    with_environment = [
        f"{one.environment}/{one.name}" if one.environment else one.name for one in experiments
    ]
    paths = [one.folder.resolve().parts for one in experiments]
    found = []
    for place, one in enumerate(experiments):
        if names.count(one.name) == 1:
            found.append(one.name)
        elif with_environment.count(with_environment[place]) == 1:
            found.append(with_environment[place])
        else:
            found.append(_shortest(paths[place], paths))
    # A folder may have the name of an environment: then the whole path tells two apart.
    return [
        label if found.count(label) == 1 else shown(Path(*parts))
        for label, parts in zip(found, paths, strict=True)
    ]


def _shortest(parts: tuple[str, ...], paths: Iterable[tuple[str, ...]]) -> str:
    """The end of a path that no other has, of two parts at least."""
    others = [other for other in paths if other != parts]
    length = 2
    while length < len(parts) and any(other[-length:] == parts[-length:] for other in others):
        length += 1
    return shown(Path(*parts[-length:]))
