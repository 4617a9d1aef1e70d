"""The stage `collect_compute`, with and without a sacct."""

from __future__ import annotations

import base64
import gzip
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.unit.made_results import RIGHT, make_study, segment, write_run

from wattbench.records import Appender
from wattbench.slurm.pending import pending_accounting
from wattbench.slurm.sacct import FIELDS
from wattbench.slurm.stage import RAW, RAW_CONTROLLER, RAW_NOTES, RAW_SUMMARIES, collect_compute
from wattbench.study.layout import LEDGER, Layout
from wattbench.study.models import Study
from wattbench.tables.answers import SAMPLES, SEGMENTS
from wattbench.tables.files import read_json, read_rows, write_rows

FIXTURES = Path(__file__).parents[2] / "fixtures" / "slurm"


def reasons(row: dict[str, Any]) -> dict[str, str]:
    return {f["column"]: f["detail"] for f in row["flags"] if f["kind"] == "unknown"}


def assert_every_null_has_a_reason(row: dict[str, Any]) -> None:
    nulls = {column for column, value in row.items() if value is None}
    assert nulls == set(reasons(row))


def slurm_run(
    study: Study, folder: Path, run: str, job: str, attempts: tuple[int, ...], *more: str
) -> None:
    """A run whose ledger has these attempts of a job, and one of each further job."""
    write_run(study, run, RIGHT)
    files = Layout(folder / "results").run("local", "set", run)
    tried = [(job, attempt) for attempt in attempts] + [(name, 1) for name in more]
    rows = [
        segment(
            run,
            segment=f"{run}-{number}",
            number=number,
            job_id=name,
            scheduler="slurm",
            attempt=attempt,
            started_at=datetime(2026, 11, 22, 3, 20, tzinfo=UTC),
            ended_at=datetime(2026, 11, 22, 3, 21, tzinfo=UTC),
            rss_peak_bytes=20 * 2**20,
        )
        for number, (name, attempt) in enumerate(tried, start=1)
    ]
    write_rows(files.segments, SEGMENTS, rows)


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, **bodies: str) -> Path:
    """Make programs the only ones in PATH beside the system's; each notes how it was called."""
    programs = folder / "bin"
    programs.mkdir(exist_ok=True)
    called = folder / "called"
    called.touch()
    unknown = "echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1"
    for name, body in {"sacct": "true", "scontrol": unknown, **bodies}.items():
        program = programs / name
        program.write_text(f'#!/bin/sh\necho "{name} $TZ $*" >> {called}\n{body}\n')
        program.chmod(0o755)
    for tool in ("cat", "sleep", "sh"):
        if not (programs / tool).exists():
            (programs / tool).symlink_to(shutil.which(tool) or f"/bin/{tool}")
    monkeypatch.setenv("PATH", str(programs))
    return called


def install_sacct(folder: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> Path:
    return install(folder, monkeypatch, sacct=body)


def accounted(job: str, *, comment: str = "", **cells: str) -> str:
    """Lines of sacct of one finished job with a batch step."""
    plain = {
        "JobID": job, "JobIDRaw": job, "State": "COMPLETED", "ExitCode": "0:0", "NNodes": "1",
        "Partition": "gpu", "NodeList": "gpu1", "Start": "2026-11-22T03:20:00",
        "End": "2026-11-22T03:21:40", "ElapsedRaw": "100", "TimelimitRaw": "60", "AllocCPUS": "2",
        "TotalCPU": "01:40.000", "ReqMem": "4096M", "AllocTRES": "cpu=2,gres/gpu=1",
    }  # fmt: skip
    step = {"JobID": f"{job}.batch", "JobIDRaw": f"{job}.batch", "MaxRSS": "1024M", "ReqMem": ""}
    lines = [plain | cells | {"AdminComment": comment}, plain | step]
    return "".join("|".join(one.get(field, "") for field in FIELDS) + "\n" for one in lines)


def packed(case: str) -> str:
    text = (FIXTURES / "jobstats" / f"{case}.json").read_bytes()
    return "JS1:" + base64.b64encode(gzip.compress(text)).decode()


def document(folder: Path, run: str) -> dict[str, Any]:
    return read_json(Layout(folder / "results").run("local", "set", run).compute)


def test_local_jobs_come_from_the_ledger(tmp_path: Path) -> None:
    study = make_study(tmp_path, ["m"])
    write_run(study, "m", RIGHT, job={"jobs": [{"job_id": "local-host-1-m", "cpus_given": 2}]})
    collect_compute(study, "set")
    document = read_json(Layout(tmp_path / "results").run("local", "set", "m").compute)
    (row,) = document["rows"]
    assert (row["source"], row["wall_s"], row["cpu_s"], row["cpus"]) == ("ledger", 10.0, 8.0, 2)
    assert row["cpu_efficiency_pct"] == pytest.approx(40.0)
    assert reasons(row)["state"] == "no Slurm job"
    assert_every_null_has_a_reason(row)
    assert document["sacct"] == {
        "asked": False, "reason": "no Slurm job", "raw": None,
        "fields": document["sacct"]["fields"],
    }  # fmt: skip
    assert document["scontrol"] == {"asked": False, "reason": "no Slurm job", "raw": None}
    assert document["pending"] is None


def test_what_slurm_says_of_a_job_for_several_question_sets_is_of_all_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = make_study(tmp_path, ["a"])
    slurm_run(study, tmp_path, "a", "23", (1,))
    path = Layout(tmp_path / "results").run("local", "set", "a").segments
    rows = [row | {"question_sets": ["set", "more"]} for row in read_rows(path, SEGMENTS)]
    write_rows(path, SEGMENTS, rows)
    install_sacct(tmp_path, monkeypatch, f"cat <<'END'\n{accounted('23')}END")
    collect_compute(study, "set")
    (row,) = document(tmp_path, "a")["rows"]
    (said,) = [f["detail"] for f in row["flags"] if "question sets" in f["detail"]]
    assert "set, more" in said


def test_one_call_for_all_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = make_study(tmp_path, ["a", "b"])
    slurm_run(study, tmp_path, "a", "23", (1, 2))
    slurm_run(study, tmp_path, "b", "13_3", (1,))
    called = install_sacct(
        tmp_path, monkeypatch, f"cat {FIXTURES}/requeued.psv {FIXTURES}/array.psv"
    )
    collect_compute(study, "set")
    call, other = called.read_text().splitlines()
    assert call.startswith("sacct UTC -D -P -n ")
    assert other == "scontrol UTC show job"
    assert "--jobs=13_3,23" in call
    assert "--starttime=2026-11-21T03:20:00" in call
    layout = Layout(tmp_path / "results")
    first, second = read_json(layout.run("local", "set", "a").compute)["rows"]
    assert (first["attempt"], first["state"], first["source"]) == (1, "REQUEUED", "sacct+ledger")
    assert (second["attempt"], second["state"], second["wall_s"]) == (2, "COMPLETED", 1.0)
    # The ledger saw 20 MiB, accounting's sampling less.
    assert first["memory_peak_bytes"] == 20 * 2**20
    assert {"memory_peak_bytes", "cpu_s"} == {
        f["column"] for f in first["flags"] if f["kind"] == "warning"
    }
    assert_every_null_has_a_reason(first)
    (other,) = read_json(layout.run("local", "set", "b").compute)["rows"]
    assert other["state"] == "FAILED"
    raw = (layout.run("local", "set", "b").folder / RAW).read_text().splitlines()
    assert [line.split("|")[0] for line in raw] == ["JobID", "13_3", "13_3.batch", "13_3.0"]


def test_an_attempt_that_left_no_segment_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = make_study(tmp_path, ["a"])
    slurm_run(study, tmp_path, "a", "23", (2,))
    install_sacct(tmp_path, monkeypatch, f"cat {FIXTURES}/requeued.psv")
    collect_compute(study, "set")
    rows = read_json(Layout(tmp_path / "results").run("local", "set", "a").compute)["rows"]
    assert [(row["attempt"], row["source"]) for row in rows] == [(1, "sacct"), (2, "sacct+ledger")]
    assert_every_null_has_a_reason(rows[0])


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("echo 'sacct: error: slurmdbd: Connection refused' >&2; exit 1", "Connection refused"),
        ("echo 'some|thing'", "cannot be read: sacct, line 1: 2 fields"),
        ("true", "sacct does not know this job or attempt"),
        ("echo 'Slurm accounting storage is disabled' >&2; exit 1", "storage is disabled"),
    ],
)
def test_accounting_that_is_away_is_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, reason: str
) -> None:
    study = make_study(tmp_path, ["a"])
    slurm_run(study, tmp_path, "a", "23", (1,))
    install_sacct(tmp_path, monkeypatch, body)
    collect_compute(study, "set")
    (row,) = read_json(Layout(tmp_path / "results").run("local", "set", "a").compute)["rows"]
    assert row["source"] == "ledger"
    assert row["wall_s"] == 10.0
    assert reason in reasons(row)["state"]
    assert_every_null_has_a_reason(row)


def test_a_sacct_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = make_study(tmp_path, ["a"])
    slurm_run(study, tmp_path, "a", "23", (1,))
    install_sacct(tmp_path, monkeypatch, "exec sleep 30")
    monkeypatch.setattr("wattbench.slurm.calls.TIMEOUT_S", 0.3)
    collect_compute(study, "set")
    (row,) = read_json(Layout(tmp_path / "results").run("local", "set", "a").compute)["rows"]
    assert reasons(row)["state"] == "sacct did not answer within 0.3 s"


def test_a_hundred_jobs_take_two_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"m{number}" for number in range(4)]
    study = make_study(tmp_path, names)
    for number, name in enumerate(names):
        first, *more = (str(1000 + 25 * number + place) for place in range(25))
        slurm_run(study, tmp_path, name, first, (1,), *more)
    answer = tmp_path / "answer"
    answer.write_text("".join(accounted(str(1000 + number)) for number in range(100)))
    called = install(tmp_path, monkeypatch, sacct=f"cat {answer}", jobstats="echo unasked")
    collect_compute(study, "set")
    assert [call.split()[0] for call in called.read_text().splitlines()] == ["sacct", "scontrol"]
    rows = document(tmp_path, "m1")["rows"]
    assert [row["job_id"] for row in rows] == [str(job) for job in range(1025, 1050)]
    row = rows[17]
    assert (row["job_id"], row["state"], row["gpus"]) == ("1042", "COMPLETED", 1)
    assert "at most 4 jobs" in reasons(row)["gpu_utilisation_jobstats_pct"]
    assert_every_null_has_a_reason(row)


def test_attempts_come_in_the_order_of_their_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = make_study(tmp_path, ["a"])
    slurm_run(study, tmp_path, "a", "9", (1,), "10", "11")
    answer = tmp_path / "answer"
    answer.write_text("".join(accounted(job) for job in ("10", "11", "9")))
    install_sacct(tmp_path, monkeypatch, f"cat {answer}")
    collect_compute(study, "set")
    assert [row["job_id"] for row in document(tmp_path, "a")["rows"]] == ["9", "10", "11"]


def test_a_line_made_before_the_start_was_heard_of_is_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = make_study(tmp_path, ["a"])
    slurm_run(study, tmp_path, "a", "23", (1,))
    half, whole = tmp_path / "half", tmp_path / "whole"
    half.write_text(accounted("23", Partition="", TimelimitRaw="", AllocTRES=""))
    whole.write_text(accounted("23"))
    install_sacct(tmp_path, monkeypatch, f"cat {half}")
    collect_compute(study, "set")
    first = document(tmp_path, "a")
    assert first["pending"]["jobs"] == ["23"]
    assert_every_null_has_a_reason(first["rows"][0])
    install_sacct(tmp_path, monkeypatch, f"cat {whole}")
    collect_compute(study, "set")
    assert document(tmp_path, "a")["pending"] is None
    assert document(tmp_path, "a")["rows"][0]["partition"] == "gpu"


def gpu_samples(folder: Path, run: str, utilisation: tuple[float | None, ...]) -> None:
    at = datetime(2026, 11, 22, 3, 20, tzinfo=UTC)
    write_rows(
        Layout(folder / "results").run("local", "set", run).samples,
        SAMPLES,
        [
            {
                "environment": "local", "questions": "set", "run": run, "segment": f"{run}-1",
                "at": at, "elapsed_s": float(place), "phase": "answer", "device": "GPU-1",
                "utilisation_pct": value, "memory_bytes": (place + 1) * 2**30, "power_w": 100.0,
            }
            for place, value in enumerate(utilisation)
        ],
    )  # fmt: skip


def test_utilisation_of_both_sources_stands_side_by_side(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = make_study(tmp_path, ["a"])
    slurm_run(study, tmp_path, "a", "31", (1,))
    gpu_samples(tmp_path, "a", (60.0, 100.0, None))
    answer = tmp_path / "answer"
    answer.write_text(accounted("31", comment=packed("one_gpu")))
    called = install(tmp_path, monkeypatch, sacct=f"cat {answer}")
    collect_compute(study, "set")
    assert "jobstats" not in called.read_text()
    (row,) = document(tmp_path, "a")["rows"]
    assert row["gpu_utilisation_jobstats_pct"] == 44.4
    assert row["gpu_utilisation_samples_pct"] == 80.0
    assert (row["gpu_utilisation_min_pct"], row["gpu_utilisation_max_pct"]) == (60.0, 100.0)
    assert (row["gpu_memory_mean_bytes"], row["gpu_memory_peak_bytes"]) == (2 * 2**30, 3 * 2**30)
    assert (row["gpu_memory_total_bytes"], row["gpu_power_mean_w"]) == (80 * 2**30, 100.0)
    assert row["source"] == "sacct+ledger+jobstats"
    (flag,) = [f for f in row["flags"] if f["column"] == "gpu_utilisation_jobstats_pct"]
    assert (flag["kind"], flag["detail"]) == (
        "warning", "jobstats says 44.4 %, the run's samples 80 %",
    )  # fmt: skip
    assert_every_null_has_a_reason(row)
    raw = read_json(Layout(tmp_path / "results").run("local", "set", "a").folder / RAW_SUMMARIES)
    assert raw["31, attempt 1"]["data"]["total_time"] == 146


def test_a_broken_summary_is_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = make_study(tmp_path, ["a"])
    slurm_run(study, tmp_path, "a", "31", (1,))
    answer = tmp_path / "answer"
    answer.write_text(accounted("31", comment=packed("one_gpu").lower()))
    install(tmp_path, monkeypatch, sacct=f"cat {answer}")
    collect_compute(study, "set")
    (row,) = document(tmp_path, "a")["rows"]
    assert "lower-cased" in reasons(row)["gpu_utilisation_jobstats_pct"]
    assert row["state"] == "COMPLETED"


def test_jobstats_is_asked_of_few_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = make_study(tmp_path, ["a"])
    slurm_run(study, tmp_path, "a", "31", (1,))
    answer = tmp_path / "answer"
    answer.write_text(accounted("31"))
    stats = FIXTURES / "jobstats"
    body = f'case "$1" in -j) cat {stats}/one_gpu.json;; -n) cat {stats}/notes_advice.txt;; esac'
    called = install(tmp_path, monkeypatch, sacct=f"cat {answer}", jobstats=body)
    collect_compute(study, "set")
    assert [call for call in called.read_text().splitlines() if call.startswith("jobstats")] == [
        "jobstats UTC -j 31", "jobstats UTC -n 31",
    ]  # fmt: skip
    (row,) = document(tmp_path, "a")["rows"]
    assert row["gpu_utilisation_jobstats_pct"] == 44.4
    assert row["jobstats_notes"][0].startswith("Consider reducing memory")
    assert document(tmp_path, "a")["jobstats"]["raw"] == [RAW_SUMMARIES, RAW_NOTES]


def test_a_jobstats_that_fails_is_asked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = make_study(tmp_path, ["a", "b"])
    slurm_run(study, tmp_path, "a", "31", (1,))
    slurm_run(study, tmp_path, "b", "32", (1,))
    answer = tmp_path / "answer"
    answer.write_text(accounted("31") + accounted("32"))
    called = install(
        tmp_path, monkeypatch, sacct=f"cat {answer}", jobstats="echo no database >&2; exit 1"
    )
    collect_compute(study, "set")
    assert called.read_text().count("jobstats") == 1
    for run in ("a", "b"):
        (row,) = document(tmp_path, run)["rows"]
        assert "no database" in reasons(row)["gpu_utilisation_jobstats_pct"]


def test_the_controller_stands_in_for_accounting_that_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = make_study(tmp_path, ["a"])
    slurm_run(study, tmp_path, "a", "91", (1,))
    install(
        tmp_path,
        monkeypatch,
        sacct="echo 'sacct: error: slurmdbd: Connection refused' >&2; exit 1",
        scontrol=f"cat {FIXTURES}/scontrol/running.txt {FIXTURES}/scontrol/gpu4_2nodes.txt",
    )
    collect_compute(study, "set")
    found = document(tmp_path, "a")
    (row,) = found["rows"]
    assert (row["source"], row["state"], row["nodes"]) == (
        "scontrol+ledger", "COMPLETED", ["gpu1", "gpu2"],
    )  # fmt: skip
    assert (row["gpus"], row["wall_s"], row["time_limit_s"]) == (4, 4.0, 600.0)
    assert "Connection refused" in reasons(row)["consumed_energy_j"]
    assert_every_null_has_a_reason(row)
    raw = Layout(tmp_path / "results").run("local", "set", "a").folder / RAW_CONTROLLER
    # Only the run's own job is kept.
    assert raw.read_text().count("JobId=") == 1
    assert "Connection refused" in found["pending"]["reason"]


def test_what_accounting_lacks_the_controller_fills(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = make_study(tmp_path, ["a", "b"])
    slurm_run(study, tmp_path, "a", "91", (1,))
    slurm_run(study, tmp_path, "b", "92", (1,))
    answer = tmp_path / "answer"
    # Still running as far as accounting has heard, without partition and limit; and a broken line.
    late = accounted("91", State="RUNNING", End="Unknown", Partition="", TimelimitRaw="")
    answer.write_text(late + accounted("92", ElapsedRaw="soon"))
    install(
        tmp_path,
        monkeypatch,
        sacct=f"cat {answer}",
        scontrol=f"cat {FIXTURES}/scontrol/gpu4_2nodes.txt",
    )
    collect_compute(study, "set")
    (row,) = document(tmp_path, "a")["rows"]
    assert (row["state"], row["ended_at"]) == ("COMPLETED", "2026-11-22T03:31:19+00:00")
    assert (row["partition"], row["time_limit_s"], row["cpus"]) == ("gpu", 600.0, 2)
    assert_every_null_has_a_reason(row)
    (other,) = document(tmp_path, "b")["rows"]
    assert other["source"] == "ledger"
    assert "sacct, line 3, 92: 'soon' is no count" in reasons(other)["state"]


def test_a_kill_for_memory_is_told_by_what_the_job_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = make_study(tmp_path, ["a"])
    slurm_run(study, tmp_path, "a", "31", (1,))
    printed = tmp_path / "printed.out"
    printed.write_text("slurmstepd: error: Exceeded job memory limit\n")
    answer = tmp_path / "answer"
    answer.write_text(accounted("31", State="FAILED", ExitCode="9:0"))
    record = tmp_path / "record"
    record.write_text(f"JobId=31 JobName=x\n   JobState=FAILED\n   StdErr={printed}\n")
    install(tmp_path, monkeypatch, sacct=f"cat {answer}", scontrol=f"cat {record}")
    collect_compute(study, "set")
    (row,) = document(tmp_path, "a")["rows"]
    assert (row["state"], row["state_raw"], row["exit_code"]) == ("OUT_OF_MEMORY", "FAILED", "9:0")
    assert ("state", "warning") in {(f["column"], f["kind"]) for f in row["flags"]}


@pytest.mark.parametrize(
    ("body", "pending"),
    [
        ("echo 'slurmdbd: Connection refused' >&2; exit 1", True),
        ("true", False),  # the job ended long ago: its row will not come
        ("echo 'Slurm accounting storage is disabled' >&2; exit 1", False),
        ("exec cat {answer}", False),
    ],
)
def test_whether_accounting_may_still_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, pending: bool
) -> None:
    study = make_study(tmp_path, ["a"])
    files = Layout(tmp_path / "results").run("local", "set", "a")
    assert pending_accounting(files) is False
    slurm_run(study, tmp_path, "a", "31", (1,))
    (tmp_path / "answer").write_text(accounted("31"))
    now = datetime(2026, 11, 28, tzinfo=UTC)
    monkeypatch.setattr("wattbench.slurm.pending.now", lambda: now)
    install(tmp_path, monkeypatch, sacct=body.format(answer=tmp_path / "answer"))
    collect_compute(study, "set")
    assert pending_accounting(files) is pending
    # Once it answers, nothing is open.
    install(tmp_path, monkeypatch, sacct=f"cat {tmp_path / 'answer'}")
    collect_compute(study, "set")
    assert pending_accounting(files) is False


def test_a_row_that_is_late_is_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = make_study(tmp_path, ["a"])
    slurm_run(study, tmp_path, "a", "31", (1,))
    files = Layout(tmp_path / "results").run("local", "set", "a")
    answer = tmp_path / "answer"
    answer.write_text(accounted("31", State="RUNNING", End="Unknown"))
    install(tmp_path, monkeypatch, sacct=f"cat {answer}")
    for moment, pending in ((datetime.now(UTC), True), (datetime(2099, 1, 1, tzinfo=UTC), False)):
        monkeypatch.setattr("wattbench.slurm.pending.now", lambda moment=moment: datetime.now(UTC))
        collect_compute(study, "set")
        monkeypatch.setattr("wattbench.slurm.pending.now", lambda moment=moment: moment)
        assert pending_accounting(files) is pending
    assert document(tmp_path, "a")["pending"]["jobs"] == ["31"]


def test_local_jobs_wait_for_nothing(tmp_path: Path) -> None:
    study = make_study(tmp_path, ["m"])
    write_run(study, "m", RIGHT)
    collect_compute(study, "set")
    assert not pending_accounting(Layout(tmp_path / "results").run("local", "set", "m"))


def test_raw_files_that_no_longer_hold_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = make_study(tmp_path, ["a"])
    slurm_run(study, tmp_path, "a", "31", (1,))
    answer = tmp_path / "answer"
    answer.write_text(accounted("31", comment=packed("one_gpu")))
    install(tmp_path, monkeypatch, sacct=f"cat {answer}")
    collect_compute(study, "set")
    folder = Layout(tmp_path / "results").run("local", "set", "a").folder
    assert (folder / RAW_SUMMARIES).exists()
    install(tmp_path, monkeypatch, sacct="exit 1")
    collect_compute(study, "set")
    assert not (folder / RAW_SUMMARIES).exists()
    assert not (folder / RAW).exists()


OWN_LOG = "rule infer:\n    log: {}\n    jobid: 0\n"


def job_log(folder: Path, name: str, text: str = "", *, age_s: float = 0.0) -> Path:
    """The log that Slurm opened for a job, written this long ago."""
    path = folder / "slurm_logs" / "rule_infer" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    at = datetime.now(UTC).timestamp() - age_s
    os.utime(path, (at, at))
    return folder / "slurm_logs"


def test_a_job_that_died_before_its_first_record_has_a_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = make_study(tmp_path, ["a"])
    slurm_run(study, tmp_path, "a", "24", (1,))
    own = Layout(Path(study.study.results)).log("infer", "set", "a")
    job_log(tmp_path, "set_a/23.log")
    job_log(tmp_path, "set_a/24.log", OWN_LOG.format(own))
    job_log(tmp_path, "set_a/25.log", OWN_LOG.format(own))
    job_log(tmp_path, "set_a/26.log", OWN_LOG.format("elsewhere/logs/infer/set/a.log"))
    logs = job_log(tmp_path, "set_b/27.log")
    lines = accounted("23", State="NODE_FAIL") + accounted("24") + accounted("26")
    called = install_sacct(tmp_path, monkeypatch, f"cat <<'END'\n{lines}END")

    collect_compute(study, "set", job_logs=logs)
    first, second, third = document(tmp_path, "a")["rows"]
    assert (first["job_id"], first["state"], first["wall_s"]) == ("23", "NODE_FAIL", 100.0)
    assert first["source"] == "sacct"
    assert any("its energy is unknown" in flag["detail"] for flag in first["flags"])
    assert (second["job_id"], second["source"]) == ("24", "sacct+ledger")
    # Accounting knows nothing of it: unknown with a reason, and named all the same.
    assert (third["job_id"], third["source"], third["wall_s"]) == ("25", "log", None)
    assert_every_null_has_a_reason(third)
    assert len([call for call in called.read_text().splitlines() if "sacct" in call]) == 1


def test_jobs_of_other_settings_are_not_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = make_study(tmp_path, ["a"])
    slurm_run(study, tmp_path, "a", "24", (1,))
    other = Layout(Path(study.study.results)).run("local", "set", "a").journal("0123")
    other.mkdir(parents=True)
    ledger = Appender(other / LEDGER)
    ledger.append({"kind": "start", "job": {"job_id": "22"}})
    ledger.close()
    job_log(tmp_path, "set_a/21.log", age_s=60)
    job_log(tmp_path, "set_a/22.log")
    logs = job_log(tmp_path, "set_a/23.log")
    install_sacct(tmp_path, monkeypatch, f"cat <<'END'\n{accounted('24')}END")
    collect_compute(study, "set", job_logs=logs)
    assert [row["job_id"] for row in document(tmp_path, "a")["rows"]] == ["23", "24"]
