"""The runs on one question set as columns of `runs`, and what the data tell apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wattbench.errors import InputError
from wattbench.scoring.judging import verdict_arrays
from wattbench.scoring.paired import Differences, Ranks, differences, holm, ranks
from wattbench.scoring.resamples import Reals, clusters_of
from wattbench.scoring.standing import Standing, standing_of
from wattbench.study.judgement import RuleName, Scoring
from wattbench.study.questions import Question

Row = dict[str, Any]


def standing(
    scoring: Scoring,
    rule: RuleName,
    gold: Sequence[Question],
    runs: Sequence[str],
    scores: pa.Table,
) -> Standing:
    """Judge where the runs stand under one rule.

    Args:
        scoring: The study's weights and interval settings.
        rule: Name of the rule.
        gold: The questions.
        runs: Names of the runs, at least one.
        scores: Rows of the table `scores` of these runs on this question set.
    """
    verdicts = verdict_arrays(rule, gold, runs, scores)
    return standing_of(scoring, rule, runs, verdicts, clusters_of(gold, scoring.cluster))


def score_columns(found: Standing, run: int) -> Row:
    """A run's scores with their intervals, as columns of the table `runs`.

    Args:
        found: The runs' standing.
        run: Place of the run.

    Raises:
        InputError: Nothing of the run was judged, so it has no score.
    """
    judged = found.verdicts.judged[:, run]
    if not judged.any():
        raise InputError(
            f"None of its answers was judged by '{found.rule}', so it has no score.",
            where=f"run '{found.runs[run]}'",
            mend="Let the judge try again (scoring.judge.attempts), choose another scoring.rule, "
            "or take the run out of the study.",
        )
    na = found.na_shares[run]
    row = {
        "correct": int((found.verdicts.value[:, run] * judged).sum()),
        "unjudged": int(judged.size - judged.sum()),
        "rule": found.rule,
        "score": float(found.whole.score[0, run]),
        "value_accuracy": float(found.whole.value[0, run]),
        "ref_overlap": float(found.whole.ref[0, run]),
        "na_recall": float(found.whole.na[0, run]) if na is not None else None,
    }
    intervals = {
        "score": found.ends[run],
        "value_accuracy": found.shares[run],
        "ref_overlap": found.ref_ends[run],
        "na_recall": na,
    }
    for name, ends in intervals.items():
        row[f"{name}_low"], row[f"{name}_high"] = ends if ends is not None else (None, None)
    return row


def set_columns(found: Standing, pairs: Pairs) -> list[Row]:
    """Columns of every run that take the others into account.

    Args:
        found: The runs' standing.
        pairs: What the data tell apart.
    """
    hits = found.verdicts.value * found.verdicts.judged
    alone = hits * (hits.sum(axis=1, keepdims=True) == 1)
    place = pairs.ranks
    return [
        {
            "unique_wins": int(alone[:, run].sum()),
            "tie_group": int(place.group[run]),
            "rank_low": int(place.low[run]),
            "rank_high": int(place.high[run]),
            "top_group": bool(place.group[run] == 1),
        }
        for run in range(len(found.runs))
    ]


@dataclass(frozen=True)
class Pairs:
    """Every two runs, and what the data tell apart.

    Args:
        first: Place of each pair's first run, of shape (pairs,).
        second: Place of its second, always larger.
        differences: Differences of score, first less second.
        p_adjusted: p of the differences, adjusted over all pairs.
        apart: Whether two runs are told apart, of shape (runs, runs).
        ranks: Tie groups and intervals of ranks.
    """

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    differences: Differences
    p_adjusted: Reals
    apart: NDArray[np.bool_]
    ranks: Ranks


def pairs_of(found: Standing, scoring: Scoring) -> Pairs:
    """Compare every two runs, adjusted for their number by Holm.

    All pairs are one family, also where runs are only set against the best: which run is best
    is itself read off the data.

    Args:
        found: The runs' standing.
        scoring: The study's settings.
    """
    count = len(found.runs)
    first, second = np.triu_indices(count, k=1)
    scores = found.whole.score[0]
    level = scoring.confidence_level
    found_differences = differences(
        scores, found.influence, found.clusters, (first, second), level, reach=found.reach
    )
    adjusted = holm(found_differences.p)
    apart = np.zeros((count, count), dtype=np.bool_)
    apart[first, second] = adjusted < 1 - level
    apart |= apart.T
    return Pairs(first, second, found_differences, adjusted, apart, ranks(scores, apart))
