"""What each job would ask of the cluster, and how far it has come: the rows of `wattbench plan`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from wattbench.errors import InputError
from wattbench.inference.journal import ABSTAINED, ANSWERED, ANSWERS, outcomes
from wattbench.inference.journals import Journal
from wattbench.inference.judging import Judging
from wattbench.inference.stage import journal_state
from wattbench.records import read
from wattbench.study.demands import Demands
from wattbench.study.finished import finished, is_of
from wattbench.study.identity import judge_identity, planner_identity, run_identity
from wattbench.study.layout import Layout
from wattbench.study.models import Study
from wattbench.study.placement import Misfit, Placement
from wattbench.study.questions import study_questions

NOT_ASKED = "not asked"
Stage = Literal["infer", "plan_queries", "judge"]


@dataclass(frozen=True)
class Progress:
    """How far a run has come.

    Args:
        answered: Questions that its journal answers, abstentions included.
        failed: Questions that were asked and have no answer.
        total: Questions of the set; of a judge, answers to judge, 0 before they are there.
        finished: Whether its predictions are there, made under the study's settings.
    """

    answered: int
    failed: int
    total: int
    finished: bool

    def words(self) -> str:
        """The whole in a few words."""
        if not self.total:
            return "waits for answers"
        if self.finished:
            failed = f", {self.failed} failed" if self.failed else ""
            return f"done {self.answered}/{self.total}{failed}"
        if self.answered == self.total:
            return f"answered {self.answered}/{self.total}, to be written"
        started = self.answered or self.failed
        return f"partly {self.answered}/{self.total}" if started else f"0/{self.total}, not started"


@dataclass(frozen=True)
class PlannedRun:
    """One run of the plan, or what a model does beside the runs: planning searches, judging.

    Args:
        run: Name of the model entry.
        questions: Name of the question set.
        asks: What its job asks, or why it fits nowhere.
        vram_reason: Why its GPU memory is unknown; None where it is known or none is needed.
        progress: How far it has come.
        job: Question set in whose row its job counts; another one's where one job works through
            several.
        to_do: Whether anything of that job is left.
        stage: What its job does.
        retrieval: The retrieval whose searches it plans; None where it plans none.
    """

    run: str
    questions: str
    asks: Placement | Misfit
    vram_reason: str | None
    progress: Progress
    job: str
    to_do: bool
    stage: Stage = "infer"
    retrieval: str | None = None

    @property
    def title(self) -> str:
        """What people call it."""
        does = {"infer": "", "plan_queries": f" plans {self.retrieval}", "judge": " judges"}
        return self.run + does[self.stage]

    @property
    def counts(self) -> bool:
        """Whether its job is counted in this row."""
        return self.job == self.questions

    @property
    def submits(self) -> bool:
        """Whether a job is submitted for it, as far as results and journal tell."""
        return isinstance(self.asks, Placement) and self.counts and self.to_do

    def as_json(self) -> dict[str, Any]:
        """The row for other programs; null is unknown or not applicable."""
        fits = isinstance(self.asks, Placement)
        asked = self.asks if isinstance(self.asks, Placement) else None
        return {
            "stage": self.stage,
            "run": self.run,
            "retrieval": self.retrieval,
            "questions": self.questions,
            "fits": fits,
            "misfit": None if isinstance(self.asks, Placement) else self.asks.sentence(),
            "partition": asked and asked.partition,
            "gpu_type": asked and asked.gpu_type,
            "gpus": asked and asked.gpus,
            "vram_gib": asked and asked.vram_gib,
            "vram_reason": self.vram_reason if asked and asked.gpus else None,
            "cpus": asked and asked.cpus,
            "memory_mib": asked and asked.memory_mib(),
            "walltime_min": asked and asked.walltime(),
            "gpu_hours_at_most": asked and asked.gpu_hours() if self.counts else None,
            "in_job_of": None if self.counts else self.job,
            "answered": self.progress.answered,
            "failed": self.progress.failed,
            "total": self.progress.total,
            "finished": self.progress.finished,
            "submits": self.submits,
        }


def planned_runs(study: Study, demands: Demands) -> list[PlannedRun]:
    """Every run of a study on every question set, and what models do beside them.

    Args:
        study: The study.
        demands: What its runs ask.

    Raises:
        InputError: A question file cannot be read.
    """
    totals = {name: len(study_questions(study, name)) for name in study.questions}
    rows = []
    for questions in study.questions:
        for run, model in study.models.items():
            grouped = model.resources.group_question_sets
            sets = [*totals] if grouped else [questions]
            own = progress(study, questions, run, totals[questions])
            asks = demands.of(run, sum(totals[name] for name in sets))
            reason = _vram_reason(demands, run, asks)
            rows.append(PlannedRun(run, questions, asks, reason, own, sets[0], not own.finished))
    left = {(row.run, row.job) for row in rows if row.to_do}
    rows = [replace(row, to_do=(row.run, row.job) in left) for row in rows]
    open_sets = {row.questions for row in rows if not row.progress.finished}
    for questions, total in totals.items():
        works = _beside(study, questions, total, answered=questions not in open_sets)
        for stage, retrieval, model_name, come in works:
            asks = demands.of(model_name, total)
            reason = _vram_reason(demands, model_name, asks)
            rows.append(
                PlannedRun(
                    model_name, questions, asks, reason, come, questions, not come.finished,
                    stage, retrieval,
                )
            )  # fmt: skip
    return rows


def _vram_reason(demands: Demands, run: str, asks: Placement | Misfit) -> str | None:
    unknown = isinstance(asks, Placement) and asks.gpus and asks.vram_gib is None
    return demands.vram_reason(run) if unknown else None


def _beside(
    study: Study, questions: str, total: int, *, answered: bool
) -> Iterator[tuple[Stage, str | None, str, Progress]]:
    """What models do beside the runs on a question set: stage, retrieval, model, progress.

    Args:
        study: The study.
        questions: Name of the question set.
        total: Its questions.
        answered: Whether all runs have answered it.
    """
    layout, environment = Layout(Path(study.study.results)), study.study.environment
    for retrieval in dict.fromkeys(study.retrieval_of(run) for run in study.models):
        model = study.retrievals[retrieval].planner.model
        if model is not None:
            identity = planner_identity(study, retrieval)
            journal = layout.queries_journal(questions, retrieval, identity)
            made = is_of(layout.queries_job(questions, retrieval), identity, total)
            counted = Journal(journal, "planner", None, questions, retrieval, identity).counts()
            yield "plan_queries", retrieval, model, _come(counted, total, finished=made)
    judge = study.scoring.judge_asked()
    if judge is not None:
        identity = judge_identity(study, judge.model)
        answers = len(Judging(study, questions, judge.model).contexts) if answered else 0
        journal = layout.judge_journal(environment, questions, identity)
        made = answered and is_of(layout.judge_job(environment, questions), identity, answers)
        counted = Journal(journal, "judge", environment, questions, None, identity).counts()
        yield "judge", None, judge.model, _come(counted, answers, finished=made)


def _come(counted: Mapping[str, int], total: int, *, finished: bool) -> Progress:
    answered = min(counted["answered"], total)
    return Progress(answered, min(counted["failed"], total - answered), total, finished)


def progress(study: Study, questions: str, run: str, total: int) -> Progress:
    """How far a run has come; changes nothing.

    Args:
        study: The study.
        questions: Name of the question set.
        run: Name of the model entry.
        total: Questions of the set.
    """
    files = Layout(Path(study.study.results)).run(study.study.environment, questions, run)
    identity = run_identity(study, run)
    try:
        states = [str(row["state"]) for row in journal_state(study, questions, run)]
        answered = sum(state in {ANSWERED, ABSTAINED} for state in states)
        failed = sum(state not in {ANSWERED, ABSTAINED, NOT_ASKED} for state in states)
    except InputError:
        # No contexts or weights yet: the journal's own keys are all that is known.
        known = outcomes(read(files.journal(identity) / ANSWERS).records).values()
        answered = sum(outcome.done for outcome in known)
        failed = len(known) - answered
    answered = min(answered, total)
    whole = finished(files, identity, total) and answered + failed >= total
    return Progress(answered, min(failed, total - answered), total, whole)


def totals(rows: Iterable[PlannedRun]) -> dict[str, Any]:
    """Counts over all runs; jobs to submit, and GPU-hours that first attempts can take at most.

    Planning and judging are among the jobs and GPU-hours, and no runs.

    Args:
        rows: The plan.
    """
    every = list(rows)
    rows = [row for row in every if row.stage == "infer"]
    placed = [(row, row.asks) for row in every if isinstance(row.asks, Placement)]
    jobs = [(row, asks) for row, asks in placed if row.counts]
    return {
        "runs": len(rows),
        "finished": sum(row.progress.finished for row in rows),
        "misfits": sum(isinstance(row.asks, Misfit) for row in rows),
        "submits": sum(row.submits for row in every),
        "answered": sum(row.progress.answered for row in rows),
        "questions": sum(row.progress.total for row in rows),
        "gpu_hours_at_most": sum(asks.gpu_hours() for _, asks in jobs),
        "gpu_hours_to_submit_at_most": sum(asks.gpu_hours() for row, asks in jobs if row.submits),
    }
