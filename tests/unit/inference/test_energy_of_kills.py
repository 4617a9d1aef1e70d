"""Real processes killed over a scripted GPU: what they used is in the sum or said to be missing."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest
from replaying import Bench
from tests.nvml.scenario import Gpu, Scenario, build, compiler, environment, square

from wattbench.records import Record, read
from wattbench.study.judgement import Energy
from wattbench.telemetry.energy import run_energy

PATIENCE_S = 60.0
EXACT = Energy(calibration_relative_uncertainty=0)
MOST_W = 300.0


@pytest.mark.slow
@pytest.mark.skipif(compiler() is None, reason="no C compiler to build the stand-in for NVML with")
def test_the_energy_of_killed_jobs_is_told(tmp_path: Path) -> None:
    gpu = Gpu("GPU-a", square(80, MOST_W, 1.3, 300), period_s=0.02)
    epoch = time.monotonic()
    script = Scenario([gpu], epoch=epoch).write(tmp_path / "scenario")
    env = environment(build(tmp_path), script, CUDA_VISIBLE_DEVICES="0")
    bench = Bench(tmp_path, count=30, options={"sleep_s": 0.1}, model={"resources": {"gpus": 1}})
    moments = random.Random(3)
    ends: list[float] = []
    for number, how in enumerate([signal.SIGKILL, signal.SIGTERM, signal.SIGKILL, None]):
        process = bench.start(env=env)
        until = time.monotonic() + PATIENCE_S
        while how and sum(r["kind"] == "phase" for r in ledger(bench, number + 1)) < 2:
            assert process.poll() is None, process.stderr and process.stderr.read()
            assert time.monotonic() < until
            time.sleep(0.02)
        if how:
            time.sleep(moments.uniform(0.1, 0.9))
            process.send_signal(how)
        process.wait(PATIENCE_S)
        ends.append(time.monotonic())
        time.sleep(0.3)
    segments = bench.segments()
    assert [row["ended_by"] for row in segments] == ["killed", "signal", "killed", "finished"]
    assert segments[0]["gpu_names"] == ["NVIDIA A100-SXM4-40GB"]
    truth = 0.0
    for number, (row, end) in enumerate(zip(segments, ends, strict=True), start=1):
        first = ledger(bench, number)[0]["mono"] - epoch
        last = end - epoch if row["ended_by"] == "killed" else first + row["duration_s"]
        truth += gpu.truth_j(first, last)
    energy = run_energy(segments, EXACT)
    assert energy.gross_j is not None, energy.flags
    assert energy.gross_uncertainty_j is not None
    assert abs(energy.gross_j - truth) <= 3 * energy.gross_uncertainty_j
    assert abs(energy.gross_j - truth) <= sum(row["lost_s"] for row in segments) * MOST_W
    assert sum("was killed" in flag["detail"] for flag in energy.flags) == 2
    counts = Counter(record["question_id"] for record in read(bench.answers).records)
    assert set(counts.values()) == {1}
    assert len(counts) == 30


def ledger(bench: Bench, number: int) -> list[Record]:
    path = bench.journal / "ledger.jsonl"
    records = read(path).records
    return [r for r in records if r["segment"].endswith(f"/{number}")]
