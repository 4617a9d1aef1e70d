"""Ratios of energies and dominance of every two runs, against the bootstrap and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from wattbench.analyses.joint import Joint, Metered, joint
from wattbench.analyses.joint_pairs import Against, against, half_width, orthants
from wattbench.analyses.standing import pairs_of
from wattbench.scoring.intervals import Verdicts
from wattbench.scoring.resamples import Clusters
from wattbench.scoring.standing import standing_of
from wattbench.study.judgement import Scoring

SETTINGS = Scoring(bootstrap=4000)
QUESTIONS = 60


def compared(
    value: np.ndarray, meters: list[Metered | None], clusters: Clusters | None = None
) -> tuple[Joint, Against]:
    """Runs with these right values and meters, and each pair of them."""
    ones, count = np.ones_like(value), len(value)
    names = [f"m{n}" for n in range(value.shape[1])]
    verdicts = Verdicts(value, value, ones, ones, np.zeros(count))
    clusters = clusters or Clusters(np.arange(count), count)
    found = standing_of(SETTINGS, "strict", names, verdicts, clusters)
    pairs = pairs_of(found, SETTINGS)
    draws = joint(found, meters, {}, SETTINGS)
    return draws, against(draws, pairs.differences, pairs.first, pairs.second, 0.95)


def answers(*shares: float, seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).random((QUESTIONS, len(shares))) < shares).astype(float)


def parts(seed: int, count: int = QUESTIONS) -> np.ndarray:
    drawn = np.random.default_rng(seed).lognormal(0, 0.5, count)
    return drawn / drawn.sum()


def meter(joules: float, *, shared: float = 0.05, own: float = 0.0, name: str = "gpu") -> Metered:
    return Metered(joules, shared, own, name, parts(int(joules)))


def test_orthants_are_scipys() -> None:
    generator = np.random.default_rng(0)
    points = np.vstack(
        [generator.normal(0, 1.5, (60, 2)), [[0, 0], [0, 1], [-1, 0], [8, -8], [7, 0.3]]]
    )
    correlation = np.concatenate([generator.uniform(-0.99, 0.99, 61), [0.0, 0.5, 0.0, 0.9]])
    below, above = orthants(points[:, 0], points[:, 1], correlation)
    for point, rho, low, high in zip(points, correlation, below, above, strict=True):
        normal = stats.multivariate_normal(cov=[[1, rho], [rho, 1]], seed=0)
        assert low == pytest.approx(normal.cdf(point), abs=1e-5)
        assert high == pytest.approx(normal.cdf(-point), abs=1e-5)


def test_runs_on_one_gpu_differ_surely_though_its_calibration_is_unsure() -> None:
    value = answers(0.5, 0.5)
    even = np.full(QUESTIONS, 1 / QUESTIONS)
    one, other = (Metered(joules, 0.05, 0.0, "gpu", even) for joules in (100.0, 104.0))
    _, same = compared(value, [one, other])
    assert (same.low[0], same.high[0]) == pytest.approx((100 / 104, 100 / 104))
    elsewhere = Metered(104.0, 0.05, 0.0, "another", even)
    _, apart = compared(value, [one, elsewhere])
    assert apart.low[0] < 0.9
    assert apart.high[0] > 1.05


@pytest.mark.parametrize("own", [0.01, 0.4])
def test_the_ratio_is_the_paired_bootstraps(own: float) -> None:
    meters = [meter(100.0, own=own), meter(130.0, own=own, name="another")]
    draws, found = compared(answers(0.6, 0.7), meters)
    ratios = np.log(draws.energy[:, 0] / draws.energy[:, 1])
    half = np.log(found.high[0] / found.ratio[0])
    assert half == pytest.approx(np.log(found.ratio[0] / found.low[0]))
    assert half == pytest.approx(1.98 * np.std(ratios), rel=0.07)


def test_dominance_is_nearly_a_share_of_draws() -> None:
    meters = [meter(100.0, own=0.1), meter(105.0, own=0.1), meter(140.0, own=0.2)]
    draws, found = compared(answers(0.75, 0.7, 0.6), meters)
    noise = 1e-9 * np.random.default_rng(1).normal(size=draws.score.shape)
    score = draws.score + noise
    for pair, (one, other) in enumerate([(0, 1), (0, 2), (1, 2)]):
        less = draws.energy[:, one] < draws.energy[:, other]
        more = score[:, one] > score[:, other]
        assert found.first_dominates[pair] == pytest.approx((more & less).mean(), abs=0.04)
        assert found.second_dominates[pair] == pytest.approx((~more & ~less).mean(), abs=0.04)


def test_a_run_that_answers_alike_for_less_may_be_the_worse_one() -> None:
    # Not: certain to be as good, only because no question told them apart.
    value = np.repeat(answers(0.6), 2, axis=1)
    _, found = compared(value, [meter(10.0), meter(100.0)])
    assert found.first_dominates[0] == pytest.approx(0.5, abs=1e-6)
    assert found.second_dominates[0] == pytest.approx(0, abs=1e-6)


def test_who_dominates_beyond_doubt() -> None:
    _, found = compared(answers(0.95, 0.2), [meter(10.0), meter(100.0)])
    assert found.first_dominates[0] == pytest.approx(1.0)
    assert found.second_dominates[0] == pytest.approx(0.0)


def test_what_is_unknown_or_nothing_has_no_ratio() -> None:
    meters = [meter(10.0), None, Metered(0.0, 0.05, 0.0, "gpu", None)]
    _, found = compared(answers(0.5, 0.5, 0.5), meters)
    for figure in (found.ratio, found.low, found.high, found.first_dominates):
        assert np.isnan(figure).all()


def test_one_cluster_says_nothing_of_others() -> None:
    whole = Clusters(np.zeros(QUESTIONS, dtype=np.intp), 1)
    _, found = compared(answers(0.9, 0.5), [meter(10.0), meter(100.0)], whole)
    assert found.ratio[0] == pytest.approx(0.1)
    assert np.isnan([found.low[0], found.high[0]]).all()
    assert found.first_dominates[0] < 0.5
    assert np.isinf(half_width(np.ones(1), np.ones(1), whole, 0.95)).all()


def test_no_pair_of_many_is_left_out() -> None:
    generator = np.random.default_rng(3)
    runs = 150
    value = (generator.random((QUESTIONS, runs)) < generator.random(runs)).astype(float)
    meters: list[Metered | None] = [meter(float(joules)) for joules in range(1, runs + 1)]
    _, found = compared(value, meters)
    assert len(found.ratio) == runs * (runs - 1) // 2
    assert np.isfinite(found.first_dominates).all()
    assert ((found.low < found.ratio) & (found.ratio < found.high)).all()
    assert (found.first_dominates + found.second_dominates <= 1 + 1e-12).all()
