"""Stopping on a signal without losing what was paid for."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, Self

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
"""Slurm warns of a time limit with one that the user picks (USR1) and ends a job with TERM."""

FINISH_S = 10.0
"""Seconds that a running question is given to finish."""

ABANDON_S = 5.0
"""Seconds more that a backend is given to let go of it."""

POLL_S = 0.05
SIGNAL_EXIT = 128


class Stop:
    """Remembers the first signal; Ctrl-C after it gives up the running question at once.

    Slurm sends SIGTERM to a step more than once, so another of those says nothing new.

    As a context manager it takes over the signals, in the main thread alone.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self.abandon = threading.Event()
        self._since = 0.0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                self._before[number] = signal.signal(number, self._take)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _take(self, number: int, _frame: FrameType | None) -> None:
        if self.number is None:
            self.number = number
            self._since = time.monotonic()
        elif number == signal.SIGINT:
            self.abandon.set()

    @property
    def name(self) -> str | None:
        """Name of the signal, or None where none came."""
        return None if self.number is None else signal.Signals(self.number).name

    @property
    def requested(self) -> bool:
        """Whether to take up nothing new."""
        return self.number is not None or self.abandon.is_set()

    def leave(self) -> None:
        """End the process as the signal asks, if one came.

        Raises:
            SystemExit: With 128 + the signal's number, as shells report it.
        """
        if self.number is not None:
            raise SystemExit(SIGNAL_EXIT + self.number)

    def wait_for(self, threads: list[threading.Thread], check: Callable[[], None]) -> bool:
        """Wait until the threads are through, or a signal's patience is.

        Args:
            threads: Threads that look at `requested` and `abandon`.
            check: Called often; raises to give up.

        Returns:
            Whether all threads ended.
        """
        try:
            while any(thread.is_alive() for thread in threads):
                for thread in threads:
                    thread.join(POLL_S / len(threads))
                check()
                if self.number is None:
                    continue
                waited = time.monotonic() - self._since
                if waited > FINISH_S:
                    self.abandon.set()
                if waited > FINISH_S + ABANDON_S:
                    return False
        except BaseException:
            # Hides nothing: an interrupt or a full disk must not leave threads asking.
            self.abandon.set()
            for thread in threads:
                thread.join(ABANDON_S)
            raise
        return True
