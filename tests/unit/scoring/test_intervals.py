"""Intervals and tests against scipy, statsmodels' textbook values and plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

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


@pytest.mark.parametrize(
    "data",
    [
        np.random.default_rng(5).exponential(size=40),
        np.random.default_rng(6).choice([0.0, 0.25, 0.75, 1.0], 32, p=[0.2, 0.1, 0.1, 0.6]),
        (np.random.default_rng(7).random(15) < 0.8).astype(float),
    ],
    ids=["skewed", "scores", "few truths"],
)
def test_the_accelerated_interval_is_scipys(data: np.ndarray) -> None:
    count = len(data)
    # Widening the percentiles for few values is done to scipy's by asking for a wider level.
    few = stats.t.ppf(0.95, count - 1) * np.sqrt(count / (count - 1))
    expected = stats.bootstrap(
        (data,), np.mean, confidence_level=2 * stats.norm.cdf(few) - 1, method="BCa",
        n_resamples=2000, rng=np.random.default_rng(8),
    )  # fmt: skip
    low, high = intervals.accelerated_intervals(
        expected.bootstrap_distribution[:, None],
        np.array([data.mean()]),
        (data - data.mean())[:, None],
        0.9,
    )
    assert (low[0], high[0]) == pytest.approx(tuple(expected.confidence_interval), abs=1e-9)


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
    value, unknown = intervals.Part(1.0, share, 0.75), intervals.Part(np.nan, None, 0.1)
    found = intervals.guarded((1.0, 1.0), 1.0, value, unknown)
    assert found == pytest.approx((1 - 0.75 * (1 - share[0]), 1.0))


def test_clusters_that_move_as_one_widen_a_share() -> None:
    hits = np.repeat([1.0, 0.0, 1.0, 0.0], 5)[:, None]
    alone = intervals.design_effects(hits, np.ones((20, 1)), Clusters(np.arange(20), 20), 0.95)
    assert alone.tolist() == [1.0]
    grouped = Clusters(np.repeat(np.arange(4), 5), 4)
    effect = intervals.design_effects(hits, np.ones((20, 1)), grouped, 0.95)[0]
    # Four independent draws in place of twenty: five times the variance, and 4/3 for few; and
    # from four a variance is hardly known.
    few_known = (stats.t.ppf(0.975, 3) / stats.norm.ppf(0.975)) ** 2
    assert effect == pytest.approx(5 * 4 / 3 * few_known)


def test_one_cluster_says_next_to_nothing() -> None:
    whole = Clusters(np.zeros(20, dtype=np.intp), 1)
    hits = np.repeat([1.0, 0.0], [16, 4])[:, None]
    effect = intervals.design_effects(hits, np.ones((20, 1)), whole, 0.95)[0]
    low, high = intervals.wilson(16, 20, 0.95, effect) or (1.0, 0.0)
    assert low < 0.05
    assert high > 0.95


@pytest.mark.parametrize(("clusters", "correlation"), [(3, 1.0), (5, 2.0), (10, 1.0)])
def test_a_share_of_few_clusters_is_covered(clusters: int, correlation: float) -> None:
    generator = np.random.default_rng(clusters)
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    truth = special.expit(1 - np.hypot(1.0, correlation) * nodes) @ weights / weights.sum()
    covered = 0
    for _ in range(400):
        of = np.repeat(np.arange(clusters), 1 + generator.geometric(0.25, clusters))
        hard = generator.normal(0, 1.0, len(of)) + generator.normal(0, correlation, clusters)[of]
        hits = (generator.random(len(of)) < special.expit(1 - hard)).astype(float)[:, None]
        found = Clusters(of, clusters)
        effect = intervals.design_effects(hits, np.ones_like(hits), found, 0.95)[0]
        low, high = intervals.wilson(hits.sum(), len(of), 0.95, effect) or (1.0, 0.0)
        covered += low <= truth <= high
    assert covered / 400 > 0.93
