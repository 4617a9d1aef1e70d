"""A session: the missing questions are worked through in a segment of their own."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Sequence

from wattbench.errors import WattbenchError
from wattbench.inference.engine import ASKER, Engine, in_flight
from wattbench.inference.journal import ABSTAINED, ANSWERS, FAILED
from wattbench.inference.loaded import LoadedModel
from wattbench.inference.run import Run
from wattbench.inference.scheduler import SIGNALLED, Scheduler
from wattbench.inference.steps import Step
from wattbench.inference.stopping import Stop
from wattbench.progress import Progress
from wattbench.records import Appender, Record
from wattbench.telemetry.given import measured_gpus
from wattbench.telemetry.job import SLURM, cpu_model, this_job, versions
from wattbench.telemetry.ledger import starts
from wattbench.telemetry.segment import Head, Segment

LIBRARIES = ("xllamacpp", "httpx2", "boto3", "vllm", "torch", "transformers")


class Session:
    """Works through what a run's journal lacks.

    Args:
        run: The run.
        records: The journal's records; those made here are added.
        stop: Tells when to stop.
        beat: Called with every heartbeat.
        scheduler: Asked why the job is signalled.
        model: The job's model, which an earlier session may have loaded.
        sets: Question sets that the job works through.
    """

    def __init__(
        self,
        run: Run,
        records: list[Record],
        stop: Stop,
        *,
        beat: Callable[[], None],
        scheduler: Scheduler,
        model: LoadedModel,
        sets: Sequence[str],
    ) -> None:
        self._run = run
        self._records = records
        self._stop = stop
        self._scheduler = scheduler
        self._model = model
        self._sets = tuple(sets)
        self._segment = Segment(
            run.journal,
            self._head(),
            hz=run.study.energy.sampling_hz,
            gpus=self._gpus(),
            on_beat=beat,
            before=model.hand_over if model.is_kept else None,
        )

    def _head(self) -> Head:
        run = self._run
        number = len(starts(run.journal)) + 1
        names = run.names
        backend = run.backend_class(run.setup())
        return Head(
            segment=f"{names.environment}/{names.questions}/{names.run}/{run.identity}/{number}",
            number=number,
            job=this_job(),
            versions=versions(LIBRARIES),
            cpu_model=cpu_model(),
            work={
                "backend": run.model.backend,
                "backend_version": backend.version,
                "in_flight": in_flight(backend.capabilities, run.model.requests),
                "repeatable": backend.capabilities.deterministic,
            },
            sets=self._sets,
            loaded_in=self._model.loaded_in,
            idle_w=self._model.idle_w if self._model.loaded_in else {},
        )

    def _gpus(self) -> tuple[str, ...]:
        """GPUs to measure.

        None where the study asks for none: what the shell happens to show is not the run's.
        """
        return measured_gpus(os.environ) if self._run.model.resources.asked().gpus else ()

    def work(self, missing: Sequence[Sequence[Step]], *, keep: bool) -> None:
        """Ask the missing questions.

        Args:
            missing: Their open steps.
            keep: Whether another session will need the model.

        Raises:
            InputError: The settings or the weights cannot be used.
            FaultError: The model cannot be loaded, or the journal cannot be written.
            SystemExit: A signal came.
        """
        run, segment = self._run, self._segment
        total = len(run.contexts)
        ended_by, detail = "failed", None
        asked = [steps for steps in missing if not steps[0].row["abstain"]]
        self._steps = {step.key: step for steps in missing for step in steps}
        progress = Progress(
            run.title,
            total=total,
            unit="questions",
            done=total - len(missing),
        )
        try:
            with Appender(run.journal / ANSWERS) as journal, progress:
                self._journal, self._progress = journal, progress
                for first, *_ in missing:
                    if first.row["abstain"]:
                        self._abstain(first)
                if asked and not self._stop.requested:
                    self._ask(asked, keep=keep)
            ended_by = "finished" if self._stop.number is None else self._ending()
            detail = self._stop.name
        except WattbenchError as error:
            detail = error.paragraph()
            raise
        finally:
            if ended_by == "finished" and self._model.loaded_in is not None:
                self._model.keep(segment)
            else:
                segment.end(ended_by, detail)
        if self._stop.number is not None:
            self._leave()

    def _ending(self) -> str:
        job = self._segment.head.job
        return self._scheduler.ending(job.job_id) if job.scheduler == SLURM else SIGNALLED

    def _abstain(self, step: Step) -> None:
        self._record(
            {
                "kind": ABSTAINED,
                "key": step.key,
                "question_id": step.row["question_id"],
                "at": time.time(),
            }
        )
        self._settled()

    def _record(self, record: Record) -> None:
        step = self._steps[record["key"]]
        record["segment"] = self._segment.head.segment
        record |= {"contexts_digest": step.row["contexts_digest"], "widened": step.place}
        self._journal.append(record)
        self._records.append(record)
        if record["kind"] != FAILED:
            self._segment.answered += 1

    def _settled(self) -> None:
        self._progress.advance()

    def _ask(self, questions: Sequence[Sequence[Step]], *, keep: bool) -> None:
        run, segment = self._run, self._segment
        backend = self._model.get(run, segment)
        if backend is None:
            return
        let_go = True
        try:
            segment.phase("answer")
            engine = Engine(
                backend,
                generation=run.model.generation,
                requests=run.model.requests,
                parse=run.parse,
                record=self._record,
                settled=self._settled,
            )
            tasks = [run.task(steps) for steps in questions]
            let_go = engine.ask(tasks, self._stop, segment.check)
            segment.phase("idle")
        except BaseException:
            # Hides nothing: whatever ends the work, a signal too, the model may still be in use.
            let_go = not any(t.name == ASKER for t in threading.enumerate())
            keep = False
            raise
        finally:
            if not let_go:
                self._model.leave()
            elif self._stop.requested or not keep:
                self._model.close()

    def _leave(self) -> None:
        print(  # noqa: T201
            f"wattbench: stopped by {self._stop.name}; "
            f"{self._progress.done} of {self._progress.total} questions are in the journal. "
            "Run it again to go on.",
            file=sys.stderr,
            flush=True,
        )
        self._stop.leave()
