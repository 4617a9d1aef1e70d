"""What a user of a cluster does: a real model and six recorded ones, each its own GPU job."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import pandas as pd
import pytest

from tests.slurm.cluster import Cluster
from tests.slurm.installing import program
from tests.slurm.study import Project
from wattbench.errors import WattbenchError
from wattbench.weights.store import locate

REAL = "smollm2-135m"
WEIGHTS = "smollm2-135m-instruct-q4_1"
RECORDED = [f"recorded-{number}" for number in range(1, 7)]


def test_seven_models_on_the_gpu_partition(prepared: Project, cluster: Cluster) -> None:
    try:
        locate(WEIGHTS)
    except WattbenchError as error:
        pytest.skip(error.paragraph())
    for name in RECORDED:
        prepared.add_model(name)
    prepared.change(
        "models",
        REAL,
        to={
            "weights": WEIGHTS,
            "prompt": "compact-v1",
            "parameters_b": 0.135,
            "generation": {"max_new_tokens": 60, "context_length": 2048},
            "resources": {"cpus": 2, "memory_gib": 1.4},
        },
    )
    study = prepared.study()
    del study["models"]["good"], study["models"]["poor"], study["ensembles"]
    for model in study["models"].values():
        model["resources"]["gpus"] = 1
    study["cluster"] = {"partition": "gpu"}
    prepared.study_file.write_text(json.dumps(study))
    prepared.submit("--", "report")
    models = {REAL, *RECORDED}

    runs = pd.read_parquet(prepared.folder / "results" / "tables" / "runs.parquet")
    assert set(runs["run"]) == models
    ids = [job for jobs in runs["job_ids"] for job in jobs]
    assert len(set(ids)) == len(ids) == 7
    assert set(runs["job_state"]) == {"COMPLETED"}
    for name in models:
        (job,) = prepared.read(name, "job.json")["jobs"]
        # What CUDA_VISIBLE_DEVICES said: one of the node's two GPUs.
        assert len(job["gpus"]) == 1
        assert job["partition"] == "gpu"
        (row,) = prepared.read(name, "compute.json")["rows"]
        assert row["gpus"] == 1
        assert row["cpu_efficiency_pct"] is not None
        assert row["memory_efficiency_pct"] is not None
        _agrees_with_seff(cluster, row)
    assert len([call for call in cluster.calls("sacct") if "-D" in call.arguments]) == 1

    report = (prepared.folder / "results" / "report" / "report.md").read_text()
    for name in models:
        assert re.search(rf"{name}.*\|.*COMPLETED", report) or name in report
    assert not prepared.submit("--", "report")

    prepared.change("models", "one-more", to=study["models"][RECORDED[0]])
    cluster.forget_calls()
    prepared.submit("--", "report")
    assert len(cluster.calls("sbatch")) == 1


def _agrees_with_seff(cluster: Cluster, row: dict[str, float]) -> None:
    """The real seff, where it is installed, says the same of the job."""
    if program("seff") is None or shutil.which("perl") is None:
        return
    said = subprocess.run(
        ["seff", str(row["job_id"])],
        env=cluster.env(), capture_output=True, text=True, timeout=60, check=True,
    ).stdout  # fmt: skip
    assert "State: COMPLETED" in said
    found = re.search(r"CPU Efficiency: ([\d.]+)% of", said)
    assert found is not None
    # seff takes the CPU time of each step as whole seconds. Where the ledger's CPU time is larger
    # it wins, so that seff's is a lower bound.
    second_pct = 100 / (row["cpus"] * row["wall_s"])
    assert row["cpu_efficiency_pct"] >= float(found[1]) - 1.5 * second_pct
