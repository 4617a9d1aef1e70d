"""Reading the files of all runs and ensembles of a study, several at a time."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wattbench.analyses.kept import Kept, KeptRun, key_of
from wattbench.errors import InputError
from wattbench.study.layout import Layout, RunFiles
from wattbench.study.models import Study
from wattbench.tables.answers import PREDICTIONS, SAMPLES, SEGMENTS
from wattbench.tables.contract import Table
from wattbench.tables.files import read_arrow, read_json
from wattbench.tables.verdicts import SCORES, VOTES

Row = dict[str, Any]
THREADS = 4
NEEDED = tuple(
    path.name for run in (RunFiles(Path()),) for path in (run.predictions, run.scores, run.summary)
)
"""Names of the files without which there are no results."""


@dataclass(frozen=True)
class Folder:
    """Everything that lies in one run's or ensemble's folder.

    Args:
        environment: The machine or cluster.
        questions: Name of the question set.
        name: Name of the run or ensemble.
        ensemble: Whether it is an ensemble.
        predictions: Rows of `predictions`.
        scores: Rows of `scores`.
        segments: Rows of `segments`; empty for an ensemble.
        samples: Rows of `samples`; empty for an ensemble.
        votes: Rows of `votes`; empty for a model.
        compute: Rows of `compute`; empty for an ensemble.
        job: Content of job.json.
        summary: Content of summary.json.
        key: What its figures depend on (see `kept`); None for an ensemble.
        kept: What was made of it before, of which its tables are taken; None where nothing was.
    """

    environment: str
    questions: str
    name: str
    ensemble: bool
    predictions: pa.Table
    scores: pa.Table
    segments: pa.Table
    samples: pa.Table
    votes: pa.Table
    compute: tuple[Row, ...]
    job: Row
    summary: Row
    key: str | None = None
    kept: KeptRun | None = None


@dataclass(frozen=True)
class Absent:
    """A run or ensemble of the study that has no results yet.

    Args:
        environment: The machine or cluster.
        questions: Name of the question set.
        name: Name of the run or ensemble.
        file: The file that is missing.
        reason: What became of it, where that was looked into.
        compute: Rows of `compute` of the jobs that worked for it, as far as they are known.
    """

    environment: str
    questions: str
    name: str
    file: Path
    reason: str | None = None
    compute: tuple[Row, ...] = ()


@dataclass(frozen=True)
class SoFar:
    """What became of the runs without results, and accounting that has no file yet.

    Args:
        absent: Runs and ensembles without results of these settings, each with its reason.
        compute: Rows of the table `compute` of runs whose compute.json is still to come, by
            question set and run.
    """

    absent: tuple[Absent, ...]
    compute: Mapping[tuple[str, str], tuple[Row, ...]]

    def of(self, folders: Sequence[Folder]) -> list[Folder]:
        """The folders that hold results of these settings, with their accounting."""
        out = {(one.questions, one.name) for one in self.absent}
        return [
            replace(one, compute=self.compute.get((one.questions, one.name), one.compute))
            for one in folders
            if (one.questions, one.name) not in out
        ]


def read_folders(
    study: Study, kept: Mapping[str, Kept] | None = None
) -> tuple[list[Folder], list[Absent]]:
    """Every run and ensemble of the study on every question set, and those that are not there.

    Args:
        study: The study.
        kept: What was made of the runs before, by question set; default: nothing.

    Raises:
        InputError: A file is there but cannot be read.
    """
    layout, environment = Layout(Path(study.study.results)), study.study.environment
    wanted = [
        (questions, name, layout.run(environment, questions, name), False)
        for questions in study.questions
        for name in study.models
    ] + [
        (questions, name, layout.ensemble(environment, questions, name), True)
        for questions in study.questions
        for name in study.ensembles
    ]
    folders: list[Folder] = []
    absent: list[Absent] = []
    there = []
    for questions, name, files, ensemble in wanted:
        folder = os.fspath(files.folder)
        missing = next((file for file in NEEDED if not os.path.exists(f"{folder}/{file}")), None)  # noqa: PTH110 - of thousands paths are slow
        if missing is not None:
            absent.append(Absent(environment, questions, name, files.folder / missing))
        else:
            there.append((questions, name, files, ensemble))
    keys = [
        None if ensemble or not kept else key_of(study, name, files)
        for _, name, files, ensemble in there
    ]
    before = [
        None if key is None or not kept else kept[questions].get(name, key)
        for key, (questions, name, _, _) in zip(keys, there, strict=True)
    ]
    with ThreadPoolExecutor(THREADS) as pool:
        # Only what is read waits for the disk: sharing out the rest takes longer than doing it.
        read = {
            place: pool.submit(_read, environment, *there[place])
            for place, found in enumerate(before)
            if found is None
        }
        for place, (key, found) in enumerate(zip(keys, before, strict=True)):
            questions, name, _, _ = there[place]
            if key is None or found is None:
                folders.append(replace(read[place].result(), key=key))
            else:
                folders.append(_from_kept(environment, questions, name, key, found))
    return folders, absent


def _from_kept(environment: str, questions: str, name: str, key: str, before: KeptRun) -> Folder:
    return Folder(
        environment=environment,
        questions=questions,
        name=name,
        ensemble=False,
        predictions=before.tables["predictions"],
        scores=before.tables["scores"],
        segments=before.tables["segments"],
        samples=before.tables["samples"],
        votes=VOTES.empty,
        compute=_compute_rows([dict(row) for row in before.entry["compute"]]),
        job=before.entry["job"],
        summary=before.entry["summary"],
        key=key,
        kept=before,
    )


def _read(environment: str, questions: str, name: str, files: RunFiles, ensemble: bool) -> Folder:  # noqa: FBT001
    def optional(path: Path, table: Table) -> pa.Table:
        return read_arrow(path, table) if path.exists() else table.empty

    summary = read_json(files.summary)
    if (whose := summary.get("name", name)) != name:
        raise InputError(
            f"holds the results of '{whose}', not of '{name}': they were copied here.",
            where=os.fspath(files.folder),
            mend="Delete the folder and run the workflow again.",
        )
    # An ensemble's folder may once have been a run's: what is not its own is not read.
    return Folder(
        environment=environment,
        questions=questions,
        name=name,
        ensemble=ensemble,
        predictions=read_arrow(files.predictions, PREDICTIONS),
        scores=read_arrow(files.scores, SCORES),
        segments=SEGMENTS.empty if ensemble else optional(files.segments, SEGMENTS),
        samples=SAMPLES.empty if ensemble else optional(files.samples, SAMPLES),
        votes=optional(files.votes, VOTES) if ensemble else VOTES.empty,
        compute=() if ensemble or not files.compute.exists() else _compute(files.compute),
        job=read_json(files.job) if not ensemble and files.job.exists() else {},
        summary=summary,
    )


def _compute(path: Path) -> tuple[Row, ...]:
    return _compute_rows(read_json(path)["rows"])


def _compute_rows(rows: Sequence[Row]) -> tuple[Row, ...]:
    for row in rows:
        for column in ("started_at", "ended_at"):
            if row[column] is not None:
                row[column] = datetime.fromisoformat(row[column])
    return tuple(rows)


def concatenated(tables: Sequence[pa.Table], table: Table) -> pa.Table:
    """Tables of one kind below each other, in the contract's schema."""
    whole = pa.concat_tables([table.empty, *tables])
    return whole.replace_schema_metadata(table.schema.metadata)


def real_column(table: pa.Table, name: str) -> NDArray[np.float64]:
    """A column of numbers as an array of shape (rows,); null is NaN."""
    column = table[name].cast(pa.float64())
    found: NDArray[np.float64] = column.to_numpy()
    return found
