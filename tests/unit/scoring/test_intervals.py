"""Intervals and tests against scipy, statsmodels' textbook values and plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from wattbench.scoring import intervals
from wattbench.study.judgement import Weights


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (3, 10), (10, 10), (250, 300)])
def test_wilson_is_scipys(successes: int, trials: int) -> None:
    expected = stats.binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    assert intervals.wilson(successes, trials, 0.95) == pytest.approx(tuple(expected), abs=1e-12)


def test_wilson_without_trials_is_unknown() -> None:
    assert intervals.wilson(0, 0, 0.95) is None


def test_mcnemar_is_the_exact_binomial_test() -> None:
    only_first = np.array([0, 1, 5, 12, 7])
    only_second = np.array([0, 6, 5, 3, 0])
    found = intervals.mcnemar(only_first, only_second)
    expected = [1.0] + [
        stats.binomtest(int(a), int(a + b)).pvalue
        for a, b in zip(only_first[1:], only_second[1:], strict=True)
    ]
    assert found == pytest.approx(expected)


def test_holm_by_hand() -> None:
    assert intervals.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert intervals.holm([]).size == 0


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
    counts = intervals.resamples(4, 50, seed=3)
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


def test_resamples_are_seeded() -> None:
    assert (intervals.resamples(20, 9, 1) == intervals.resamples(20, 9, 1)).all()
    assert (intervals.resamples(20, 9, 1) != intervals.resamples(20, 9, 2)).any()


def test_a_handful_of_questions_proves_nothing() -> None:
    p = intervals.bootstrap_p(np.array([1.0]), np.array([0.0]), np.array([4.0]))
    assert p[0] == pytest.approx(0.125)
    many = intervals.bootstrap_p(np.array([0.2]), np.array([0.02]), np.array([60.0]))
    assert many[0] < 1e-12


def test_the_interval_covers_the_true_score_about_as_often_as_it_says() -> None:
    generator = np.random.default_rng(0)
    covered = 0
    for trial in range(200):
        value = generator.random(80) < 0.6
        verdicts = _verdicts(value.astype(int).tolist(), [1] * 80, [0] * 80)
        counts = intervals.resamples(80, 300, seed=trial)
        weights = Weights(value=1, ref=0, na=0)
        drawn = intervals.components("strict", weights, verdicts, counts)
        low, high = intervals.percentile_interval(drawn.score[:, 0], 0.95) or (1.0, 0.0)
        covered += low <= 0.6 <= high
    assert 0.88 <= covered / 200 <= 0.99


def test_difference_intervals_are_outward_percentiles() -> None:
    draws = np.array([np.linspace(0, 1, 101), np.zeros(101)])
    low, high = intervals.difference_intervals(draws, 0, 0.9)
    assert (low[0], high[0]) == pytest.approx((0.05, 0.95))


def test_a_perfect_run_is_not_called_certain() -> None:
    share = intervals.wilson(4, 4, 0.95)
    assert share is not None
    found = intervals.score_interval(
        np.ones(100), 0.95, score=1.0, value=1.0, share=share, slope=0.75
    )
    assert found == pytest.approx((1 - 0.75 * (1 - share[0]), 1.0))
