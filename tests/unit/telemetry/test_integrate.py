"""Energy of a stretch from samples of a meter."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wattbench.telemetry.integrate import Point, counter_energy, sampled_energy

RAMP = [Point(float(t), power_w=100.0, energy_j=100.0 * t) for t in range(11)]


def test_a_counter_is_read_at_both_ends() -> None:
    found = counter_energy(RAMP, 2.0, 7.0, resolution_s=0.1)
    assert found.energy_j == pytest.approx(500)
    assert found.uncertainty_j == pytest.approx(math.sqrt(2 * (100 * 0.1) ** 2 / 12))


def test_between_samples_the_counter_is_less_certain() -> None:
    found = counter_energy(RAMP, 2.5, 7.0, resolution_s=0.1)
    assert found.energy_j == pytest.approx(450)
    exact = counter_energy(RAMP, 2.0, 7.0, resolution_s=0.1)
    assert found.uncertainty_j is not None
    assert exact.uncertainty_j is not None
    assert found.uncertainty_j > exact.uncertainty_j


def test_a_stretch_shorter_than_the_sensor_is_unknown() -> None:
    for integrate in (counter_energy, sampled_energy):
        found = integrate(RAMP, 2.0, 2.15, resolution_s=0.1)
        assert found.energy_j is None
        assert "shorter than the sensor" in str(found.reason)


def test_samples_that_end_early_do_not_cover() -> None:
    assert counter_energy(RAMP, 5.0, 14.0, resolution_s=0.1).energy_j is None
    assert counter_energy([], 5.0, 14.0, resolution_s=0.1).energy_j is None
    assert sampled_energy(RAMP[:1], 0.0, 5.0, resolution_s=0.1).energy_j is None


def test_sampled_power_is_a_trapezoid() -> None:
    points = [Point(0.0, power_w=0.0), Point(1.0, power_w=100.0), Point(2.0, power_w=100.0)]
    found = sampled_energy(points, 0.0, 2.0, resolution_s=0.1)
    assert found.energy_j == pytest.approx(150)
    assert found.uncertainty_j == pytest.approx(100 / math.sqrt(12))


@given(st.floats(0, 4), st.floats(6, 10))
def test_constant_power_is_exact(start: float, end: float) -> None:
    for integrate in (counter_energy, sampled_energy):
        found = integrate(RAMP, start, end, resolution_s=0.05)
        assert found.energy_j == pytest.approx(100 * (end - start), rel=1e-9)
