"""The workflow on a real Slurm: `snakemake --profile slurm`, from documents to tables."""

from __future__ import annotations

import re

import pandas as pd

from tests.slurm.cluster import Cluster
from tests.slurm.study import Project


def submitted(cluster: Cluster) -> list[str]:
    """Rule and wildcards of each job the driver handed to Slurm since calls were last forgotten."""
    comments = [
        call.arguments[call.arguments.index("--comment") + 1] for call in cluster.calls("sbatch")
    ]
    return sorted(
        re.sub(r"^rule_(\w+)_wildcards_(\w+)$", r"\1 \2", comment) for comment in comments
    )


def test_a_study_runs_once_and_a_new_model_is_one_job(project: Project, cluster: Cluster) -> None:
    project.submit("--", "tables")
    assert submitted(cluster) == [
        "build_index minilm",
        "infer set_good",
        "infer set_poor",
        "parse_corpus docs",
        "retrieve set_default",
    ]

    # Each run's job says its own id, and what Slurm's accounting says of that id stands beside it.
    ids = set()
    for run in ("good", "poor"):
        (job,) = project.read(run, "job.json")["jobs"]
        (row,) = project.read(run, "compute.json")["rows"]
        assert row["job_id"] == job["job_id"]
        assert row["scheduler"] == "slurm"
        line = cluster.settled(job["job_id"], "State", "ElapsedRaw", "NodeList")
        assert row["state"] == line["State"] == "COMPLETED"
        assert row["wall_s"] == float(line["ElapsedRaw"])
        assert row["nodes"] == [line["NodeList"]]
        ids.add(job["job_id"])
        assert project.calls(run) == ["q1", "q2", "q3", "q4"]
    assert len(ids) == 2
    table = pd.read_parquet(project.folder / "results" / "tables" / "compute.parquet")
    assert set(table["job_id"]) == ids

    # One call for all jobs of a question set.
    collecting = [call for call in cluster.calls("sacct") if "-D" in call.arguments]
    assert len(collecting) == 1

    cluster.forget_calls()
    assert not project.submit("--", "tables")
    assert submitted(cluster) == []

    project.add_model("third")
    ran = project.submit("--", "tables")
    assert submitted(cluster) == ["infer set_third"]
    assert ran["infer set third"] == 1
    assert [project.calls(run) for run in ("good", "poor", "third")] == [
        ["q1", "q2", "q3", "q4"]
    ] * 3
