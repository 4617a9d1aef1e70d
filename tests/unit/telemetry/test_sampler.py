"""The sampler as a process over the stand-in, in real time."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.nvml.scenario import FOREVER, Gpu, Scenario, environment, square

from wattbench.records import read
from wattbench.telemetry import sampler
from wattbench.telemetry.ledger import Names, segment_rows

PATIENCE_S = 30.0
LIVE = """
import os, sys, time
from pathlib import Path
from wattbench.telemetry.given import measured_gpus
from wattbench.telemetry.job import this_job
from wattbench.telemetry.segment import Head, Segment
head = Head("run/1", 1, this_job(), {}, None)
segment = Segment(Path(sys.argv[1]), head, hz=20, gpus=measured_gpus(os.environ))
segment.rest()
segment.phase("answer")
print("ready", flush=True)
time.sleep(60)
"""


def start(folder: Path, env: dict[str, str], hz: float = 20.0) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", sampler.__name__, "--root", str(os.getpid()), "--hz", str(hz)]
    return subprocess.Popen(
        [*command, "--out", str(folder / "out.jsonl"), "--gpu", "0", "--gpu", "1"],
        stdin=subprocess.PIPE,
        env=env,
    )


def scripted(folder: Path, *gpus: Gpu) -> Path:
    return Scenario(gpus, epoch=time.monotonic()).write(folder / "scenario")


def pair() -> tuple[Gpu, Gpu]:
    return (
        Gpu("GPU-a", square(60, 300, 0.8, 300), period_s=0.02, throttle=0x44),
        Gpu("GPU-b", period_s=0.1, missing=["energy"]),
    )


def wait_for_samples(path: Path, count: int) -> None:
    until = time.monotonic() + PATIENCE_S
    while sum(record["kind"] == "sample" for record in read(path).records) < count:
        assert time.monotonic() < until
        time.sleep(0.05)


def test_the_sampler_reads_both_clocks_and_learns_the_sensors(
    tmp_path: Path, library: Path
) -> None:
    process = start(tmp_path, environment(library, scripted(tmp_path, *pair())))
    out = tmp_path / "out.jsonl"
    wait_for_samples(out, 40)
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(PATIENCE_S) == 0
    records = read(out).records
    first, last = [r["devices"] for r in records if r["kind"] == "devices"]
    assert [d["period_s"] for d in first if d["kind"] == "gpu"] == [0.1, 0.1]
    learnt = {d["device"]: d for d in last}
    assert learnt["GPU-a"]["period_s"] == pytest.approx(0.02, rel=0.1)
    assert (learnt["GPU-a"]["method"], learnt["GPU-b"]["method"]) == ("counter", "sampled")
    assert learnt["GPU-a"]["name"] == "NVIDIA A100-SXM4-40GB"
    samples = [r for r in records if r["kind"] == "sample"]
    assert all(a["mono"] < b["mono"] for a, b in itertools.pairwise(samples))
    ahead = [r["at"] - r["mono"] for r in samples]
    assert max(ahead) - min(ahead) < 0.05
    whole = [r for r in samples if any("memory_bytes" in x for x in r["readings"])]
    assert 2 <= len(whole) < len(samples) / 2
    reading = next(x for x in whole[0]["readings"] if x["device"] == "GPU-a")
    assert reading["throttle"] == "software power cap, hardware thermal"
    assert (reading["utilisation_pct"], reading["clock_mhz"]) == (50.0, 1410.0)


def test_a_kill_costs_at_most_a_second_of_samples(tmp_path: Path, library: Path) -> None:
    process = start(tmp_path, environment(library, scripted(tmp_path, *pair())))
    out = tmp_path / "out.jsonl"
    wait_for_samples(out, 30)
    process.kill()
    killed = time.monotonic()
    process.wait()
    samples = [r for r in read(out).records if r["kind"] == "sample"]
    assert killed - samples[-1]["mono"] < 1


def test_the_sampler_outlives_a_killed_process_and_its_stalls(
    tmp_path: Path, library: Path
) -> None:
    own = Gpu("GPU-a", square(60, 300, 0.8, 300), period_s=0.02)
    env = environment(library, scripted(tmp_path, own), CUDA_VISIBLE_DEVICES="0")
    process = subprocess.Popen(
        [sys.executable, "-c", LIVE, str(tmp_path)], env=env, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGSTOP)
    time.sleep(1.2)
    process.kill()
    killed = time.monotonic()
    process.wait()
    script = (tmp_path / "scenario").read_text()
    epoch = float(script.split("epoch ")[1].split()[0])
    time.sleep(0.3)
    (row,) = segment_rows(tmp_path, Names("hpc", "set", "run"))
    start_mono = read(tmp_path / "ledger.jsonl").records[0]["mono"]
    assert row["ended_by"] == "killed"
    assert killed - (start_mono + row["duration_s"]) < 0.5
    energy = sum(d["energy_j"] for p in row["phases"] for d in p["devices"] if d["kind"] == "gpu")
    truth = own.truth_j(start_mono - epoch, start_mono - epoch + row["duration_s"])
    # What was used before the sampler came up is estimated.
    assert energy == pytest.approx(truth, rel=0.15)


def test_a_neighbour_is_seen_by_the_sampler(tmp_path: Path, library: Path) -> None:
    shared = Gpu("GPU-a", processes=[(999_999_999, 0, FOREVER)])
    process = start(tmp_path, environment(library, scripted(tmp_path, shared, Gpu("GPU-b"))))
    wait_for_samples(tmp_path / "out.jsonl", 3)
    assert process.stdin is not None
    process.stdin.close()
    process.wait(PATIENCE_S)
    text = json.dumps(read(tmp_path / "out.jsonl").records)
    assert "process 999999999 computes on it too" in text
