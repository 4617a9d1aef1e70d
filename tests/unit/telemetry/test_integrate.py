"""Energy of a stretch from samples of a meter."""

from __future__ import annotations

import math

import numpy as np
import pytest
from benchmarks.energy_sensors import summary, trials
from hypothesis import given
from hypothesis import strategies as st

from wattbench.telemetry.integrate import (
    Sensor,
    counter_energy,
    sampled_energy,
    systematic_variance,
)

TENTH = Sensor(0.1)
TIMES = np.arange(101) / 10
POWER = np.full(101, 100.0)
COUNTER = 100 * TIMES
STEADY = ((counter_energy, COUNTER), (sampled_energy, POWER))


def test_the_age_of_a_reading_is_evenly_spread_over_a_period() -> None:
    found = counter_energy(TIMES, COUNTER, 2.0, 7.03, sensor=TENTH)
    assert found.energy_j == pytest.approx(503)
    assert found.uncertainty_j is not None
    # One end: 100 W x 0.1 s / sqrt(12) = 2.9 J; both, unless their ages cancel.
    assert 0 < found.uncertainty_j <= 1.001 * math.sqrt(2) * 100 * 0.1 / math.sqrt(12)
    assert found.expanded_j is not None
    assert found.uncertainty_j < found.expanded_j < 2 * found.uncertainty_j
    finer = counter_energy(TIMES, COUNTER, 2.0, 7.03, sensor=Sensor(0.02))
    assert finer.uncertainty_j is not None
    assert finer.uncertainty_j < found.uncertainty_j / 3


def test_a_stretch_shorter_than_the_sensor_is_unknown() -> None:
    for integrate, readings in STEADY:
        found = integrate(TIMES, readings, 2.0, 2.15, sensor=TENTH)
        assert (found.energy_j, found.uncertainty_j) == (None, None)
        assert "shorter than the sensor can resolve" in str(found.reason)


def test_samples_that_end_early_do_not_cover() -> None:
    for integrate, readings in STEADY:
        found = integrate(TIMES, readings, 5.0, 14.0, sensor=TENTH)
        assert found.energy_j is None
        assert "4 s are missing" in str(found.reason)
        assert integrate(TIMES[:0], readings[:0], 5.0, 14.0, sensor=TENTH).energy_j is None
        assert integrate(TIMES[:1], readings[:1], 0.0, 5.0, sensor=TENTH).energy_j is None


def test_a_sampler_that_comes_up_late_leaves_a_gap() -> None:
    for integrate, readings in STEADY:
        found = integrate(TIMES[20:], readings[20:], 0.0, 8.0, sensor=TENTH)
        assert found.energy_j == pytest.approx(800)
        assert found.gap_s == pytest.approx(2)
        assert found.uncertainty_j == pytest.approx(200 / math.sqrt(3), rel=0.05)


def test_a_gap_is_bridged_by_the_counter_and_guessed_from_power() -> None:
    there = ~((TIMES > 3) & (TIMES < 6))
    counted = counter_energy(TIMES[there], COUNTER[there], 1.0, 9.0, sensor=TENTH)
    sampled = sampled_energy(TIMES[there], POWER[there], 1.0, 9.0, sensor=TENTH)
    assert counted.energy_j == pytest.approx(800)
    assert sampled.energy_j == pytest.approx(800)
    assert counted.gap_s == sampled.gap_s == pytest.approx(3)
    assert counted.uncertainty_j is not None
    assert counted.uncertainty_j < 10
    assert sampled.uncertainty_j == pytest.approx(300 / math.sqrt(3), rel=0.01)


def test_a_counter_that_starts_anew_is_bridged() -> None:
    anew = COUNTER - np.where(TIMES < 5, 0, 495)
    found = counter_energy(TIMES, anew, 1.0, 9.0, sensor=TENTH)
    assert found.energy_j == pytest.approx(800, abs=2)
    assert found.gap_s == pytest.approx(0.1)
    assert found.uncertainty_j is not None
    assert found.uncertainty_j >= 10 / math.sqrt(3)


def test_power_that_never_repeats_is_less_certain_than_power_that_stays() -> None:
    jumpy = POWER + 50.0 * (-1) ** np.arange(101)
    stepped = np.where(TIMES < 5, 50.0, 150.0)
    alone = sampled_energy(TIMES, jumpy, 1.0, 9.0, sensor=TENTH).uncertainty_j
    followed = sampled_energy(TIMES, stepped, 1.0, 9.0, sensor=TENTH).uncertainty_j
    assert alone is not None
    assert followed is not None
    assert alone > 5 * followed > 0


def test_the_variance_of_systematic_sampling_meets_its_limits() -> None:
    assert systematic_variance(0.0, 0.0) == 0
    assert systematic_variance(6.0, 12.0) == pytest.approx(1.0)  # steps: d^2 h^2 / 12
    assert systematic_variance(6.0, 6.0) == 6.0  # readings that know nothing of each other
    between = systematic_variance(6.0, 9.0)
    assert 1.0 < between < 6.0


@given(st.floats(0.5, 4), st.floats(6, 9.5))
def test_constant_power_is_exact(start: float, end: float) -> None:
    for integrate, readings in STEADY:
        found = integrate(TIMES, readings, start, end, sensor=Sensor(0.05))
        assert found.energy_j == pytest.approx(100 * (end - start), rel=1e-9)


def test_simulated_sensors_are_told_to_a_third_of_a_slow_trapezoid_and_covered() -> None:
    """A smaller benchmarks/energy_sensors.py; the bounds leave room for its fewer phases."""
    found = summary(trials(500, 11))
    assert 93 <= found["all"]["coverage_pct"] <= 97
    for meter in ("all", "power, 25 of 100 ms", "counter, 20 ms", "counter, 100 ms"):
        assert found[meter]["ratio"] < 1 / 3, meter
        assert 91.5 <= found[meter]["coverage_pct"] <= 98.5, meter
    for shape in ("square", "ramp", "bursty"):
        assert found[shape]["ratio"] < 1 / 3, shape
    assert found["power, 25 of 100 ms"]["too_short"] > 0
    reasons = {
        one.found.reason
        for one in trials(60, 3)
        if one.found.energy_j is None and one.length_s < 0.45
    }
    assert reasons
    assert all("shorter than the sensor can resolve" in str(reason) for reason in reasons)
