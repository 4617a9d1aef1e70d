"""Ending by a signal so that what was begun on the cluster is taken back."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def interruptible() -> Iterator[Callable[[], None]]:
    """Let Ctrl-C, SIGTERM and a hang-up raise KeyboardInterrupt; those that are ignored stay so.

    Yields:
        To be called at every turn of a loop that waits: it raises where a signal came before.
        What is raised while an object is finalised is lost (Python's data model, `__del__`).
    """
    came = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        came.set()
        raise KeyboardInterrupt

    def check() -> None:
        if came.is_set():
            raise KeyboardInterrupt

    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        heard = [n for n in SIGNALS if signal.getsignal(n) is not signal.SIG_IGN]
        before = {n: signal.signal(n, stop) for n in heard}
    try:
        yield check
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
