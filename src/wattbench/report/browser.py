"""The question browser's data: as columns, so that thousands of answers stay small."""

from __future__ import annotations

import json
from typing import Any

from markupsafe import Markup

from wattbench.report import formats
from wattbench.report.data import Group

RIGHT, WRONG, FAILED, ABSENT = "r", "w", "f", "-"

_ESCAPES = {
    "<": "\\u003c",
    ">": "\\u003e",
    "&": "\\u0026",
    "\u2028": "\\u2028",
    "\u2029": "\\u2029",
}


def safe_json(value: object) -> Markup:
    """JSON that may stand in a script element: nothing in it can end the element.

    `<`, `>` and `&` are written as escapes, and so are U+2028 and U+2029, which end a line in
    older JavaScript. Refuses NaN.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character, escape in _ESCAPES.items():
        text = text.replace(character, escape)
    return Markup(text)  # noqa: S704


def browser_data(group: Group) -> dict[str, Any]:
    """Questions, every run's answers and verdicts, and the votes, as columns."""
    questions = group.question_rows
    positions = {run.name: i for i, run in enumerate(group.runs)}
    return {
        "runs": [
            {"label": formats.clean(r.label), "css": r.css, "vote": r.is_ensemble,
             "method": r.row["energy_method"]}
            for r in group.runs
        ],
        "id": [_text(q["question_id"]) for q in questions],
        "text": [_text(q["question"]) for q in questions],
        "gold": [_text(q["gold_value"]) for q in questions],
        "unit": [_text(q["gold_unit"]) for q in questions],
        "refs": [[_text(r) for r in q["gold_refs"]] for q in questions],
        "kinds": [[_text(k) for k in q["kinds"]] for q in questions],
        "why": [_text(q["explanation"]) for q in questions],
        "answers": [_answers(group, run.name) for run in group.runs],
        "votes": {
            str(positions[run.name]): [
                [
                    [
                        positions.get(v["member"], _text(v["member"])),
                        _text(v["value"]),
                        int(v["counted"]),
                        int(v["won"]),
                        _round(v["weight"]),
                    ]
                    for v in group.votes.get((run.name, q["question_id"]), ())
                ]
                for q in questions
            ]
            for run in group.runs
            if run.is_ensemble
        },
    }  # fmt: skip


def _answers(group: Group, run: str) -> dict[str, Any]:
    columns: dict[str, list[Any]] = {
        name: []
        for name in (
            "verdict", "blank", "value", "refs", "clause", "overlap", "na", "confidence", "reply",
            "said", "error", "detail", "j", "s",
        )
    }  # fmt: skip
    for question in group.question_rows:
        key = (run, question["question_id"])
        answer, score = group.predictions.get(key), group.scores.get(key)
        columns["verdict"].append(_verdict(answer, score))
        columns["blank"].append(int(bool(answer and answer["blank"])))
        columns["clause"].append(_text(score["why"]) if score else None)
        columns["overlap"].append(_round(score["ref_overlap"]) if score else None)
        columns["na"].append(int(score["na_correct"]) if score else None)
        answer = answer or dict.fromkeys(
            ("value", "refs", "confidence", "reply", "explanation", "answer", "error",
             "error_detail", "allocated_j", "total_s")
        )  # fmt: skip
        columns["value"].append(_text(answer["value"]))
        columns["refs"].append([_text(r) for r in answer["refs"] or ()])
        columns["confidence"].append(_round(answer["confidence"]))
        columns["reply"].append(_text(answer["reply"]))
        columns["said"].append(_text(answer["explanation"] or answer["answer"]))
        columns["error"].append(_text(answer["error"]))
        columns["detail"].append(_text(answer["error_detail"]))
        columns["j"].append(_round(answer["allocated_j"]))
        columns["s"].append(_round(answer["total_s"]))
    return columns


def _verdict(answer: dict[str, Any] | None, score: dict[str, Any] | None) -> str:
    if answer is not None and answer["error"] is not None:
        return FAILED
    if score is None or (answer is None and score["missing"]):
        return ABSENT
    return RIGHT if score["value_correct"] else WRONG


def _text(value: str | None) -> str | None:
    return None if value is None else formats.clean(value)


def _round(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")
