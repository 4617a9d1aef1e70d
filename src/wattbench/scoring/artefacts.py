"""results.json and submission.csv in the benchmark guide's format."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from wattbench.scoring.rules import ref_cell
from wattbench.study.questions import Question
from wattbench.tables.values import BLANK, canonical_ref

Row = dict[str, Any]
SUBMISSION = (
    "id",
    "question",
    "answer",
    "answer_value",
    "answer_unit",
    "ref_id",
    "ref_url",
    "supporting_materials",
    "explanation",
)


def value_cell(row: Mapping[str, Any] | None) -> str:
    """A prediction's value as written to files; a failure or an empty value reads is_blank."""
    value = row["value"] if row is not None else None
    return str(value or "").strip() or BLANK


def explanation_cell(row: Mapping[str, Any] | None) -> str:
    """The model's reason; a failure says so instead."""
    if row is None:
        return "Error: no answer"
    if row["error"] is not None:
        return f"Error: {row['error']}: {row['error_detail'] or 'no detail'}"
    return str(row["explanation"] or "")


def _urls(refs: Sequence[str], addresses: Mapping[str, str]) -> list[str]:
    found = (addresses.get(canonical_ref(ref)) for ref in refs)
    return [url for url in found if url is not None]


def submission(
    gold: Sequence[Question], predictions: Mapping[str, Row], addresses: Mapping[str, str]
) -> str:
    """Text of submission.csv: one row a question, every cell quoted.

    Args:
        gold: The questions.
        predictions: Predictions by question id.
        addresses: Addresses of documents by folded id.
    """
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(SUBMISSION)
    for question in gold:
        row = predictions.get(question.id)
        refs = list(row["refs"] or ()) if row is not None else []
        explanation = explanation_cell(row)
        # The guide's files hold the explanation in `answer`; a model's own sentence comes first.
        answer = (row["answer"] if row is not None else None) or explanation
        writer.writerow(
            [
                question.id,
                question.text,
                answer,
                value_cell(row),
                question.unit or BLANK,
                ref_cell(refs),
                ref_cell(_urls(refs, addresses)),
                (row["supporting_materials"] if row is not None else None) or BLANK,
                explanation,
            ]
        )
    return stream.getvalue()


def results(
    gold: Sequence[Question],
    predictions: Mapping[str, Row],
    scores: Mapping[str, Row],
    *,
    addresses: Mapping[str, str],
    snippets: Mapping[str, list[Row]] | None,
    votes: Mapping[str, list[Row]] | None,
) -> list[Row]:
    """Entries of results.json, one a question that has an answer or a judgement.

    Args:
        gold: The questions.
        predictions: Predictions by question id.
        scores: Rows of `scores` under the headline's rule, by question id.
        addresses: Addresses of documents by folded id.
        snippets: Snippets by question id, or None where they are not known.
        votes: Rows of `votes` by question id, for an ensemble.
    """
    entries = []
    for question in gold:
        row, score = predictions.get(question.id), scores.get(question.id)
        if row is None and score is None:
            continue
        refs = list(row["refs"] or ()) if row is not None else []
        entry: Row = {
            "id": question.id,
            "question": question.text,
            "gt_value": question.value,
            "gt_unit": question.unit or BLANK,
            "gt_ref": question.raw_refs,
            "pred_value": value_cell(row),
            "pred_unit": question.unit or BLANK,
            "pred_ref": ref_cell(refs),
            "pred_explanation": explanation_cell(row),
            "raw_response": _cell(row, "reply"),
        }
        if score is not None:
            entry |= {
                "value_correct": score["value_correct"],
                "ref_score": score["ref_overlap"],
                "na_correct": score["na_correct"],
                "weighted_score": score["weighted_score"],
                "why": score["why"],
            }
        entry |= _timing(row)
        entry["pred_ref_url"] = _urls(refs, addresses)
        entry["pred_supporting_materials"] = _cell(row, "supporting_materials")
        if votes is None:
            found = None if snippets is None else snippets.get(question.id, [])
            entry["rendered_prompt"] = _cell(row, "rendered_prompt")
            entry["retrieved_snippets"] = found
            entry["num_snippets"] = None if found is None else len(found)
            entry["retry_count"] = None if row is None else max(row["tries"] - 1, 0)
        else:
            cast = votes.get(question.id, [])
            entry["individual_answers"] = {vote["member"]: vote["value"] for vote in cast}
            entry["individual_refs"] = {
                vote["member"]: json.dumps(list(vote["refs"]), ensure_ascii=False) for vote in cast
            }
        entries.append(entry)
    return entries


def _cell(row: Mapping[str, Any] | None, column: str) -> Any:
    return row[column] if row is not None else None


def _timing(row: Mapping[str, Any] | None) -> Row:
    prefill, decode = _cell(row, "prefill_s"), _cell(row, "decode_s")
    return {
        "latency_seconds": _cell(row, "total_s"),
        "retrieval_seconds": _cell(row, "retrieval_s"),
        "generation_seconds": None if prefill is None or decode is None else prefill + decode,
        "error": _cell(row, "error"),
    }
