"""Asking squeue whether a job lives, with programs that say what squeue says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from wattbench.slurm.alive import job_alive, job_state, withdrawn


@pytest.mark.parametrize(
    ("body", "alive"),
    [
        ("echo RUNNING", True),
        ("echo COMPLETING", True),
        ("echo SUSPENDED", True),
        ("echo PENDING", False),
        ("true", False),
        ("echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1", False),
        ("echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1", None),
    ],
)
def test_what_squeue_says_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, alive: bool | None
) -> None:
    program = tmp_path / "squeue"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert job_alive("17") is alive


@pytest.mark.parametrize(
    ("squeue", "sacct", "state"),
    [
        ("echo RUNNING None", "exit 1", "RUNNING"),
        ("echo COMPLETING TimeLimit", "exit 1", "TIMEOUT"),
        ("echo COMPLETING None", "echo CANCELLED by 0", "CANCELLED"),
        ("echo COMPLETING None", "exit 1", None),
        ("exit 1", "echo PREEMPTED", "PREEMPTED"),
    ],
)
def test_while_a_job_is_ended_accounting_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, squeue: str, sacct: str, state: str | None
) -> None:
    for name, body in (("squeue", squeue), ("sacct", sacct)):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{body}\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert job_state("17") == state


NAME = "--job-name wattbench_ab"
OWN = f"RUNNING|5|8|sbatch {NAME} --wrap=snakemake --target-jobs 'infer:questions=set,run=a' x"


def earlier(state: str, elapsed: str, target: str) -> str:
    return f"{state}|{elapsed}|7|sbatch {NAME} --wrap=snakemake --target-jobs '{target}' x"


@pytest.mark.parametrize(
    ("others", "found"),
    [
        (earlier("CANCELLED by 1000", "0", "infer:questions=set,run=a"), True),
        (earlier("CANCELLED by 1000", "12", "infer:questions=set,run=a"), False),
        (earlier("FAILED", "0", "infer:questions=set,run=a"), False),
        (earlier("CANCELLED by 1000", "0", "infer:questions=set,run=ab"), False),
        ("CANCELLED by 1000|0|6|srun hostname", False),
        ("", False),
    ],
)
def test_a_job_of_the_same_work_that_was_cancelled_in_the_queue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, others: str, found: bool
) -> None:
    program = tmp_path / "sacct"
    program.write_text(
        f'#!/bin/sh\ncase "$*" in\n*"--name wattbench_ab "*) cat <<"END"\n{others}\n{OWN}\nEND\n'
        f';;\n*"--jobs 8 "*) cat <<"END"\n{OWN}\nEND\n;;\nesac\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert withdrawn("8") is found


@pytest.mark.parametrize(
    "body",
    ["exit 1", "true", "echo 'RUNNING|5|8|sbatch run.sh'", "echo 'sacct: fatal' >&2; exit 1"],
)
def test_where_accounting_does_not_say_nothing_was_cancelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    program = tmp_path / "sacct"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert withdrawn("8") is False


def test_without_slurm_nobody_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert job_alive("17") is None
    assert job_state("17") is None
