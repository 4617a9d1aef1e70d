"""Scripts for the stand-in of libnvidia-ml.so.1, and what they truly use."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.energy_sensors import Power

SOURCE = Path(__file__).with_name("standin.c")
LIBRARY = "libnvidia-ml.so.1"
SCENARIO = "WATTBENCH_NVML_SCENARIO"
FOREVER = 1e9


def compiler() -> str | None:
    """A C compiler, or None."""
    return shutil.which("cc") or shutil.which("gcc")


def build(folder: Path) -> Path:
    """Build the library into a folder; gives the folder."""
    tool = compiler()
    assert tool is not None
    command = [tool, "-O2", "-Wall", "-Werror", "-shared", "-fPIC", f"-Wl,-soname,{LIBRARY}"]
    subprocess.run([*command, "-o", str(folder / LIBRARY), str(SOURCE), "-lm"], check=True)
    return folder


@dataclass(frozen=True)
class Gpu:
    """One scripted GPU.

    Args:
        uuid: Its UUID.
        power: Corners of its power: seconds and watts, linear between them.
        name: Its name.
        period_s: Seconds between two updates of its sensors.
        window_s: Seconds over which a power reading is the mean.
        offset_s: Its sensors update at offset + n periods.
        quantum_mj: Least step of its counter.
        missing: Features it does not support: energy, power, util, memory, temp, clock, mig,
            processes, throttle, name.
        mig: Whether it is in MIG mode.
        resets: When its counter starts anew.
        lost: When it is off the bus: from, to.
        processes: Process id, from, to.
        memory: Bytes in total and in use.
        throttle: Bits of throttle reasons.
    """

    uuid: str
    power: Sequence[tuple[float, float]] = ((0.0, 100.0),)
    name: str = "NVIDIA A100-SXM4-40GB"
    period_s: float = 0.1
    window_s: float = 0.025
    offset_s: float = 0.0
    quantum_mj: float = 1
    missing: Sequence[str] = ()
    mig: bool = False
    resets: Sequence[float] = ()
    lost: Sequence[tuple[float, float]] = ()
    processes: Sequence[tuple[int, float, float]] = ()
    memory: tuple[int, int] = (40 << 30, 1 << 30)
    throttle: int = 0

    def lines(self) -> list[str]:
        """Its part of the script."""
        return [
            "gpu",
            f" uuid {self.uuid}",
            f" name {self.name}",
            f" period {self.period_s!r}",
            f" window {self.window_s!r}",
            f" offset {self.offset_s!r}",
            f" quantum {self.quantum_mj!r}",
            f" memory {self.memory[0]} {self.memory[1]}",
            " util 50",
            " temp 45",
            " sm_clock 1410",
            f" throttle {self.throttle}",
            f" mig {self.mig:d}",
            *(f" missing {feature}" for feature in self.missing),
            *(f" reset {moment!r}" for moment in self.resets),
            *(f" lost {first!r} {last!r}" for first, last in self.lost),
            *(f" process {pid} {first!r} {last!r}" for pid, first, last in self.processes),
            *(f" point {moment!r} {watts!r}" for moment, watts in self.power),
        ]

    def truth_j(self, start: float, end: float) -> float:
        """What it truly uses between two moments of the script."""
        import numpy as np

        corners = [
            (min(start, self.power[0][0]) - 1, self.power[0][1]),
            *self.power,
            (max(end, self.power[-1][0]) + 1, self.power[-1][1]),
        ]
        times, watts = (np.array(column, dtype=np.float64) for column in zip(*corners, strict=True))
        return Power(times, watts).between(start, end)


@dataclass(frozen=True)
class Scenario:
    """A node's GPUs.

    Args:
        gpus: The GPUs, in the order of the bus.
        epoch: Moment of the machine's monotonic clock at which the script begins.
        clock: File with the script's time, where a test sets it.
    """

    gpus: Sequence[Gpu]
    epoch: float = 0.0
    clock: Path | None = None

    def write(self, path: Path) -> Path:
        """Write the script."""
        head = [f"epoch {self.epoch!r}"]
        if self.clock is not None:
            head.append(f"clock {self.clock}")
        lines = [line for gpu in self.gpus for line in gpu.lines()]
        path.write_text("\n".join([*head, *lines]) + "\n")
        return path


def environment(library: Path, script: Path, **more: str) -> dict[str, str]:
    """Variables under which a process loads the stand-in."""
    found = {k: v for k, v in os.environ.items() if not k.startswith(("CUDA_", "SLURM_"))}
    paths = [str(library), found.get("LD_LIBRARY_PATH", "")]
    return found | {"LD_LIBRARY_PATH": ":".join(filter(None, paths)), SCENARIO: str(script)} | more


@dataclass
class FileClock:
    """A clock that a test sets, and that the stand-in reads from a file.

    Args:
        path: The file.
        now: The time of the script, seconds.
        wall_ahead: The wall clock less that.
    """

    path: Path
    now: float = 0.0
    wall_ahead: float = 1.7e9

    def __post_init__(self) -> None:
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT)
        self.set(self.now)

    def set(self, now: float) -> None:
        """Set the time."""
        self.now = now
        os.pwrite(self._file, struct.pack("d", now), 0)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def wall(self) -> float:
        return self.now + self.wall_ahead

    def mono(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.set(self.now + seconds)


def square(low: float, high: float, period: float, length: float) -> list[tuple[float, float]]:
    """Corners of a power that holds two levels in turn."""
    corners: list[tuple[float, float]] = []
    moment = 0.0
    while moment < length:
        half = moment + period / 2
        corners += [(moment, low), (half, low), (half, high), (moment + period, high)]
        moment += period
    return corners
