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
from wattbench.telemetry.overlaps import Lived, count_once
from wattbench.telemetry.phases import devices_of, difference, phase_rows
from wattbench.telemetry.segment import LEDGER, samples_file

LEAST_LOST_S = 1.0
"""What a crash of the machine may cost, for samples are on disk every second."""

CLOCK_STEP_S = 2.0
"""The two clocks of a machine do not drift apart by more than that in a segment."""


@dataclass(frozen=True)
class Names:
    """What every row of a run carries."""

    environment: str
    questions: str
    run: str

    def columns(self) -> dict[str, str]:
        """The three columns."""
        return {"environment": self.environment, "questions": self.questions, "run": self.run}


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
    lived = [
        _lived(start, [r for r in records if r["segment"] == start["segment"]], folder, names)
        for start in _starts(records)
    ]
    count_once(lived)
    return [one.row for one in lived]


def sample_rows(folder: Path, names: Names) -> list[dict[str, Any]]:
    """Rows of `samples`: every reading of every meter in every segment of a run."""
    records = ledger_records(folder)
    rows: list[dict[str, Any]] = []
    for start in _starts(records):
        own = [r for r in records if r["segment"] == start["segment"]]
        rows += _samples_of(start, own, folder, names)
    return rows


def _lived(start: Record, own: Sequence[Record], folder: Path, names: Names) -> Lived:
    samples = read(samples_file(folder, start["number"])).records
    ended = own[-1]["kind"] == "end"
    if not ended:
        own = _with_last_sample(own, samples)
    last = own[-1]
    job = start["job"]
    devices = devices_of(samples)
    duration_s = last["mono"] - start["mono"]
    lost = 0.0 if ended else _longest_gap(own, samples)
    cpu_s = difference(start, last)
    peak = _peak(own, samples)
    vram = _vram_peak(samples, devices)
    phases = phase_rows(own, samples, devices)
    flags = [*_ending_flags(last, lost, ended=ended), *_clock_flags(own), *_gap_flags(phases)]
    if cpu_s is None:
        flags.append(unknown("cpu_s", "the process tree could not be read"))
    if peak is None:
        flags.append(unknown("rss_peak_bytes", "the process tree could not be read"))
    if vram is None:
        flags.append(unknown("vram_peak_bytes", "no GPU was given to the job or could be read"))
    gpus = [d for d in devices if d["kind"] == "gpu"]
    row = {
        **names.columns(),
        "segment": start["segment"],
        "number": start["number"],
        "job_id": job["job_id"],
        "scheduler": job["scheduler"],
        "attempt": job["attempt"],
        "host": job["host"],
        "process_id": start["pid"],
        "gpu_uuids": [d["device"] for d in gpus],
        "gpu_names": [d["name"] or "unnamed" for d in gpus],
        "started_at": moment(start["at"]),
        "ended_at": moment(start["at"] + duration_s),
        "duration_s": duration_s,
        "ended_by": last["ended_by"] if ended else "killed",
        "lost_s": lost,
        "answered": last["answered"],
        "cpu_s": cpu_s,
        "rss_peak_bytes": peak,
        "vram_peak_bytes": vram,
        "phases": phases,
        "flags": flags,
    }
    return Lived(row, start, last["mono"])


def _with_last_sample(own: Sequence[Record], samples: Sequence[Record]) -> list[Record]:
    """A killed process' records, and its sampler's last sample: that outlives the process.

    The sampler may have seen more of the process than its last heartbeat tells.
    """
    last = own[-1]
    seen = [record for record in samples if record["kind"] == "sample"]
    if not seen or seen[-1]["mono"] <= last["mono"]:
        return list(own)
    cpu = [
        reading["cpu_s"]
        for record in seen
        for reading in record["readings"]
        if "cpu_s" in reading and record["mono"] >= last["mono"]
    ]
    return [*own, {**last, "kind": "sample", "at": seen[-1]["at"], "mono": seen[-1]["mono"],
                   "cpu_s": cpu[-1] if cpu else last["cpu_s"]}]  # fmt: skip


def _ending_flags(last: Record, lost_s: float, *, ended: bool) -> list[dict[str, str]]:
    if not ended:
        text = f"the process was killed; up to {lost_s:.3g} s after its last sign are missing"
        return [warning("duration_s", text)]
    if last.get("sampler_status") != 0:
        return [warning("phases", "the sampler ended before the segment")]
    return []


def _clock_flags(own: Sequence[Record]) -> list[dict[str, str]]:
    """Where the wall clock was set: times are kept by the other one from the start on."""
    step = (own[-1]["at"] - own[0]["at"]) - (own[-1]["mono"] - own[0]["mono"])
    if abs(step) < CLOCK_STEP_S:
        return []
    way = "forth" if step > 0 else "back"
    return [warning("ended_at", f"the clock was set {way} by {abs(step):.4g} s meanwhile")]


def _gap_flags(phases: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    return [
        warning(
            "phases",
            f"for {device['gap_s']:.3g} s of {phase['phase']} {device['device']} gave no sample: "
            "estimated",
        )
        for phase in phases
        for device in phase["devices"]
        if device["gap_s"]
    ]


def moment(seconds: float) -> dt.datetime:
    """Seconds since the epoch as a UTC time."""
    return dt.datetime.fromtimestamp(seconds, tz=dt.UTC)


def _longest_gap(own: Sequence[Record], samples: Sequence[Record]) -> float:
    moments = sorted([*(r["mono"] for r in own), *(r["mono"] for r in samples if "mono" in r)])
    gaps = [float(b - a) for a, b in itertools.pairwise(moments)]
    return max([LEAST_LOST_S, *gaps])


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
                            "clock_mhz", "throttle", "cpu_s",
                        )
                    },
                }
            )  # fmt: skip
    return rows
