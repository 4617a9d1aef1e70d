"""Every two runs on the same questions: differences, McNemar's test, Holm, groups of ties.

docs/decisions/0014 argues the choices, benchmarks/statistics checks coverage and false wins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from wattbench.scoring.intervals import few_quantile
from wattbench.scoring.resamples import Clusters, Reals

Truths = NDArray[np.bool_]
Places = NDArray[np.intp]
PSEUDO = 1.0
"""The largest difference of score that a question can make; see `differences`."""


@dataclass(frozen=True)
class Differences:
    """Differences of score of pairs of runs.

    Args:
        estimate: The differences, of shape (pairs,).
        low: Lower ends of their intervals.
        high: Upper ends.
        p: Two-sided p of no difference.
        error: Standard errors that interval and p rest on.
    """

    estimate: Reals
    low: Reals
    high: Reals
    p: Reals
    error: Reals


def differences(
    scores: Reals,
    influence: Reals,
    clusters: Clusters,
    places: tuple[Places, Places],
    level: float,
    *,
    reach: Reals | None = None,
) -> Differences:
    """Paired differences of score, with intervals and p from one statistic.

    The variance is that of the paired bootstrap with infinitely many resamples: with the
    influence values of two runs summed over each cluster, x_k and y_k, it is
    sum (x_k - y_k)^2 / n^2 (B. Efron (1982), ch. 6), so a matrix product gives all pairs at once.
    Two pseudo-questions are added on which one and the other run wins outright, as D. G. Bonett &
    R. M. Price (2012), J. Educ. Behav. Stat. 37:479-488, do for proportions; so runs that agree
    everywhere are not called equal beyond doubt, and a handful of questions proves nothing.
    Student's t with effective clusters - 1 degrees of freedom gives quantile and p.

    Args:
        scores: Scores of the runs, of shape (runs,).
        influence: Influence values of the questions, of shape (questions, runs).
        clusters: Which questions belong together.
        places: Place of each pair's first run, and of its second.
        level: Confidence level.
        reach: How much of a score hangs on each question, of shape (questions,), 1 in the mean
            (see `intervals.reach`); default: the same on all.
    """
    first, second = places
    estimate = scores[first] - scores[second]
    squares = squared_differences(clusters.sums(influence), first, second)
    questions = len(clusters.of)
    weights = np.ones((questions, 1)) if reach is None else reach[:, None]
    # Kish's formula, of clusters by what hangs on them and not by their questions alone.
    together = float((clusters.sums(weights) ** 2).sum())
    effective = questions**2 / together
    # A pseudo-question weighs as many questions as its like move as one.
    size = np.ones(len(first))
    if clusters.count < questions:
        single = squared_differences(influence, first, second)
        with np.errstate(invalid="ignore", divide="ignore"):
            size = np.where(single > 0, squares / single, 1.0)
        size = np.clip(size, 1.0, clusters.sizes.max())
    size = size * float((weights**2).mean())
    whole = questions + 2 * size
    shrunk = estimate * questions / whole
    spread = squares + (estimate - shrunk) ** 2 * together
    spread += 2 * size**2 * (PSEUDO**2 + shrunk**2)
    error = np.sqrt(spread) / whole
    half = few_quantile(effective, level) * error
    p: Reals = 2 * special.stdtr(max(effective - 1, 1), -np.abs(shrunk) / error)
    return Differences(
        estimate=estimate,
        low=np.maximum(shrunk - half, -1.0),
        high=np.minimum(shrunk + half, 1.0),
        p=p,
        error=error,
    )


def squared_differences(values: Reals, first: Places, second: Places) -> Reals:
    """Sums of squared differences of columns, for all pairs in one matrix product."""
    products = values.T @ values
    own = np.diag(products)
    found: Reals = np.maximum(own[first] + own[second] - 2 * products[first, second], 0.0)
    return found


def mcnemar(only_first: NDArray[np.int64], only_second: NDArray[np.int64]) -> Reals:
    """McNemar's exact test, two-sided: the binomial test of the discordant questions.

    Args:
        only_first: Numbers of questions only the first got right.
        only_second: Numbers of questions only the second got right.

    Returns:
        p of every pair; 1 where no question differs.
    """
    least = np.minimum(only_first, only_second)
    total = only_first + only_second
    width = int(total.max(initial=0)) + 1
    if width * width > len(total):
        return _binomial(least, total)
    # Of many pairs few differ in both numbers.
    code = least * width + total
    there = np.zeros(width * width, dtype=np.bool_)
    there[code] = True
    found = np.flatnonzero(there)
    each = np.ones(len(there))
    each[found] = _binomial(found // width, found % width)
    p: Reals = each[code]
    return p


def _binomial(least: NDArray[np.int64], total: NDArray[np.int64]) -> Reals:
    # For p = 1/2 doubling the smaller tail is the two-sided exact test (as scipy's binomtest).
    p: Reals = np.minimum(1.0, 2 * special.bdtr(least, total, 0.5))
    return np.where(total == 0, 1.0, p)


def mcnemar_clustered(
    hits: Reals, judged: Reals, clusters: Clusters, first: Places, second: Places
) -> Reals:
    """McNemar's test where questions of one cluster are not independent.

    With d_k the difference of right values in cluster k, over the questions that both were judged
    on, sum d_k / sqrt(sum d_k^2) is normal (V. L. Durkalski et al. (2003), Stat. Med.
    22:2417-2428). p is never below 2^(1-m), the least that flipping the signs of the m clusters
    that differ can give.

    Args:
        hits: 1 where a value is right, of shape (questions, runs).
        judged: 1 where an answer was judged, of the same shape.
        clusters: Which questions belong together.
        first: Place of each pair's first run.
        second: Place of its second, always larger.
    """
    sums, runs = clusters.sums(hits), hits.shape[1]
    whole = bool(judged.all())
    total, squares, differing = (np.zeros((runs, runs)) for _ in range(3))
    for run in range(runs - 1):
        if whole:
            lead = sums[:, [run]] - sums[:, run + 1 :]
        else:
            both = judged[:, [run]] * judged[:, run + 1 :]
            lead = clusters.sums(both * (hits[:, [run]] - hits[:, run + 1 :]))
        total[run, run + 1 :] = lead.sum(axis=0)
        squares[run, run + 1 :] = (lead**2).sum(axis=0)
        differing[run, run + 1 :] = (lead != 0).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        z = np.abs(total[first, second]) / np.sqrt(squares[first, second])
    least = np.exp2(1.0 - np.minimum(differing[first, second], 1000))
    p: Reals = np.maximum(2 * special.ndtr(-np.nan_to_num(z)), least)
    return np.minimum(p, 1.0)


def holm(p: Sequence[float] | Reals) -> Reals:
    """The p values adjusted for their number (S. Holm (1979), Scand. J. Stat. 6:65-70)."""
    values = np.asarray(p, dtype=np.float64)
    # Among equal values the first alone counts, whichever of them that is.
    order = np.argsort(values)
    stepped = values[order] * (len(values) - np.arange(len(values)))
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(stepped))
    return adjusted


@dataclass(frozen=True)
class Ranks:
    """Where runs stand, as far as the data tell them apart.

    Args:
        group: Tie group of each run, from 1; see `ranks`.
        low: Best rank it may have, from 1.
        high: Worst rank it may have.
    """

    group: NDArray[np.int64]
    low: NDArray[np.int64]
    high: NDArray[np.int64]


def ranks(scores: Reals, apart: Truths) -> Ranks:
    """Tie groups, and intervals of ranks.

    Group 1 is the best run and all that the data cannot tell from it; group 2 the best of the
    others and those of them that the data cannot tell from that one; and so on. A rank's interval
    counts the runs that are surely better and surely worse; all intervals hold together with the
    confidence of the tests (D. Al Mohamad, J. J. Goeman & E. W. van Zwet (2022), Biometrics
    78:238-247).

    Args:
        scores: Scores, of shape (runs,); NaN where nothing was judged, and then behind all others.
        apart: Whether the tests tell two runs apart, of shape (runs, runs).
    """
    scored = ~np.isnan(scores)
    better = apart & (scores[:, None] > scores[None, :])
    better |= scored[:, None] & ~scored[None, :]
    scores = np.where(scored, scores, -1.0)
    group = np.zeros(len(scores), dtype=np.int64)
    number = 0
    while not group.all():
        number += 1
        best = int(np.argmax(np.where(group == 0, scores, -np.inf)))
        group[(group == 0) & ~better[best]] = number
    return Ranks(
        group=group,
        low=1 + better.sum(axis=0, dtype=np.int64),
        high=len(scores) - better.sum(axis=1, dtype=np.int64),
    )
