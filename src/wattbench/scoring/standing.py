"""Where runs stand under one rule: components, resamples, intervals of score and accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wattbench.scoring.intervals import (
    Components,
    Interval,
    Verdicts,
    accelerated_intervals,
    components,
    design_effects,
    guarded,
    influence,
    influence_on_mean,
    wilson,
)
from wattbench.scoring.resamples import Clusters, Reals, resamples
from wattbench.scoring.rules import value_slope
from wattbench.study.judgement import RuleName, Scoring


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
        clusters: Which questions are drawn together.
        influence: Influence of the questions on the scores, of shape (questions, runs).
        ends: Interval of each run's score.
        shares: Wilson's interval of each run's value accuracy; None where nothing was judged.
        ref_ends: Interval of each run's reference overlap; None likewise.
    """

    rule: RuleName
    runs: tuple[str, ...]
    verdicts: Verdicts
    whole: Components
    drawn: Components
    counts: Reals
    clusters: Clusters
    influence: Reals
    ends: tuple[Interval, ...]
    shares: tuple[Interval | None, ...]
    ref_ends: tuple[Interval | None, ...]


def standing_of(
    scoring: Scoring,
    rule: RuleName,
    runs: Sequence[str],
    verdicts: Verdicts,
    clusters: Clusters,
) -> Standing:
    """Judge where runs stand under one rule.

    Args:
        scoring: The study's weights and interval settings.
        rule: Name of the rule.
        runs: Names of the runs, at least one.
        verdicts: Judgements of these runs.
        clusters: Which questions are drawn together.
    """
    counts = resamples(clusters, scoring.bootstrap, scoring.seed)
    whole = components(rule, scoring.weights, verdicts)
    drawn = components(rule, scoring.weights, verdicts, counts)
    moved = influence(rule, scoring.weights, verdicts, whole)
    level = scoring.confidence_level
    hits = verdicts.value * verdicts.judged
    effects = design_effects(hits, verdicts.judged, clusters, level)
    right, judged = hits.sum(axis=0), verdicts.judged.sum(axis=0).astype(int)
    shares = [
        wilson(float(k), int(n), level, float(effect))
        for k, n, effect in zip(right, judged, effects, strict=True)
    ]
    lows, highs = accelerated_intervals(drawn.score, whole.score[0], clusters.sums(moved), level)
    blanks = (verdicts.judged * verdicts.unanswerable[:, None]).sum(axis=0) > 0
    slopes = [value_slope(rule, scoring.weights, unanswerable=given) for given in (False, True)]
    ends = [
        guarded(
            (float(lows[run]), float(highs[run])),
            score=float(whole.score[0, run]),
            value=float(whole.value[0, run]),
            share=shares[run],
            slope=slopes[int(blanks[run])],
        )
        for run in range(len(runs))
    ]
    return Standing(
        rule=rule,
        runs=tuple(runs),
        verdicts=verdicts,
        whole=whole,
        drawn=drawn,
        counts=counts,
        clusters=clusters,
        influence=moved,
        ends=tuple(ends),
        shares=tuple(shares),
        ref_ends=_overlaps(verdicts, whole.ref[0], drawn.ref, clusters, level),
    )


def _overlaps(
    verdicts: Verdicts, mean: Reals, drawn: Reals, clusters: Clusters, level: float
) -> tuple[Interval | None, ...]:
    """Intervals of the reference overlap.

    BCa as the score's, and like it never narrower than what hangs on it: here the share of
    questions whose references are all right, and what the others' lack.
    """
    judged = verdicts.judged
    full = (verdicts.ref == 1) * judged
    right, partly = full.sum(axis=0), verdicts.ref * (judged - full)
    effects = design_effects(full, judged, clusters, level)
    moved = clusters.sums(influence_on_mean(verdicts.ref, mean, judged))
    lows, highs = accelerated_intervals(np.nan_to_num(drawn), np.nan_to_num(mean), moved, level)
    ends: list[Interval | None] = []
    for run, count in enumerate(judged.sum(axis=0).tolist()):
        share = wilson(float(right[run]), int(count), level, float(effects[run]))
        if share is None:
            ends.append(None)
            continue
        rest = float(partly[:, run].sum())
        ends.append(
            guarded(
                (float(lows[run]), float(highs[run])),
                score=float(mean[run]),
                value=float(right[run]) / count,
                share=share,
                # Of one more that lacks something, it may lack everything.
                slope=1 - rest / (count - right[run] + 1),
            )
        )
    return tuple(ends)


def na_share(found: Standing, scoring: Scoring, run: int) -> Interval | None:
    """Wilson's interval of a run's recall of abstention; None without unanswerable questions.

    Args:
        found: The runs' standing.
        scoring: The study's settings.
        run: Place of the run.
    """
    blanks = found.verdicts.judged[:, [run]] * found.verdicts.unanswerable[:, None]
    left = found.verdicts.na[:, [run]] * blanks
    level = scoring.confidence_level
    effect = float(design_effects(left, blanks, found.clusters, level)[0])
    return wilson(float(left.sum()), int(blanks.sum()), level, effect)
