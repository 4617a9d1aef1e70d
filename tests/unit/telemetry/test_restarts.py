"""Which attempt of a requeued job this is, where Slurm's variables were taken away."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from wattbench.telemetry.job import this_job


@pytest.mark.parametrize(
    ("body", "attempt"),
    [
        ("echo 'JobId=12 JobName=x Requeue=1 Restarts=2 BatchFlag=1'", 3),
        ("echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1", 1),
    ],
)
def test_scontrol_knows_the_restarts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, attempt: int
) -> None:
    program = tmp_path / "scontrol"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert this_job({"SLURM_JOB_ID": "12"}).attempt == attempt


def test_a_variable_saves_the_call() -> None:
    job = this_job({"SLURM_JOB_ID": "12", "SLURM_RESTART_COUNT": "1", "HOME": "/root"})
    assert job.attempt == 2
    assert job.environment == {"SLURM_JOB_ID": "12", "SLURM_RESTART_COUNT": "1"}
