"""Where the runs on one question set stand: scores, intervals, the top group, every pair."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from wattbench.scoring.intervals import (
    Components,
    Reals,
    Verdicts,
    bootstrap_p,
    components,
    difference_intervals,
    holm,
    mcnemar,
    percentile_interval,
    resamples,
    score_interval,
    wilson,
)
from wattbench.scoring.rules import unanswerable, value_slope
from wattbench.study.judgement import RuleName, Scoring
from wattbench.study.questions import Question
from wattbench.tables.verdicts import COMPARISONS

Row = dict[str, Any]
THREADS = 2


@dataclass(frozen=True)
class Standing:
    """The runs on one question set under one rule.

    Args:
        rule: Name of the rule.
        runs: Names of the runs, in the order of the columns below.
        verdicts: Judgements, of shape (questions, runs).
        whole: Components over all questions, of shape (1, runs).
        drawn: Components of every resample, of shape (resamples, runs).
        counts: The resamples, of shape (resamples, questions).
    """

    rule: RuleName
    runs: tuple[str, ...]
    verdicts: Verdicts
    whole: Components
    drawn: Components
    counts: Reals


def standing(
    scoring: Scoring,
    rule: RuleName,
    gold: Sequence[Question],
    runs: Sequence[str],
    scores: pa.Table,
) -> Standing:
    """Scores of all runs on one question set, with their shared resamples.

    Args:
        scoring: The study's weights and interval settings.
        rule: Name of the rule.
        gold: The questions.
        runs: Names of the runs, at least one.
        scores: Rows of the table `scores` of these runs on this question set.
    """
    verdicts = verdict_arrays(rule, gold, runs, scores)
    counts = resamples(len(gold), scoring.bootstrap, scoring.seed)
    return Standing(
        rule=rule,
        runs=tuple(runs),
        verdicts=verdicts,
        whole=components(rule, scoring.weights, verdicts),
        drawn=components(rule, scoring.weights, verdicts, counts),
        counts=counts,
    )


def verdict_arrays(
    rule: RuleName, gold: Sequence[Question], runs: Sequence[str], scores: pa.Table
) -> Verdicts:
    """Judgements under one rule as arrays of shape (questions, runs)."""
    mine = scores.filter(pc.equal(scores["rule"], rule))
    identifiers = pa.array([question.id for question in gold], pa.string())
    at_question = pc.index_in(mine["question_id"], identifiers)
    at_run = pc.index_in(mine["run"], pa.array(list(runs), pa.string()))
    known = pc.and_(pc.is_valid(at_question), pc.is_valid(at_run))
    mine = mine.filter(known)
    rows = at_question.filter(known).to_numpy().astype(np.intp)
    columns = at_run.filter(known).to_numpy().astype(np.intp)
    value, ref, na, judged = (np.zeros((len(gold), len(runs))) for _ in range(4))
    value[rows, columns] = mine["value_correct"].cast(pa.uint8()).to_numpy()
    ref[rows, columns] = mine["ref_overlap"].to_numpy()
    na[rows, columns] = mine["na_correct"].cast(pa.uint8()).to_numpy()
    judged[rows, columns] = 1.0
    blank = np.array([unanswerable(rule, question) for question in gold], dtype=np.float64)
    return Verdicts(value=value, ref=ref, na=na, judged=judged, unanswerable=blank)


def score_columns(found: Standing, scoring: Scoring, run: int) -> Row:
    """A run's scores with their intervals, as columns of the table `runs`.

    Args:
        found: The runs' standing.
        scoring: The study's settings.
        run: Place of the run.
    """
    level = scoring.confidence_level
    judged = found.verdicts.judged[:, run] > 0
    blanks = judged & (found.verdicts.unanswerable > 0)
    correct = int(found.verdicts.value[judged, run].sum())
    na = wilson(int(found.verdicts.na[blanks, run].sum()), int(blanks.sum()), level)
    value = wilson(correct, int(judged.sum()), level)
    score = score_interval(
        found.drawn.score[:, run],
        level,
        score=float(found.whole.score[0, run]),
        value=float(found.whole.value[0, run]),
        share=value,
        slope=value_slope(found.rule, scoring.weights, unanswerable=bool(blanks.any())),
    )
    ref = percentile_interval(found.drawn.ref[:, run], level)
    row = {
        "correct": correct,
        "rule": found.rule,
        "score": float(found.whole.score[0, run]),
        "value_accuracy": float(found.whole.value[0, run]),
        "ref_overlap": float(found.whole.ref[0, run]),
        "na_recall": float(found.whole.na[0, run]) if na is not None else None,
    }
    intervals = {"score": score, "value_accuracy": value, "ref_overlap": ref, "na_recall": na}
    for name, ends in intervals.items():
        row[f"{name}_low"], row[f"{name}_high"] = ends if ends is not None else (None, None)
    return row


def top_group(found: Standing, scoring: Scoring) -> list[bool]:
    """Runs whose score the data cannot tell from the best one.

    Each run's paired difference to the best run is tested (see `bootstrap_p`); the p values are
    adjusted by Holm over these comparisons, and a run is left out where its own is below
    1 - confidence_level.
    """
    scores = found.whole.score[0]
    best = int(np.argmax(scores))
    weighted = found.verdicts.weighted(scoring.weights)
    differing = (np.abs(weighted - weighted[:, [best]]) > 1e-12).sum(axis=0)
    drawn = found.drawn.score
    spread = np.nanstd(drawn - drawn[:, [best]], axis=0, ddof=1)
    p = bootstrap_p(scores - scores[best], spread, differing.astype(np.float64))
    others = np.arange(len(scores)) != best
    adjusted = np.ones(len(scores))
    adjusted[others] = holm(p[others])
    return [bool(value) for value in adjusted >= 1 - scoring.confidence_level]


def comparisons(found: Standing, scoring: Scoring, environment: str, questions: str) -> pa.Table:
    """Every pair of runs, as rows of the table `comparisons`.

    Args:
        found: The runs' standing.
        scoring: The study's settings.
        environment: The machine or cluster.
        questions: Name of the question set.
    """
    runs = len(found.runs)
    first, second = np.triu_indices(runs, k=1)
    judged, value = found.verdicts.judged, found.verdicts.value * found.verdicts.judged
    paired = (judged.T @ judged)[first, second]
    only = value.T @ (judged - value)
    only_first = only[first, second].astype(np.int64)
    only_second = only.T[first, second].astype(np.int64)
    scores = found.whole.score[0]
    low, high = _differences(found, scoring.confidence_level)
    p = mcnemar(only_first, only_second)
    names = pa.array(found.runs, pa.string())
    rows = len(first)
    columns: dict[str, Any] = {
        "environment": _repeated(environment, rows),
        "questions": _repeated(questions, rows),
        "rule": _repeated(found.rule, rows),
        "first": names.take(pa.array(first)),
        "second": names.take(pa.array(second)),
        "paired": pa.array(paired.astype(np.int64)),
        "only_first": pa.array(only_first),
        "only_second": pa.array(only_second),
        "difference": pa.array(scores[first] - scores[second]),
        "difference_low": pa.array(low),
        "difference_high": pa.array(high),
        "p": pa.array(p),
        "p_adjusted": pa.array(holm(p)),
    }
    ordered = [columns[name] for name in COMPARISONS.names()]
    return pa.Table.from_arrays(ordered, schema=COMPARISONS.schema)


def _repeated(text: str, times: int) -> pa.Array:
    return pa.repeat(pa.scalar(text, pa.string()), times)


def _differences(found: Standing, level: float) -> tuple[Reals, Reals]:
    # Half the bytes sort in half the time, and seven digits are more than resampling gives.
    draws: NDArray[np.float32] = np.ascontiguousarray(
        np.nan_to_num(found.drawn.score).T, dtype=np.float32
    )
    with ThreadPoolExecutor(THREADS) as pool:
        parts = list(
            pool.map(lambda run: difference_intervals(draws, run, level), range(len(draws) - 1))
        )
    if not parts:
        return np.zeros(0), np.zeros(0)
    return np.concatenate([low for low, _ in parts]), np.concatenate([high for _, high in parts])
