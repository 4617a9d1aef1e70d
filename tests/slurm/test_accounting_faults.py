"""Memory, accounting and submission that fail, on a real Slurm."""

from __future__ import annotations

import json

import pytest

from tests.slurm.cluster import Cluster
from tests.slurm.study import Project

HEAVY_BYTES = 200 * 2**20
"""Size of one recorded reply: what the model takes when it is loaded."""


def job_file(project: Project, run: str) -> str:
    return str((project.run_folder(run) / "job.json").relative_to(project.folder))


def test_out_of_memory_asks_for_more_and_says_so(prepared: Project, cluster: Cluster) -> None:
    with (prepared.folder / "good.jsonl").open("a") as recording:
        recording.write(json.dumps({"question_id": "unasked", "reply": "x" * HEAVY_BYTES}) + "\n")
    prepared.change("models", "good", "resources", to={"cpus": 1, "memory_gib": 0.45})
    # slurmd looks at the memory of jobs once a second.
    prepared.change("models", "good", "options", "sleep_s", to=1.0)
    study = prepared.study()
    del study["models"]["poor"], study["ensembles"]
    prepared.study_file.write_text(json.dumps(study))
    prepared.submit("--", "report")

    rows = prepared.read("good", "compute.json")["rows"]
    assert len(rows) >= 2, rows
    assert {row["state"] for row in rows[:-1]} == {"OUT_OF_MEMORY"}
    assert rows[-1]["state"] == "COMPLETED"
    asked = [row["memory_requested_bytes"] for row in rows]
    assert asked == sorted(set(asked)), "each attempt asks for more"
    assert asked[1] == pytest.approx(2 * asked[0], rel=0.01)
    assert sorted(prepared.calls("good")) == ["q1", "q2", "q3", "q4"]
    report = (prepared.folder / "results" / "report" / "report.md").read_text()
    assert "OUT_OF_MEMORY" in report.replace("\\", "")
    assert "ran out of memory at 0.449 GiB" in report


def test_without_slurmdbd_the_workflow_finishes_and_figures_come_later(
    prepared: Project, cluster: Cluster
) -> None:
    cluster.stop_daemon("slurmdbd")
    prepared.submit("--", "tables")
    for run in ("good", "poor"):
        (row,) = prepared.read(run, "compute.json")["rows"]
        assert row["state_raw"] is None or row["source"] != "sacct"
        reasons = {f["column"]: f["detail"] for f in row["flags"] if f["kind"] == "unknown"}
        assert all(column in reasons for column, value in row.items() if value is None)
        assert any("sacct" in reason for reason in reasons.values())

    cluster.start_daemon("slurmdbd")
    jobs = [prepared.read(run, "job.json")["jobs"][0]["job_id"] for run in ("good", "poor")]
    # slurmctld kept what it could not send.
    for job in jobs:
        assert cluster.settled(job, "State", timeout_s=90) == {"State": "COMPLETED"}
    cluster.forget_calls()
    ran = prepared.submit("--", "tables")
    assert cluster.calls("sbatch") == []
    assert set(ran) == {"collect_compute set", "aggregate", "tables"}
    for run in ("good", "poor"):
        (row,) = prepared.read(run, "compute.json")["rows"]
        assert row["state"] == "COMPLETED"
        assert row["source"].startswith("sacct")
        assert row["partition"] == "cpu"
    assert not prepared.submit("--", "tables")


def test_a_job_that_sbatch_refuses_stops_no_other(prepared: Project, cluster: Cluster) -> None:
    prepared.change("models", "poor", "resources", to={"cpus": 1, "memory_gib": 1000})
    done = prepared.drive("--", job_file(prepared, "good"), job_file(prepared, "poor"))
    assert done.returncode != 0
    assert prepared.read("good", "job.json")["answered"] == 4
    assert not (prepared.run_folder("poor") / "job.json").exists()
    assert "run=poor" in prepared.output
    assert "Memory specification can not be satisfied" in prepared.output

    prepared.change("models", "poor", "resources", to={"cpus": 1, "memory_gib": 1})
    cluster.forget_calls()
    prepared.submit("--", job_file(prepared, "good"), job_file(prepared, "poor"))
    assert len(cluster.calls("sbatch")) == 1
