"""The question browser's data: every verdict, and texts by the question they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow.compute as pc

from wattbench.report import formats
from wattbench.report.answers import Answers
from wattbench.report.data import Group

Places = Sequence[int]

RIGHT, WRONG, FAILED, ABSENT = "r", "w", "f", "-"
BLANK = {RIGHT: "R", WRONG: "b", ABSENT: "B"}
"""The letter of a verdict on an abstention."""

LONGEST_TEXT = 20_000
"""Characters of one text that the page holds; one endless reply must not starve the others."""

CUT = " … (cut here; whole in tables/predictions.parquet)"


def verdicts(answers: Answers) -> str:
    """One letter a question: right, wrong, failed or not judged, and whether it is blank."""
    right, blank = answers.flag("value_correct"), answers.flag("blank")
    absent = ~answers.judged | (~answers.predicted & answers.flag("missing"))
    letters = np.full(len(right), WRONG)
    letters[right] = RIGHT
    letters[absent] = ABSENT
    for letter, marked in BLANK.items():
        letters = np.where(blank & (letters == letter), marked, letters)
    letters[answers.failed] = FAILED
    return "".join(letters.tolist())


def disagreement(group: Group) -> tuple[np.ndarray[Any, np.dtype[np.int64]], str]:
    """Places of the questions, those on which the models disagree most first, and one digit each.

    Models disagree most where half of them are right; then where they give more different
    answers. The digit is 2 where some are right and others not, 1 where only their answers
    differ (in more than case and outer blanks), 0 where they agree. Ensembles count only where
    there are fewer than two models.

    Returns:
        The places, shape (questions,), and the digits as one text in the questions' order.
    """
    models = [r for r in group.runs if not r.is_ensemble]
    judged = models if len(models) > 1 else list(group.runs)
    if not judged or not group.question_rows:
        return np.arange(len(group.question_rows)), "0" * len(group.question_rows)
    answers = [group.answers[run.name] for run in judged]
    right = np.sum([a.flag("value_correct") for a in answers], axis=0)
    split = np.minimum(right, len(judged) - right)
    values = np.sort(np.stack([_codes(a) for a in answers]), axis=0)
    different = 1 + np.sum(values[1:] != values[:-1], axis=0)
    order = np.lexsort((-different, -split))
    digits = np.where(split > 0, 2, np.where(different > 1, 1, 0))
    return order, "".join(map(str, digits.tolist()))


def _codes(answers: Answers) -> np.ndarray[Any, np.dtype[np.int64]]:
    """A number for each answer's value; equal values have the same number."""
    values = pc.fill_null(pc.utf8_lower(pc.utf8_trim_whitespace(answers.table["value"])), "")
    hashed = [hash(value) for value in values.to_pylist()]
    return np.array(hashed, dtype=np.int64)


def core(group: Group, digits: str) -> dict[str, Any]:
    """What the page always holds: runs, question ids and types, and the verdict of every answer."""
    kinds: dict[str, int] = {}
    combined = [
        kinds.setdefault("\n".join(_text(k) or "" for k in q["kinds"]), len(kinds))
        for q in group.question_rows
    ]
    return {
        "runs": [
            {
                "label": formats.clean(r.label),
                "css": r.css,
                "vote": r.is_ensemble,
                "method": r.row["energy_method"],
                "retrieval": _text(r.row["retrieval"]),
            }
            for r in group.runs
        ],
        "id": [_text(q["question_id"]) for q in group.question_rows],
        "kinds": [text.split("\n") if text else [] for text in kinds],
        "kind": combined,
        "verdicts": [verdicts(group.answers[r.name]) for r in group.runs],
        "disagree": digits,
    }


def short(group: Group, places: Places) -> dict[str, Any]:
    """What a reader scans and searches: question, gold answer, and the value of every answer."""
    asked = [group.question_rows[p] for p in places]
    rows = [group.answers[r.name].table.select(["value"]).take(places) for r in group.runs]
    return {
        "text": [_text(q["question"]) for q in asked],
        "gold": [_text(q["gold_value"]) for q in asked],
        "unit": [_text(q["gold_unit"]) for q in asked],
        "refs": [_texts(q["gold_refs"]) for q in asked],
        "value": [[_text(v) for v in row["value"].to_pylist()] for row in rows],
    }


def detail(group: Group, places: Places) -> dict[str, Any]:
    """What stands behind an opened question: reasons, replies, votes and contexts."""
    ensembles = [(i, r.name) for i, r in enumerate(group.runs) if r.is_ensemble]
    return {
        "why": [_text(group.question_rows[p]["explanation"]) for p in places],
        "answers": [_answers(group.answers[r.name], places) for r in group.runs],
        "votes": {str(i): _votes(group, name, places) for i, name in ensembles},
        "contexts": {
            formats.clean(name): [
                _shown(found.at(place), most)
                for place, most in zip(places, _widest(group, name, places), strict=True)
            ]
            for name, found in group.contexts.items()
        },
    }


def _widest(group: Group, retrieval: str, places: Places) -> list[int]:
    """How often each question was asked again with more snippets, by the run that did so most."""
    widened = [
        np.asarray(pc.fill_null(group.answers[r.name].table["widened"].take(places), 0))
        for r in group.runs
        if r.row["retrieval"] == retrieval
    ]
    most: list[int] = np.max(widened, axis=0, initial=0).tolist()
    return most if widened else [0] * len(places)


def _answers(answers: Answers, places: Places) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {
        name: []
        for name in (
            "refs", "clause", "overlap", "na", "confidence", "reply", "said", "error", "detail",
            "j", "s", "wide",
        )
    }  # fmt: skip
    for row in answers.rows(places):
        columns["refs"].append(_texts(row["refs"] or ()))
        columns["clause"].append(_text(row["why"]))
        columns["overlap"].append(_round(row["ref_overlap"]))
        columns["na"].append(None if row["na_correct"] is None else int(row["na_correct"]))
        columns["confidence"].append(_round(row["confidence"]))
        columns["reply"].append(_text(row["reply"]))
        columns["said"].append(_text(row["explanation"] or row["answer"]))
        columns["error"].append(_text(row["error"]))
        columns["detail"].append(_text(row["error_detail"]))
        columns["j"].append(_round(row["allocated_j"]))
        columns["s"].append(_round(row["total_s"]))
        columns["wide"].append(row["widened"] or 0)
    return columns


def _votes(group: Group, ensemble: str, places: Places) -> list[list[list[Any]]]:
    votes = group.votes.get(ensemble)
    if votes is None:
        return [[] for _ in places]
    positions = {run.name: i for i, run in enumerate(group.runs)}
    return [
        [
            [
                positions.get(v["member"], _text(v["member"])),
                _text(v["value"]),
                int(v["counted"]),
                int(v["won"]),
                _round(v["weight"]),
            ]
            for v in votes.at(place)
        ]
        for place in places
    ]


def _shown(found: list[list[dict[str, Any]]] | None, widest: int) -> list[list[list[Any]]] | None:
    """The first contexts, and the wider ones that some run came to see."""
    return None if found is None else [_snippets(one) for one in found[: widest + 1]]


def _snippets(found: list[dict[str, Any]]) -> list[list[Any]]:
    return [
        [
            _text(s["document_id"]),
            _text(s["document_title"]),
            _text(s["source"]),
            _round(s["score"]),
            _text(s["text"]),
        ]
        for s in found
    ]


def _texts(values: Sequence[str]) -> list[str | None]:
    return [_text(v) for v in values]


def _text(value: str | None) -> str | None:
    if value is None:
        return None
    shown = formats.clean(value)
    return shown if len(shown) <= LONGEST_TEXT else shown[:LONGEST_TEXT] + CUT


def _round(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")
