"""What each device took in each phase of a segment, from the segment's samples."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wattbench.records import Record
from wattbench.telemetry.integrate import (
    Integral,
    Sensor,
    counter_energy,
    least_s,
    sampled_energy,
)
from wattbench.telemetry.readings import Readings, Trace

DEFAULT_PERIOD_S = 0.1
BESIDE_PERIOD_S = 1.0
"""A GPU's power beside its counter may be the mean of the last second (NVML, Ampere and newer)."""

MARGIN_S = 30.0
"""Samples around a stretch that may say something of its ends."""


@dataclass(frozen=True)
class Stretch:
    """One phase between two moments of the monotonic clock, with its CPU seconds."""

    phase: str
    start: float
    end: float
    cpu_s: float | None


def difference(first: Record, last: Record) -> float | None:
    """CPU seconds between two records, or None where one of them does not say."""
    if first.get("cpu_s") is None or last.get("cpu_s") is None:
        return None
    # What a child that vanished unwaited took with it is the only way for the sum to fall.
    return max(0.0, float(last["cpu_s"]) - float(first["cpu_s"]))


def stretches_of(own: Sequence[Record]) -> list[Stretch]:
    """Stretches of a segment.

    Args:
        own: Its records of the ledger, in order.
    """
    marks = [r for r in own if r["kind"] in {"start", "phase"}]
    ends = [*marks[1:], own[-1]]
    return [
        Stretch(mark["phase"], mark["mono"], after["mono"], difference(mark, after))
        for mark, after in zip(marks, ends, strict=True)
        if after["mono"] > mark["mono"]
    ]


def phase_rows(own: Sequence[Record], readings: Readings) -> list[dict[str, Any]]:
    """The column `segments.phases`.

    Args:
        own: The segment's records of the ledger, in order.
        readings: What its sampler saw.
    """
    stretches = stretches_of(own)
    measured = [
        _Measured(device, readings.trace(device["device"]), stretches, own[0])
        for device in readings.devices
        if device["kind"] != "process"
    ]
    rows: list[dict[str, Any]] = []
    for phase in dict.fromkeys(stretch.phase for stretch in stretches):
        parts = [stretch for stretch in stretches if stretch.phase == phase]
        cpu = [stretch.cpu_s for stretch in parts]
        rows.append(
            {
                "phase": phase,
                "wall_s": sum(stretch.end - stretch.start for stretch in parts),
                "cpu_s": None if None in cpu else sum(c for c in cpu if c is not None),
                "devices": [one.row(phase) for one in measured],
            }
        )
    return rows


class _Measured:
    """One device over a segment.

    A stretch that its sensor cannot resolve is measured together with the one before it, or after
    it: so nothing of the segment is missing from the sum.
    """

    def __init__(
        self,
        device: Mapping[str, Any],
        trace: Trace,
        stretches: Sequence[Stretch],
        start: Record,
    ) -> None:
        self._device = device
        self._trace = trace
        self._stretches, self._absorbed = self._resolved(stretches)
        if start.get("loaded_in") is None:
            self._idle_w = _idle_w(device, trace, self._stretches)
        else:
            # Its own rest holds the model; the segment that loaded it saw the device without.
            self._idle_w = start["idle_w"].get(device["device"])

    def _resolved(self, stretches: Sequence[Stretch]) -> tuple[list[Stretch], dict[str, str]]:
        least = self._least_s()
        found: list[Stretch] = []
        absorbed: dict[str, str] = {}
        ahead: list[Stretch] = []
        for stretch in stretches:
            if stretch.end - stretch.start >= least:
                start = ahead[0].start if ahead else stretch.start
                absorbed |= {one.phase: stretch.phase for one in ahead}
                found.append(Stretch(stretch.phase, start, stretch.end, stretch.cpu_s))
                ahead = []
            elif found:
                absorbed[stretch.phase] = found[-1].phase
                found[-1] = Stretch(found[-1].phase, found[-1].start, stretch.end, found[-1].cpu_s)
            else:
                ahead.append(stretch)
        if found or not ahead:
            return found, absorbed
        # All of them together, under the name of the longest.
        longest = max(ahead, key=lambda one: one.end - one.start).phase
        whole = Stretch(longest, ahead[0].start, ahead[-1].end, None)
        return [whole], {one.phase: longest for one in ahead if one.phase != longest}

    def _least_s(self) -> float:
        times = self._trace.mono
        if self._device["method"] is None or len(times) < 2:
            return 0.0
        counter = self._device["method"] == "counter"
        spacing = float(times[-1] - times[0]) / (len(times) - 1)
        return least_s(_sensor(self._device), spacing, counter=counter)

    def row(self, phase: str) -> dict[str, Any]:
        """What it took in a phase."""
        own = [stretch for stretch in self._stretches if stretch.phase == phase]
        if not own:
            return self._too_short(f"counted in {self._absorbed[phase]}")
        found = _device_energy(self._device, self._trace, own, self._idle_w)
        if found["energy_j"] is None and self._is_brief():
            return self._too_short("so is the whole segment")
        return found

    def _is_brief(self) -> bool:
        """Whether the sensor cannot resolve the segment as a whole."""
        length = self._stretches[-1].end - self._stretches[0].start
        return self._device["method"] is not None and length < self._least_s()

    def _too_short(self, fate: str) -> dict[str, Any]:
        reason = f"shorter than the sensor can resolve ({self._least_s():.3g} s): {fate}"
        return {
            "device": self._device["device"],
            "kind": self._device["kind"],
            "scope": self._device["scope"],
            "method": None,
            "energy_j": None,
            "uncertainty_j": None,
            "sampled_j": None,
            "sampled_uncertainty_j": None,
            "gap_s": None,
            "too_short": True,
            "idle_w": self._idle_w,
            "reason": reason,
        }


def _integral(device: Mapping[str, Any], trace: Trace, stretch: Stretch) -> Integral:
    if device["method"] is None:
        return Integral(None, None, device["reason"] or "the device has no meter")
    near = _near(trace, stretch)
    start, end, sensor = stretch.start, stretch.end, _sensor(device)
    if device["method"] == "counter":
        return counter_energy(*near.counter(), start, end, sensor=sensor)
    return sampled_energy(*near.power(), start, end, sensor=sensor)


def _sensor(device: Mapping[str, Any]) -> Sensor:
    return Sensor(device["period_s"] or DEFAULT_PERIOD_S, device["window_s"])


def _near(trace: Trace, stretch: Stretch) -> Trace:
    return trace.near(stretch.start - MARGIN_S, stretch.end + MARGIN_S)


def _beside(device: Mapping[str, Any], trace: Trace, stretch: Stretch) -> Integral:
    """The energy by sampled power, beside that of a counter."""
    if device["method"] != "counter":
        return Integral(None, None)
    near = _near(trace, stretch)
    sensor = Sensor(BESIDE_PERIOD_S)
    return sampled_energy(*near.power(), stretch.start, stretch.end, sensor=sensor)


def _idle_w(device: Mapping[str, Any], trace: Trace, stretches: Sequence[Stretch]) -> float | None:
    """Power at rest: of the first stretch, before anything is loaded."""
    if not stretches or stretches[0].phase != "idle":
        return None
    first = stretches[0]
    energy = _integral(device, trace, first).energy_j
    return None if energy is None else energy / (first.end - first.start)


def _device_energy(
    device: Mapping[str, Any],
    trace: Trace,
    stretches: Sequence[Stretch],
    idle_w: float | None,
) -> dict[str, Any]:
    parts = [_integral(device, trace, stretch) for stretch in stretches]
    reasons = [part.reason for part in parts if part.energy_j is None]
    energy, uncertainty = (None, None) if reasons else _together(parts)
    sampled, sampled_uncertainty = _together(
        [_beside(device, trace, stretch) for stretch in stretches]
    )
    return {
        "device": device["device"],
        "kind": device["kind"],
        "scope": device["scope"],
        "method": None if reasons else device["method"],
        "energy_j": energy,
        "uncertainty_j": uncertainty,
        "sampled_j": sampled,
        "sampled_uncertainty_j": sampled_uncertainty,
        "gap_s": math.fsum(part.gap_s for part in parts),
        "too_short": False,
        "idle_w": idle_w,
        "reason": reasons[0] if reasons else None,
    }


def _together(parts: Sequence[Integral]) -> tuple[float | None, float | None]:
    if any(part.energy_j is None for part in parts):
        return None, None
    return (
        math.fsum(part.energy_j or 0.0 for part in parts),
        math.hypot(*(part.uncertainty_j or 0.0 for part in parts)),
    )
