"""Every two runs on score and energy: the ratio of their energies, and who dominates whom.

In closed form, so that half a million pairs cost what a few matrix products do.
docs/decisions/0014 argues it, benchmarks/statistics checks coverage and calibration.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from wattbench.analyses.joint import Joint
from wattbench.scoring.intervals import few_quantile
from wattbench.scoring.paired import Differences, Places, squared_differences
from wattbench.scoring.resamples import Clusters, Reals

SURE = 6.0
"""What is this many standard deviations off is taken for sure: it is, to 1e-9."""
ALIKE = 1e-12
"""Stands for a quantile of exactly 0, by which Owen's T would divide."""


@dataclass(frozen=True)
class Against:
    """Energy of the first runs of pairs against that of the second.

    Args:
        ratio: First over second, of shape (pairs,); NaN where one is unknown or 0.
        low: Lower ends of its interval; NaN where none can be given.
        high: Upper ends; likewise.
        first_dominates: Probability that the first has the higher score and the lower energy.
        second_dominates: Probability that the second has.
    """

    ratio: Reals
    low: Reals
    high: Reals
    first_dominates: Reals
    second_dominates: Reals


def against(
    draws: Joint, differences: Differences, first: Places, second: Places, level: float
) -> Against:
    """Ratios of energies with intervals, and probabilities of dominance.

    The log of the ratio of two totals varies with the questions as the difference of their parts
    does, to the first order (the same linearisation as `paired.differences`), and with the meters
    as their errors differ in the draws. One cluster of questions says nothing of others, so
    then there is no interval. Who has the higher score and who takes less energy are two normal
    quantiles, correlated as the questions have it; both together is an orthant of the bivariate
    normal.

    Args:
        draws: Scores and energy of the runs, drawn together.
        differences: Differences of score of these pairs.
        first: Place of each pair's first run.
        second: Place of its second.
        level: Confidence level.
    """
    found = draws.standing
    questions = len(found.clusters.of)
    energy = found.clusters.sums(draws.parts)
    score = found.clusters.sums(found.influence) / questions
    centred = (draws.errors - draws.errors.mean(axis=0)) / np.sqrt(len(draws.errors))
    asking = squared_differences(energy, first, second)
    metering = squared_differences(centred, first, second)
    half = half_width(asking, metering, found.clusters, level)
    normal = float(special.ndtri(0.5 + level / 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        known = np.where(draws.estimate > 0, np.log(draws.estimate), np.nan)
        log_ratio = known[first] - known[second]
        less = -normal * log_ratio / half
        shared = _products(score, energy, first, second)
        shared /= differences.error * np.sqrt(asking + metering)
    better = np.where(differences.estimate > 0, 1 - differences.p / 2, differences.p / 2)
    # Without any uncertainty 0 / 0 is left: two energies that are the same.
    less = np.where(np.isnan(less), 0.0, less)
    both, neither = orthants(special.ndtri(better), less, -np.nan_to_num(shared))
    unknown = np.isnan(log_ratio) | np.isnan(differences.p)
    half = np.where(np.isinf(half), np.nan, half)
    return Against(
        ratio=np.exp(log_ratio),
        low=np.exp(log_ratio - half),
        high=np.exp(log_ratio + half),
        first_dominates=np.where(unknown, np.nan, both),
        second_dominates=np.where(unknown, np.nan, neither),
    )


def half_width(asking: Reals, metering: Reals, clusters: Clusters, level: float) -> Reals:
    """Half of an interval for questions and meters; infinite where one cluster says nothing.

    Args:
        asking: Variance by the questions; it is widened for few clusters as that of
            `accelerated_intervals`.
        metering: Variance by the meters.
        clusters: Which questions belong together.
        level: Confidence level.
    """
    if clusters.count == 1:
        return np.full_like(asking, np.inf)
    few = few_quantile(clusters.effective, level) ** 2 * clusters.count / (clusters.count - 1)
    half: Reals = np.sqrt(few * asking + float(special.ndtri(0.5 + level / 2)) ** 2 * metering)
    return half


def orthants(first: Reals, second: Reals, correlation: Reals) -> tuple[Reals, Reals]:
    """Probabilities that two correlated standard normals are both below, and both above, a point.

    Formula: D. B. Owen (1956), Ann. Math. Stat. 27:1075-1090, eq. 2.1.

    Args:
        first: The point's first coordinates, of shape (points,); may be infinite.
        second: Its second, of the same shape.
        correlation: Correlations, of the same shape.
    """
    one, other = special.ndtr(first), special.ndtr(second)
    # Where one of the two is sure the correlation says nothing, and most runs are far apart.
    both = one * other
    open_ = np.flatnonzero((np.abs(first) < SURE) & (np.abs(second) < SURE))
    below = _owen(first[open_], second[open_], correlation[open_])
    both[open_] = np.clip(below, 0.0, np.minimum(one, other)[open_])
    return both, np.clip(1 - one - other + both, 0.0, 1 - np.maximum(one, other))


def _owen(first: Reals, second: Reals, correlation: Reals) -> Reals:
    h = np.where(first == 0, ALIKE, first)
    k = np.where(second == 0, ALIKE, second)
    rho = np.clip(correlation, -1 + ALIKE, 1 - ALIKE)
    rest = np.sqrt((1 - rho) * (1 + rho))
    below: Reals = (special.ndtr(h) + special.ndtr(k)) / 2 - np.where(h * k > 0, 0.0, 0.5)
    below -= special.owens_t(h, (k / h - rho) / rest) + special.owens_t(k, (h / k - rho) / rest)
    return below


def _products(one: Reals, other: Reals, first: Places, second: Places) -> NDArray[np.float64]:
    """Sums of products of differences of columns, for all pairs in one matrix product."""
    products = one.T @ other
    own = np.diag(products)
    found: Reals = own[first] + own[second] - products[first, second] - products[second, first]
    return found
