"""Several question sets in one job: the model is loaded once, and its load is counted once."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import pytest
from replaying import Bench
from tests.nvml.scenario import Gpu, Scenario, build, compiler, environment, square

from wattbench.inference.stage import infer
from wattbench.records import read
from wattbench.study.identity import run_identity
from wattbench.study.judgement import Energy, Estimate
from wattbench.tables.contract import reason_for
from wattbench.telemetry.energy import run_energy

SETS = ("asked", "other", "third")
PATIENCE_S = 60.0


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, count=3, sets=SETS)


def phases(segment: dict[str, Any]) -> list[str]:
    return [phase["phase"] for phase in segment["phases"]]


def worked(segment: dict[str, Any]) -> dict[str, Any]:
    """The segment as if each of its phases had taken a second of CPU time."""
    taken = [{**phase, "cpu_s": 1.0} for phase in segment["phases"]]
    return {**segment, "phases": taken, "cpu_s": float(len(taken))}


def test_a_model_is_loaded_once_for_all_sets(bench: Bench) -> None:
    infer(bench.study, SETS, "replay")
    assert len(bench.calls()) == 9
    (first,), (second,), (third,) = (bench.segments(name) for name in SETS)
    assert phases(first) == ["idle", "load", "answer"]
    assert phases(second) == phases(third) == ["idle", "answer"]
    assert first["loaded_in"] is None
    assert second["loaded_in"] == third["loaded_in"] == first["segment"]
    assert second["question_sets"] == list(SETS)
    # With the model loaded no moment is left out between two segments.
    assert abs((second["started_at"] - first["ended_at"]).total_seconds()) < 1e-3
    assert abs((third["started_at"] - second["ended_at"]).total_seconds()) < 1e-3


def test_what_the_load_took_is_told_once(bench: Bench) -> None:
    infer(bench.study, SETS, "replay")
    settings = Energy(
        estimate=Estimate(watts_per_core=5, relative_uncertainty=0.5, source="a guess")
    )
    # A replay may take less CPU time than is counted; then all of it is unknown.
    first, second, _ = (
        run_energy([worked(segment) for segment in bench.segments(name)], settings) for name in SETS
    )
    assert first.load_j is not None
    assert second.load_j is None
    reason = reason_for({"flags": second.flags}, "energy_load_j")
    assert reason is not None
    assert bench.segments()[0]["segment"] in reason
    assert second.answer_j is not None


def test_a_model_is_loaded_only_where_something_is_missing(bench: Bench) -> None:
    infer(bench.study, SETS, "replay")
    before = [bench.files_of(name).job.read_bytes() for name in SETS]
    infer(bench.study, SETS, "replay")
    assert [bench.files_of(name).job.read_bytes() for name in SETS] == before
    assert [len(bench.segments(name)) for name in SETS] == [1, 1, 1]
    bench.record_replies(4)
    bench.write_contexts(4, "other")
    infer(bench.study, SETS, "replay")
    assert bench.calls()[9:] == ["q3"]
    assert [len(bench.segments(name)) for name in SETS] == [1, 2, 1]
    (_, again) = bench.segments("other")
    assert again["loaded_in"] is None
    assert "load" in phases(again)


def test_sets_that_need_no_model_load_none(tmp_path: Path) -> None:
    bench = Bench(tmp_path, count=2, sets=SETS, abstain=(0, 1))
    infer(bench.study, SETS, "replay")
    assert bench.calls() == []
    assert [phases(bench.segments(name)[0]) for name in SETS] == [["idle"]] * 3


def test_what_a_stopped_job_has_answered_is_kept_for_each_set(tmp_path: Path) -> None:
    bench = Bench(tmp_path, count=4, sets=SETS[:2], options={"sleep_s": 0.3})
    process = bench.start()
    until = time.monotonic() + PATIENCE_S
    while len(bench.calls()) < 6 and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_S) == 128 + signal.SIGTERM
    infer(bench.study, SETS[:2], "replay")
    assert len(bench.calls()) == 8
    assert [row["ended_by"] for row in bench.segments("asked")] == ["finished"]
    assert [row["ended_by"] for row in bench.segments("other")] == ["signal", "finished"]


@pytest.mark.slow
@pytest.mark.skipif(compiler() is None, reason="no C compiler to build the stand-in for NVML with")
def test_no_joule_is_lost_or_counted_twice(tmp_path: Path) -> None:
    gpu = Gpu("GPU-a", square(80, 300, 1.3, 300), period_s=0.02)
    epoch = time.monotonic()
    script = Scenario([gpu], epoch=epoch).write(tmp_path / "scenario")
    env = environment(build(tmp_path), script, CUDA_VISIBLE_DEVICES="0")
    bench = Bench(
        tmp_path,
        count=8,
        sets=SETS,
        options={"sleep_s": 0.2, "load_s": 1.0},
        model={"resources": {"gpus": 1}},
    )
    assert bench.start(env=env).wait(PATIENCE_S) == 0
    settings = Energy(calibration_relative_uncertainty=0)
    found = [run_energy(bench.segments(name), settings) for name in SETS]
    identity = run_identity(bench.study, "replay")
    ledgers = [read(bench.files_of(n).journal(identity) / "ledger.jsonl").records for n in SETS]
    spans = [(records[0]["mono"] - epoch, records[-1]["mono"] - epoch) for records in ledgers]
    assert [end for _, end in spans[:-1]] == [start for start, _ in spans[1:]]
    # The sampler of the first comes up a moment after its start; those of the others are there.
    # What is left is where between two samples the power changed. A load counted twice is 50 %.
    for one, span, least in zip(found, spans, (0.06, 0.03, 0.03), strict=True):
        assert one.gross_j == pytest.approx(gpu.truth_j(*span), rel=least)
    assert [one.load_j is None for one in found] == [False, True, True]
    # The power at rest is that before the load, for all of them.
    idle = [
        {d["idle_w"] for s in bench.segments(n) for p in s["phases"] for d in p["devices"]}
        for n in SETS
    ]
    assert idle[1] == idle[2]
    assert None not in idle[1]
    assert idle[1].pop() == pytest.approx(idle[0].pop(), rel=0.03)
