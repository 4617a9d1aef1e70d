"""Where runs stand under one rule: components, resamples, intervals of score and accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wattbench.scoring.intervals import (
    Components,
    Interval,
    Part,
    Verdicts,
    accelerated_intervals,
    components,
    design_effects,
    guarded,
    influence,
    influence_on_mean,
    reach,
    wilson,
)
from wattbench.scoring.resamples import Clusters, Reals, resamples
from wattbench.scoring.rules import slopes
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
        reach: How much of a score hangs on each question, of shape (questions,).
        ends: Interval of each run's score.
        shares: Wilson's interval of each run's value accuracy; None where nothing was judged.
        ref_ends: Interval of each run's reference overlap; None likewise.
        na_shares: Wilson's interval of each run's recall of abstention; None without unanswerable
            questions.
    """

    rule: RuleName
    runs: tuple[str, ...]
    verdicts: Verdicts
    whole: Components
    drawn: Components
    counts: Reals
    clusters: Clusters
    influence: Reals
    reach: Reals
    ends: tuple[Interval, ...]
    shares: tuple[Interval | None, ...]
    ref_ends: tuple[Interval | None, ...]
    na_shares: tuple[Interval | None, ...]


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
    blank = verdicts.judged * verdicts.unanswerable[:, None]
    shares = _shares(hits, verdicts.judged, clusters, level)
    na_shares = _shares(verdicts.na * blank, blank, clusters, level)
    ref_ends = _overlaps(verdicts, whole.ref[0], drawn.ref, clusters, level)
    lows, highs = accelerated_intervals(drawn.score, whole.score[0], clusters.sums(moved), level)
    # Of a set without such questions, or with them only, the other case may not be defined.
    asked = [one is not None for one in na_shares]
    adds = {one: slopes(rule, scoring.weights, unanswerable=one) for one in set(asked)}
    ends = []
    for run, given in enumerate(asked):
        value, ref, na = adds[given]
        ends.append(
            guarded(
                (float(lows[run]), float(highs[run])),
                float(whole.score[0, run]),
                Part(float(whole.value[0, run]), shares[run], value),
                Part(float(whole.ref[0, run]), ref_ends[run], ref),
                Part(float(whole.na[0, run]), na_shares[run], na),
            )
        )
    return Standing(
        rule=rule,
        runs=tuple(runs),
        verdicts=verdicts,
        whole=whole,
        drawn=drawn,
        counts=counts,
        clusters=clusters,
        influence=moved,
        reach=reach(rule, scoring.weights, verdicts),
        ends=tuple(ends),
        shares=shares,
        ref_ends=ref_ends,
        na_shares=na_shares,
    )


def _shares(
    hits: Reals, counted: Reals, clusters: Clusters, level: float
) -> tuple[Interval | None, ...]:
    """Wilson's interval of each run's share of hits; None where nothing counts."""
    effects = design_effects(hits, counted, clusters, level)
    right, trials = hits.sum(axis=0), counted.sum(axis=0).astype(int)
    return tuple(
        wilson(float(k), int(n), level, float(effect))
        for k, n, effect in zip(right, trials, effects, strict=True)
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
    shares = _shares(full, judged, clusters, level)
    moved = clusters.sums(influence_on_mean(verdicts.ref, mean, judged))
    lows, highs = accelerated_intervals(np.nan_to_num(drawn), np.nan_to_num(mean), moved, level)
    ends: list[Interval | None] = []
    for run, count in enumerate(judged.sum(axis=0).tolist()):
        share = shares[run]
        if share is None:
            ends.append(None)
            continue
        rest = float(partly[:, run].sum())
        # Of one more that lacks something, it may lack everything.
        slope = 1 - rest / (count - right[run] + 1)
        ends.append(
            guarded(
                (float(lows[run]), float(highs[run])),
                float(mean[run]),
                Part(float(right[run]) / count, share, slope),
            )
        )
    return tuple(ends)
