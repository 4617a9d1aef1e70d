"""When the next try goes out: what a busy server asks for, with jitter, for all who ask it."""

from __future__ import annotations

import random
import threading
import time

from wattbench.inference.backends.base import BackendFailure

FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 30.0
JITTER = 0.5
"""Share by which a pause is lengthened at most, so that those who wait do not come back at once."""


def pause_s(failures: int, failure: BackendFailure) -> float:
    """Seconds before the next try: doubling, and never less than the server asks for.

    Args:
        failures: Tries of the question that failed so far, from 1.
        failure: The last of them.
    """
    doubling = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(failures - 1, 30))
    least = max(doubling, failure.retry_after_s or 0.0)
    return least + random.uniform(0, JITTER) * doubling


class Gate:
    """Holds all askers back while the server is busy, for what one is told holds for all."""

    def __init__(self) -> None:
        self._opens = 0.0

    def hold(self, seconds: float) -> None:
        """Close for that long; a hold that is longer already stays."""
        self._opens = max(self._opens, time.monotonic() + seconds)

    def wait(self, stop: threading.Event) -> bool:
        """Wait until it is open.

        Returns:
            Whether `stop` was set meanwhile.
        """
        while (left := self._opens - time.monotonic()) > 0:
            if stop.wait(left):
                return True
        return stop.is_set()
