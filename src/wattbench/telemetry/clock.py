"""The two clocks of a measurement, apart from the machine's so that time can be scripted."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time in two ways, and waits."""

    def wall(self) -> float:
        """Seconds since the epoch; may be set forth or back at any time."""

    def mono(self) -> float:
        """Seconds from any origin; never falls, and one origin for all processes of a boot."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class MachineClock:
    """The machine's clocks."""

    def wall(self) -> float:
        """`time.time`."""
        return time.time()

    def mono(self) -> float:
        """`time.monotonic`."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """`time.sleep`."""
        time.sleep(seconds)


MACHINE = MachineClock()
