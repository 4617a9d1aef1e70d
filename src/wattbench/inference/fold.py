"""Folding a journal into `predictions.parquet`: the same journal gives the same bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wattbench.inference.backends.base import Message
from wattbench.inference.confidence import value_confidence
from wattbench.inference.prompts import Prompt
from wattbench.inference.replies import printable
from wattbench.inference.steps import Course
from wattbench.tables.answers import PREDICTIONS
from wattbench.tables.files import write_rows
from wattbench.tables.values import BLANK
from wattbench.telemetry.ledger import Names, moment


def render(messages: Sequence[Message]) -> str:
    """A chat as one text, for people."""
    return "\n\n".join(f"[{message.role}]\n{message.content}" for message in messages)


def prediction_row(
    one: Course, messages: Sequence[Message], prompt: Prompt, names: Names
) -> dict[str, Any]:
    """One row of `predictions`.

    Args:
        one: How far the question has come; some step of it was asked or abstained from.
        messages: The prompt that counts, as sent.
        prompt: What it was made by.
        names: What every row of the run carries.
    """
    context, outcome = one.step.row, one.outcome
    if outcome is None:
        raise ValueError(f"question {context['question_id']} was not asked")
    record, answer = outcome.record, outcome.answer
    asked = len(one.tries) > 0
    reply = record.get("reply")
    base = {
        **names.columns(),
        "question_id": context["question_id"],
        "position": context["position"],
        "unit": context["answer_unit"],
        "refs": [],
        "asked": asked,
        "retrieval_s": context["retrieval_s"],
        "answered_at": moment(record["at"]),
        "segment": record["segment"],
        "tries": len(one.tries),
        "widened": one.step.place,
        "contexts_digest": context["contexts_digest"] if asked else None,
        "reply": None if reply is None else printable(reply),
        "rendered_prompt": printable(render(messages)) if asked else None,
        "queue_s": record.get("queue_s"),
        "total_s": one.total_s,
        "first_token_s": record.get("first_token_s"),
        **one.sums(),
    }
    if answer is not None:
        confidence = None
        if not answer.blank:
            confidence = value_confidence(record["reply"], _logprobs(record))
        return base | {
            "value": answer.value,
            "refs": list(prompt.cited(answer.refs, context["snippets"])),
            "blank": answer.blank,
            "confidence": confidence,
            "answer": answer.answer,
            "explanation": answer.explanation,
            "supporting_materials": answer.supporting_materials,
        }
    if outcome.done:
        return base | {"value": BLANK, "blank": True}
    detail = printable(str(record.get("detail") or "the reply holds no answer"))
    return base | {"error": outcome.error, "error_detail": detail}


def _logprobs(record: Mapping[str, Any]) -> list[tuple[str, float]] | None:
    pairs = record.get("logprobs")
    if pairs is None or any(logprob is None for _, logprob in pairs):
        return None
    return [(token, logprob) for token, logprob in pairs]


def write_predictions(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the predictions in the order of the question file."""
    write_rows(path, PREDICTIONS, sorted(rows, key=lambda row: (row["position"],)))
