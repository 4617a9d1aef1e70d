"""Reading what a sampler left: figures, damaged lines, and memory that does not grow with it."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from wattbench.records import encode
from wattbench.study.layout import LEDGER
from wattbench.tables.answers import SAMPLES
from wattbench.tables.files import write_batches
from wattbench.telemetry.ledger import Names, sample_batches
from wattbench.telemetry.readings import read_readings
from wattbench.telemetry.segment import samples_file

NAMES = Names("local", "set", "run")
GPUS = ("GPU-0", "GPU-1")


def device(name: str, kind: str, method: str | None) -> dict[str, Any]:
    return {
        "device": name, "kind": kind, "scope": "device", "method": method, "name": name,
        "period_s": 0.1, "window_s": None, "reason": None,
    }  # fmt: skip


def write(folder: Path, samples: int) -> Path:
    """A segment of two GPUs and the process tree, ten samples a second."""
    job = {"job_id": "1", "scheduler": "local", "attempt": 1, "host": "h", "nodes": ["h"]}
    ends = [
        {"kind": "start", "at": 1e9, "mono": 0.0, "phase": "idle", "job": job, "number": 1},
        {"kind": "phase", "at": 1e9 + 1, "mono": 1.0, "phase": "answer"},
        {"kind": "end", "at": 1e9 + samples / 10, "mono": samples / 10, "ended_by": "finished"},
    ]
    (folder / LEDGER).write_bytes(b"".join(encode({"segment": "s", **one}) for one in ends))
    path = samples_file(folder, 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as out:
        devices = [
            *(device(name, "gpu", "counter") for name in GPUS),
            device("process", "process", None),
        ]
        out.write(encode({"kind": "devices", "hz": 10.0, "devices": devices}))
        for place in range(samples):
            readings: list[dict[str, Any]] = [
                {"device": name, "energy_j": 30.0 * place, "memory_bytes": 1000 + place}
                for name in GPUS
            ]
            readings.append({"device": "process", "cpu_s": place / 20, "memory_bytes": 7})
            moment = {"at": 1e9 + place / 10, "mono": place / 10}
            out.write(encode({"kind": "sample", **moment, "readings": readings}))
    return path


def test_what_a_sampler_saw(tmp_path: Path) -> None:
    found = read_readings(write(tmp_path, 50))
    assert [one["device"] for one in found.devices] == [*GPUS, "process"]
    assert found.vram_peak_bytes == 2 * 1049
    assert found.rss_peak_bytes == 7
    assert (found.last_mono, found.last_at) == (4.9, 1e9 + 4.9)
    times, counter = found.trace("GPU-1").counter()
    assert (len(times), counter[-1]) == (50, 1470.0)
    assert len(found.trace("GPU-1").power()[0]) == 0
    assert list(found.trace("GPU-0").near(1.0, 1.25).mono) == [1.0, 1.1, 1.2]
    assert len(found.trace("unknown")) == 0
    assert found.cpu[1][-1] == 2.45


def test_damaged_lines_are_left_out_and_a_missing_file_holds_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, 20)
    lines = path.read_bytes().split(b"\n")
    lines[0] = lines[0].replace(b"counter", b"countee")
    lines[5] = lines[5][:-9]
    path.write_bytes(b"\n".join(lines)[:-4])
    found = read_readings(path)
    # Nothing tells which devices these were: what they read is no GPU's memory.
    assert (found.devices, found.vram_peak_bytes) == ([], None)
    assert len(found.moments) == 18
    missing = read_readings(tmp_path / "missing")
    assert (missing.devices, missing.last_mono, missing.rss_peak_bytes) == ([], None, None)


def test_batches_are_the_same_table_whatever_their_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, 40)
    tables = []
    for rows in (7, 50_000):
        monkeypatch.setattr("wattbench.telemetry.ledger.BATCH_ROWS", rows)
        write_batches(tmp_path / "samples.parquet", SAMPLES, sample_batches(tmp_path, NAMES))
        tables.append(pq.read_table(tmp_path / "samples.parquet"))
    assert tables[0].equals(tables[1])
    rows = tables[0].to_pylist()
    assert len(rows) == 120
    assert [row["phase"] for row in rows[::3]] == ["idle"] * 10 + ["answer"] * 30
    assert rows[0]["energy_j"] == 0.0
    assert rows[3]["energy_j"] == 30.0
    assert rows[2]["energy_j"] is None


def test_what_is_held_of_a_reading_is_a_few_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wattbench.telemetry.ledger.BATCH_ROWS", 1000)
    peaks = []
    for samples in (2_000, 8_000):
        folder = tmp_path / str(samples)
        folder.mkdir()
        path = write(folder, samples)
        tracemalloc.start()
        read_readings(path)
        for columns in sample_batches(folder, NAMES):
            assert len(columns["device"]) <= 1003
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # The readings alone would take some 400 bytes each as records.
    assert (peaks[1] - peaks[0]) / (6_000 * 3) < 80
