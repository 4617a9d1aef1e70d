"""The sampler: a process of its own that writes what the meters say, until its parent is gone.

A process of its own because the measured one is busy in native code. It samples on a clock, at
once for each line on its standard input, and a last time when that is closed, as happens when
the parent dies.
"""

from __future__ import annotations

import argparse
import math
import os
import select
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from wattbench.errors import WattbenchError
from wattbench.records import Appender
from wattbench.telemetry.clock import MACHINE, Clock
from wattbench.telemetry.meters import Device, Meter, Reading
from wattbench.telemetry.nvml import Nvml, load_nvml
from wattbench.telemetry.processes import tree_usage
from wattbench.telemetry.rapl import POWERCAP, Rapl
from wattbench.telemetry.smi import NvidiaSmi

WHOLE_EVERY_S = 1.0
"""Seconds between readings of what changes slowly or takes long: memory, temperature, processes."""

SYNC_EVERY_S = 1.0
"""Seconds of samples that a crash of the machine may cost."""

PROCESS = "process"


class ProcessTree(Meter):
    """CPU time and memory of the measured process and all that it started.

    Args:
        root: Its process id.
        clock: The clock.
    """

    def __init__(self, root: int, clock: Clock = MACHINE) -> None:
        self._root = root
        self._clock = clock
        self._last: tuple[float, float] | None = None

    def devices(self) -> list[Device]:
        """The tree as one device without a meter of its own."""
        return [Device(PROCESS, kind="process", scope="process", method=None)]

    def read(self, *, whole: bool = True) -> list[Reading]:
        """Usage now; utilisation since the last reading, 100 for one busy core.

        Args:
            whole: Nothing is read else: a process tree takes long to walk.
        """
        if not whole:
            return []
        usage = tree_usage(self._root, without={os.getpid()})
        if usage is None:
            return []
        now = self._clock.mono()
        utilisation = None
        if self._last is not None and now > self._last[0]:
            utilisation = max(0.0, usage.cpu_s - self._last[1]) / (now - self._last[0]) * 100
        self._last = now, usage.cpu_s
        return [
            Reading(
                PROCESS,
                cpu_s=usage.cpu_s,
                memory_bytes=usage.rss_bytes,
                utilisation_pct=utilisation,
            )
        ]


class Recorder:
    """Writes what meters say, once to begin with.

    Args:
        meters: What to read.
        out: Where records go.
        hz: Samples a second.
        clock: The clock.
    """

    def __init__(
        self, meters: Sequence[Meter], out: Appender, *, hz: float, clock: Clock = MACHINE
    ) -> None:
        self._meters = meters
        self._out = out
        self._clock = clock
        self._whole_at = self._synced_at = -math.inf
        self._hz = hz
        self._head()
        self.sample(whole=True)

    def _head(self) -> None:
        devices = [device.record() for meter in self._meters for device in meter.devices()]
        self._out.append({"kind": "devices", "hz": self._hz, "devices": devices}, sync=False)

    def learn(self) -> None:
        """Let the meters find out what takes time, now that the first sample is taken."""
        for meter in self._meters:
            meter.learn(self._clock)
        self._head()

    def sample(self, *, whole: bool = False) -> None:
        """Read every meter once.

        Args:
            whole: Whether to read what changes slowly too, though it was read a moment ago.
        """
        before = self._clock.mono()
        whole = whole or before - self._whole_at >= WHOLE_EVERY_S
        if whole:
            self._whole_at = before
        found = [one.record() for meter in self._meters for one in meter.read(whole=whole)]
        after = self._clock.mono()
        sync = after - self._synced_at >= SYNC_EVERY_S
        if sync:
            self._synced_at = after
        record = {
            "kind": "sample",
            "at": self._clock.wall() - (after - before) / 2,
            "mono": (before + after) / 2,
            "readings": [one for one in found if one],
        }
        self._out.append(record, sync=sync)


def run(recorder: Recorder, *, hz: float, commands: int) -> None:
    """Sample until `commands` is closed.

    Args:
        recorder: Reads and writes.
        hz: Samples a second.
        commands: File descriptor; each line asks for a sample at once.
    """
    due = MACHINE.mono()
    while True:
        ready, _, _ = select.select([commands], [], [], max(0.0, due - MACHINE.mono()))
        ended = bool(ready) and not os.read(commands, 4096)
        recorder.sample(whole=ended)
        if ended:
            return
        now = MACHINE.mono()
        while due <= now:
            due += 1 / hz


def _gpus(options: argparse.Namespace) -> list[Meter]:
    if not options.gpu:
        return []
    nvml, _ = load_nvml()
    if nvml is not None:
        return [Nvml(nvml, options.gpu, options.root)]
    return [NvidiaSmi(options.gpu)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `python -m wattbench.telemetry.sampler`."""
    parser = argparse.ArgumentParser(prog="wattbench.telemetry.sampler")
    parser.add_argument("--root", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--hz", type=float, required=True)
    parser.add_argument("--gpu", action="append", default=[])
    parser.add_argument("--powercap", type=Path, default=POWERCAP)
    options = parser.parse_args(arguments)
    # A signal to the job's whole process group must not end the measurement before the work.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)
    meters: list[Meter] = [ProcessTree(options.root), Rapl(options.powercap), *_gpus(options)]
    try:
        with Appender(options.out) as out:
            recorder = Recorder(meters, out, hz=options.hz)
            recorder.learn()
            run(recorder, hz=options.hz, commands=sys.stdin.fileno())
    except WattbenchError as error:
        sys.stderr.write(f"{error.paragraph()}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
