"""`wattbench doctor --slurm` on a real Slurm: what works, what is lost and what blocks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.slurm.cluster import Cluster
from tests.slurm.processes import wait_until
from tests.workflow.conftest import REPOSITORY
from tests.workflow.test_workflow import WATTBENCH

PROFILE = REPOSITORY / "profiles" / "slurm"


@dataclass
class Answer:
    """What the command said."""

    code: int
    document: dict[str, Any]
    progress: str

    def check(self, area: str, what: str) -> dict[str, Any]:
        (found,) = [c for c in self.document["checks"] if (c["area"], c["what"]) == (area, what)]
        return dict(found)

    def state(self, area: str, what: str) -> str:
        return str(self.check(area, what)["state"])

    def blocking(self) -> list[str]:
        return [c["what"] for c in self.document["checks"] if c["state"] == "blocks"]


def command(*arguments: str) -> list[str]:
    return [
        str(WATTBENCH), "doctor", "--slurm", "--json", "--profile", str(PROFILE), *arguments,
    ]  # fmt: skip


def doctor(cluster: Cluster, folder: Path, *arguments: str) -> Answer:
    done = subprocess.run(
        command(*arguments),
        cwd=folder,
        env=cluster.env(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.stdout, done.stderr
    # Nothing of it stays, whatever happened.
    assert not list(folder.rglob(".doctor-*"))
    return Answer(done.returncode, json.loads(done.stdout), done.stderr)


def fill_gpu_nodes(cluster: Cluster) -> None:
    options = ("--partition=gpu", "--nodes=2", "--exclusive", "--time=5")
    cluster.wait_for_job(cluster.submit("sleep 300", *options), {"RUNNING"})


def test_on_a_cpu_node_all_works_and_few_calls_are_made(cluster: Cluster, tmp_path: Path) -> None:
    found = doctor(cluster, tmp_path)
    assert (found.code, found.document["can_run"], found.blocking()) == (0, True, [])
    for what in ("submission", "scheduling", "SIGTERM", "comment in squeue"):
        assert found.state("job", what) == "ok", found.check("job", what)
    for what in (
        "results folder", "latency of files", "srun in the job", "Python", "file locks",
        "wattbench", "GPUs of the job", "squeue on the node",
    ):  # fmt: skip
        assert found.state("node", what) == "ok", found.check("node", what)
    for what in ("scontrol", "sacct", "seff", "polling"):
        assert found.state("accounting", what) == "ok", found.check("accounting", what)
    figures = found.document["probe"]
    assert figures["node"] == "cpu1"
    assert 0 < figures["file_round_trip_s"] < 20
    assert 0 < figures["sigterm_s"] < 20
    assert figures["queued_s"] is not None
    assert figures["accounting_s"] < 30
    assert figures["node_machine"]["job"]["job_id"] == figures["job_id"]
    assert "PENDING" in found.progress or "RUNNING" in found.progress
    line = cluster.settled(figures["job_id"], "State", "TimelimitRaw", "Partition")
    assert line == {"State": "COMPLETED", "TimelimitRaw": "1", "Partition": "cpu"}
    assert len(cluster.calls("sbatch")) == 1
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize("syntax", ["gpu", "gres"])
def test_on_a_gpu_node_the_gpus_of_a_study_are_seen(
    prepared: Any, cluster: Cluster, syntax: str
) -> None:
    prepared.change("cluster", to={"partition": "gpu", "gpu_syntax": syntax})
    prepared.change("models", "poor", "resources", to={"gpus": 1})
    found = doctor(cluster, prepared.folder, "--study", str(prepared.study_file), "--gpus", "2")
    assert found.code == 0, found.blocking()
    gpus = found.check("node", "GPUs of the job")
    assert (gpus["state"], "2 asked for, 2 given" in gpus["detail"]) == ("ok", True)
    assert found.document["probe"]["node"] in {"gpu1", "gpu2"}
    assert len(found.document["probe"]["node_machine"]["job"]["gpus"]) == 2
    # The study's own files, as the node sees them.
    assert found.state("node", "documents, questions, weights") == "ok"
    # Results of the study are where they were.
    assert (prepared.folder / "results" / "contexts").is_dir()


def test_without_a_number_a_study_that_wants_gpus_is_probed_with_one(
    prepared: Any, cluster: Cluster
) -> None:
    prepared.change("cluster", to={"partition": "gpu"})
    prepared.change("models", "poor", "resources", to={"gpus": 2})
    found = doctor(cluster, prepared.folder, "--study", str(prepared.study_file))
    assert "--gpus=1" in found.document["probe"]["command"]
    assert found.state("node", "GPUs of the job") == "ok"


def test_while_slurmdbd_is_away_runs_can_work(cluster: Cluster, tmp_path: Path) -> None:
    cluster.stop_daemon("slurmdbd")
    found = doctor(cluster, tmp_path)
    assert (found.code, found.blocking()) == (0, [])
    sacct = found.check("accounting", "sacct")
    assert sacct["state"] == "missing"
    assert "sacct failed" in sacct["detail"] or "did not answer" in sacct["detail"]
    assert "next `snakemake`" in sacct["mend"]
    assert found.document["probe"]["accounting_s"] is None
    assert found.state("job", "SIGTERM") == "ok"
    assert found.state("accounting", "scontrol") == "ok"


def test_a_partition_that_is_not_there_blocks_in_slurms_words(
    cluster: Cluster, tmp_path: Path
) -> None:
    found = doctor(cluster, tmp_path, "--partition", "nope")
    assert (found.code, found.blocking()) == (1, ["submission"])
    refused = found.check("job", "submission")
    assert "invalid partition specified: nope" in refused["detail"]
    assert "sinfo -s" in refused["mend"]


def test_gpus_where_there_are_none_block_in_slurms_words(cluster: Cluster, tmp_path: Path) -> None:
    found = doctor(cluster, tmp_path, "--partition", "cpu", "--gpus", "1")
    assert (found.code, found.blocking()) == (1, ["submission"])
    assert "node configuration is not available" in found.check("job", "submission")["detail"]


def test_a_partition_that_is_down_blocks_before_the_time_is_up(
    cluster: Cluster, tmp_path: Path
) -> None:
    cluster.run("scontrol", "update", "partitionname=gpu", "state=down")
    try:
        found = doctor(cluster, tmp_path, "--partition", "gpu")
    finally:
        cluster.run("scontrol", "update", "partitionname=gpu", "state=up")
    assert (found.code, found.blocking()) == (1, ["scheduling"])
    assert "PartitionDown" in found.check("job", "scheduling")["detail"]
    assert not cluster.run("squeue", "-h").stdout


def test_a_full_queue_is_told_and_the_probe_taken_out(cluster: Cluster, tmp_path: Path) -> None:
    fill_gpu_nodes(cluster)
    found = doctor(cluster, tmp_path, "--partition", "gpu", "--timeout-s", "6")
    assert (found.code, found.document["can_run"], found.blocking()) == (0, None, [])
    assert "PENDING" in found.check("job", "scheduling")["detail"]
    job = found.document["probe"]["job_id"]
    assert cluster.wait_for_job(job) == "CANCELLED"


def test_who_interrupts_leaves_no_job_behind(cluster: Cluster, tmp_path: Path) -> None:
    fill_gpu_nodes(cluster)
    started = subprocess.Popen(
        command("--partition", "gpu"),
        cwd=tmp_path,
        env=cluster.env(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    ours = ("squeue", "-h", "--states=PENDING", "--format=%i")
    wait_until(lambda: bool(cluster.run(*ours).stdout.strip()), "the probe waits", 30)
    time.sleep(1.0)
    os.kill(started.pid, signal.SIGINT)
    _, said = started.communicate(timeout=60)
    assert started.returncode == 130
    assert "was cancelled" in said
    wait_until(lambda: not cluster.run(*ours).stdout.strip(), "the probe is gone", 20)
    assert list(tmp_path.iterdir()) == []
