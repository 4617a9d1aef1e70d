"""Working on runs: their journals are held and mended, and what these lack is asked."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from wattbench.errors import FaultError, InputError
from wattbench.inference.journal import open_answers
from wattbench.inference.lease import Lease
from wattbench.inference.loaded import LoadedModel
from wattbench.inference.run import Run
from wattbench.inference.scheduler import CANCELLED, Scheduler
from wattbench.inference.session import Session
from wattbench.inference.steps import Step
from wattbench.inference.stopping import Stop
from wattbench.records import Record
from wattbench.study.models import SMOKE, Study
from wattbench.telemetry.job import SLURM, this_job
from wattbench.telemetry.ledger import last_ending, mend_ledger


@contextmanager
def worked(
    runs: Sequence[Run], *, scheduler: Scheduler, retry: bool
) -> Iterator[list[list[Record]]]:
    """Ask what the runs' journals lack, and hold the journals while files are made of them.

    The model is loaded once, where any question needs it, and freed before files are made.

    Args:
        runs: Runs of one model.
        scheduler: Asked about the jobs that work for the runs.
        retry: Whether the workflow started this by itself, after a failure. Where a user cancelled
            the job before it, it then does not go on.

    Yields:
        The journals' records, in the order of the runs.

    Raises:
        InputError: The settings or the weights cannot be used.
        FaultError: The disk is full, the model cannot be loaded, or a user cancelled the job.
        SystemExit: A signal stopped the work; what was answered is in the journals.
    """
    with Stop() as stop, ExitStack() as held:
        # All of them before a model is loaded: it would hold its GPUs while this job waits.
        leases = [
            held.enter_context(
                Lease(run.journal, job=this_job(), scheduler=scheduler, check=stop.leave)
            )
            for run in runs
        ]
        opened = [_opened(run, retry=retry) for run in runs]
        if retry and any(missing for _, missing in opened):
            _not_withdrawn(scheduler)

        def beat() -> None:
            for lease in leases:
                lease.beat()

        model = LoadedModel(stop)
        held.callback(model.close)
        sets = [run.questions for run in runs]
        for place, (run, (records, missing)) in enumerate(zip(runs, opened, strict=True)):
            if missing:
                session = Session(
                    run, records, stop, beat=beat, scheduler=scheduler, model=model, sets=sets
                )
                session.work(missing, keep=any(_asks(later) for _, later in opened[place + 1 :]))
        yield [records for records, _ in opened]


def _asks(missing: Sequence[Sequence[Step]]) -> bool:
    """Whether a model is needed for what is missing."""
    return any(not steps[0].row["abstain"] for steps in missing)


def _opened(run: Run, *, retry: bool) -> tuple[list[Record], list[Sequence[Step]]]:
    """A journal's records, and the steps that it leaves open, by question."""
    records, notes = open_answers(run.journal)
    for note in [*notes, *mend_ledger(run.journal)]:
        print(f"wattbench: {note}", file=sys.stderr, flush=True)  # noqa: T201
    missing = run.missing(records)
    if retry and missing and last_ending(run.journal) == CANCELLED:
        total = len(run.contexts)
        raise FaultError(
            f"a user cancelled this run's job at {total - len(missing)} of {total} questions, so "
            "it is not tried again by itself.",
            mend="Start snakemake again to go on; what is answered is not asked again.",
        )
    return records, missing


def _not_withdrawn(scheduler: Scheduler) -> None:
    job = this_job()
    if job.scheduler == SLURM and scheduler.withdrawn(job.job_id):
        raise FaultError(
            "a user cancelled a job for this work while it waited in the queue, so it is not tried "
            "again by itself.",
            mend="Start snakemake again to go on; what is answered is not asked again.",
        )


def check_names(study: Study, questions: Sequence[str], **named: str) -> None:
    """Refuse names that the study does not have.

    Args:
        study: The study.
        questions: Names of question sets, or of their one-question twins.
        **named: By section of the study, the name of an entry.

    Raises:
        InputError: One of them is not there; the message lists those that are.
    """
    sets = [("questions", name.removesuffix(SMOKE)) for name in questions]
    for section, name in [*named.items(), *sets]:
        known = getattr(study, section)
        if name not in known:
            raise InputError(
                f"the study has no entry '{name}'.",
                where=section,
                mend=f"Known: {', '.join(known)}.",
            )
