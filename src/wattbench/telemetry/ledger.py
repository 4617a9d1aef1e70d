"""The ledger of a run: rows of `segments` and `samples` from what each segment left on disk."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wattbench.records import Record, mend, read
from wattbench.tables.contract import unknown, warning
from wattbench.telemetry.integrate import Integral, Point, counter_energy, sampled_energy
from wattbench.telemetry.segment import BEAT_S, LEDGER, samples_file

LEAST_LOST_S = 1.0
DEFAULT_RESOLUTION_S = 0.1


@dataclass(frozen=True)
class Names:
    """What every row of a run carries."""

    environment: str
    questions: str
    run: str

    def columns(self) -> dict[str, str]:
        """The three columns."""
        return {"environment": self.environment, "questions": self.questions, "run": self.run}


@dataclass(frozen=True)
class Stretch:
    """One phase between two moments of the monotonic clock, with its CPU seconds."""

    phase: str
    start: float
    end: float
    cpu_s: float | None


def ledger_records(folder: Path) -> list[Record]:
    """All records of a journal's ledger, torn and damaged ones left out."""
    return read(folder / LEDGER).records


def starts(folder: Path) -> list[Record]:
    """Start records of a journal's ledger, one a segment, in order."""
    return _starts(ledger_records(folder))


def _starts(records: Sequence[Record]) -> list[Record]:
    return [record for record in records if record["kind"] == "start"]


def last_ending(folder: Path) -> str | None:
    """How the last segment of a ledger ended; None where it was killed or there is none."""
    records = ledger_records(folder)
    return str(records[-1]["ended_by"]) if records and records[-1]["kind"] == "end" else None


def mend_ledger(folder: Path) -> list[str]:
    """Repair a ledger that a killed process left; a sentence for each repair of note.

    A heartbeat cut short is what every kill leaves, so it is cut off without a word.
    """
    _, notes = mend(folder / LEDGER)
    return [note for note in notes if "cut short" not in note]


def segment_rows(folder: Path, names: Names) -> list[dict[str, Any]]:
    """Rows of `segments`: every segment of a run, the killed ones too."""
    records = ledger_records(folder)
    return [
        _segment_row(start, [r for r in records if r["segment"] == start["segment"]], folder, names)
        for start in _starts(records)
    ]


def sample_rows(folder: Path, names: Names) -> list[dict[str, Any]]:
    """Rows of `samples`: every reading of every meter in every segment of a run."""
    records = ledger_records(folder)
    rows: list[dict[str, Any]] = []
    for start in _starts(records):
        own = [r for r in records if r["segment"] == start["segment"]]
        rows += _samples_of(start, own, folder, names)
    return rows


def _segment_row(
    start: Record, own: Sequence[Record], folder: Path, names: Names
) -> dict[str, Any]:
    last = own[-1]
    ended = last["kind"] == "end"
    job = start["job"]
    samples = read(samples_file(folder, start["number"])).records
    devices = _devices(samples)
    flags: list[dict[str, str]] = []
    lost = 0.0
    if not ended:
        lost = _longest_gap(own)
        flags.append(
            warning(
                "duration_s",
                f"the process was killed; up to {lost:.3g} s after its last heartbeat are missing",
            )
        )
    elif last.get("sampler_status") != 0:
        flags.append(warning("phases", "the sampler ended before the segment"))
    cpu_s = _difference(start, last)
    peak = _peak(own, samples)
    vram = _vram_peak(samples, devices)
    if cpu_s is None:
        flags.append(unknown("cpu_s", "the process tree could not be read"))
    if peak is None:
        flags.append(unknown("rss_peak_bytes", "the process tree could not be read"))
    if vram is None:
        flags.append(unknown("vram_peak_bytes", "no GPU was given to the job or could be read"))
    return {
        **names.columns(),
        "segment": start["segment"],
        "number": start["number"],
        "job_id": job["job_id"],
        "scheduler": job["scheduler"],
        "attempt": job["attempt"],
        "host": job["host"],
        "process_id": start["pid"],
        "gpu_uuids": [d["device"] for d in devices if d["kind"] == "gpu"],
        "started_at": moment(start["at"]),
        "ended_at": moment(last["at"]),
        "duration_s": last["mono"] - start["mono"],
        "ended_by": last["ended_by"] if ended else "killed",
        "lost_s": lost,
        "answered": last["answered"],
        "cpu_s": cpu_s,
        "rss_peak_bytes": peak,
        "vram_peak_bytes": vram,
        "phases": _phases(own, samples, devices),
        "flags": flags,
    }


def moment(seconds: float) -> dt.datetime:
    """Seconds since the epoch as a UTC time."""
    return dt.datetime.fromtimestamp(seconds, tz=dt.UTC)


def _longest_gap(own: Sequence[Record]) -> float:
    gaps = (b["mono"] - a["mono"] for a, b in itertools.pairwise(own))
    return max(LEAST_LOST_S, BEAT_S, *gaps) if len(own) > 1 else LEAST_LOST_S


def _difference(first: Record, last: Record) -> float | None:
    if first.get("cpu_s") is None or last.get("cpu_s") is None:
        return None
    # What a child that vanished unwaited took with it is the only way for the sum to fall.
    return max(0.0, float(last["cpu_s"]) - float(first["cpu_s"]))


def _peak(own: Sequence[Record], samples: Sequence[Record]) -> int | None:
    seen = [r["rss_peak_bytes"] for r in own if r.get("rss_peak_bytes")]
    seen += [
        reading["memory_bytes"]
        for sample in samples
        for reading in sample.get("readings", ())
        if reading["device"] == "process" and "memory_bytes" in reading
    ]
    return max(seen) if seen else None


def _vram_peak(samples: Sequence[Record], devices: Sequence[Mapping[str, Any]]) -> int | None:
    gpus = {d["device"] for d in devices if d["kind"] == "gpu"}
    sums = [
        sum(r["memory_bytes"] for r in sample.get("readings", ()) if _is_gpu_memory(r, gpus))
        for sample in samples
        if any(_is_gpu_memory(r, gpus) for r in sample.get("readings", ()))
    ]
    return max(sums) if sums else None


def _is_gpu_memory(reading: Mapping[str, Any], gpus: set[str]) -> bool:
    return reading["device"] in gpus and "memory_bytes" in reading


def _devices(samples: Sequence[Record]) -> list[dict[str, Any]]:
    """Devices as the sampler found them, with reasons that came up later."""
    found: dict[str, dict[str, Any]] = {}
    for record in samples:
        for device in record.get("devices", ()):
            found[device["device"]] = dict(device)
        for reading in record.get("readings", ()):
            if "reason" in reading and found[reading["device"]]["reason"] is None:
                found[reading["device"]] |= {"reason": reading["reason"], "method": None}
    return list(found.values())


def _stretches(own: Sequence[Record]) -> list[Stretch]:
    marks = [r for r in own if r["kind"] in {"start", "phase"}]
    ends = [*marks[1:], own[-1]]
    return [
        Stretch(mark["phase"], mark["mono"], after["mono"], _difference(mark, after))
        for mark, after in zip(marks, ends, strict=True)
        if after["mono"] > mark["mono"]
    ]


def _phases(
    own: Sequence[Record], samples: Sequence[Record], devices: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    stretches = _stretches(own)
    points = {d["device"]: _points(samples, d["device"]) for d in devices if d["kind"] != "process"}
    baseline = {
        d["device"]: _idle_w(d, points[d["device"]], stretches)
        for d in devices
        if d["kind"] != "process"
    }
    rows: list[dict[str, Any]] = []
    for phase in dict.fromkeys(stretch.phase for stretch in stretches):
        own_ones = [stretch for stretch in stretches if stretch.phase == phase]
        cpu = [stretch.cpu_s for stretch in own_ones]
        rows.append(
            {
                "phase": phase,
                "wall_s": sum(stretch.end - stretch.start for stretch in own_ones),
                "cpu_s": None if None in cpu else sum(c for c in cpu if c is not None),
                "devices": [
                    _device_energy(d, points[d["device"]], own_ones, baseline[d["device"]])
                    for d in devices
                    if d["kind"] != "process"
                ],
            }
        )
    return rows


def _points(samples: Sequence[Record], device: str) -> list[Point]:
    return [
        Point(sample["mono"], reading.get("power_w"), reading.get("energy_j"))
        for sample in samples
        for reading in sample.get("readings", ())
        if reading["device"] == device
    ]


def _integral(device: Mapping[str, Any], points: Sequence[Point], stretch: Stretch) -> Integral:
    if device["method"] is None:
        return Integral(None, None, device["reason"] or "the device has no meter")
    integrate = counter_energy if device["method"] == "counter" else sampled_energy
    return integrate(
        points,
        stretch.start,
        stretch.end,
        resolution_s=device["resolution_s"] or DEFAULT_RESOLUTION_S,
    )


def _idle_w(
    device: Mapping[str, Any], points: Sequence[Point], stretches: Sequence[Stretch]
) -> float | None:
    """Power at rest: of the first stretch, before anything is loaded."""
    if not stretches or stretches[0].phase != "idle":
        return None
    first = stretches[0]
    energy = _integral(device, points, first).energy_j
    return None if energy is None else energy / (first.end - first.start)


def _device_energy(
    device: Mapping[str, Any],
    points: Sequence[Point],
    stretches: Sequence[Stretch],
    idle_w: float | None,
) -> dict[str, Any]:
    parts = [_integral(device, points, stretch) for stretch in stretches]
    reasons = [part.reason for part in parts if part.energy_j is None]
    energies = [part.energy_j for part in parts if part.energy_j is not None]
    uncertainties = [part.uncertainty_j or 0.0 for part in parts]
    return {
        "device": device["device"],
        "kind": device["kind"],
        "scope": device["scope"],
        "method": None if reasons else device["method"],
        "energy_j": None if reasons else sum(energies),
        "uncertainty_j": None if reasons else sum(u * u for u in uncertainties) ** 0.5,
        "idle_w": idle_w,
        "reason": reasons[0] if reasons else None,
    }


def _samples_of(
    start: Record, own: Sequence[Record], folder: Path, names: Names
) -> list[dict[str, Any]]:
    marks = [(r["mono"], r["phase"]) for r in own if r["kind"] in {"start", "phase"}]
    origin: dict[str, float] = {}
    rows: list[dict[str, Any]] = []
    for sample in read(samples_file(folder, start["number"])).records:
        if sample["kind"] != "sample":
            continue
        phase = next((p for m, p in reversed(marks) if m <= sample["mono"]), marks[0][1])
        for reading in sample["readings"]:
            energy = reading.get("energy_j")
            if energy is not None:
                energy -= origin.setdefault(reading["device"], energy)
            rows.append(
                {
                    **names.columns(),
                    "segment": start["segment"],
                    "at": moment(sample["at"]),
                    "elapsed_s": max(0.0, sample["mono"] - start["mono"]),
                    "phase": phase,
                    "device": reading["device"],
                    "energy_j": energy,
                    **{
                        name: reading.get(name)
                        for name in (
                            "power_w", "utilisation_pct", "memory_bytes", "temperature_c",
                            "clock_mhz", "cpu_s",
                        )
                    },
                }
            )  # fmt: skip
    return rows
