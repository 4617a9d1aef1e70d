"""How often a sensor updates, seen by reading it fast for a short while."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable, Mapping
from typing import Any

from wattbench.telemetry.clock import Clock

LONGEST_S = 0.6
"""Long enough for five updates of the slowest sensor known (100 ms)."""

PAUSE_S = 0.001
FEWEST, ENOUGH = 4, 10
"""Changes that it takes to tell the period, and after which it is well known."""


def update_periods(
    sensors: Mapping[str, Callable[[], Any]], clock: Clock
) -> dict[str, float | None]:
    """Seconds between two updates of each sensor.

    Args:
        sensors: What reads each: a counter or a power; None where it does not answer.
        clock: The clock.

    Returns:
        The median time between two changes; None where too few were seen, as with a sensor that
        says the same for long.
    """
    if not sensors:
        return {}
    last = {name: read() for name, read in sensors.items()}
    changes: dict[str, list[float]] = {name: [] for name in sensors}
    until = clock.mono() + LONGEST_S
    while clock.mono() < until and min(map(len, changes.values())) < ENOUGH:
        clock.sleep(PAUSE_S)
        for name, read in sensors.items():
            value = read()
            if value != last[name]:
                last[name] = value
                changes[name].append(clock.mono())
    return {name: _period(moments) for name, moments in changes.items()}


def _period(moments: list[float]) -> float | None:
    if len(moments) < FEWEST:
        return None
    steps = [after - before for before, after in itertools.pairwise(moments)]
    usual = statistics.median(steps)
    # A change that was missed doubles a step: what lies far from the usual one is left out.
    return statistics.fmean(step for step in steps if abs(step - usual) <= usual / 2)
