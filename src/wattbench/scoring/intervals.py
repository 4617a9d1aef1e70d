"""Intervals: Wilson for shares, the bootstrap over questions for scores.

docs/decisions/0014 argues the choices, benchmarks/statistics checks the coverage.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from wattbench.scoring.resamples import Clusters, Reals
from wattbench.scoring.rules import WATTBOT, overall
from wattbench.study.judgement import RuleName, Weights

Interval = tuple[float, float]
EXACT = 1 << 24
"""Whole numbers below this are exact in single precision."""
SMALLEST_SHARE = 0.001
"""A bias correction beyond this share of draws on one side would rest on a draw or two."""


def wilson(
    successes: float, trials: int, level: float, design_effect: float = 1.0
) -> Interval | None:
    """Wilson's score interval of a share; None without trials.

    Formula: E. B. Wilson (1927), J. Am. Stat. Assoc. 22:209-212. Under clustering the number of
    trials is divided by the design effect, as C. Franco et al. (2019), J. Surv. Stat. Methodol.
    7:334-364, found to cover best.

    Args:
        successes: Number of successes.
        trials: Number of trials.
        level: Confidence level, such as 0.95.
        design_effect: What to divide the number of trials by; see `design_effects`.
    """
    if trials == 0:
        return None
    effective = trials / design_effect
    z = float(special.ndtri(0.5 + level / 2))
    share = successes / trials
    spread = 1 + z * z / effective
    centre = (share + z * z / (2 * effective)) / spread
    half = z * np.sqrt(share * (1 - share) / effective + z * z / (4 * effective**2)) / spread
    # At the ends rounding would leave 1e-17 where the formula gives exactly 0 or 1.
    low = 0.0 if successes == 0 else max(0.0, float(centre - half))
    high = 1.0 if successes == trials else min(1.0, float(centre + half))
    return low, high


def design_effects(hits: Reals, counted: Reals, clusters: Clusters, level: float) -> Reals:
    """Design effects of shares: how much clusters widen their variance.

    The variance over that of independent trials, never below 1, and 1 where the share is 0 or 1
    and the data say nothing of it; a single cluster is taken to move as one. That times the
    square of Student's quantile with effective clusters - 1 degrees of freedom over the normal
    one (E. L. Korn & B. I. Graubard (1998), Surv. Methodol. 24:193-201): from five clusters their
    variance is hardly known.

    Args:
        hits: 1 where a question is a success, of shape (questions, runs).
        counted: 1 where a question is a trial, of the same shape.
        clusters: Which questions belong together.
        level: Confidence level.

    Returns:
        Of shape (runs,).
    """
    if clusters.count == len(clusters.of):
        return np.ones(hits.shape[1])
    trials = counted.sum(axis=0)
    few_known = (
        few_quantile(clusters.effective, level) / float(special.ndtri(0.5 + level / 2))
    ) ** 2
    if clusters.count == 1:
        whole: Reals = np.maximum(trials, 1.0) * few_known
        return whole
    with np.errstate(invalid="ignore", divide="ignore"):
        share = (hits * counted).sum(axis=0) / trials
        sums = clusters.sums(counted * (hits - share))
        few = clusters.count / (clusters.count - 1)
        found = few * (sums**2).sum(axis=0) / (trials * share * (1 - share))
    effects: Reals = np.where(np.isfinite(found), np.maximum(found, 1.0), 1.0) * few_known
    return effects


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
    blank = np.flatnonzero(verdicts.unanswerable)
    asked = verdicts.judged[blank]
    judged = tallies(at, verdicts.judged)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = tallies(at, verdicts.value * verdicts.judged) / judged
        ref = at @ (verdicts.ref * verdicts.judged) / judged
        na = tallies(at[:, blank], verdicts.na[blank] * asked) / tallies(at[:, blank], asked)
    given = ~np.isnan(na)
    score = overall(rule, weights, value=value, ref=ref, na=np.nan_to_num(na))
    if not given.all():
        # A resample may miss every unanswerable question though the set has some.
        countable = rule in WATTBOT or weights.value + weights.ref > 0 or counts is None
        without = overall(rule, weights, value=value, ref=ref, na=None) if countable else np.nan
        score = np.where(given, score, without)
    return Components(value=value, ref=ref, na=na, score=score)


def tallies(counts: Reals, truths: Reals) -> Reals:
    """How many of some truths each resample holds, of shape (resamples, runs).

    Sums of whole numbers are exact in single precision too, which takes half the time.

    Args:
        counts: The resamples, or other weights, of shape (resamples, questions).
        truths: 0 or 1, of shape (questions, runs).
    """
    sizes = counts.sum(axis=1, keepdims=True)
    whole = (counts == np.rint(counts)).all() and sizes.max(initial=0) < EXACT
    if not whole or not ((truths == 0) | (truths == 1)).all():
        return counts @ truths
    if truths.all():
        same: Reals = np.repeat(sizes, truths.shape[1], axis=1)
        return same
    found: Reals = (counts.astype(np.float32) @ truths.astype(np.float32)).astype(np.float64)
    return found


def influence(rule: RuleName, weights: Weights, verdicts: Verdicts, whole: Components) -> Reals:
    """How far each question moves each run's score, of shape (questions, runs).

    With n questions, weighing question i by w_i instead of 1 changes the score by about
    sum (w_i - 1) L_i / n (B. Efron (1982), The Jackknife, the Bootstrap and Other Resampling
    Plans, ch. 6). The values of a run sum to 0.

    Args:
        rule: Name of the rule.
        weights: Weights of the components.
        verdicts: Judgements of the runs.
        whole: Components over all questions, of shape (1, runs).
    """
    judged = verdicts.judged
    blanks = judged * verdicts.unanswerable[:, None]
    value = influence_on_mean(verdicts.value, whole.value[0], judged)
    ref = influence_on_mean(verdicts.ref, whole.ref[0], judged)
    na = influence_on_mean(verdicts.na, whole.na[0], blanks)
    scale = _scale(rule, weights, blanks)
    found: Reals = scale * (weights.value * value + weights.ref * ref) + weights.na * na
    return found


def reach(rule: RuleName, weights: Weights, verdicts: Verdicts) -> Reals:
    """How much of a score hangs on each question, of shape (questions,), 1 in the mean.

    Where a rule judges some questions only, or abstention has weight and few questions are
    unanswerable, those few say most of it. The mean over the runs is taken.

    Args:
        rule: Name of the rule.
        weights: Weights of the components.
        verdicts: Judgements of the runs.
    """
    judged = verdicts.judged
    blanks = judged * verdicts.unanswerable[:, None]
    one, none = np.ones_like(judged), np.zeros(judged.shape[1])
    both = (weights.value + weights.ref) * _scale(rule, weights, blanks)
    each = both * influence_on_mean(one, none, judged)
    each += weights.na * influence_on_mean(one, none, blanks)
    mean: Reals = each.mean(axis=1)
    return mean / mean.mean() if mean.any() else np.ones_like(mean)


def _scale(rule: RuleName, weights: Weights, blanks: Reals) -> Reals:
    """`overall` gives the weight of abstention to the others where it cannot be judged."""
    rest = weights.value + weights.ref
    given = blanks.sum(axis=0) > 0
    return np.where(given, 1.0, 1 / rest if rule not in WATTBOT and rest > 0 else 1.0)


def influence_on_mean(values: Reals, mean: Reals, counted: Reals) -> Reals:
    """How far each question moves a mean over some of them, of shape (questions, runs).

    Args:
        values: Of the same shape.
        mean: Of each run, of shape (runs,); NaN where no question counts.
        counted: 1 where a question counts, of shape (questions, runs).
    """
    share = np.maximum(counted.mean(axis=0), 1 / len(counted))
    found: Reals = counted * (values - np.nan_to_num(mean)) / share
    return found


def percentile_interval(draws: Reals, level: float) -> Interval | None:
    """Percentile interval of bootstrap draws; None where no draw is a number."""
    known = draws[~np.isnan(draws)]
    if known.size == 0:
        return None
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def accelerated_intervals(
    draws: Reals, estimate: Reals, sums: Reals, level: float, meter: Reals | None = None
) -> tuple[Reals, Reals]:
    """Bias-corrected and accelerated bootstrap intervals (BCa) of several runs at once.

    B. Efron (1987), J. Am. Stat. Assoc. 82:171-185; with the percentiles widened for few clusters
    as T. Hesterberg (2015), Am. Stat. 69:371-386, section 5.3, does: the normal quantile becomes
    sqrt(k / (k - 1)) times Student's t with k - 1 degrees of freedom.

    Args:
        draws: Figures of the resamples, of shape (resamples, runs); infinite where a resample
            has no finite one.
        estimate: The figures, of shape (runs,).
        sums: Influence values summed over each cluster, of shape (clusters, runs).
        level: Confidence level.
        meter: What a meter's standard uncertainty adds to the sum of squares of the influence
            values, of shape (runs,); default: nothing.

    Returns:
        Lower and upper ends, each of shape (runs,).
    """
    clusters, count = len(sums), len(draws)
    ordered = np.array(draws.T, order="C")
    ordered.sort(axis=1)
    tolerance = 1e-12 * np.maximum(np.abs(estimate), 1e-300)
    below, upto = (
        np.array([run.searchsorted(at, side) for run, at in zip(ordered, edge, strict=True)])
        for edge, side in ((estimate - tolerance, "left"), (estimate + tolerance, "right"))
    )
    share = np.clip((below + upto) / (2 * count), SMALLEST_SHARE, 1 - SMALLEST_SHARE)
    bias = special.ndtri(share)
    squares = (sums**2).sum(axis=0) + (0.0 if meter is None else meter)
    with np.errstate(invalid="ignore", divide="ignore"):
        skew = np.nan_to_num((sums**3).sum(axis=0) / (6 * squares**1.5))
    quantile = few_quantile(clusters, level) * np.sqrt(clusters / max(clusters - 1, 1))
    ends = []
    for z in (-quantile, quantile):
        moved = bias + (bias + z) / np.maximum(1 - skew * (bias + z), 0.1)
        place = special.ndtr(moved) * (count - 1)
        least = np.floor(place).astype(np.intp)
        most = np.minimum(least + 1, count - 1)
        runs = np.arange(draws.shape[1])
        low, high = ordered[runs, least], ordered[runs, most]
        part = place - least
        # Between two infinite draws there is no number to interpolate, nor does it take one.
        with np.errstate(invalid="ignore"):
            ends.append(np.where((part > 0) & (high > low), low + (high - low) * part, low))
    return ends[0], ends[1]


def few_quantile(clusters: float, level: float) -> float:
    """Student's t quantile, two-sided, of a mean over that many clusters; see `effective`."""
    return float(special.stdtrit(max(clusters - 1, 1), 0.5 + level / 2))


@dataclass(frozen=True)
class Part:
    """A share that a score is made from.

    Args:
        share: The share.
        ends: Its interval; None where nothing tells it.
        slope: What one unit of it adds to the score.
    """

    share: float
    ends: Interval | None
    slope: float


def guarded(ends: Interval, score: float, *parts: Part) -> Interval:
    """An interval of a score, never narrower than each of its parts allows.

    A run that is right everywhere is so in every resample: the bootstrap alone would call its
    score certain. Wilson's interval of the value accuracy knows better, so its ends, weighed as
    the score weighs them, bound the score's from inside; and the other parts' likewise.

    Args:
        ends: The bootstrap's interval.
        score: The score.
        parts: What it is made from.
    """
    low, high = ends
    for part in parts:
        if part.ends is not None:
            low = min(low, score - part.slope * (part.share - part.ends[0]))
            high = max(high, score + part.slope * (part.ends[1] - part.share))
    return max(0.0, low), min(1.0, high)
