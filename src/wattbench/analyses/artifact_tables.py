"""What the tables of a results folder, and a run's own, say of the run, where they are there."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from wattbench.analyses.artifacts import Experiment
from wattbench.errors import InputError
from wattbench.study.layout import Layout, RunFiles
from wattbench.tables.answers import SEGMENTS
from wattbench.tables.files import read_json, read_rows
from wattbench.tables.runs import RUNS

Row = dict[str, Any]
DEPTH = 4
"""Folders from a run up to its results: runs, environment, question set, run."""


def row_of(experiment: Experiment) -> Row | None:
    """The row of the table `runs`; None for the guide's folders, and without tables.

    Our summary.json holds the energy of GPUs alone; the table has it by whichever meter there was,
    with its uncertainty.

    Args:
        experiment: The experiment.
    """
    above = experiment.folder.resolve().parents
    if not experiment.ours or len(above) < DEPTH:
        return None
    path = Layout(above[DEPTH - 1]).table("runs")
    if not path.exists():
        return None
    place = (above[1].name, above[0].name, experiment.name)
    row = _rows(path, path.stat().st_mtime_ns).get(place)
    known = experiment.summary.get("identity")
    # Tables that are older than the run tell of other settings.
    stale = row is not None and known is not None and row["identity"] != known
    return None if stale else row


@functools.lru_cache(maxsize=4)
def _rows(path: Path, changed_ns: int) -> dict[tuple[str, str, str], Row]:  # noqa: ARG001
    try:
        rows = read_rows(path, RUNS)
    except InputError:
        # Tables that cannot be read are made anew by the workflow; the run's own files remain.
        return {}
    return {(row["environment"], row["questions"], row["run"]): row for row in rows}


def ledger_of(experiment: Experiment) -> tuple[list[Row], list[Row]]:
    """Rows of the tables `segments` and `compute` of our run; both empty where it has none."""
    files = RunFiles(experiment.folder)
    if not experiment.ours:
        return [], []
    try:
        segments = read_rows(files.segments, SEGMENTS) if files.segments.exists() else []
        jobs = read_json(files.compute)["rows"] if files.compute.exists() else []
    except (InputError, KeyError, TypeError):
        # The workflow makes them; what they would tell is what an audit of the study tells.
        return [], []
    return segments, jobs
