"""Runs that fail for good, die before their first record or are cancelled in the queue."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

from tests.slurm.cluster import Cluster
from tests.slurm.processes import wait_until
from tests.slurm.study import Project
from tests.workflow.test_workflow import WATTBENCH
from wattbench.tables.files import read_json

# Dies as a process does that is killed while Python starts, while the file `deadly` is there.
DYING = """#!/bin/sh
case "$*" in "infer "*"--run poor "*) [ -e {deadly} ] && kill -9 $$ ;; esac
exec {program} "$@"
"""


def dying(project: Project) -> Path:
    """Make jobs of the run 'poor' die at once, until the file is removed."""
    folder, deadly = project.folder / "bin", project.folder / "deadly"
    folder.mkdir()
    deadly.touch()
    program = folder / "wattbench"
    program.write_text(DYING.format(deadly=deadly, program=WATTBENCH))
    program.chmod(0o755)
    project.environment["PATH"] = f"{folder}{os.pathsep}{project.environment['PATH']}"
    return deadly


def test_a_run_that_dies_at_once_is_named_accounted_for_and_taken_up(
    prepared: Project, cluster: Cluster
) -> None:
    deadly = dying(prepared)
    assert prepared.drive("--retries", "0", "--", "scores").returncode != 0
    tables = prepared.folder / "results" / "tables"
    compute = pd.read_parquet(tables / "compute.parquet").set_index("run")
    dead = compute.loc["poor"]
    assert (dead["state"], dead["source"]) == ("FAILED", "sacct")
    assert dead["wall_s"] >= 0.0
    assert compute.loc["good"]["state"] == "COMPLETED"
    missing = {one["run"]: one["reason"] for one in read_json(tables / "partial.json")["missing"]}
    assert f"its job: FAILED (job {dead['job_id']})" in missing["poor"]
    assert (prepared.folder / "results" / "report" / "index.html").exists()

    deadly.unlink()
    ran = prepared.submit("--", "results/runs/local/set/poor/compute.json")
    assert [job for job in ran if job.startswith("infer")] == ["infer set poor"]
    rows = prepared.read("poor", "compute.json")["rows"]
    assert rows[0]["job_id"] == dead["job_id"]
    assert [row["state"] for row in rows] == ["FAILED", "COMPLETED"]
    # Each call collects all jobs, the dead one's too.
    assert len([call for call in cluster.calls("sacct") if "-D" in call.arguments]) == 2


def test_a_run_cancelled_in_the_queue_asks_nothing_by_itself(
    prepared: Project, cluster: Cluster
) -> None:
    nodes = [node for node in cluster.nodes() if node.startswith("cpu")]
    hogs = [cluster.submit("sleep 300", "-p", "cpu", "-w", node, "--exclusive") for node in nodes]
    target = "results/runs/local/set/good/job.json"
    driver = prepared.start("--retries", "1", "--", target)
    try:
        waiting: list[str] = []

        def queued() -> bool:
            said = cluster.run("squeue", "-h", "-t", "PD", "-o", "%i %k").stdout.splitlines()
            waiting[:] = [line.split()[0] for line in said if "rule_infer" in line]
            return bool(waiting)

        wait_until(queued, "the job waits", 60, logs=[prepared.folder / "driver.log"])
        cluster.run("scancel", *waiting)
        cluster.run("scancel", *hogs)
        assert driver.wait(120) != 0
    finally:
        driver.kill()
    log = (prepared.folder / "driver.log").read_text()
    assert "cancelled a job for this work while it waited" in log
    assert not (prepared.folder / "calls-good.log").exists()
