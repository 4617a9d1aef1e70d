"""What jobs ask of a real Slurm: the partition file it gives, GPUs in both syntaxes, polling."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.slurm.cluster import Cluster
from tests.slurm.study import Project
from tests.workflow.test_workflow import WATTBENCH


def wattbench(project: Project, *arguments: str) -> str:
    done = subprocess.run(
        [str(WATTBENCH), *arguments],
        check=False, cwd=project.folder, env=project.environment,
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def asked(cluster: Cluster, project: Project, run: str) -> dict[str, str]:
    """What accounting says that a run's job asked for."""
    (job,) = project.read(run, "job.json")["jobs"]
    return cluster.settled(job["job_id"], "Partition", "AllocTRES", "TimelimitRaw", "ReqMem")


@pytest.mark.parametrize("syntax", ["gpu", "gres"])
def test_jobs_get_what_the_plan_says(prepared: Project, cluster: Cluster, syntax: str) -> None:
    site = prepared.folder / "site.yaml"
    wattbench(prepared, "partitions", "--write", str(site))
    # Nobody but the user knows whether these a100 have 40 or 80 GiB.
    site.write_text(site.read_text().replace("gpu_memory_gib: null", "gpu_memory_gib: 40"))
    prepared.change("cluster", to={"partitions": str(site), "gpu_syntax": syntax})
    resources = {"gpus": 2, "vram_gib": 50, "cpus": 2, "memory_gib": 1.5, "walltime_min": 7}
    prepared.change("models", "poor", "resources", to=resources)
    planned: dict[str, Any] = {
        row["run"]: row
        for row in json.loads(
            wattbench(prepared, "plan", "--study", str(prepared.study_file), "--json")
        )["runs"]
    }
    assert (planned["poor"]["partition"], planned["poor"]["gpus"]) == ("gpu", 2)
    assert (planned["good"]["partition"], planned["good"]["gpus"]) == ("cpu", 0)
    prepared.submit("--", str(_job_file(prepared, "poor")))
    row, got = planned["poor"], asked(cluster, prepared, "poor")
    assert got["Partition"] == row["partition"]
    assert int(got["TimelimitRaw"]) == row["walltime_min"]
    assert float(got["ReqMem"].removesuffix("G")) * 1024 == row["memory_mib"]
    assert f"gres/gpu:{row['gpu_type']}={row['gpus']}" in got["AllocTRES"]

    # The driver asked slurmctld about its jobs, and slurmdbd about none.
    assert [call for call in cluster.calls("squeue") if "--name" in call.arguments]
    assert not [call for call in cluster.calls("sacct") if "--name" in call.arguments]


def _job_file(project: Project, run: str) -> Path:
    return Path("results/runs/local/set") / run / "job.json"


def test_squeue_shows_which_model_a_job_runs(prepared: Project, cluster: Cluster) -> None:
    prepared.submit("--", str(_job_file(prepared, "good")))
    (job,) = prepared.read("good", "job.json")["jobs"]
    # What the profile tells a user to type; the job has ended, so all states are asked for.
    said = cluster.run(
        "squeue", "--me", "--states=all", f"--jobs={job['job_id']}", "-h",
        "-o", "%.10i %.12P %.9T %.10M %.11l %k",
    ).stdout  # fmt: skip
    assert said.split()[-1] == "rule_infer_wildcards_set_good"
    name = cluster.job(job["job_id"])["JobName"]
    assert name.startswith("wattbench_")
