"""How well energy is told from sensors like those of GPUs, in virtual time.

1,000 phases of 0.2 to 30 s (lengths even on a log scale) over square, ramp and bursty power, seen
through sensors whose truth is known: a power reading that is the mean of 25 ms every 100 ms, and
energy counters that are updated every 20 and every 100 ms. The estimator is the one that real runs
use; beside it stands the trapezoid of power polled once a second.

    python benchmarks/energy_sensors.py [--phases 1000] [--seed 1] [--json]
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from wattbench.telemetry.integrate import (
    Integral,
    Sensor,
    counter_energy,
    sampled_energy,
)

Reals = npt.NDArray[np.float64]
Random = np.random.Generator

MARGIN_S = 3.0
"""The sampler runs before and after a phase."""


@dataclass(frozen=True)
class Power:
    """Power that is linear between its corners, so that its integral is exact.

    Args:
        times: Corners in seconds, never falling; twice the same for a jump.
        watts: Power at them.
    """

    times: Reals
    watts: Reals
    _joules: Reals = field(init=False, repr=False)

    def __post_init__(self) -> None:
        parts = np.diff(self.times) * (self.watts[1:] + self.watts[:-1]) / 2
        object.__setattr__(self, "_joules", np.concatenate(([0.0], np.cumsum(parts))))

    def energy(self, moments: npt.ArrayLike) -> Reals:
        """Joules from the first corner to each moment."""
        at = np.asarray(moments, dtype=np.float64)
        place = np.clip(np.searchsorted(self.times, at, side="right") - 1, 0, len(self.times) - 2)
        since = at - self.times[place]
        width = self.times[place + 1] - self.times[place]
        rise = (self.watts[place + 1] - self.watts[place]) / np.where(width > 0, width, 1.0)
        found: Reals = self._joules[place] + self.watts[place] * since + rise * since**2 / 2
        return found

    def between(self, start: float, end: float) -> float:
        """Joules between two moments."""
        first, last = self.energy([start, end])
        return float(last - first)


def square(random: Random, length: float) -> Power:
    """Two levels, each held for a time of its own: a model that works and waits."""
    low, high = random.uniform(40, 90), random.uniform(200, 400)
    held = np.exp(random.uniform(np.log(0.3), np.log(5.0), 2))
    levels = np.tile([low, high], int(length / held.sum()) + 3)
    edges = np.concatenate(([0.0], np.cumsum(np.tile(held, len(levels) // 2))))
    edges -= random.uniform(0, held.sum())
    return Power(np.repeat(edges, 2)[1:-1], np.repeat(levels, 2))


def ramp(random: Random, length: float) -> Power:
    """Power that climbs and falls back at once: a batch that fills up."""
    low, high = random.uniform(40, 120), random.uniform(200, 400)
    climb = float(np.exp(random.uniform(np.log(0.5), np.log(10.0))))
    count = int(length / climb) + 3
    edges = np.arange(count + 1) * climb - random.uniform(0, climb)
    return Power(np.repeat(edges, 2)[1:-1], np.tile([low, high], count))


def bursty(random: Random, length: float) -> Power:
    """Bursts of random length and height at random times: single requests."""
    base = random.uniform(40, 90)
    mean_off, mean_on = np.exp(random.uniform(np.log(0.1), np.log(1.5), 2))
    count = int(3 * length / (mean_off + mean_on)) + 30
    spans = np.empty(2 * count)
    spans[0::2] = random.exponential(mean_off, count)
    spans[1::2] = random.exponential(mean_on, count)
    levels = np.full(2 * count, base)
    levels[1::2] = random.uniform(150, 400, count)
    edges = np.concatenate(([0.0], np.cumsum(spans))) - random.uniform(0, spans[:4].sum())
    if edges[-1] < length:
        return bursty(random, length)
    return Power(np.repeat(edges, 2)[1:-1], np.repeat(levels, 2))


SHAPES: dict[str, Callable[[Random, float], Power]] = {
    "square": square,
    "ramp": ramp,
    "bursty": bursty,
}


@dataclass(frozen=True)
class Meter:
    """A simulated sensor.

    Args:
        name: Its name.
        sensor: What is known of it.
        counter: Whether it counts energy; else it says the power.
    """

    name: str
    sensor: Sensor
    counter: bool

    def read(self, power: Power, moments: Reals, random: Random) -> Reals:
        """What it says at each moment, joules or watts; its own clock is up to 1 % off."""
        period = self.sensor.period_s * random.uniform(0.99, 1.01)
        offset = random.uniform(0, period)
        updated = np.floor((moments - offset) / period) * period + offset
        if self.counter:
            return np.floor(power.energy(updated) * 1000) / 1000
        return averaged(power, updated, self.sensor.window_s)


def averaged(power: Power, updated: Reals, window_s: float) -> Reals:
    """Mean power over a window before each update, in whole milliwatts."""
    found: Reals = power.energy(updated) - power.energy(updated - window_s)
    return np.round(found / window_s, 3)


METERS = (
    Meter("power, 25 of 100 ms", Sensor(0.1, 0.025), counter=False),
    Meter("counter, 20 ms", Sensor(0.02), counter=True),
    Meter("counter, 100 ms", Sensor(0.1), counter=True),
)
POLLED = METERS[0]


@dataclass(frozen=True)
class Trial:
    """One phase seen by one sensor.

    Args:
        shape: Shape of the power.
        meter: Name of the sensor.
        length_s: Length of the phase.
        truth_j: Its energy.
        found: What the estimator says.
        polled_j: What the trapezoid of power polled once a second says.
    """

    shape: str
    meter: str
    length_s: float
    truth_j: float
    found: Integral
    polled_j: float


def sampled_moments(random: Random, start: float, end: float, hz: float) -> Reals:
    """When the sampler reads: on its clock, a little late, and at once at each end of a phase.

    One phase in three is the last of its process: no sample follows.
    """
    clock = np.arange(start - MARGIN_S + random.uniform(0, 1 / hz), end + MARGIN_S, 1 / hz)
    clock = clock + random.exponential(0.0005, len(clock))
    marks = np.array([start, end]) + random.uniform(0.0005, 0.005, 2)
    last = marks[1] if random.random() < 1 / 3 else np.inf
    moments = np.unique(np.concatenate((clock, marks)))
    return moments[moments <= last]


def once_a_second(random: Random, power: Power, start: float, end: float) -> float:
    """The trapezoid of power polled at 1 Hz, held at the ends."""
    moments = np.arange(start - 2 + random.uniform(0, 1), end + 2, 1.0)
    watts = POLLED.read(power, moments, random)
    grid = np.concatenate(([start], moments[(moments > start) & (moments < end)], [end]))
    held = np.searchsorted(moments, grid, side="right") - 1
    return float(np.trapezoid(watts[held], grid))


def trial(random: Random, shape: str, meter: Meter, *, hz: float = 10.0) -> Trial:
    """One random phase."""
    length = float(np.exp(random.uniform(np.log(0.2), np.log(30.0))))
    power = SHAPES[shape](random, length + 2 * MARGIN_S + 12)
    start = float(power.times[0] + 8 + random.uniform(0, 1))
    if power.times[0] > 0:
        start = 8.0
    end = start + length
    moments = sampled_moments(random, start, end, hz)
    readings = meter.read(power, moments, random)
    integrate = counter_energy if meter.counter else sampled_energy
    return Trial(
        shape,
        meter.name,
        length,
        power.between(start, end),
        integrate(moments, readings, start, end, sensor=meter.sensor),
        once_a_second(random, power, start, end),
    )


def trials(phases: int, seed: int) -> list[Trial]:
    """Every phase, its shape and sensor in turn."""
    random = np.random.default_rng(seed)
    shapes = list(SHAPES)
    return [
        trial(random, shapes[number % len(shapes)], meter)
        for number in range(phases)
        for meter in METERS
    ]


def figures(found: Sequence[Trial]) -> dict[str, Any]:
    """Median errors, their ratio, and the share of runs whose interval holds the truth."""
    known = [one for one in found if one.found.energy_j is not None]
    error = np.array([abs((one.found.energy_j or 0.0) - one.truth_j) for one in known])
    expanded = np.array([one.found.expanded_j or 0.0 for one in known])
    polled = np.array([abs(one.polled_j - one.truth_j) for one in known])
    return {
        "phases": len(known),
        "too_short": len(found) - len(known),
        "median_error_j": float(np.median(error)),
        "polled_median_error_j": float(np.median(polled)),
        "ratio": float(np.median(error) / np.median(polled)),
        "coverage_pct": float(np.mean(error <= expanded) * 100),
    }


def summary(found: Sequence[Trial]) -> dict[str, Any]:
    """Figures over all, by sensor, by shape and by both."""
    groups: dict[str, list[Trial]] = {}
    for one in found:
        for name in (one.meter, one.shape, f"{one.meter}; {one.shape}"):
            groups.setdefault(name, []).append(one)
    return {"all": figures(found), **{name: figures(own) for name, own in sorted(groups.items())}}


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--phases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    found = summary(trials(options.phases, options.seed))
    if options.json:
        print(json.dumps(found, indent=2))
        return 0
    print(f"{'':32}{'phases':>8}{'short':>7}{'error J':>10}{'1 Hz J':>10}{'ratio':>8}{'95 %':>8}")
    for name, row in found.items():
        print(
            f"{name:32}{row['phases']:8}{row['too_short']:7}{row['median_error_j']:10.3g}"
            f"{row['polled_median_error_j']:10.3g}{row['ratio']:8.3f}{row['coverage_pct']:8.1f}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
