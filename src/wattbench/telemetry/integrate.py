"""Energy of a stretch of time from a meter's samples, with the uncertainty of the sampling.

The calibration of the meter is not in it: it is common to all stretches and is added once, where
they are summed.
"""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

MIN_UPDATES = 2
"""Updates of the sensor that a stretch must hold to say anything."""


@dataclass(frozen=True)
class Point:
    """One sample of one device.

    Args:
        mono: Monotonic clock, seconds.
        power_w: Power, or None.
        energy_j: Cumulative counter, or None.
    """

    mono: float
    power_w: float | None = None
    energy_j: float | None = None


@dataclass(frozen=True)
class Integral:
    """Energy of a stretch.

    Args:
        energy_j: Joules, or None where it cannot be known.
        uncertainty_j: Its standard uncertainty, or None.
        reason: Why it cannot be known, or None.
    """

    energy_j: float | None
    uncertainty_j: float | None
    reason: str | None = None


def counter_energy(
    points: Sequence[Point], start: float, end: float, *, resolution_s: float
) -> Integral:
    """Difference of a cumulative counter between two moments.

    The counter is read at samples next to the moments and is taken to rise evenly between two
    samples. Each end is uncertain by when the sensor last updated and by where in the gap between
    two samples the energy fell; both are taken as evenly spread (width / sqrt(12), GUM 4.3.7).

    Args:
        points: Samples in order of time.
        start: Start of the stretch, monotonic seconds.
        end: Its end.
        resolution_s: Seconds between two updates of the sensor.
    """
    known = [point for point in points if point.energy_j is not None]
    too_short = _too_short(start, end, resolution_s)
    if too_short is not None:
        return too_short
    first, last = _at(known, start), _at(known, end)
    if first is None or last is None:
        return Integral(None, None, "the samples do not cover the stretch")
    energy = last[0] - first[0]
    power = energy / (end - start)
    variance = 2 * (power * resolution_s) ** 2 / 12 + (first[1] ** 2 + last[1] ** 2) / 12
    return Integral(energy, math.sqrt(variance))


def sampled_energy(
    points: Sequence[Point], start: float, end: float, *, resolution_s: float
) -> Integral:
    """Trapezoid of sampled power between two moments.

    Between two samples the power may have been that of either end; the error of their mean is
    taken as evenly spread over that width (GUM 4.3.7).

    Args:
        points: Samples in order of time.
        start: Start of the stretch, monotonic seconds.
        end: Its end.
        resolution_s: Seconds between two updates of the sensor.
    """
    known = [p for p in points if p.power_w is not None and start - 1 <= p.mono <= end + 1]
    too_short = _too_short(start, end, resolution_s)
    if too_short is not None:
        return too_short
    inside = [p for p in known if start <= p.mono <= end]
    if len(inside) < MIN_UPDATES:
        return Integral(None, None, f"{len(inside)} samples of power in the stretch; it takes two")
    energies: list[float] = []
    variances: list[float] = []
    edges = [
        Point(start, inside[0].power_w),
        *inside,
        Point(end, inside[-1].power_w),
    ]
    for left, right in itertools.pairwise(edges):
        width = right.mono - left.mono
        low, high = left.power_w or 0.0, right.power_w or 0.0
        energies.append((low + high) / 2 * width)
        variances.append(((high - low) * width) ** 2 / 12)
    return Integral(math.fsum(energies), math.sqrt(math.fsum(variances)))


def _too_short(start: float, end: float, resolution_s: float) -> Integral | None:
    length = end - start
    if length >= MIN_UPDATES * resolution_s and length > 0:
        return None
    return Integral(
        None, None, f"{length:.3g} s is shorter than the sensor can resolve ({resolution_s:g} s)"
    )


def _at(points: Sequence[Point], moment: float) -> tuple[float, float] | None:
    """The counter at a moment and the rise of the gap it was read in, 0 right at a sample."""
    place = bisect.bisect_left(points, moment, key=lambda point: point.mono)
    if place < len(points) and points[place].mono == moment:
        return float(points[place].energy_j or 0.0), 0.0
    if place in {0, len(points)}:
        return _beyond(points, moment)
    left, right = points[place - 1], points[place]
    low, high = float(left.energy_j or 0.0), float(right.energy_j or 0.0)
    share = (moment - left.mono) / (right.mono - left.mono)
    # Near a sample little can have happened between it and the moment.
    nearest = min(share, 1 - share) * 2
    return low + (high - low) * share, (high - low) * nearest


def _beyond(points: Sequence[Point], moment: float) -> tuple[float, float] | None:
    """The counter a little before the first or after the last sample, by the power next to it."""
    if len(points) < MIN_UPDATES:
        return None
    near, next_one = (points[0], points[1]) if moment < points[0].mono else (points[-1], points[-2])
    gap = abs(next_one.mono - near.mono)
    away = moment - near.mono
    if gap == 0 or abs(away) > max(2 * gap, 1.0):
        return None
    power = (float(next_one.energy_j or 0.0) - float(near.energy_j or 0.0)) / (
        next_one.mono - near.mono
    )
    return float(near.energy_j or 0.0) + power * away, abs(power * away)
