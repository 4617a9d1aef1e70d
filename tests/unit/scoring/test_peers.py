"""Intervals and tests are those of well-kept libraries."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics
from statsmodels.stats import contingency_tables
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from wattbench.scoring import calibration, intervals, paired


@pytest.mark.parametrize(("right", "asked"), [(0, 1), (1, 1), (0, 40), (40, 40), (7, 9), (1, 300)])
def test_wilson(right: int, asked: int) -> None:
    for level in (0.8, 0.95, 0.99):
        expected = proportion_confint(right, asked, 1 - level, method="wilson")
        assert intervals.wilson(right, asked, level) == pytest.approx(expected, abs=1e-12)


def test_mcnemar() -> None:
    generator = np.random.default_rng(0)
    first, second = generator.integers(0, 30, (2, 40))
    first[:3], second[:3] = (0, 0, 12), (0, 9, 0)
    found = paired.mcnemar(first, second)
    for one, other, p in zip(first.tolist(), second.tolist(), found, strict=True):
        # Of no discordant question it makes 0 / 0.
        expected = (
            contingency_tables.mcnemar([[5, one], [other, 7]], exact=True).pvalue
            if one + other
            else 1.0
        )
        assert p == pytest.approx(expected)


@pytest.mark.parametrize("count", [1, 2, 15, 500])
def test_holm(count: int) -> None:
    p = np.random.default_rng(count).random(count) ** 3
    p[: count // 3] = p[0]
    assert paired.holm(p) == pytest.approx(multipletests(p, method="holm")[1])


def test_area_brier_and_curve() -> None:
    generator = np.random.default_rng(1)
    for _ in range(20):
        said = generator.integers(0, 6, 50) / 5
        came = (generator.random(50) < said).astype(int)
        came[:2] = 0, 1
        assert calibration.roc(said, came).area == pytest.approx(metrics.roc_auc_score(came, said))
        assert calibration.brier_score(said, came) == pytest.approx(
            metrics.brier_score_loss(came, said)
        )


def test_holm_is_the_closed_test_of_bonferroni() -> None:
    p = np.array([0.04, 0.001, 0.02, 0.02, 0.6])
    places = range(len(p))
    subsets = [[place for place in places if 1 << place & code] for code in range(1, 1 << len(p))]
    expected = [
        max(min(1.0, len(own) * p[own].min()) for own in subsets if place in own)
        for place in places
    ]
    assert paired.holm(p) == pytest.approx(expected)


def test_the_area_is_that_of_mann_and_whitney() -> None:
    generator = np.random.default_rng(2)
    for _ in range(20):
        said, came = generator.integers(0, 4, 30) / 4, generator.integers(0, 2, 30)
        came[:2] = 0, 1
        u = stats.mannwhitneyu(said[came == 1], said[came == 0]).statistic
        assert calibration.roc(said, came).area == pytest.approx(
            u / (came.sum() * (1 - came).sum())
        )
