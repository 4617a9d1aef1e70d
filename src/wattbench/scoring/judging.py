"""Judging all answers of a run: rows of the table `scores`, and arrays for the intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wattbench.errors import InputError
from wattbench.scoring.columns import judge_columns
from wattbench.scoring.custom import ValueRule
from wattbench.scoring.gold import Gold
from wattbench.scoring.intervals import Verdicts
from wattbench.scoring.rules import Prediction, unanswerable
from wattbench.study.judgement import RuleName, Scoring
from wattbench.study.questions import Question
from wattbench.tables.verdicts import SCORES

Row = dict[str, Any]
ROWS_AT_ONCE = 1 << 18
"""Answers judged at once: enough to make up for every call, and near the cache."""


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


def judge_runs(
    scoring: Scoring,
    gold: Gold,
    runs: Mapping[str, pa.Table],
    place: Mapping[str, str],
    own: Mapping[RuleName, ValueRule],
) -> pa.Table:
    """Rows of the table `scores`: every question of every run under every rule of the study.

    Args:
        scoring: The study's rules and weights.
        gold: The gold answers.
        runs: Rows of the table `predictions` by the runs' names, one a question at most.
        place: Values of the columns environment and questions.
        own: What judges values under rules that are not built in, by their names.
    """
    names = list(runs)
    step = max(1, ROWS_AT_ONCE // max(len(gold.questions), 1))
    parts = []
    same: dict[str, pa.Array] = {}
    for at in range(0, len(names), step):
        some = {name: runs[name] for name in names[at : at + step]}
        rows = len(gold.questions) * len(some)
        if not same or rows != len(same["question_id"]):
            # The same for all answers judged at once, and made for all of them once.
            same = {name: pa.repeat(pa.scalar(text), rows) for name, text in place.items()}
            same["question_id"] = pa.concat_arrays([gold.identifiers] * len(some))
        parts.append(_judged(scoring, gold, some, same, own))
    return pa.concat_tables(parts)


def _judged(
    scoring: Scoring,
    gold: Gold,
    runs: Mapping[str, pa.Table],
    same: Mapping[str, pa.Array],
    own: Mapping[RuleName, ValueRule],
) -> pa.Table:
    """Rows of the table `scores` of some runs; `same` are the columns that are no run's own."""
    size, rows = len(gold.questions), len(gold.questions) * len(runs)
    columns = pa.concat_tables([_asked(gold, predictions) for predictions in runs.values()])
    missing = pc.or_(pc.invert(columns["there"]), pc.is_valid(columns["error"]))
    asked = np.tile(np.arange(size, dtype=np.intp), len(runs))
    names = pa.concat_arrays([pa.repeat(pa.scalar(name), size) for name in runs])
    tables = []
    for rule in rules_of(scoring):
        found = judge_columns(rule, gold, asked, columns, own.get(rule))
        cells = {
            **same,
            "run": names,
            "rule": pa.repeat(pa.scalar(rule), rows),
            "value_correct": pa.array(found.value),
            "ref_overlap": pa.array(found.ref),
            "na_correct": pa.array(found.na),
            "weighted_score": pa.array(found.weighted(scoring.weights)),
            "why": found.reason_texts(),
            "missing": missing,
        }
        table = pa.table([cells[name] for name in SCORES.names()], schema=SCORES.schema)
        tables.append(table if found.judged.all() else table.filter(pa.array(found.judged)))
    return pa.concat_tables(tables)


def _asked(gold: Gold, predictions: pa.Table) -> pa.Table:
    """A run's answers, one a question in the questions' order, and whether each is there."""
    identifiers = predictions["question_id"].combine_chunks()
    columns = predictions.select(["value", "refs", "error"])
    if identifiers.equals(gold.identifiers):
        return columns.append_column("there", pa.repeat(pa.scalar(True), len(identifiers)))
    at = pc.index_in(gold.identifiers, identifiers)
    return columns.take(at).append_column("there", pc.is_valid(at))


def verdict_arrays(
    rule: RuleName, gold: Sequence[Question], runs: Sequence[str], scores: pa.Table
) -> Verdicts:
    """Judgements under one rule as arrays of shape (questions, runs)."""
    identifiers = pa.array([question.id for question in gold], pa.string())
    at_question = pc.index_in(scores["question_id"], identifiers)
    at_run = pc.index_in(scores["run"], pa.array(list(runs), pa.string()))
    known = pc.and_(pc.is_valid(at_question), pc.is_valid(at_run))
    # Numbers alone are picked: of the texts, copying takes longer than all the rest.
    mine = (
        scores.select(["value_correct", "ref_overlap", "na_correct"])
        .append_column("question", at_question)
        .append_column("run", at_run)
        .filter(pc.and_(known, pc.equal(scores["rule"], rule)))
    )
    rows = mine["question"].to_numpy().astype(np.intp)
    columns = mine["run"].to_numpy().astype(np.intp)
    value, ref, na, judged = (np.zeros((len(gold), len(runs))) for _ in range(4))
    value[rows, columns] = mine["value_correct"].cast(pa.uint8()).to_numpy()
    ref[rows, columns] = mine["ref_overlap"].to_numpy()
    na[rows, columns] = mine["na_correct"].cast(pa.uint8()).to_numpy()
    judged[rows, columns] = 1.0
    blank = np.array([unanswerable(rule, question) for question in gold], dtype=np.float64)
    return Verdicts(value=value, ref=ref, na=na, judged=judged, unanswerable=blank)
