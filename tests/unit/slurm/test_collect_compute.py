"""The stage `collect_compute`, with and without a sacct."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.unit.made_results import RIGHT, make_study, segment, write_run

from wattbench.slurm.stage import RAW, collect_compute
from wattbench.study.layout import Layout
from wattbench.study.models import Study
from wattbench.tables.answers import SEGMENTS
from wattbench.tables.files import read_json, write_rows

FIXTURES = Path(__file__).parents[2] / "fixtures" / "slurm"


def reasons(row: dict[str, Any]) -> dict[str, str]:
    return {f["column"]: f["detail"] for f in row["flags"] if f["kind"] == "unknown"}


def assert_every_null_has_a_reason(row: dict[str, Any]) -> None:
    nulls = {column for column, value in row.items() if value is None}
    assert nulls == set(reasons(row))


def slurm_run(study: Study, folder: Path, run: str, job: str, attempts: tuple[int, ...]) -> None:
    write_run(study, run, RIGHT)
    files = Layout(folder / "results").run("local", "set", run)
    rows = [
        segment(
            run,
            segment=f"{run}-{attempt}",
            number=attempt,
            job_id=job,
            scheduler="slurm",
            attempt=attempt,
            started_at=datetime(2026, 11, 22, 3, 20, tzinfo=UTC),
            rss_peak_bytes=20 * 2**20,
        )
        for attempt in attempts
    ]
    write_rows(files.segments, SEGMENTS, rows)


def install_sacct(folder: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> Path:
    """Put a program named sacct first in PATH; it notes how it was called."""
    programs = folder / "bin"
    programs.mkdir()
    called = folder / "called"
    program = programs / "sacct"
    program.write_text(f'#!/bin/sh\necho "$TZ $*" >> {called}\n{body}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    return called


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


def test_one_call_for_all_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = make_study(tmp_path, ["a", "b"])
    slurm_run(study, tmp_path, "a", "23", (1, 2))
    slurm_run(study, tmp_path, "b", "13_3", (1,))
    called = install_sacct(
        tmp_path, monkeypatch, f"cat {FIXTURES}/requeued.psv {FIXTURES}/array.psv"
    )
    collect_compute(study, "set")
    (call,) = called.read_text().splitlines()
    assert call.startswith("UTC -D -P -n ")
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
