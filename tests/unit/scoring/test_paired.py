"""Differences of two runs, McNemar's tests, Holm, groups of ties."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from wattbench.scoring import paired
from wattbench.scoring.resamples import Clusters

PAIR = (np.array([0]), np.array([1]))


def alone(count: int) -> Clusters:
    return Clusters(np.arange(count), count)


def differences(values: np.ndarray, clusters: Clusters | None = None) -> paired.Differences:
    """Of two runs' per-question scores, of shape (questions, 2)."""
    means = values.mean(axis=0)
    return paired.differences(means, values - means, clusters or alone(len(values)), PAIR, 0.95)


def test_differences_of_proportions_are_bonetts_and_prices() -> None:
    only_first, only_second, both, neither = 12, 5, 20, 23
    first = [1.0] * only_first + [0.0] * only_second + [1.0] * both + [0.0] * neither
    second = [0.0] * only_first + [1.0] * only_second + [1.0] * both + [0.0] * neither
    found = differences(np.array([first, second]).T)
    n = 60
    middle = (only_first - only_second) / (n + 2)
    spread = (only_first + only_second + 2) / (n + 2) - middle**2
    half = stats.t.ppf(0.975, n - 1) * np.sqrt(spread / (n + 2))
    assert found.estimate[0] == pytest.approx(7 / 60)
    assert (found.low[0], found.high[0]) == pytest.approx((middle - half, middle + half))


def test_interval_and_p_say_the_same() -> None:
    generator = np.random.default_rng(2)
    for _ in range(200):
        values = (generator.random((30, 2)) < (0.8, 0.5)).astype(float)
        found = differences(values)
        assert (found.p[0] < 0.05) == (found.low[0] > 0 or found.high[0] < 0)


def test_runs_that_agree_everywhere_are_not_equal_beyond_doubt() -> None:
    found = differences(np.ones((40, 2)))
    assert found.estimate[0] == 0
    assert found.low[0] < -0.05 < 0.05 < found.high[0]
    assert found.p[0] == pytest.approx(1.0)


def test_a_handful_of_questions_proves_nothing() -> None:
    assert differences(np.array([[1.0, 0.0]] * 4)).p[0] > 0.1


def test_the_variance_is_the_paired_bootstraps() -> None:
    generator = np.random.default_rng(3)
    values = generator.random((400, 2)) ** (0.5, 1.0)
    found = differences(values)
    gaps = values[:, 0] - values[:, 1]
    drawn = [generator.choice(gaps, 400).mean() for _ in range(4000)]
    half = (found.high[0] - found.low[0]) / 2
    assert half == pytest.approx(1.966 * np.std(drawn), rel=0.06)


def test_clusters_of_equal_questions_count_as_one_each() -> None:
    generator = np.random.default_rng(4)
    each = (generator.random((25, 2)) < (0.7, 0.4)).astype(float)
    single = differences(each)
    doubled = differences(np.repeat(each, 4, axis=0), Clusters(np.repeat(np.arange(25), 4), 25))
    assert (doubled.low[0], doubled.high[0]) == pytest.approx((single.low[0], single.high[0]))


def test_unequal_clusters_tell_equal_runs_apart_no_more_often_than_said() -> None:
    generator = np.random.default_rng(10)
    first, second = np.triu_indices(6, 1)
    false = 0
    for _ in range(400):
        sizes = generator.geometric(0.1, 20)
        clusters = Clusters(np.repeat(np.arange(20), sizes), 20)
        hard = generator.normal(0, 1.5, (20, 1))[clusters.of]
        # What a run finds hard in a document it finds hard in all of its questions.
        hard = hard + generator.normal(0, 1.5, (20, 6))[clusters.of]
        values = (generator.random(hard.shape) < 1 / (1 + np.exp(hard - 1))).astype(float)
        means = values.mean(axis=0)
        found = paired.differences(means, values - means, clusters, (first, second), 0.95)
        false += bool((paired.holm(found.p) < 0.05).any())
    assert false / 400 <= 0.05


def test_mcnemar_is_the_exact_binomial_test() -> None:
    only_first = np.array([0, 1, 5, 12, 7])
    only_second = np.array([0, 6, 5, 3, 0])
    found = paired.mcnemar(only_first, only_second)
    expected = [1.0] + [
        stats.binomtest(int(a), int(a + b)).pvalue
        for a, b in zip(only_first[1:], only_second[1:], strict=True)
    ]
    assert found == pytest.approx(expected)


def test_clustered_mcnemar_of_single_questions_is_mcnemars() -> None:
    hits = np.array([[1.0, 0.0]] * 30 + [[0.0, 1.0]] * 12 + [[1.0, 1.0]] * 8)
    found = paired.mcnemar_clustered(hits, np.ones_like(hits), alone(50), *PAIR)[0]
    assert found == pytest.approx(2 * stats.norm.sf(18 / np.sqrt(42)))


@pytest.mark.parametrize("judged_share", [1.0, 0.7])
def test_clustered_mcnemar_over_several_runs_takes_each_pair_for_itself(
    judged_share: float,
) -> None:
    generator = np.random.default_rng(1)
    judged = (generator.random((60, 5)) < judged_share).astype(float)
    hits = (generator.random((60, 5)) < 0.6) * judged
    numbers = np.repeat(np.arange(12), 5)
    first, second = np.triu_indices(5, 1)
    together = paired.mcnemar_clustered(hits, judged, Clusters(numbers, 12), first, second)
    for p, one, other in zip(together, first, second, strict=True):
        # An answer without a verdict is no wrong one: the question counts for neither.
        both = judged[:, one] * judged[:, other] > 0
        lead = np.bincount(numbers[both], (hits[both, one] - hits[both, other]), minlength=12)
        expected = 2 * stats.norm.sf(abs(lead.sum()) / np.sqrt((lead**2).sum()))
        assert p == pytest.approx(max(expected, 2.0 ** (1 - np.count_nonzero(lead))))


def test_holm_by_hand() -> None:
    assert paired.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert paired.holm([]).size == 0


def test_tie_groups_and_ranks() -> None:
    scores = np.array([0.5, 0.9, 0.8, 0.3])
    apart = np.zeros((4, 4), dtype=bool)
    for one, other in ((1, 0), (1, 3), (2, 3)):
        apart[one, other] = apart[other, one] = True
    found = paired.ranks(scores, apart)
    assert found.group.tolist() == [2, 1, 1, 2]
    assert found.low.tolist() == [2, 1, 1, 3]
    assert found.high.tolist() == [4, 2, 3, 4]


def test_a_run_without_a_score_stands_behind_all_others() -> None:
    scores = np.array([0.1, np.nan, 0.9, np.nan])
    found = paired.ranks(scores, np.zeros((4, 4), dtype=bool))
    assert found.group.tolist() == [1, 2, 1, 2]
    assert found.low.tolist() == [1, 3, 1, 3]
    assert found.high.tolist() == [2, 4, 2, 4]


def test_every_run_has_a_group_whatever_is_told_apart() -> None:
    generator = np.random.default_rng(0)
    for _, size in itertools.product(range(50), (1, 2, 7)):
        apart = np.triu(generator.random((size, size)) < 0.5, 1)
        found = paired.ranks(generator.random(size), apart | apart.T)
        assert set(found.group) == set(range(1, found.group.max() + 1))
        assert (found.low <= found.high).all()
