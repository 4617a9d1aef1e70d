"""Intervals and tests: Wilson, bootstrap over questions, McNemar's exact test, Holm.

All runs on one question set share one set of resamples, so a difference of two runs is paired by
question without further work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from wattbench.scoring.rules import overall
from wattbench.study.judgement import RuleName, Weights

Reals = NDArray[np.float64]
Interval = tuple[float, float]
ROWS_AT_ONCE = 256
"""Runs whose differences are sorted at once; they fit the cache."""


def wilson(successes: int, trials: int, level: float) -> Interval | None:
    """Wilson's score interval of a share; None without trials.

    Formula: E. B. Wilson (1927), J. Am. Stat. Assoc. 22:209-212.

    Args:
        successes: Number of successes.
        trials: Number of trials.
        level: Confidence level, such as 0.95.
    """
    if trials == 0:
        return None
    z = float(special.ndtri(0.5 + level / 2))
    share = successes / trials
    spread = 1 + z * z / trials
    centre = (share + z * z / (2 * trials)) / spread
    half = z * np.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials)) / spread
    # At the ends rounding would leave 1e-17 where the formula gives exactly 0 or 1.
    low = 0.0 if successes == 0 else max(0.0, float(centre - half))
    high = 1.0 if successes == trials else min(1.0, float(centre + half))
    return low, high


def resamples(questions: int, count: int, seed: int) -> Reals:
    """How often each question stands in each resample: an array of shape (count, questions).

    Args:
        questions: Number of questions, at least 1.
        count: Number of resamples.
        seed: Seed; the same seed and shape give the same resamples.
    """
    generator = np.random.default_rng(seed)
    drawn = generator.integers(0, questions, size=(count, questions))
    rows = np.arange(count)[:, None] * questions
    counts = np.bincount((drawn + rows).ravel(), minlength=count * questions)
    return counts.reshape(count, questions).astype(np.float64)


@dataclass(frozen=True)
class Verdicts:
    """The judgements of several runs on the same questions, as arrays of shape (questions, runs).

    Args:
        value: 1 where the value is right, else 0.
        ref: Jaccard index of the references.
        na: 1 where an unanswerable question was left blank; anything elsewhere.
        judged: 1 where the rule judged the answer, 0 where it leaves it out.
        unanswerable: Of shape (questions,): 1 where the rule takes the question for unanswerable.
    """

    value: Reals
    ref: Reals
    na: Reals
    judged: Reals
    unanswerable: Reals

    def weighted(self, weights: Weights) -> Reals:
        """Weighted score of every question, of shape (questions, runs)."""
        na = np.where(self.unanswerable[:, None] > 0, self.na, 1.0)
        scores: Reals = weights.value * self.value + weights.ref * self.ref + weights.na * na
        return scores * self.judged


@dataclass(frozen=True)
class Components:
    """A run's share of right values, mean reference overlap, recall of abstention and score.

    Args:
        value: Of any shape.
        ref: Of the same shape.
        na: Of the same shape; NaN without unanswerable questions.
        score: Of the same shape.
    """

    value: Reals
    ref: Reals
    na: Reals
    score: Reals


def components(
    rule: RuleName, weights: Weights, verdicts: Verdicts, counts: Reals | None = None
) -> Components:
    """Components and score of every run, in all or in each resample.

    Args:
        rule: Name of the rule, which says what a set without unanswerable questions scores.
        weights: Weights of the components.
        verdicts: Judgements of the runs.
        counts: Resamples of shape (resamples, questions), or None for the questions as they are.

    Returns:
        Arrays of shape (resamples, runs), or (1, runs).

    Raises:
        InputError: Nothing is left to score: only unanswerable questions count, without any.
    """
    at = np.ones((1, len(verdicts.unanswerable))) if counts is None else counts
    judged = at @ verdicts.judged
    with np.errstate(invalid="ignore", divide="ignore"):
        value = at @ (verdicts.value * verdicts.judged) / judged
        ref = at @ (verdicts.ref * verdicts.judged) / judged
        mask = verdicts.judged * verdicts.unanswerable[:, None]
        na = at @ (verdicts.na * mask) / (at @ mask)
    given = ~np.isnan(na)
    score = overall(rule, weights, value=value, ref=ref, na=np.nan_to_num(na))
    if not given.all():
        # A resample may miss every unanswerable question though the set has some.
        countable = rule != "strict" or weights.value + weights.ref > 0 or counts is None
        without = overall(rule, weights, value=value, ref=ref, na=None) if countable else np.nan
        score = np.where(given, score, without)
    return Components(value=value, ref=ref, na=na, score=score)


def percentile_interval(draws: Reals, level: float) -> Interval | None:
    """Percentile interval of bootstrap draws; None where no draw is a number."""
    known = draws[~np.isnan(draws)]
    if known.size == 0:
        return None
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def score_interval(
    draws: Reals, level: float, *, score: float, value: float, share: Interval | None, slope: float
) -> Interval | None:
    """Percentile interval of a score, never narrower than its value accuracy allows.

    A run that is right everywhere is so in every resample: the bootstrap alone would call its
    score certain. Wilson's interval of the value accuracy knows better, so its ends, weighed as
    the score weighs them, bound the score's from inside.

    Args:
        draws: Scores of the resamples.
        level: Confidence level.
        score: The score.
        value: Its value accuracy.
        share: Wilson's interval of the value accuracy; None where nothing was judged.
        slope: What one unit of value accuracy adds to the score.
    """
    found = percentile_interval(draws, level)
    if found is None or share is None:
        return found
    low = min(found[0], score - slope * (value - share[0]))
    high = max(found[1], score + slope * (share[1] - value))
    return max(0.0, low), min(1.0, high)


def difference_intervals(
    draws: NDArray[np.floating[Any]], first: int, level: float
) -> tuple[Reals, Reals]:
    """Percentile intervals of a run's differences to the runs behind it.

    Args:
        draws: Scores of every run in every resample, of shape (runs, resamples), C order.
        first: Row of the first run.
        level: Confidence level.

    Returns:
        Lower and upper ends of `draws[first] - draws[first + 1:]`, each of shape (runs - first -
        1,). The order statistics next to the percentile are taken, outwards.
    """
    count = draws.shape[1]
    low = int(np.floor((1 - level) / 2 * (count - 1) + 1e-9))
    ends = np.empty((2, max(draws.shape[0] - first - 1, 0)))
    for start in range(first + 1, draws.shape[0], ROWS_AT_ONCE):
        # A whole sort is vectorised where a partition at two places is not: seven times faster.
        ordered = np.sort(draws[first] - draws[start : start + ROWS_AT_ONCE], axis=1)
        place = slice(start - first - 1, start - first - 1 + len(ordered))
        ends[0, place], ends[1, place] = ordered[:, low], ordered[:, count - 1 - low]
    return ends[0], ends[1]


def bootstrap_p(difference: Reals, spread: Reals, differing: Reals) -> Reals:
    """Two-sided p of differences of score from the bootstrap's standard error.

    p = 2 Phi(-|d| / s), for counting resamples cannot give a p below 1/resamples, which Holm's
    adjustment over many runs needs. It is never below 2^(1-m), the least that a sign-flip test of
    m differing questions can give: a handful of questions proves nothing, however alike they are.

    Args:
        difference: Differences d.
        spread: Their bootstrap standard errors s.
        differing: Numbers m of questions on which the two runs score differently.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(spread > 0, np.abs(difference) / spread, np.inf)
    z = np.where(difference == 0, 0.0, z)
    normal = 2 * special.ndtr(-z)
    floor = np.exp2(1.0 - np.minimum(differing, 1000.0))
    capped: Reals = np.minimum(1.0, np.maximum(normal, floor))
    return capped


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
    # For p = 1/2 doubling the smaller tail is the two-sided exact test (as scipy's binomtest).
    p: Reals = np.minimum(1.0, 2 * special.bdtr(least, total, 0.5))
    return np.where(total == 0, 1.0, p)


def holm(p: Sequence[float] | Reals) -> Reals:
    """The p values adjusted for their number (S. Holm (1979), Scand. J. Stat. 6:65-70)."""
    values = np.asarray(p, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    stepped = values[order] * (len(values) - np.arange(len(values)))
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(stepped))
    return adjusted
