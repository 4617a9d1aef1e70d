"""What there is of a study of which some runs have no results, and what became of those."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from wattbench.analyses.folders import NEEDED, Absent, SoFar
from wattbench.inference.planned import Progress, progress
from wattbench.slurm.stage import collected
from wattbench.slurm.unrecorded import job_logs_of
from wattbench.study.finished import finished
from wattbench.study.identity import run_identity
from wattbench.study.layout import Layout, RunFiles
from wattbench.study.models import Study
from wattbench.study.questions import study_questions
from wattbench.tables.answers import SEGMENTS
from wattbench.tables.files import read_rows
from wattbench.telemetry.ledger import Names, segment_rows

Row = dict[str, Any]
LINES = 3
"""Lines of a log that are quoted."""

CHARACTERS = 400
"""Characters of them that are quoted, from the end."""

TAIL_BYTES = 1 << 14
ERRORS = ("wattbench: ", "slurmstepd: error: ")
"""What lines that tell of an error begin with."""

JOBS = 3
"""Last jobs of a run whose states are told."""


def so_far(study: Study, *, job_logs: Path | None = None) -> SoFar:
    """Find out which runs have no results and why; asks Slurm about their jobs.

    Nothing is written but what the scheduler's tools printed, in the runs' folders.

    Args:
        study: The study.
        job_logs: Folder of the scheduler's own logs of jobs, or None where there is none.
    """
    layout, environment = Layout(Path(study.study.results)), study.study.environment
    absent: list[Absent] = []
    compute: dict[tuple[str, str], tuple[Row, ...]] = {}
    for questions in study.questions:
        total = len(study_questions(study, questions))
        runs = {name: layout.run(environment, questions, name) for name in study.models}
        lacking = {
            name: why
            for name, files in runs.items()
            if (why := _lacking(files, run_identity(study, name), total)) is not None
        }
        ledgers = {
            name: _ledger(study, questions, name, files)
            if name in lacking
            else read_rows(files.segments, SEGMENTS)
            for name, files in runs.items()
            if name in lacking or not files.compute.exists()
        }
        rows = {
            name: tuple(found.rows)
            for name, found in collected(study, questions, ledgers, job_logs=job_logs).items()
        }
        for name, (file, cause) in lacking.items():
            own = progress(study, questions, name, total)
            logs = _logs(study, questions, name, job_logs)
            told = "; ".join([cause, *_told(own, rows[name], logs)])
            absent.append(Absent(environment, questions, name, file, told, rows.pop(name)))
        compute |= {(questions, name): found for name, found in rows.items()}
        absent += _ensembles(study, layout, questions, lacking)
    return SoFar(tuple(absent), compute)


def _lacking(files: RunFiles, identity: str, total: int) -> tuple[Path, str] | None:
    """The file that a run lacks and what that means; None where its results are there."""
    missing = next((name for name in NEEDED if not (files.folder / name).exists()), None)
    if files.predictions.exists() and not finished(files, identity, total):
        return files.job, "what is there was made of other settings or other questions"
    if missing is None:
        return None
    if missing == files.predictions.name:
        return files.predictions, "it is not finished"
    return files.folder / missing, "its answers are there and not judged yet"


def _ledger(study: Study, questions: str, name: str, files: RunFiles) -> list[Row]:
    """Segments of a run that has not been finished, from its journal."""
    names = Names(study.study.environment, questions, name)
    return segment_rows(files.journal(run_identity(study, name)), names)


def _ensembles(
    study: Study, layout: Layout, questions: str, lacking: Container[str]
) -> Iterator[Absent]:
    for name, ensemble in study.ensembles.items():
        files = layout.ensemble(study.study.environment, questions, name)
        out = [member for member in ensemble.members if member in lacking]
        missing = next((file for file in NEEDED if not (files.folder / file).exists()), None)
        if out or missing is not None:
            why = f"{', '.join(out)} of its members has no results" if out else None
            file = files.folder / (missing or files.predictions.name)
            yield Absent(study.study.environment, questions, name, file, why)


def _told(own: Progress, rows: Sequence[Row], logs: Iterable[Path]) -> Iterator[str]:
    """What is known of a run that is not finished: how far it came, its jobs, its last words."""
    yield f"{own.answered} of {own.total} questions are answered"
    jobs = [row for row in rows if row["scheduler"] == "slurm" and row["state"] is not None]
    if jobs:
        states = ", ".join(f"{row['state']} (job {row['job_id']})" for row in jobs[-JOBS:])
        yield f"{'its last jobs' if len(jobs) > 1 else 'its job'}: {states}"
    said = {log: lines_of(log) for log in logs}
    telling = {log: _from_error(lines) for log, lines in said.items()}
    for log, lines in [*telling.items(), *said.items()]:
        if lines:
            yield f"{log} ends: {' / '.join(lines[-LINES:])[-CHARACTERS:]}"
            return


def _from_error(lines: Sequence[str]) -> list[str]:
    """The last error that wattbench or Slurm tells of, and what follows; empty without one."""
    places = [place for place, line in enumerate(lines) if line.startswith(ERRORS)]
    return list(lines[places[-1] :][:LINES]) if places else []


def _logs(study: Study, questions: str, name: str, job_logs: Path | None) -> list[Path]:
    """Logs of a run's jobs: its own, then the scheduler's, the newest first."""
    logs = job_logs_of(study, questions, name, job_logs or Path())
    theirs = [] if job_logs is None else [*logs.jobs().values()]
    return [logs.own, *reversed(theirs)]


def lines_of(log: Path) -> list[str]:
    """The lines at the end of a log that hold something; none where there is no log.

    Args:
        log: The file.
    """
    try:
        with log.open("rb") as stream:
            stream.seek(max(0, log.stat().st_size - TAIL_BYTES))
            text = stream.read().decode("utf-8", errors="replace")
    except OSError:
        return []
    # A line of progress is written over itself.
    lines = [line.rsplit("\r", 1)[-1].strip() for line in text.replace("\r\n", "\n").split("\n")]
    return [line for line in lines if line]
