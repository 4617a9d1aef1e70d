"""The inference stage: asks what the journal lacks, then folds it into the run's files."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any

from wattbench.inference.fold import prediction_row, write_predictions
from wattbench.inference.jobfile import job_file
from wattbench.inference.journal import ABSTAINED, ANSWERED, ANSWERS, outcomes
from wattbench.inference.run import Run
from wattbench.inference.scheduler import NO_SCHEDULER, Scheduler
from wattbench.inference.steps import Course
from wattbench.inference.work import check_names, worked
from wattbench.records import Record, read
from wattbench.study.models import Study
from wattbench.tables.answers import SAMPLES, SEGMENTS
from wattbench.tables.files import file_digest, write_batches, write_json, write_rows
from wattbench.telemetry.ledger import sample_batches, segment_rows, starts


def infer(
    study: Study,
    questions: str | Sequence[str],
    run: str,
    *,
    scheduler: Scheduler = NO_SCHEDULER,
    retry: bool = False,
) -> None:
    """Ask a model what its journals lack, and write the runs' files.

    Args:
        study: The study.
        questions: Name of the question set, or of several: the model is loaded once for them.
        run: Name of the model entry.
        scheduler: Asked about the jobs that work for the run.
        retry: Whether the workflow started this by itself, after a failure. Where a user cancelled
            the job before it, it then does not go on.

    Raises:
        InputError: The contexts, the weights or the settings cannot be used.
        FaultError: The disk is full, the model cannot be loaded, or another process works on the
            same journal.
        SystemExit: A signal stopped the work; what was answered is in the journal.
    """
    sets = [questions] if isinstance(questions, str) else list(dict.fromkeys(questions))
    check_names(study, sets, models=run)
    runs = [Run(study, name, run) for name in sets]
    with worked(runs, scheduler=scheduler, retry=retry) as journals:
        for one, records in zip(runs, journals, strict=True):
            fold(one, records)


def journal_state(study: Study, questions: str, run: str) -> list[dict[str, Any]]:
    """What a run's journal knows of each question, without changing anything.

    Raises:
        InputError: A name is unknown, or the contexts or weights cannot be used.
    """
    check_names(study, [questions], models=run)
    work = Run(study, questions, run)
    return [
        {
            "question_id": one.step.row["question_id"],
            "state": _state(one),
            "value": one.outcome.answer.value if one.outcome and one.outcome.answer else None,
            "tries": len(one.tries),
        }
        for one in work.courses(outcomes(read(work.journal / ANSWERS).records))
    ]


def _state(one: Course) -> str:
    outcome = one.outcome
    if outcome is None or (outcome.done and one.left):
        return "not asked"
    return outcome.error or (ANSWERED if outcome.answer else ABSTAINED)


def fold(run: Run, records: Sequence[Record]) -> None:
    """Write a run's files from its journal and ledger.

    Args:
        run: The run.
        records: The journal's records.

    Raises:
        FaultError: The disk is full or the folder cannot be written.
    """
    names, files, known = run.names, run.files, outcomes(records)
    courses = run.courses(known)
    rows = [prediction_row(one, run.messages(one.step.row), run.prompt, names) for one in courses]
    # A killed process may have answered more than its last heartbeat says: the journal knows.
    asked_again = {step.key for one in courses for step in one.steps[: one.counts or 0]}
    answered = Counter(
        outcome.record["segment"]
        for key, outcome in known.items()
        if outcome.done and key not in asked_again
    )
    segments = [
        {**row, "answered": answered[row["segment"]]} for row in segment_rows(run.journal, names)
    ]
    write_rows(files.segments, SEGMENTS, segments)
    write_batches(files.samples, SAMPLES, sample_batches(run.journal, names))
    write_predictions(files.predictions, rows)
    write_json(
        files.job,
        job_file(
            run,
            rows,
            records,
            starts(run.journal),
            predictions_sha256=file_digest(files.predictions),
        ),
    )
    failed = sum(row.get("error") is not None for row in rows)
    if failed:
        print(  # noqa: T201
            f"wattbench: {failed} of {len(rows)} questions failed; they count as wrong and are "
            "asked again when the stage runs again.",
            file=sys.stderr,
            flush=True,
        )
