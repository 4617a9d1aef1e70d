"""`wattbench slurm parse` and `wattbench slurm show`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from wattbench.cli.app import build

FIXTURES = Path(__file__).parents[2] / "fixtures" / "slurm"


def run(*words: str, stdin: str | None = None, code: int = 0) -> Any:
    found = CliRunner().invoke(build(), ["slurm", *words], input=stdin)
    assert found.exit_code == code, found.output
    return found


def parsed(tool: str, file: str, stdin: str | None = None) -> Any:
    return json.loads(run("parse", tool, file, "--json", stdin=stdin).stdout)


@pytest.mark.parametrize(
    ("tool", "file", "path", "value"),
    [
        ("seff", "seff/array.txt", ("array_job_id",), "13_3"),
        ("sacct", "timeout.psv", (0, "time_limit_s"), 60.0),
        ("sacct", "timeout.psv", (0, "started_at"), "2026-11-22T03:20:13+00:00"),
        ("sacct", "jobstats/cpu_good.psv", (0, "time_limit_s"), 5400.0),
        ("jobstats", "jobstats/two_gpus.json", ("gpus", 1, "util_pct"), 80.0),
        ("jobstats", "jobstats/notes_advice.txt", ("notes", 1), None),
        ("nvidia-smi", "smi/mig.csv", ("gpu_util_unavailable",), True),
        ("scontrol", "scontrol/gpu4_2nodes.txt", (0, "gpus"), 4),
        ("sstat", "sstat.txt", (1, "memory_peak_bytes"), 1624 * 1024),
    ],
)
def test_every_tool_is_read(tool: str, file: str, path: tuple[Any, ...], value: Any) -> None:
    found = parsed(tool, str(FIXTURES / file))
    for part in path:
        found = found[part]
    assert found == value or (value is None and found)
    # For people the same, without a traceback and in lines.
    assert len(run("parse", tool, str(FIXTURES / file)).stdout.splitlines()) > 3


def test_standard_input_and_a_packed_summary() -> None:
    (line,) = (FIXTURES / "jobstats" / "gpu_zero_util.psv").read_text().splitlines()[1:]
    comment = line.rpartition("|")[2]
    assert parsed("jobstats", "-", comment)["gpu_util_pct"] == 0.0
    found = run("parse", "jobstats", "-", stdin=comment.lower(), code=2)
    assert "standard input: the comment was lower-cased" in found.stderr


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    assert "cannot be read" in run("parse", "seff", str(tmp_path / "none"), code=2).stderr
    assert "cannot be read" in run("parse", "seff", str(tmp_path), code=2).stderr
    broken = tmp_path / "broken.txt"
    broken.write_bytes(b"Job ID: 5\nCPU Efficiency: \xff\xfe\n")
    said = run("parse", "seff", str(broken), code=2).stderr
    assert "broken.txt, line 2" in said
    assert "is no efficiency" in said


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, **bodies: str) -> Path:
    called = folder / "called"
    for name, body in bodies.items():
        program = folder / name
        program.write_text(f'#!/bin/sh\necho "{name} $*" >> {called}\n{body}\n')
        program.chmod(0o755)
    for tool in ("cat", "sleep"):
        (folder / tool).symlink_to(shutil.which(tool) or f"/bin/{tool}")
    monkeypatch.setenv("PATH", str(folder))
    return called


def test_a_running_job_side_by_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    called = install(
        tmp_path,
        monkeypatch,
        sacct=f"cat {FIXTURES}/running.psv",
        scontrol=f"cat {FIXTURES}/scontrol/running.txt",
        seff=f"cat {FIXTURES}/seff/running.txt",
        sstat=f"cat {FIXTURES}/sstat.txt",
    )
    found = json.loads(run("show", "9", "--json").stdout)
    assert set(found["sources"]) == {"sacct", "scontrol", "seff", "sstat"}
    assert found["reasons"] == {"jobstats": "jobstats is not on this machine"}
    by_name = {row["figure"]: row for row in found["side_by_side"]}
    wall = by_name["wall_s"]
    assert (wall["unit"], wall["seff"], wall["scontrol"]) == ("s", 577.0, 578.0)
    assert by_name["memory_used_bytes"]["sacct"] == 97800192
    # scontrol's end of a running job is the time its limit will end it.
    assert "ended_at" not in by_name
    assert [step["step"] for step in found["steps"]] == ["batch", "1"]
    assert len(called.read_text().splitlines()) == 4
    shown = run("show", "9").stdout
    (wall,) = [line.split() for line in shown.splitlines() if line.split()[:1] == ["wall"]]
    assert wall == ["wall", "s", "577", "578", "577"]
    (used,) = [line.split() for line in shown.splitlines() if line.startswith(" memory_used")]
    assert used == ["memory_used", "MiB", "93.27", "93.27"]
    assert "jobstats: nothing, for jobstats is not on this machine" in shown


@pytest.mark.parametrize(("asked", "raw"), [("13_3", "21"), ("21", "21")])
def test_a_finished_task_of_an_array(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: str, raw: str
) -> None:
    called = install(
        tmp_path,
        monkeypatch,
        sacct=f"cat {FIXTURES}/array.psv",
        scontrol="echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1",
        seff=f"cat {FIXTURES}/seff/array.txt",
        jobstats=f'case "$1" in -j) cat {FIXTURES}/jobstats/one_gpu.json;; '
        f"*) cat {FIXTURES}/jobstats/notes_advice.txt;; esac",
    )
    found = json.loads(run("show", asked, "--json").stdout)
    assert found["sources"]["sacct"]["state"] == "FAILED"
    assert found["sources"]["jobstats"]["gpu_utilisation_pct"] == 44.4
    assert found["notes"][0].startswith("Consider")
    assert "Invalid job id" in found["reasons"]["scontrol"]
    assert f"jobstats -j {raw}" in called.read_text()


def test_earlier_attempts_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, sacct=f"cat {FIXTURES}/requeued.psv")
    found = json.loads(run("show", "23", "--json").stdout)
    assert [row["state"] for row in found["attempts"]] == ["REQUEUED", "COMPLETED"]
    assert "REQUEUED" in run("show", "23").stdout


def test_a_job_that_nobody_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, sacct="exec sleep 20", scontrol="exit 3", seff="echo x")
    monkeypatch.setattr("wattbench.slurm.show.TIMEOUT_S", 0.3)
    found = run("show", "123+1", code=1)
    assert "no source knows job 123+1" in found.stderr
    assert "sacct: nothing, for sacct did not answer within 0.3 s" in found.stdout
    assert "scontrol: nothing, for scontrol failed: exit code 3" in found.stdout
    assert "seff: nothing, for seff says: x" in found.stdout


@pytest.mark.parametrize("job", ["abc", "1_2_3", "1;rm", "--help2", "", "1.batch", "\u0663"])
def test_what_is_no_job_id(job: str) -> None:
    found = CliRunner().invoke(build(), ["slurm", "show", "--", job])
    assert found.exit_code == 2
    assert "is no job id" in found.stderr
