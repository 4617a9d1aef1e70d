"""Signals that end a wait, wherever they meet it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from wattbench.slurm.interruption import SIGNALS, interruptible


class Finalised:
    """An interpreter that frees it is interrupted just then."""

    def __init__(self, number: signal.Signals) -> None:
        self._number = number

    def __del__(self) -> None:
        os.kill(os.getpid(), self._number)
        for _ in range(100):
            pass


@pytest.fixture
def nothing_is_ignored() -> Iterator[None]:
    """As nohup and a shell's background jobs do, whatever starts the tests may ignore some."""
    before = {number: signal.signal(number, signal.default_int_handler) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("nothing_is_ignored")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_that_a_finaliser_swallows_is_heard_at_the_next_turn(
    number: signal.Signals,
) -> None:
    with interruptible() as check:
        check()
        one = Finalised(number)
        del one
        with pytest.raises(KeyboardInterrupt):
            check()


def test_handlers_are_as_before_and_ignored_signals_stay_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    own = signal.getsignal(signal.SIGINT)
    try:
        with interruptible() as check:
            os.kill(os.getpid(), signal.SIGHUP)
            check()
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGINT) is own
    finally:
        signal.signal(signal.SIGHUP, before)
