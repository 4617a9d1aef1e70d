"""Killed at any moment, signalled, out of disk: no answer is lost or asked for twice."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from replaying import Bench

from wattbench.errors import FaultError
from wattbench.inference.lease import LEASE, Lease, this_process
from wattbench.inference.scheduler import Scheduler
from wattbench.inference.stage import infer
from wattbench.records import read
from wattbench.telemetry.job import SLURM, Job, this_job
from wattbench.telemetry.ledger import last_ending

PATIENCE_S = 60.0


def wait_for(condition: object, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not condition():  # type: ignore[operator]
        assert process.poll() is None, process.stderr and process.stderr.read()
        assert time.monotonic() < until
        time.sleep(0.01)


def started_segments(bench: Bench) -> int:
    return sum(r["kind"] == "start" for r in read(bench.journal / "ledger.jsonl").records)


def answered(bench: Bench) -> int:
    return len(read(bench.answers).records)


@pytest.mark.slow
def test_killed_ten_times_every_question_is_answered_once(tmp_path: Path) -> None:
    quiet = Bench(tmp_path / "quiet", count=40, options={"sleep_s": 0.02})
    infer(quiet.study, "asked", "replay")
    killed = Bench(tmp_path / "killed", count=40, options={"sleep_s": 0.1})
    moments = random.Random(7)
    for number in range(10):
        process = killed.start()
        wait_for(lambda n=number: started_segments(killed) > n, process)
        time.sleep(moments.uniform(0.0, 0.5))
        process.kill()
        process.wait()
    last = killed.start()
    assert last.wait(PATIENCE_S) == 0
    segments = killed.segments()
    assert [segment["ended_by"] for segment in segments] == ["killed"] * 10 + ["finished"]
    assert all(0 < segment["lost_s"] < 5 for segment in segments[:-1])
    assert sum(segment["answered"] for segment in segments) <= 40
    # The question that ran when the process died was paid for in vain: at most one a kill.
    calls = Counter(killed.calls())
    records = Counter(record["question_id"] for record in read(killed.answers).records)
    assert set(records.values()) == {1}
    assert len(records) == 40
    assert sum(calls.values()) <= 40 + 10
    assert killed.answers_only() == quiet.answers_only()
    assert not read(killed.answers).damaged


def test_a_killed_process_costs_no_answer(tmp_path: Path) -> None:
    bench = Bench(tmp_path, count=12, options={"sleep_s": 0.1})
    process = bench.start()
    wait_for(lambda: answered(bench) >= 3, process)
    process.kill()
    process.wait()
    kept = answered(bench)
    infer(bench.study, "asked", "replay")
    first, second = bench.segments()
    assert (first["ended_by"], second["ended_by"]) == ("killed", "finished")
    assert second["answered"] == 12 - kept
    assert first["duration_s"] > 0
    assert any(flag["column"] == "duration_s" for flag in first["flags"])
    assert len(bench.calls()) in {12, 13}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_closes_the_segment(tmp_path: Path, number: signal.Signals, code: int) -> None:
    bench = Bench(tmp_path, count=12, options={"sleep_s": 0.2})
    process = bench.start()
    wait_for(lambda: answered(bench) >= 2, process)
    process.send_signal(number)
    assert process.wait(20) == code
    assert process.stderr is not None
    assert f"stopped by {number.name}" in process.stderr.read()
    assert not (bench.journal / LEASE).exists()
    infer(bench.study, "asked", "replay")
    first, _ = bench.segments()
    assert (first["ended_by"], first["lost_s"]) == ("signal", 0)
    # The running question was finished, not thrown away.
    assert len(bench.calls()) == 12


def test_ctrl_c_after_a_signal_gives_up_the_running_question(tmp_path: Path) -> None:
    bench = Bench(tmp_path, count=3, options={"sleep_s": 30})
    process = bench.start()
    wait_for(lambda: len(bench.calls()) == 1, process)
    process.send_signal(signal.SIGUSR1)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    assert process.wait(8) == 128 + signal.SIGUSR1
    assert answered(bench) == 0


def test_slurm_may_repeat_its_signal(tmp_path: Path) -> None:
    bench = Bench(tmp_path, count=3, options={"sleep_s": 2})
    process = bench.start()
    wait_for(lambda: len(bench.calls()) == 1, process)
    for _ in range(3):
        process.send_signal(signal.SIGTERM)
        time.sleep(0.1)
    assert process.wait(8) == 128 + signal.SIGTERM
    assert answered(bench) == 1


def test_a_full_disk_stops_with_a_sentence_and_a_rerun_completes(tmp_path: Path) -> None:
    bench = Bench(tmp_path, count=40)
    limit = 6000

    def small_files() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    process = bench.start(preexec_fn=small_files)
    assert process.wait(PATIENCE_S) == 1
    assert process.stderr is not None
    said = process.stderr.read()
    assert "cannot write" in said
    assert "Traceback" not in said
    found = read(bench.answers)
    assert 0 < len(found.records) < 40
    assert not found.damaged
    infer(bench.study, "asked", "replay")
    assert len(bench.predictions()) == 40
    assert set(Counter(r["question_id"] for r in read(bench.answers).records).values()) == {1}


def test_a_record_cut_in_the_middle_is_cut_off_and_asked_again(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    infer(bench.study, "asked", "replay")
    whole = bench.predictions()
    data = bench.answers.read_bytes()
    bench.answers.write_bytes(data[:-37])
    infer(bench.study, "asked", "replay")
    assert "cut short" in capsys.readouterr().err
    assert bench.calls()[6:] == ["q5"]
    assert [row["value"] for row in bench.predictions()] == [row["value"] for row in whole]


def test_a_damaged_record_is_set_aside_and_asked_again(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    infer(bench.study, "asked", "replay")
    lines = bench.answers.read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b"answer_value", b"answer_walue")
    bench.answers.write_bytes(b"".join(lines))
    infer(bench.study, "asked", "replay")
    assert "set aside" in capsys.readouterr().err
    assert bench.calls()[6:] == ["q2"]
    assert b"answer_walue" in bench.answers.with_name("answers.jsonl.damaged").read_bytes()
    infer(bench.study, "asked", "replay")
    assert len(bench.calls()) == 7


@pytest.mark.parametrize("name", ["host", "pid"])
def test_a_dead_holders_lease_is_taken_over(bench: Bench, name: str) -> None:
    holder = this_process(None)
    bench.journal.mkdir(parents=True)
    dead = {"host": "elsewhere", "boot": "other"} if name == "host" else {"started": 1.0}
    lease = bench.journal / LEASE
    lease.write_text(json.dumps({**holder.__dict__, "token": "other", **dead}))
    if name == "host":
        old = time.time() - 120
        os.utime(lease, (old, old))
    with Lease(bench.journal, wait_s=0):
        assert json.loads(lease.read_text())["host"] == socket.gethostname()
    assert not lease.exists()


@pytest.mark.parametrize(
    ("alive", "fresh", "taken"),
    [(True, False, False), (False, True, True), (None, True, False), (None, False, True)],
)
def test_slurm_says_whether_a_holder_on_another_node_lives(
    bench: Bench, alive: bool | None, fresh: bool, taken: bool
) -> None:
    asked: list[str] = []

    def job_alive(job: str) -> bool | None:
        asked.append(job)
        return alive

    write_holder(bench, fresh=fresh, job_id="55")
    lease = Lease(
        bench.journal, job=slurm_job("56"), scheduler=Scheduler(alive=job_alive), wait_s=0.2
    )
    if taken:
        with lease:
            pass
    else:
        with pytest.raises(FaultError, match=r"on elsewhere \(job 55\)"), lease:
            pass
    assert asked == ["55"]


def test_a_requeued_job_does_not_ask_slurm_about_itself(bench: Bench) -> None:
    write_holder(bench, fresh=False, job_id="55")
    with Lease(
        bench.journal, job=slurm_job("55"), scheduler=Scheduler(alive=lambda _: True), wait_s=0.2
    ):
        pass


@pytest.mark.parametrize(
    ("state", "ended_by"),
    [("CANCELLED", "cancelled"), ("TIMEOUT", "timeout"), ("RUNNING", "signal"), (None, "signal")],
)
def test_the_ledger_says_why_slurm_stopped_a_job(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, state: str | None, ended_by: str
) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "70")
    bench.options["sleep_s"] = 0.3
    alarm = threading.Timer(0.8, os.kill, (os.getpid(), signal.SIGTERM))
    alarm.start()
    with pytest.raises(SystemExit):
        infer(bench.study, "asked", "replay", scheduler=Scheduler(state=lambda _: state))
    assert last_ending(bench.journal) == ended_by

    if state == "CANCELLED":
        with pytest.raises(FaultError, match=r"cancelled this run's job at \d of 6"):
            infer(bench.study, "asked", "replay", retry=True)
        assert started_segments(bench) == 1
        infer(bench.study, "asked", "replay")
    else:
        infer(bench.study, "asked", "replay", retry=True)
    assert started_segments(bench) == 2
    assert sorted(bench.calls()) == [f"q{number}" for number in range(6)]


def slurm_job(job_id: str) -> Job:
    return replace(this_job(), scheduler=SLURM, job_id=job_id)


def write_holder(bench: Bench, *, fresh: bool, job_id: str) -> None:
    """A lease that a Slurm job on another node wrote."""
    bench.journal.mkdir(parents=True)
    lease = bench.journal / LEASE
    holder = replace(this_process(slurm_job(job_id)), token="other", host="elsewhere", boot="x")
    lease.write_text(json.dumps(holder.__dict__))
    if not fresh:
        old = time.time() - 120
        os.utime(lease, (old, old))


def test_of_two_at_once_one_waits_for_the_other(tmp_path: Path) -> None:
    bench = Bench(tmp_path, count=8, options={"sleep_s": 0.15})
    first, second = bench.start(), bench.start()
    assert (first.wait(PATIENCE_S), second.wait(PATIENCE_S)) == (0, 0)
    assert sorted(bench.calls()) == sorted(f"q{n}" for n in range(8))
    assert len(bench.segments()) == 1
    said = (first.stderr.read() if first.stderr else "") + (
        second.stderr.read() if second.stderr else ""
    )
    assert "waiting for process" in said


def test_who_waits_for_a_lease_leaves_on_a_signal(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    with Lease(bench.journal, job=this_job()):
        process = bench.start()
        assert process.stderr is not None
        while "waiting for process" not in process.stderr.readline():
            assert process.poll() is None
        process.terminate()
        assert process.wait(10) == 143
    assert bench.calls() == []
