"""Segments lived in virtual time: the real writers of ledger and samples, a clock that is set."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from wattbench.records import Appender
from wattbench.telemetry.job import Job
from wattbench.telemetry.meters import Meter
from wattbench.telemetry.processes import Usage
from wattbench.telemetry.sampler import Recorder
from wattbench.telemetry.segment import BEAT_S, Head, LedgerWriter, samples_file

Live = Callable[[Sequence[dict[str, Any]]], None]
"""Lives cases of tests/nvml/worker.py."""


class SettableClock(Protocol):
    now: float

    def wall(self) -> float: ...
    def mono(self) -> float: ...
    def sleep(self, seconds: float) -> None: ...
    def set(self, now: float) -> None: ...


class PlainClock:
    """A clock that a test sets.

    Args:
        now: Monotonic time, seconds.
        wall_ahead: The wall clock less that.
    """

    def __init__(self, now: float = 0.0, wall_ahead: float = 1.7e9) -> None:
        self.now = now
        self.wall_ahead = wall_ahead

    def wall(self) -> float:
        return self.now + self.wall_ahead

    def mono(self) -> float:
        return self.now

    def set(self, now: float) -> None:
        self.now = now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def a_job(host: str = "node1", nodes: Sequence[str] = (), job_id: str = "42") -> Job:
    return Job(job_id, "slurm", "hpc", 1, host, tuple(nodes) or (host,), "gpu", (), 8)


class VirtualSegment:
    """One segment.

    Args:
        folder: The journal's folder.
        number: Its number.
        clock: The clock.
        meters: What its sampler reads; None for a sampler that has not come up yet.
        gpus: GPUs asked for.
        job: The job.
        seed: Of how late the sampler is.
    """

    def __init__(
        self,
        folder: Path,
        number: int,
        clock: SettableClock,
        meters: Sequence[Meter] | None,
        *,
        gpus: tuple[str, ...] = ("0",),
        job: Job | None = None,
        hz: float = 10.0,
        seed: int = 0,
    ) -> None:
        self._clock = clock
        self._random = random.Random(seed)
        self._hz = hz
        head = Head(f"run/{number}", number, job or a_job(), {}, "a CPU")
        self.writer = LedgerWriter(
            folder, head, gpus=gpus, usage=lambda: Usage(clock.now / 2, 1 << 20), clock=clock
        )
        self._out = Appender(samples_file(folder, number))
        self._recorder = None
        if meters is not None:
            self._recorder = Recorder(meters, self._out, hz=hz, clock=clock)
            self._recorder.learn()
        self._sample_at = clock.now + self._random.uniform(0, 1 / hz)
        self._beat_at = clock.now + BEAT_S

    def run(self, seconds: float) -> None:
        """Live on for a while."""
        until = self._clock.now + seconds
        while min(self._sample_at, self._beat_at) < until:
            if self._sample_at <= self._beat_at:
                self._clock.set(max(self._clock.now, self._sample_at))
                if self._recorder is not None:
                    self._recorder.sample()
                self._sample_at += 1 / self._hz
            else:
                self._clock.set(max(self._clock.now, self._beat_at))
                self.writer.beat()
                self._beat_at += BEAT_S
        self._clock.set(until)

    def phase(self, name: str) -> None:
        """Enter a phase: the sampler reads at once, a little late."""
        self.writer.phase(name)
        self._clock.sleep(self._random.uniform(0.0002, 0.003))
        if self._recorder is not None:
            self._recorder.sample()

    def end(self, ended_by: str = "finished") -> None:
        """Close it in good order."""
        if self._recorder is not None:
            self._recorder.sample()
        self.writer.end(lambda: {"ended_by": ended_by, "detail": None, "sampler_status": 0})
        self._out.close()

    def kill(self, *, torn: bytes = b"") -> None:
        """End in the middle: nothing more is written, the last line perhaps by half.

        Args:
            torn: The beginning of a line of the ledger.
        """
        path = self.writer._ledger._path
        self.writer._ledger.close()
        self._out.close()
        if torn:
            with path.open("ab") as ledger:
                ledger.write(torn)
