"""Scoring the benchmark guide's files, wherever they come from: gold answers and a submission."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wattbench.errors import InputError
from wattbench.scoring.columns import Judged, judge_columns
from wattbench.scoring.gold import Gold
from wattbench.scoring.gold_cells import strict_refs, wattbot_refs
from wattbench.scoring.intervals import Verdicts, wilson
from wattbench.scoring.resamples import clusters_of
from wattbench.scoring.rules import WATTBOT, overall
from wattbench.scoring.standing import standing_of
from wattbench.scoring.submission_files import (
    SHOWN,
    Answers,
    EmptyCells,
    named,
    read_answers,
    read_gold,
    repeated_in,
    where_ids_stand,
)
from wattbench.scoring.text_sets import jaccard
from wattbench.scoring.texts import Places, Reals
from wattbench.study.judgement import RuleName, Scoring

Row = dict[str, Any]
FAILED = "Error:"
"""How the explanation of a question that failed begins."""

BOOTSTRAPPED = 20_000
"""Questions up to which the score is given its bootstrap interval."""


def score_files(
    gold: Path,
    submission: Path,
    scoring: Scoring,
    *,
    empty: EmptyCells = "kept",
    whole: bool = False,
) -> Row:
    """Score a submission under the scoring's rule.

    Under the WattBot rules, as in the original, questions without a row are left out of the means
    and a row that stands twice counts twice; the other rules count the first as wrong and refuse
    the second.

    Args:
        gold: The gold file.
        submission: The submission.
        scoring: Rule, weights and interval settings.
        empty: How empty cells are read.
        whole: Refuse a submission that leaves a question out, repeats or adds one.

    Returns:
        What `wattbench score GOLD SUBMISSION --json` prints.

    Raises:
        InputError: A file is no such file, an id is repeated where the rule refuses it, no id is
            common, or `whole` is not so.
    """
    known, answers = read_gold(gold, empty), read_answers(submission, empty)
    place = pc.index_in(answers.id, known.identifiers)
    there = pc.is_valid(place)
    missing = known.identifiers.filter(
        pc.invert(pc.is_in(known.identifiers, answers.id))
    ).to_pylist()
    surplus = pc.unique(answers.id.filter(pc.invert(there))).to_pylist()
    repeated = repeated_in(answers.id)
    _check(scoring.rule, submission, missing, surplus, repeated, whole=whole)
    if not pc.any(there).as_py():
        raise InputError(
            "no id of the submission is in the gold file.",
            where=str(submission),
            mend="Check that both files are of one question set.",
        )
    asked = place.drop_null().to_numpy().astype(np.intp)
    answers = answers.only(there)
    if scoring.rule not in WATTBOT:
        unanswered = pc.index_in(pa.array(missing, pa.string()), known.identifiers)
        asked = np.concatenate([asked, unanswered.to_numpy().astype(np.intp)])
    found = _judge(scoring.rule, known, asked, answers)
    return {
        "gold": str(gold),
        "submission": str(submission),
        "rule": scoring.rule,
        "weights": scoring.weights.model_dump(),
        "empty_cells": empty,
        **_means(scoring, known, asked, found, repeated=bool(repeated)),
        "questions": len(known.questions),
        "missing": missing,
        "surplus": surplus,
        "repeated": repeated,
    }


def _check(
    rule: RuleName,
    submission: Path,
    missing: Sequence[str],
    surplus: Sequence[str],
    repeated: Sequence[str],
    *,
    whole: bool,
) -> None:
    if repeated and (whole or rule not in WATTBOT):
        raise InputError(
            f"more than one answer for {named(repeated)}: which one counts is not known.",
            where=where_ids_stand(submission, repeated[:SHOWN]),
            mend="Leave one row for each question.",
        )
    if whole and missing:
        raise InputError(
            f"{len(missing)} questions of the gold file have no answer: {named(missing)}.",
            where=str(submission),
            mend="Answer every question; a blank is is_blank.",
        )
    if whole and surplus:
        raise InputError(
            f"{len(surplus)} answers are to no question of the gold file: {named(surplus)}.",
            where=str(submission),
            mend="Check that both files are of one question set.",
        )


def _judge(rule: RuleName, gold: Gold, asked: Places, answers: Answers) -> Judged:
    """Judge answers; questions asked behind the last of them have none."""
    strict, rows = rule not in WATTBOT, len(answers.id)
    # The guide writes a question that failed as is_blank, which its own rules take it for.
    failed = pc.starts_with(answers.explanation, FAILED)
    nothing = pa.scalar(None, pa.string())
    error = pc.if_else(failed, "failed", nothing) if strict else pa.nulls(rows, pa.string())
    value = pc.if_else(failed, nothing, answers.value) if strict else answers.value
    refs = strict_refs(answers.raw_refs) if strict else wattbot_refs(answers.raw_refs)
    unanswered = len(asked) - rows
    predictions = pa.table(
        {
            "value": pa.concat_arrays([value, pa.nulls(unanswered, pa.string())]),
            "refs": pa.concat_arrays([refs, pa.nulls(unanswered, refs.type)]),
            "error": pa.concat_arrays([error, pa.nulls(unanswered, pa.string())]),
            "there": pa.array(np.arange(len(asked)) < rows),
        }
    )
    found = judge_columns(rule, gold, asked, predictions)
    if strict:
        return found
    # The guide's rules read the cell as it is written, which a list of references cannot keep.
    ref = jaccard(gold.wattbot_refs, asked, refs, lambda text: (text,), ())
    return replace(found, ref=ref)


def _means(
    scoring: Scoring,
    gold: Gold,
    asked: Places,
    found: Judged,
    *,
    repeated: bool,
) -> Row:
    kept = found.judged
    if not kept.any():
        raise InputError(
            f"the rule '{scoring.rule}' judges none of the questions.",
            mend="Choose another --rule.",
        )
    blank = gold.unanswerable(scoring.rule)[asked] & kept
    correct, judged = int(found.value[kept].sum()), int(kept.sum())
    # One after the other, as the guide's scorer adds: its scores are met to the last bit.
    value, ref = correct / judged, float(np.cumsum(found.ref[kept])[-1]) / judged
    na = int(found.na[blank].sum()) / int(blank.sum()) if blank.any() else None
    level = scoring.confidence_level
    return {
        "score": overall(scoring.rule, scoring.weights, value=value, ref=ref, na=na),
        "score_interval": None if repeated else _interval(scoring, gold, asked, found),
        "value_accuracy": value,
        "value_accuracy_interval": wilson(correct, judged, level),
        "ref_overlap": ref,
        "na_recall": 1.0 if na is None and scoring.rule in WATTBOT else na,
        "na_recall_interval": wilson(int(found.na[blank].sum()), int(blank.sum()), level),
        "confidence_level": level,
        "judged": judged,
        "correct": correct,
    }


def _interval(
    scoring: Scoring, gold: Gold, asked: Places, found: Judged
) -> tuple[float, float] | None:
    """Bootstrap interval of the score; None where the questions are too many for it."""
    if len(gold.questions) > BOOTSTRAPPED:
        return None

    def column(cells: Any) -> Reals:
        full = np.zeros((len(gold.questions), 1))
        full[asked, 0] = cells
        return full

    verdicts = Verdicts(
        value=column(found.value),
        ref=column(found.ref),
        na=column(found.na),
        judged=column(found.judged),
        unanswerable=gold.unanswerable(scoring.rule).astype(np.float64),
    )
    clusters = clusters_of(gold.questions, scoring.cluster)
    low, high = standing_of(scoring, scoring.rule, ["it"], verdicts, clusters).ends[0]
    return low, high


def lines(found: Mapping[str, Any]) -> list[str]:
    """A score for people, line by line."""
    level = f"{100 * found['confidence_level']:g} %"

    def share(name: str) -> str:
        value, ends = found[name], found.get(f"{name}_interval")
        if value is None:
            return "none to judge"
        shown = f"{value:.4f}"
        return shown if ends is None else f"{shown}  ({level}: {ends[0]:.4f} to {ends[1]:.4f})"

    told = [
        f"score           {share('score')}",
        f"value accuracy  {share('value_accuracy')}",
        f"ref overlap     {share('ref_overlap')}",
        f"na recall       {share('na_recall')}",
    ]
    right, judged = found["correct"], found["judged"]
    told.append(
        f"{right} right of {judged} judged under {found['rule']}; {found['questions']} questions"
    )
    lenient = found["rule"] in WATTBOT
    for name, what in (
        ("missing", "without an answer, " + ("left out" if lenient else "counted as wrong")),
        ("surplus", "answered but in no question of the gold file, left out"),
        ("repeated", "answered more than once, each counted"),
    ):
        if found[name]:
            told.append(f"{len(found[name])} {what}: {named(found[name])}")
    return told
