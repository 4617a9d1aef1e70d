"""Judging all answers of a run: rows of the table `scores`, and arrays for the intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from wattbench.errors import InputError
from wattbench.scoring.intervals import Verdicts
from wattbench.scoring.rules import Prediction, judge, unanswerable
from wattbench.study.judgement import RuleName, Scoring
from wattbench.study.questions import Question

Row = dict[str, Any]


def rules_of(scoring: Scoring) -> list[RuleName]:
    """Rules of a study, the headline's first, each once."""
    return list(dict.fromkeys((scoring.rule, *scoring.also)))


def by_question(predictions: Sequence[Row], *, where: str) -> dict[str, Row]:
    """Predictions by question id.

    Args:
        predictions: Rows of the table `predictions`.
        where: The file they come from, for the message.

    Raises:
        InputError: A question was answered twice.
    """
    found: dict[str, Row] = {}
    twice: list[str] = []
    for row in predictions:
        if row["question_id"] in found:
            twice.append(row["question_id"])
        found[row["question_id"]] = row
    if twice:
        shown = ", ".join(sorted(set(twice))[:10])
        raise InputError(
            f"more than one answer for {shown}: which one counts is not known.",
            where=where,
            mend="Delete the file and run the workflow again; it is made anew from the journal.",
        )
    return found


def prediction_of(row: Mapping[str, Any] | None) -> Prediction | None:
    """A row of the table `predictions` as a rule sees it; None where there is none."""
    if row is None:
        return None
    return Prediction(value=row["value"], refs=tuple(row["refs"] or ()), error=row["error"])


def judge_run(
    scoring: Scoring,
    gold: Sequence[Question],
    predictions: Mapping[str, Row],
    place: Mapping[str, str],
) -> list[Row]:
    """Rows of the table `scores`: every question under every rule of the study.

    Args:
        scoring: The study's rules and weights.
        gold: The questions.
        predictions: Predictions by question id.
        place: Values of the columns environment, questions and run.
    """
    rows: list[Row] = []
    for rule in rules_of(scoring):
        for question in gold:
            row = predictions.get(question.id)
            prediction = prediction_of(row)
            verdict = judge(rule, question, prediction)
            if verdict is None:
                continue
            rows.append(
                {
                    **place,
                    "question_id": question.id,
                    "rule": rule,
                    "value_correct": verdict.value_correct,
                    "ref_overlap": verdict.ref_overlap,
                    "na_correct": verdict.na_correct,
                    "weighted_score": verdict.weighted(scoring.weights),
                    "why": verdict.why,
                    "missing": row is None or row["error"] is not None,
                }
            )
    return rows


def verdicts_of(rule: RuleName, gold: Sequence[Question], rows: Sequence[Row]) -> Verdicts:
    """One run's judgements under one rule as arrays of shape (questions, 1)."""
    place = {question.id: index for index, question in enumerate(gold)}
    value, ref, na, judged = (np.zeros((len(gold), 1)) for _ in range(4))
    for row in rows:
        if row["rule"] == rule:
            at = place[row["question_id"]]
            value[at], ref[at] = row["value_correct"], row["ref_overlap"]
            na[at], judged[at] = row["na_correct"], 1.0
    blank = np.array([unanswerable(rule, question) for question in gold], dtype=np.float64)
    return Verdicts(value=value, ref=ref, na=na, judged=judged, unanswerable=blank)
