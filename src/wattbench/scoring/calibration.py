"""How far confidences can be trusted: ECE, Brier score, AUC, ROC, reliability, histogram.

Two forms are told apart, as in clinical risk prediction: *confidence* is how sure a model is of
its answer, set against whether the answer is right; *risk* is the probability it gives to 'true'
on a question whose gold answer is true or false, set against that gold answer.

An entry whose probability is NaN (unknown) is left out. A figure that the entries cannot give is
NaN, never 0.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wattbench.study.questions import Question
from wattbench.tables.values import canonical_value

Reals = NDArray[np.float64]
Counts = NDArray[np.int64]

BINS = 10
"""Of the reliability curve and the calibration errors."""

HISTOGRAM_BINS = 30


@dataclass(frozen=True)
class Reliability:
    """The reliability curve: what was predicted against what came true, bin by bin.

    Args:
        low: Lower ends of the bins, left out of them but for 0; all of shape (bins,).
        high: Upper ends, in them.
        count: Entries in each bin.
        predicted: Mean probability; NaN in an empty bin.
        observed: Share of entries that came true; NaN in an empty bin.
    """

    low: Reals
    high: Reals
    count: Counts
    predicted: Reals
    observed: Reals

    @property
    def error(self) -> float:
        """ECE: the sum over bins of n_b / n |mean probability - share that came true|.

        Of answers' confidences and whether they are right it is the confidence form, of risk
        scores and labels the risk form. NaN without entries.

        Formula: M. P. Naeini, G. F. Cooper, M. Hauskrecht (2015), AAAI 29:2901-2907.
        """
        total = int(self.count.sum())
        if total == 0:
            return float("nan")
        filled = self.count > 0
        gaps = np.abs(self.predicted[filled] - self.observed[filled])
        return float(self.count[filled] @ gaps) / total


@dataclass(frozen=True)
class Roc:
    """The receiver operating characteristic, from (0, 0) to (1, 1); all of shape (points,).

    Args:
        threshold: Entries from this probability on are called positive; infinite at (0, 0).
        false_positive_rate: Share of the negatives called positive.
        true_positive_rate: Share of the positives called positive.
    """

    threshold: Reals
    false_positive_rate: Reals
    true_positive_rate: Reals

    @property
    def area(self) -> float:
        """AUC: how often a positive outranks a negative, ties by half; NaN for an empty curve.

        Formula: J. A. Hanley, B. J. McNeil (1982), Radiology 143:29-36.
        """
        if self.threshold.size == 0:
            return float("nan")
        heights = self.true_positive_rate[1:] + self.true_positive_rate[:-1]
        return float(np.diff(self.false_positive_rate) @ heights) / 2


@dataclass(frozen=True)
class Histogram:
    """How the probabilities are spread; all of shape (bins,).

    Args:
        low: Lower ends of the bins, in them.
        high: Upper ends, left out but for 1.
        count: Entries in each bin.
        positive: Those of them that came true.
    """

    low: Reals
    high: Reals
    count: Counts
    positive: Counts


def known(probabilities: ArrayLike, outcomes: ArrayLike) -> tuple[Reals, Reals]:
    """The entries whose probability is known, as two arrays of shape (entries,).

    Args:
        probabilities: Of shape (entries,), 0 to 1 or NaN.
        outcomes: Of the same shape: 1 or True where it came true.

    Raises:
        ValueError: The shapes differ, or a probability is outside 0 to 1.
    """
    given = np.asarray(probabilities, dtype=np.float64)
    came = np.asarray(outcomes, dtype=np.float64)
    if given.shape != came.shape or given.ndim != 1:
        raise ValueError(f"shapes {given.shape} and {came.shape}: one outcome per probability")
    there = ~(np.isnan(given) | np.isnan(came))
    given, came = given[there], came[there]
    if given.size and (given.min() < 0 or given.max() > 1):
        raise ValueError("a probability lies between 0 and 1")
    return given, came


def reliability(probabilities: ArrayLike, outcomes: ArrayLike, bins: int = BINS) -> Reliability:
    """The reliability curve over uniform bins (low, high]; 0 is in the first.

    Args:
        probabilities: Of shape (entries,), 0 to 1 or NaN.
        outcomes: Of the same shape: 1 where it came true.
        bins: Number of bins.
    """
    given, came = known(probabilities, outcomes)
    edges = np.linspace(0.0, 1.0, bins + 1)
    place = np.searchsorted(edges[1:-1], given, side="left")
    count = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore", divide="ignore"):
        predicted = np.bincount(place, given, bins) / count
        observed = np.bincount(place, came, bins) / count
    return Reliability(edges[:-1], edges[1:], count, predicted, observed)


def brier_score(probabilities: ArrayLike, outcomes: ArrayLike) -> float:
    """Mean squared difference of probability and outcome; NaN below two entries.

    Formula: G. W. Brier (1950), Monthly Weather Review 78:1-3, its half for two classes.
    """
    given, came = known(probabilities, outcomes)
    return float(np.mean((given - came) ** 2)) if given.size >= 2 else float("nan")


def roc(probabilities: ArrayLike, outcomes: ArrayLike) -> Roc:
    """The ROC curve without the points inside a straight stretch; empty where one class is missing.

    Args:
        probabilities: Of shape (entries,), 0 to 1 or NaN.
        outcomes: Of the same shape: 1 where it came true.
    """
    given, came = known(probabilities, outcomes)
    positives = float(came.sum())
    negatives = came.size - positives
    if positives == 0 or negatives == 0:
        return Roc(np.empty(0), np.empty(0), np.empty(0))
    order = np.argsort(-given, kind="stable")
    given, came = given[order], came[order]
    last = np.flatnonzero(np.append(np.diff(given) != 0, True))
    true = np.cumsum(came)[last]
    false = last + 1 - true
    threshold = np.concatenate([[np.inf], given[last]])
    true, false = np.concatenate([[0.0], true]), np.concatenate([[0.0], false])
    # Counts are whole numbers, so that a straight stretch is told exactly.
    steps_true, steps_false = np.diff(true), np.diff(false)
    turns = steps_true[1:] * steps_false[:-1] != steps_true[:-1] * steps_false[1:]
    kept = np.concatenate([[True], turns, [True]])
    return Roc(threshold[kept], false[kept] / negatives, true[kept] / positives)


def histogram(
    probabilities: ArrayLike, outcomes: ArrayLike, bins: int = HISTOGRAM_BINS
) -> Histogram:
    """Entries over uniform bins [low, high) from 0 to 1; 1 is in the last.

    Args:
        probabilities: Of shape (entries,), 0 to 1 or NaN.
        outcomes: Of the same shape: 1 where it came true.
        bins: Number of bins.
    """
    given, came = known(probabilities, outcomes)
    edges = np.linspace(0.0, 1.0, bins + 1)
    count, _ = np.histogram(given, edges)
    positive, _ = np.histogram(given[came > 0], edges)
    return Histogram(edges[:-1], edges[1:], count.astype(np.int64), positive.astype(np.int64))


@functools.lru_cache(maxsize=1 << 16)
def risk_label(question: Question) -> float:
    """1 where the gold answer is true, 0 where it is false, NaN where it is neither.

    True and yes, or 1 without a unit; false and no, or 0 without a unit: with a unit they are
    amounts.
    """
    if not question.answerable:
        return float("nan")
    gold = question.value.strip()
    if question.unit is not None and gold.replace(".", "", 1).isdigit():
        return float("nan")
    return {"1": 1.0, "0": 0.0}.get(canonical_value(gold), float("nan"))


def risk_scores(
    questions: Sequence[Question],
    values: Sequence[str | None],
    confidences: Sequence[float | None],
) -> tuple[Reals, Reals]:
    """The probability of 'true' on each true-or-false question, and the gold answer.

    Only the probability of the answer given is known: an answer 'true' of confidence c is a risk
    score c, an answer 'false' one of 1 - c.

    Args:
        questions: The questions asked.
        values: The answers' values, question by question; None where failed.
        confidences: Their confidences, 0 to 1; None where unknown.

    Returns:
        Risk scores and labels (1 true, 0 false), of shape (questions,); NaN where the question is
        none of true or false, or the answer is neither or has no confidence.
    """
    risk = np.full(len(questions), np.nan)
    label = np.array([risk_label(question) for question in questions], dtype=np.float64)
    for place, (value, confidence) in enumerate(zip(values, confidences, strict=True)):
        if confidence is None or np.isnan(label[place]):
            continue
        answer = canonical_value(value)
        if answer in {"1", "0"}:
            risk[place] = confidence if answer == "1" else 1 - confidence
    return risk, label
