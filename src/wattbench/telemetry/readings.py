"""What the sampler of a segment left on disk, read in one pass.

A day of eight GPUs at 10 Hz is seven million readings: numbers are kept in arrays, 24 bytes a
reading, and no record longer than it takes to read it.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from wattbench.records import each

Reals = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Trace:
    """Readings of one device in order of time; NaN where a reading does not say.

    Args:
        mono: Moments by the monotonic clock, seconds.
        power_w: Power.
        energy_j: Cumulative counter.
    """

    mono: Reals
    power_w: Reals
    energy_j: Reals

    def __len__(self) -> int:
        return len(self.mono)

    def near(self, start: float, end: float) -> Self:
        """The readings between two moments."""
        part = slice(*np.searchsorted(self.mono, [start, end], side="left"))
        return type(self)(self.mono[part], self.power_w[part], self.energy_j[part])

    def power(self) -> tuple[Reals, Reals]:
        """Moments and power of the readings that say the power."""
        return _known(self.mono, self.power_w)

    def counter(self) -> tuple[Reals, Reals]:
        """Moments and counter of the readings that say the counter."""
        return _known(self.mono, self.energy_j)


EMPTY = Trace(np.empty(0), np.empty(0), np.empty(0))


def _known(times: Reals, values: Reals) -> tuple[Reals, Reals]:
    known = ~np.isnan(values)
    return times[known], values[known]


@dataclass
class _Growing:
    mono: array[float] = field(default_factory=lambda: array("d"))
    power_w: array[float] = field(default_factory=lambda: array("d"))
    energy_j: array[float] = field(default_factory=lambda: array("d"))

    def add(self, mono: float, reading: Mapping[str, Any]) -> None:
        power, energy = reading.get("power_w"), reading.get("energy_j")
        if power is None and energy is None:
            return
        self.mono.append(mono)
        self.power_w.append(np.nan if power is None else power)
        self.energy_j.append(np.nan if energy is None else energy)

    def trace(self) -> Trace:
        return Trace(*(np.frombuffer(one) for one in (self.mono, self.power_w, self.energy_j)))


@dataclass(frozen=True)
class Readings:
    """What a sampler saw.

    Args:
        devices: Devices as it found them, with reasons that came up later.
        traces: Readings of the devices that were read, by device.
        moments: Moments of all its records by the monotonic clock, seconds.
        last_at: Wall clock of its last sample, seconds since the epoch; None without samples.
        cpu: Moments and CPU seconds of the process tree so far.
        rss_peak_bytes: Most memory of the process tree, or None where it was not read.
        vram_peak_bytes: Most memory of all GPUs together, or None where it was not read.
    """

    devices: list[dict[str, Any]]
    traces: Mapping[str, Trace]
    moments: Reals
    last_at: float | None
    cpu: tuple[Reals, Reals]
    rss_peak_bytes: int | None
    vram_peak_bytes: int | None

    def trace(self, device: str) -> Trace:
        """A device's readings; none where it was never read."""
        return self.traces.get(device, EMPTY)

    @property
    def last_mono(self) -> float | None:
        """Moment of the last sample, or None without samples."""
        return None if self.last_at is None else float(self.moments[-1])


def read_readings(path: Path) -> Readings:
    """Read a sampler's file; damaged lines are left out, and a missing file holds nothing.

    Raises:
        FaultError: The file is there and cannot be read.
    """
    devices: dict[str, dict[str, Any]] = {}
    traces: dict[str, _Growing] = {}
    moments, cpu_at, cpu_s = array("d"), array("d"), array("d")
    last_at, rss, vram = None, None, None
    for record in each(path):
        if "mono" in record:
            moments.append(record["mono"])
        for device in record.get("devices", ()):
            devices[device["device"]] = dict(device)
        if record["kind"] != "sample":
            continue
        last_at = record["at"]
        on_gpus = None
        for reading in record["readings"]:
            name = reading["device"]
            kind = devices.get(name, {}).get("kind")
            if kind and "reason" in reading and devices[name]["reason"] is None:
                devices[name] |= {"reason": reading["reason"], "method": None}
            traces.setdefault(name, _Growing()).add(record["mono"], reading)
            if "cpu_s" in reading:
                cpu_at.append(record["mono"])
                cpu_s.append(reading["cpu_s"])
            if (memory := reading.get("memory_bytes")) is None:
                continue
            if kind == "process":
                rss = max(rss or 0, memory)
            elif kind == "gpu":
                on_gpus = (on_gpus or 0) + memory
        if on_gpus is not None:
            vram = max(vram or 0, on_gpus)
    return Readings(
        devices=list(devices.values()),
        traces={name: grown.trace() for name, grown in traces.items() if grown.mono},
        moments=np.frombuffer(moments),
        last_at=last_at,
        cpu=(np.frombuffer(cpu_at), np.frombuffer(cpu_s)),
        rss_peak_bytes=rss,
        vram_peak_bytes=vram,
    )
