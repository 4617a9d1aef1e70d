"""Intervals and tests against scipy, statsmodels' textbook values and plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from wattbench.scoring import intervals
from wattbench.scoring.resamples import Clusters, resamples
from wattbench.study.judgement import Weights


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (3, 10), (10, 10), (250, 300)])
def test_wilson_is_scipys(successes: int, trials: int) -> None:
    expected = stats.binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    assert intervals.wilson(successes, trials, 0.95) == pytest.approx(tuple(expected), abs=1e-12)


def test_wilson_without_trials_is_unknown() -> None:
    assert intervals.wilson(0, 0, 0.95) is None


def _verdicts(value: list[int], na: list[int], unanswerable: list[int]) -> intervals.Verdicts:
    column = np.array(value, dtype=float)[:, None]
    return intervals.Verdicts(
        value=column,
        ref=np.ones_like(column),
        na=np.array(na, dtype=float)[:, None],
        judged=np.ones_like(column),
        unanswerable=np.array(unanswerable, dtype=float),
    )


def test_the_bootstrap_recomputes_recall_in_every_resample() -> None:
    verdicts = _verdicts([1, 0, 1, 1], [1, 1, 0, 1], [0, 0, 1, 1])
    counts = resamples(Clusters(np.arange(4), 4), 50, 3)
    assert counts.sum(axis=1).tolist() == [4.0] * 50
    drawn = intervals.components("strict", Weights(), verdicts, counts)
    for row, score in zip(counts, drawn.score[:, 0], strict=True):
        chosen = np.repeat(np.arange(4), row.astype(int))
        value = verdicts.value[chosen, 0].mean()
        blanks = [verdicts.na[i, 0] for i in chosen if verdicts.unanswerable[i]]
        if blanks:
            expected = 0.75 * value + 0.15 + 0.1 * np.mean(blanks)
        else:
            expected = (0.75 * value + 0.15) / 0.9
        assert score == pytest.approx(expected)


def test_the_interval_covers_the_true_score_about_as_often_as_it_says() -> None:
    generator = np.random.default_rng(0)
    covered = 0
    for trial in range(200):
        value = generator.random(80) < 0.6
        verdicts = _verdicts(value.astype(int).tolist(), [1] * 80, [0] * 80)
        counts = resamples(Clusters(np.arange(80), 80), 300, trial)
        weights = Weights(value=1, ref=0, na=0)
        drawn = intervals.components("strict", weights, verdicts, counts)
        low, high = intervals.percentile_interval(drawn.score[:, 0], 0.95) or (1.0, 0.0)
        covered += low <= 0.6 <= high
    assert 0.88 <= covered / 200 <= 0.99


def test_the_accelerated_interval_is_scipys() -> None:
    generator = np.random.default_rng(5)
    data = generator.exponential(size=40)
    draws = np.array([generator.choice(data, 40).mean() for _ in range(4000)])
    low, high = intervals.accelerated_intervals(
        draws[:, None], np.array([data.mean()]), (data - data.mean())[:, None], 0.9
    )
    # Widening the percentiles for 40 values is undone by asking scipy for a wider level.
    wider = 2 * stats.norm.cdf(stats.t.ppf(0.95, 39) * np.sqrt(40 / 39)) - 1
    expected = stats.bootstrap(
        (data,), np.mean, confidence_level=wider, method="BCa", n_resamples=4000, rng=generator
    ).confidence_interval
    assert (low[0], high[0]) == pytest.approx((expected.low, expected.high), rel=0.02)


def test_influence_foretells_what_a_weight_does() -> None:
    verdicts = _verdicts([1, 0, 1, 1, 0], [1, 1, 0, 1, 1], [0, 0, 1, 1, 0])
    whole = intervals.components("strict", Weights(), verdicts)
    moved = intervals.influence("strict", Weights(), verdicts, whole)
    assert moved.sum() == pytest.approx(0)
    for question in range(5):
        weights = np.ones((1, 5))
        weights[0, question] += 1e-6
        changed = intervals.components("strict", Weights(), verdicts, weights)
        slope = (changed.score[0, 0] - whole.score[0, 0]) / 1e-6 * 5
        assert slope == pytest.approx(moved[question, 0], abs=1e-4)


def test_a_perfect_run_is_not_called_certain() -> None:
    share = intervals.wilson(4, 4, 0.95)
    assert share is not None
    found = intervals.guarded((1.0, 1.0), score=1.0, value=1.0, share=share, slope=0.75)
    assert found == pytest.approx((1 - 0.75 * (1 - share[0]), 1.0))


def test_clusters_that_move_as_one_widen_a_share() -> None:
    hits = np.repeat([1.0, 0.0, 1.0, 0.0], 5)[:, None]
    alone = intervals.design_effects(hits, np.ones((20, 1)), Clusters(np.arange(20), 20))
    assert alone.tolist() == [1.0]
    grouped = Clusters(np.repeat(np.arange(4), 5), 4)
    effect = intervals.design_effects(hits, np.ones((20, 1)), grouped)[0]
    # Four independent draws in place of twenty: five times the variance, and 4/3 for few.
    assert effect == pytest.approx(5 * 4 / 3)
