"""A segment as it is lived: its start, phases, heartbeats and end, each on disk as it happens."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from wattbench.errors import WattbenchError
from wattbench.files import fault_of
from wattbench.records import Appender, Record, read
from wattbench.study.layout import LEDGER
from wattbench.telemetry import sampler
from wattbench.telemetry.clock import MACHINE, Clock
from wattbench.telemetry.job import Job, boot_id
from wattbench.telemetry.processes import Usage, own_peak_bytes, tree_usage

BEAT_S = 0.75
"""Seconds between heartbeats; below the promised second by what a busy machine may be late."""

BASELINE_S = 1.0
"""Seconds at rest before the model is loaded, where a meter is there to see them."""

SAMPLER_START_S = 5.0
SAMPLER_END_S = 5.0

SAMPLERS: set[int] = set()
"""Process ids of this process' living samplers, whose work is none of the run's."""


def samples_file(folder: Path, number: int) -> Path:
    """Where a segment's samples lie."""
    return folder / f"samples-{number}.jsonl"


@dataclass(frozen=True)
class Moment:
    """A moment by both clocks, in seconds."""

    wall: float
    mono: float


@dataclass(frozen=True)
class Head:
    """What is known of a segment when it starts.

    Args:
        segment: Its id, unique over all runs.
        number: Its place in the ledger, from 1.
        job: The job it belongs to.
        versions: Versions of what takes part.
        cpu_model: Name of the processor, or None.
        work: Name and version of the backend, and whatever else describes the work.
        sets: Question sets that the process works through.
        loaded_in: Segment of another question set in which it has loaded the model, or None.
        idle_w: Power of each device before that, where `loaded_in` is given.
    """

    segment: str
    number: int
    job: Job
    versions: Mapping[str, str]
    cpu_model: str | None
    work: Mapping[str, Any] = field(default_factory=dict)
    sets: tuple[str, ...] = ()
    loaded_in: str | None = None
    idle_w: Mapping[str, float | None] = field(default_factory=dict)


class LedgerWriter:
    """Writes the records of one segment.

    Args:
        folder: The journal's folder.
        head: What is known at the start.
        gpus: GPUs to measure, as UUIDs or indices.
        usage: What the process tree has used until now, or None where it cannot be read.
        clock: The clock.
        since: When the segment began, where that was before now.
    """

    def __init__(
        self,
        folder: Path,
        head: Head,
        *,
        gpus: tuple[str, ...],
        usage: Callable[[], Usage | None],
        clock: Clock = MACHINE,
        since: Moment | None = None,
    ) -> None:
        self.answered = 0
        self._head = head
        self._usage = usage
        self._clock = clock
        self._phase = "idle"
        self._peak = 0
        self._lock = threading.Lock()
        self._ledger = Appender(folder / LEDGER)
        self._write(
            self._now("start")
            | ({} if since is None else {"at": since.wall, "mono": since.mono})
            | asdict(head)
            | {"pid": os.getpid(), "phase": self._phase, "gpus": list(gpus), "boot": boot_id()}
        )

    def _write(self, record: Mapping[str, Any], *, sync: bool = True) -> None:
        with self._lock:
            self._ledger.append(record, sync=sync)

    def _now(self, kind: str) -> dict[str, Any]:
        usage = self._usage()
        if usage is not None:
            self._peak = max(self._peak, usage.rss_bytes, own_peak_bytes())
        return {
            "kind": kind,
            "segment": self._head.segment,
            "at": self._clock.wall(),
            "mono": self._clock.mono(),
            "cpu_s": None if usage is None else usage.cpu_s,
            "rss_peak_bytes": self._peak or None,
            "answered": self.answered,
        }

    def beat(self) -> None:
        """Say that the process lives."""
        self._write(self._now("beat") | {"phase": self._phase}, sync=False)

    def phase(self, name: str) -> None:
        """Enter a phase."""
        self._phase = name
        self._write(self._now("phase") | {"phase": name})

    def end(self, finish: Callable[[], Mapping[str, Any]]) -> Moment:
        """Close the segment.

        Args:
            finish: Ends what measures it; gives what to add to the last record.

        Returns:
            When it ended.
        """
        try:
            # Read before the sampler ends: a child that was waited for counts as ours.
            last = self._now("end")
            self._write({**last, **finish()})
        finally:
            self._ledger.close()
        return Moment(last["at"], last["mono"])


class Segment:
    """One segment of a ledger, measured by a sampler while it is lived.

    Args:
        folder: The journal's folder.
        head: What is known at the start.
        hz: Samples a second.
        gpus: GPUs given to the job, as UUIDs or indices.
        on_beat: Called with every heartbeat, such as a lease's renewal.
        before: Ends the segment before it in the same process and says when, where the model stays
            loaded in between: called once the sampler is there, so that no joule is lost.
    """

    def __init__(
        self,
        folder: Path,
        head: Head,
        *,
        hz: float,
        gpus: tuple[str, ...] = (),
        on_beat: Callable[[], None] | None = None,
        before: Callable[[], Moment] | None = None,
    ) -> None:
        self.head = head
        self.fault: WattbenchError | None = None
        self.ended_at: Moment | None = None
        self._folder = folder
        self._on_beat = on_beat
        self._ended = threading.Event()
        self._sampler_log: IO[bytes] | None = None
        since = None
        if before is not None:
            self._sampler = self._start_sampler(hz, gpus)
            self._await_sampler()
            since = before()
        self._ledger = LedgerWriter(folder, head, gpus=gpus, usage=self._usage, since=since)
        if before is None:
            self._sampler = self._start_sampler(hz, gpus)
        self._heart = threading.Thread(target=self._live, name="heartbeat", daemon=True)
        self._heart.start()

    @property
    def answered(self) -> int:
        """Questions answered in it."""
        return self._ledger.answered

    @answered.setter
    def answered(self, count: int) -> None:
        self._ledger.answered = count

    def _usage(self) -> Usage | None:
        return tree_usage(os.getpid(), without=SAMPLERS)

    def _start_sampler(self, hz: float, gpus: tuple[str, ...]) -> subprocess.Popen[bytes]:
        out = samples_file(self._folder, self.head.number)
        command = [sys.executable, "-m", sampler.__name__]
        command += ["--root", str(os.getpid()), "--hz", str(hz), "--out", str(out)]
        command += [f"--gpu={gpu}" for gpu in gpus]
        try:
            # Of a process that was killed before its segment began.
            out.unlink(missing_ok=True)
            self._sampler_log = (self._folder / "sampler.log").open("ab")
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=self._sampler_log,
            )
        except OSError as error:
            raise fault_of(error, self._folder) from error
        SAMPLERS.add(process.pid)
        return process

    def _live(self) -> None:
        while not self._ended.wait(BEAT_S):
            try:
                self._ledger.beat()
                if self._on_beat is not None:
                    self._on_beat()
            except WattbenchError as error:
                self.fault = error
                return

    def check(self) -> None:
        """Raise what the heartbeat met.

        Raises:
            FaultError: The ledger cannot be written, or the lease was lost.
        """
        if self.fault is not None:
            raise self.fault

    def rest(self) -> None:
        """Stay at rest for a baseline, where a meter is there to see it."""
        first = self._await_sampler()
        if first is not None and any(device["method"] for device in first["devices"]):
            self._ended.wait(BASELINE_S)

    def _await_sampler(self) -> Record | None:
        """The sampler's first record; None where it does not come."""
        until = time.monotonic() + SAMPLER_START_S
        path = samples_file(self._folder, self.head.number)
        while time.monotonic() < until and self._sampler.poll() is None:
            for record in read(path).records[:1]:
                return record
            time.sleep(0.02)
        return None

    def phase(self, name: str) -> None:
        """Enter a phase: 'load', 'warm_up', 'answer' or 'idle'."""
        with contextlib.suppress(OSError):  # a sampler that is gone is told of at the end
            if self._sampler.stdin is not None:
                self._sampler.stdin.write(b"\n")
                self._sampler.stdin.flush()
        self._ledger.phase(name)

    def end(self, ended_by: str, detail: str | None = None) -> Moment:
        """Close the segment.

        Args:
            ended_by: 'finished', 'failed', 'signal', or why the scheduler sent one.
            detail: The failure or the signal's name.

        Returns:
            When it ended.

        Raises:
            FaultError: The ledger cannot be written.
        """
        if self.ended_at is not None:
            return self.ended_at
        self._ended.set()
        self._heart.join(timeout=BEAT_S * 4)
        self.ended_at = self._ledger.end(
            lambda: {
                "ended_by": ended_by,
                "detail": detail,
                "sampler_status": self._end_sampler(),
            }
        )
        return self.ended_at

    def _end_sampler(self) -> int | None:
        with contextlib.suppress(OSError):
            if self._sampler.stdin is not None:
                self._sampler.stdin.close()
        SAMPLERS.discard(self._sampler.pid)
        try:
            return self._sampler.wait(timeout=SAMPLER_END_S)
        except subprocess.TimeoutExpired:
            self._sampler.kill()
            self._sampler.wait()
            return None
        finally:
            if self._sampler_log is not None:
                self._sampler_log.close()
