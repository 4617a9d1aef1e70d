"""The sampler: a process of its own that writes what the meters say, until its parent is gone.

A process of its own because the measured one is busy in native code. It samples on a clock, at
once for each line on its standard input, and a last time when that is closed, as happens when
the parent dies.
"""

from __future__ import annotations

import argparse
import os
import select
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from wattbench.errors import WattbenchError
from wattbench.records import Appender
from wattbench.telemetry.meters import Device, Meter, Reading
from wattbench.telemetry.nvml import Nvml, load_nvml
from wattbench.telemetry.processes import tree_usage
from wattbench.telemetry.rapl import POWERCAP, Rapl
from wattbench.telemetry.smi import NvidiaSmi

PROCESS = "process"


class ProcessTree:
    """CPU time and memory of the measured process and all that it started.

    Args:
        root: Its process id.
    """

    def __init__(self, root: int) -> None:
        self._root = root
        self._last: tuple[float, float] | None = None

    def devices(self) -> list[Device]:
        """The tree as one device without a meter of its own."""
        return [Device(PROCESS, kind="process", scope="process", method=None)]

    def read(self) -> list[Reading]:
        """Usage now; utilisation since the last reading, 100 for one busy core."""
        usage = tree_usage(self._root, without={os.getpid()})
        if usage is None:
            return []
        now = time.monotonic()
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


def run(meters: Sequence[Meter], out: Appender, *, hz: float, commands: int) -> None:
    """Sample until `commands` is closed.

    Args:
        meters: What to read.
        out: Where records go.
        hz: Samples a second.
        commands: File descriptor; each line asks for a sample at once.
    """
    devices = [device for meter in meters for device in meter.devices()]
    out.append({"kind": "devices", "hz": hz, "devices": [d.record() for d in devices]}, sync=False)
    due = time.monotonic()
    while True:
        ready, _, _ = select.select([commands], [], [], max(0.0, due - time.monotonic()))
        ended = bool(ready) and not os.read(commands, 4096)
        readings = [reading.record() for meter in meters for reading in meter.read()]
        out.append(
            {
                "kind": "sample",
                "at": time.time(),
                "mono": time.monotonic(),
                "readings": readings,
            },
            sync=False,
        )
        if ended:
            return
        now = time.monotonic()
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
            run(meters, out, hz=options.hz, commands=sys.stdin.fileno())
    except WattbenchError as error:
        sys.stderr.write(f"{error.paragraph()}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
