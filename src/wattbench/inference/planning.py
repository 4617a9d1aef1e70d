"""The stage `plan_queries`: a language model turns each question into search queries.

It works as a run does: a journal, a lease, a ledger. A question that the model fails to plan is
searched for by itself.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from wattbench.errors import InputError
from wattbench.inference.backends.base import Message
from wattbench.inference.engine import Task
from wattbench.inference.journal import ANSWERED, open_answers
from wattbench.inference.lease import Lease
from wattbench.inference.prompts import Prompt
from wattbench.inference.replies import Unparsable, printable
from wattbench.inference.run import Row, Run
from wattbench.inference.scheduler import NO_SCHEDULER, Scheduler
from wattbench.inference.session import Session
from wattbench.inference.stopping import Stop
from wattbench.records import Record
from wattbench.study.identity import planner_identity
from wattbench.study.models import SMOKE, Study
from wattbench.study.questions import study_questions
from wattbench.tables.answers import SEGMENTS
from wattbench.tables.documents import QUERIES
from wattbench.tables.files import write_rows
from wattbench.telemetry.job import this_job
from wattbench.telemetry.ledger import mend_ledger, segment_rows

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

    def messages(self, row: Mapping[str, Any]) -> tuple[Message, ...]:
        """The prompt of a question as sent."""
        filled = self.prompt.user.format(question=" ".join(row["question"].split()))
        return (Message("system", self.prompt.system), Message("user", filled))

    def task(self, row: Mapping[str, Any]) -> Task:
        """What the engine asks for a question."""
        fields = self.prompt.fields
        return Task(
            key=self.keys[row["question_id"]],
            question_id=row["question_id"],
            question=row["question"],
            messages=self.messages(row),
            schema={
                "type": "object",
                "properties": dict(fields),
                "required": list(fields),
                "additionalProperties": False,
            },
        )

    def parse(self, text: str) -> object:
        """What a reply says, or Unparsable."""
        return parse_queries(text)


def plan_queries(
    study: Study, questions: str, retrieval: str, *, scheduler: Scheduler = NO_SCHEDULER
) -> None:
    """Ask the planning model about every question that its journal lacks; write the queries.

    Args:
        study: The study.
        questions: Name of the question set, or of its one-question twin.
        retrieval: Name of a retrieval whose planner is a model.
        scheduler: Asked about the jobs that work on the same journal.

    Raises:
        InputError: A name is unknown, the retrieval asks no model, or the weights cannot be used.
        FaultError: The disk is full or the model cannot be loaded.
        SystemExit: A signal stopped the work; what was planned is in the journal.
    """
    work = Planning(study, questions, _planner(study, questions, retrieval), retrieval)
    layout = work.layout
    with (
        Stop() as stop,
        Lease(work.journal, job=this_job(), scheduler=scheduler, check=stop.leave) as lease,
    ):
        records, notes = open_answers(work.journal)
        for note in [*notes, *mend_ledger(work.journal)]:
            print(f"wattbench: {note}", file=sys.stderr, flush=True)  # noqa: T201
        planned = _planned(records)
        missing = {
            work.keys[row["question_id"]]: row
            for row in work.contexts
            if work.keys[row["question_id"]] not in planned
        }
        if missing:
            session = Session(work, records, stop, beat=lease.beat, scheduler=scheduler)
            session.work(list(missing.values()))
        rows = [_row(row, work.keys[row["question_id"]], records) for row in work.contexts]
        segments = segment_rows(work.journal, work.names)
        write_rows(layout.queries_segments(questions, retrieval), SEGMENTS, segments)
        write_rows(layout.queries(questions, retrieval), QUERIES, rows)


def _planner(study: Study, questions: str, retrieval: str) -> str:
    for key, name, known in (
        ("retrievals", retrieval, study.retrievals),
        ("questions", questions.removesuffix(SMOKE), study.questions),
    ):
        if name not in known:
            raise InputError(
                f"the study has no entry '{name}'.", where=key, mend=f"Known: {', '.join(known)}."
            )
    model = study.retrievals[retrieval].planner.model
    if model is None:
        raise InputError(
            f"the retrieval '{retrieval}' asks no model for its queries.",
            where=f"retrievals.{retrieval}.planner.kind",
            mend="Nothing is to be done: `wattbench retrieve` makes its contexts.",
        )
    return model


def _planned(records: Sequence[Record]) -> dict[str, Record]:
    """The last good reply of every key."""
    return {
        record["key"]: record
        for record in records
        if record["kind"] == ANSWERED and not isinstance(parse_queries(record["reply"]), Unparsable)
    }


def _row(row: Mapping[str, Any], key: str, records: Sequence[Record]) -> Row:
    tries = [record for record in records if record["key"] == key]
    good = _planned(tries).get(key)
    last = good or tries[-1]
    queries = () if good is None else parse_queries(good["reply"])
    return {
        "question_id": row["question_id"],
        "position": row["position"],
        "queries": [] if isinstance(queries, Unparsable) else list(queries),
        "reply": last.get("reply"),
        "error": None if good else str(last.get("error") or "unparsable"),
        "tries": len(tries),
        "prompt_tokens": last.get("prompt_tokens"),
        "completion_tokens": last.get("completion_tokens"),
        "total_s": sum(record["total_s"] for record in tries),
    }
