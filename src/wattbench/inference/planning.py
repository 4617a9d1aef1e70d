"""The stage `plan_queries`: a language model turns each question into search queries.

It works as a run does: a journal, a lease, a ledger. A question that the model fails to plan is
searched for by itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from wattbench.errors import InputError
from wattbench.inference.jobfile import job_file
from wattbench.inference.journal import by_key, last_reply
from wattbench.inference.prompts import Prompt
from wattbench.inference.replies import Unparsable, printable
from wattbench.inference.run import Row, Run
from wattbench.inference.scheduler import NO_SCHEDULER, Scheduler
from wattbench.inference.steps import Step, reply_sum
from wattbench.inference.work import check_names, worked
from wattbench.records import Record
from wattbench.study.identity import planner_identity
from wattbench.study.models import Study
from wattbench.study.questions import study_questions
from wattbench.tables.answers import SEGMENTS
from wattbench.tables.documents import QUERIES
from wattbench.tables.files import file_digest, write_json, write_rows
from wattbench.telemetry.ledger import segment_rows, starts

LONGEST_QUERY = 120
"""Characters of a query."""


def planning_prompt(count: int) -> Prompt:
    """The prompt that asks for up to `count` queries."""
    query = {"type": "string", "maxLength": LONGEST_QUERY}
    return Prompt(
        name="plan-v1",
        system="You write search queries, as JSON on one line.",
        user=(
            f"Write up to {count} short search queries that together find the passages needed to "
            'answer the question, as {{"queries": ["...", ...]}}.\n\nQuestion: {question}'
        ),
        fields={"queries": {"type": "array", "items": query, "minItems": 1, "maxItems": count}},
        refs=None,
    )


def parse_queries(text: str) -> tuple[str, ...] | Unparsable:
    """The queries of a reply: a JSON array of texts, alone or in an object or prose."""
    start, end = text.find("["), text.rfind("]")
    try:
        found = json.loads(text[start : end + 1], strict=False) if 0 <= start < end else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or not found or not all(isinstance(q, str) for q in found):
        return Unparsable("the reply holds no JSON array of texts")
    return tuple(printable(query) for query in found)


@dataclass(frozen=True)
class Planning(Run):
    """A model that plans the searches of a retrieval; its name is that of the planning model.

    Args:
        retrieval: Name of the retrieval.
    """

    retrieval: str = ""

    @property
    def title(self) -> str:
        """What the progress display says."""
        return f"plan {self.questions} with {self.name}"

    @property
    def prompt(self) -> Prompt:
        """The prompt; the question itself is always the first query."""
        return planning_prompt(
            max(1, self.study.retrievals[self.retrieval].planner.max_queries - 1)
        )

    @cached_property
    def identity(self) -> str:
        """Digest of all that defines the queries, beside the questions."""
        return planner_identity(self.study, self.retrieval)

    @property
    def journal(self) -> Path:
        """Folder of the journal."""
        return self.layout.queries_journal(self.questions, self.retrieval, self.identity)

    @cached_property
    def contexts(self) -> list[Row]:
        """The questions, as rows of contexts that hold nothing yet."""
        return [
            {
                "question_id": question.id,
                "position": question.position,
                "question": question.text,
                "answer_unit": None,
                "snippets": [],
                "contexts_digest": "",
                "abstain": False,
            }
            for question in study_questions(self.study, self.questions)
        ]

    def missing(self, records: Sequence[Record]) -> list[Sequence[Step]]:
        """Steps of questions that have no queries yet, one question for each key."""
        tries = by_key(records).items()
        planned = {key for key, own in tries if last_reply(own, parse_queries) is not None}
        left = {steps[0].key: steps for steps in self.steps if steps[0].key not in planned}
        return list(left.values())

    def parse(self, text: str) -> object:
        """What a reply says, or Unparsable."""
        return parse_queries(text)


def plan_queries(
    study: Study,
    questions: str,
    retrieval: str,
    *,
    scheduler: Scheduler = NO_SCHEDULER,
    retry: bool = False,
) -> None:
    """Ask the planning model about every question that its journal lacks; write the queries.

    Args:
        study: The study.
        questions: Name of the question set, or of its one-question twin.
        retrieval: Name of a retrieval whose planner is a model.
        scheduler: Asked about the jobs that work on the same journal.
        retry: Whether the workflow started this by itself, after a failure. Where a user cancelled
            the job before it, it then does not go on.

    Raises:
        InputError: A name is unknown, the retrieval asks no model, or the weights cannot be used.
        FaultError: The disk is full, the model cannot be loaded, or a user cancelled the job.
        SystemExit: A signal stopped the work; what was planned is in the journal.
    """
    check_names(study, [questions], retrievals=retrieval)
    run = Planning(study, questions, _planner(study, retrieval), retrieval)
    with worked([run], scheduler=scheduler, retry=retry) as (records,):
        tries = by_key(records)
        rows = [_row(step.row, tries[step.key]) for (step,) in run.steps]
        segments = segment_rows(run.journal, run.names)
        write_rows(run.layout.queries_segments(questions, retrieval), SEGMENTS, segments)
        queries = run.layout.queries(questions, retrieval)
        write_rows(queries, QUERIES, rows)
        job = job_file(
            run, rows, records, starts(run.journal), predictions_sha256=file_digest(queries)
        )
        write_json(run.layout.queries_job(questions, retrieval), job)


def _planner(study: Study, retrieval: str) -> str:
    model = study.retrievals[retrieval].planner.model
    if model is None:
        raise InputError(
            f"the retrieval '{retrieval}' asks no model for its queries.",
            where=f"retrievals.{retrieval}.planner.kind",
            mend="Nothing is to be done: `wattbench retrieve` makes its contexts.",
        )
    return model


def _row(row: Mapping[str, Any], tries: Sequence[Record]) -> Row:
    good = last_reply(tries, parse_queries)
    last, queries = good or (tries[-1], ())
    return {
        "question_id": row["question_id"],
        "position": row["position"],
        "queries": list(queries),
        "reply": last.get("reply"),
        "error": None if good else str(last.get("error") or "unparsable"),
        "tries": len(tries),
        "prompt_tokens": reply_sum(tries, "prompt_tokens"),
        "completion_tokens": reply_sum(tries, "completion_tokens"),
        "total_s": sum(record["total_s"] for record in tries),
    }
