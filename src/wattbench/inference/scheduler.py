"""What inference asks the scheduler: whether another job lives, and why this one is to stop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

CANCELLED = "cancelled"
SIGNALLED = "signal"
ENDINGS: Mapping[str, str] = {
    "CANCELLED": CANCELLED,
    "TIMEOUT": "timeout",
    "PREEMPTED": "preempted",
}
"""How a segment ended, by the state that Slurm gives its job while it is signalled."""


def _unknown_alive(_job_id: str) -> bool | None:
    return None


def _unknown_state(_job_id: str) -> str | None:
    return None


def _nothing_withdrawn(_job_id: str) -> bool:
    return False


@dataclass(frozen=True)
class Scheduler:
    """A scheduler that can be asked about jobs; as it stands, one that knows nothing.

    Args:
        alive: Whether a job's processes may still run; None where it does not say.
        state: State of a job in Slurm's words; None where it does not say.
        withdrawn: Whether an earlier job for the work of this one was cancelled before it began.
    """

    alive: Callable[[str], bool | None] = _unknown_alive
    state: Callable[[str], str | None] = _unknown_state
    withdrawn: Callable[[str], bool] = _nothing_withdrawn

    def ending(self, job_id: str) -> str:
        """How a segment of a job that was signalled ended, as the ledger says it."""
        return ENDINGS.get(self.state(job_id) or "", SIGNALLED)


NO_SCHEDULER = Scheduler()
