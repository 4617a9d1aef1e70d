"""Calibration figures against known values, another library's definitions and their NaN rules."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from wattbench.scoring.calibration import (
    brier_score,
    histogram,
    known,
    reliability,
    risk_scores,
    roc,
)
from wattbench.study.questions import Question

ENTRIES = some.lists(
    some.tuples(some.one_of(some.floats(0, 1), some.sampled_from([0.0, 0.1, 0.3, 0.7, 1.0])),
                some.booleans()),
    max_size=60,
)  # fmt: skip


def question(value: str, unit: str | None = None) -> Question:
    return Question(
        id="q", position=0, line=2, text="?", unit=unit, value=value, refs=(), raw_refs="",
        kinds=("na",) if value == "is_blank" else (), explanation=None,
    )  # fmt: skip


def test_known_value_of_the_calibration_error() -> None:
    curve = reliability([0.7] * 5 + [0.9] * 5, [1] * 5 + [0] * 5)
    assert curve.error == pytest.approx(0.6, abs=1e-15)
    assert reliability([1.0, 1.0, 0.0], [1, 1, 0]).error == 0.0


def test_bins_are_open_below_and_closed_above() -> None:
    found = reliability([0.0, 0.1, 0.1000001, 1.0], [0, 1, 1, 1])
    assert found.count.tolist() == [2, 1, 0, 0, 0, 0, 0, 0, 0, 1]
    assert found.observed[0] == 0.5
    assert math.isnan(found.predicted[2])
    assert math.isnan(found.observed[2])


def test_what_cannot_be_known_is_nan() -> None:
    nothing: list[float] = []
    assert math.isnan(reliability(nothing, nothing).error)
    assert math.isnan(brier_score([0.5], [1]))
    assert math.isnan(roc([0.5], [1]).area)
    assert math.isnan(roc([0.5, 0.9], [1, 1]).area)
    assert roc([0.5, 0.9], [0, 0]).threshold.size == 0
    assert histogram(nothing, nothing).count.sum() == 0


def test_unknown_entries_are_left_out() -> None:
    given_, came = known([0.2, math.nan, 0.8], [0, 1, 1])
    assert (given_.tolist(), came.tolist()) == ([0.2, 0.8], [0.0, 1.0])
    assert brier_score([0.2, math.nan, 0.8], [0, 1, 1]) == pytest.approx(0.04)


@pytest.mark.parametrize(("given_", "came"), [([1.1], [1]), ([-0.1], [0]), ([0.5], [1, 0])])
def test_what_is_no_probability_is_refused(given_: list[float], came: list[int]) -> None:
    with pytest.raises(ValueError, match=r"probability|shapes"):
        known(given_, came)


@given(ENTRIES)
def test_definitions(entries: list[tuple[float, bool]]) -> None:
    p = np.array([entry[0] for entry in entries])
    y = np.array([entry[1] for entry in entries], dtype=float)
    edges = np.linspace(0, 1, 11)
    expected = 0.0
    curve = reliability(p, y)
    for place, (low, high) in enumerate(itertools.pairwise(edges)):
        inside = (p > low) & (p <= high) if low else p <= high
        assert curve.count[place] == inside.sum()
        if inside.any():
            means = p[inside].mean(), y[inside].mean()
            assert (curve.predicted[place], curve.observed[place]) == pytest.approx(means)
            expected += inside.sum() / len(p) * abs(means[0] - means[1])
        else:
            assert math.isnan(curve.predicted[place])
            assert math.isnan(curve.observed[place])
    error = curve.error
    assert math.isnan(error) if not entries else error == pytest.approx(expected, abs=1e-12)
    pairs = [(a > b) + 0.5 * (a == b) for a in p[y == 1] for b in p[y == 0]]
    area = roc(p, y).area
    assert math.isnan(area) if not pairs else area == pytest.approx(np.mean(pairs), abs=1e-12)
    squares = [(a - b) ** 2 for a, b in zip(p, y, strict=True)]
    brier = brier_score(p, y)
    assert math.isnan(brier) if len(p) < 2 else brier == pytest.approx(math.fsum(squares) / len(p))
    counts = histogram(p, y)
    for place, (low, high) in enumerate(itertools.pairwise(np.linspace(0, 1, 31))):
        inside = (p >= low) & ((p < high) | (high == 1) & (p == 1))
        assert (counts.count[place], counts.positive[place]) == (inside.sum(), y[inside].sum())


@given(ENTRIES)
def test_the_curve_runs_through_every_threshold(entries: list[tuple[float, bool]]) -> None:
    p = np.array([entry[0] for entry in entries])
    y = np.array([entry[1] for entry in entries])
    found = roc(p, y)
    if y.all() or not y.any():
        assert found.threshold.size == 0
        return
    for threshold in p:
        called = p >= threshold
        false, true = (called & ~y).sum() / (~y).sum(), (called & y).sum() / y.sum()
        between = np.flatnonzero(
            (found.false_positive_rate <= false + 1e-12)
            & (found.true_positive_rate <= true + 1e-12)
        )[-1]
        after = min(between + 1, found.threshold.size - 1)
        across = (found.true_positive_rate[after] - found.true_positive_rate[between]) * (
            false - found.false_positive_rate[between]
        )
        up = (found.false_positive_rate[after] - found.false_positive_rate[between]) * (
            true - found.true_positive_rate[between]
        )
        assert across == pytest.approx(up, abs=1e-12)
    assert (found.false_positive_rate[-1], found.true_positive_rate[-1]) == (1.0, 1.0)
    assert (found.false_positive_rate[0], found.true_positive_rate[0]) == (0.0, 0.0)


def test_risk_is_the_probability_of_true() -> None:
    questions = [
        question("1"), question("False"), question("0"), question("1", unit="papers"),
        question("GPT-3"), question("is_blank"), question("yes"), question("no"), question("1"),
    ]  # fmt: skip
    values = ["True", "1", "0", "1", "GPT-3", "is_blank", "no", "is_blank", None]
    confidences = [0.9, 0.6, 0.8, 0.9, 0.9, None, 0.7, None, None]
    risk, label = risk_scores(questions, values, confidences)
    np.testing.assert_allclose(risk, [0.9, 0.6, 0.2, np.nan, np.nan, np.nan, 0.3, np.nan, np.nan])
    np.testing.assert_array_equal(label, [1, 0, 0, np.nan, np.nan, np.nan, 1, 0, 1])
