"""The ledger of a run: rows of `segments` and `samples` from what each segment left on disk."""

from __future__ import annotations

import bisect
import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wattbench.records import Record, each, mend, read
from wattbench.study.layout import LEDGER
from wattbench.tables.answers import SAMPLES
from wattbench.tables.contract import unknown, warning
from wattbench.telemetry.overlaps import Lived, count_once
from wattbench.telemetry.phases import difference, phase_rows
from wattbench.telemetry.readings import Readings, read_readings
from wattbench.telemetry.segment import samples_file

LEAST_LOST_S = 1.0
"""What a crash of the machine may cost, for samples are on disk every second."""

BATCH_ROWS = 50_000
"""Rows of `samples` that are held at a time."""

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


def idle_powers(folder: Path, number: int) -> dict[str, float | None]:
    """Watts of each device before a segment's model was loaded; None where not measured.

    Args:
        folder: The journal's folder.
        number: Place of the segment in its ledger, which may still be lived.
    """
    records = ledger_records(folder)
    start = next(r for r in _starts(records) if r["number"] == number)
    own = [r for r in records if r["segment"] == start["segment"]]
    phases = phase_rows(own, read_readings(samples_file(folder, number)))
    return {d["device"]: d["idle_w"] for phase in phases for d in phase["devices"]}


def sample_batches(folder: Path, names: Names) -> Iterator[dict[str, list[Any]]]:
    """Columns of `samples`, some rows at a time: every reading of every meter of a run."""
    records = ledger_records(folder)
    for start in _starts(records):
        own = [r for r in records if r["segment"] == start["segment"]]
        columns = _Columns(start, own, names)
        for sample in each(samples_file(folder, start["number"])):
            if sample["kind"] == "sample":
                columns.add(sample)
            if len(columns) >= BATCH_ROWS:
                yield columns.take()
        yield columns.take()


def _lived(start: Record, own: Sequence[Record], folder: Path, names: Names) -> Lived:
    readings = read_readings(samples_file(folder, start["number"]))
    ended = own[-1]["kind"] == "end"
    if not ended:
        own = _with_last_sample(own, readings)
    last = own[-1]
    job = start["job"]
    duration_s = last["mono"] - start["mono"]
    lost = 0.0 if ended else _longest_gap(own, readings)
    cpu_s = difference(start, last)
    peaks = [r["rss_peak_bytes"] for r in own if r.get("rss_peak_bytes")]
    peak = max([*peaks, readings.rss_peak_bytes or 0]) or None
    vram = readings.vram_peak_bytes
    phases = phase_rows(own, readings)
    flags = [*_ending_flags(last, lost, ended=ended), *_clock_flags(own), *_gap_flags(phases)]
    if cpu_s is None:
        flags.append(unknown("cpu_s", "the process tree could not be read"))
    if peak is None:
        flags.append(unknown("rss_peak_bytes", "the process tree could not be read"))
    if vram is None:
        flags.append(unknown("vram_peak_bytes", "no GPU was given to the job or could be read"))
    gpus = [d for d in readings.devices if d["kind"] == "gpu"]
    row = {
        **names.columns(),
        "segment": start["segment"],
        "number": start["number"],
        "question_sets": list(start.get("sets") or (names.questions,)),
        "loaded_in": start.get("loaded_in"),
        "in_flight": start["work"].get("in_flight"),
        "repeatable": start["work"].get("repeatable"),
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


def _with_last_sample(own: Sequence[Record], readings: Readings) -> list[Record]:
    """A killed process' records, and its sampler's last sample: that outlives the process.

    The sampler may have seen more of the process than its last heartbeat tells.
    """
    last, mono = own[-1], readings.last_mono
    if mono is None or mono <= last["mono"]:
        return list(own)
    moments, cpu_s = readings.cpu
    later = len(moments) > 0 and moments[-1] >= last["mono"]
    return [*own, {**last, "kind": "sample", "at": readings.last_at, "mono": mono,
                   "cpu_s": float(cpu_s[-1]) if later else last["cpu_s"]}]  # fmt: skip


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


def _longest_gap(own: Sequence[Record], readings: Readings) -> float:
    moments = np.sort(np.concatenate(([r["mono"] for r in own], readings.moments)))
    return max(LEAST_LOST_S, float(np.diff(moments).max(initial=0.0)))


class _Columns:
    """Rows of `samples` of one segment, column by column."""

    def __init__(self, start: Record, own: Sequence[Record], names: Names) -> None:
        self._start = start
        self._fixed = {**names.columns(), "segment": start["segment"]}
        marks = [r for r in own if r["kind"] in {"start", "phase"}]
        self._phases = [mark["phase"] for mark in marks]
        self._since = [mark["mono"] for mark in marks]
        self._origin: dict[str, float] = {}
        self._clear()

    def _clear(self) -> None:
        self._columns: dict[str, list[Any]] = {
            name: [] for name in SAMPLES.names() if name not in self._fixed
        }

    def __len__(self) -> int:
        return len(self._columns["device"])

    def add(self, sample: Record) -> None:
        at = moment(sample["at"])
        elapsed_s = max(0.0, sample["mono"] - self._start["mono"])
        place = max(0, bisect.bisect_right(self._since, sample["mono"]) - 1)
        for reading in sample["readings"]:
            energy = reading.get("energy_j")
            if energy is not None:
                energy -= self._origin.setdefault(reading["device"], energy)
            own = {"at": at, "elapsed_s": elapsed_s, "phase": self._phases[place]}
            own["energy_j"] = energy
            for name, column in self._columns.items():
                column.append(own[name] if name in own else reading.get(name))

    def take(self) -> dict[str, list[Any]]:
        """The columns so far, and start anew."""
        count, columns = len(self), self._columns
        self._clear()
        return {**{name: [value] * count for name, value in self._fixed.items()}, **columns}
