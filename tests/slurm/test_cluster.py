"""The cluster itself: jobs, accounting, GPUs, faults, counting, and leaving nothing behind."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.slurm.clients import Call
from tests.slurm.cluster import Cluster
from tests.slurm.conftest import booted, free_ports
from tests.slurm.installing import why_not
from tests.slurm.processes import ClusterError, processes_of, wait_until
from tests.slurm.settings import NODES
from tests.workflow.conftest import REPOSITORY


def output(cluster: Cluster, job: str) -> str:
    path = cluster.folder / "tmp" / f"{job}.out"
    return path.read_text() if path.exists() else ""


def test_it_boots_with_four_nodes_and_again_does_nothing(cluster: Cluster) -> None:
    assert set(cluster.nodes()) == set(NODES)
    before = [cluster.daemon(node).pid for node in NODES]
    assert None not in before
    cluster.start()
    assert [cluster.daemon(node).pid for node in NODES] == before


def test_a_job_runs_and_sacct_tells_it(cluster: Cluster) -> None:
    job = cluster.submit("srun true; which srun python; exit 3")
    assert cluster.wait_for_job(job) == "FAILED"
    lines = cluster.wait_for_accounting(job, true=lambda lines: len(lines) == 3)
    assert [(line["JobID"], line["State"], line["ExitCode"]) for line in lines] == [
        (job, "FAILED", "3:0"),
        (f"{job}.batch", "FAILED", "3:0"),
        (f"{job}.0", "COMPLETED", "0:0"),
    ]
    wrapper, python = output(cluster, job).split()
    assert wrapper == str(cluster.folder / "bin" / "srun")
    assert Path(python).parent == Path(sys.executable).parent


def test_a_gpu_job_sees_its_gpus_and_no_other(cluster: Cluster) -> None:
    job = cluster.submit(
        'echo "$CUDA_VISIBLE_DEVICES $SLURM_JOB_GPUS"', "-p", "gpu", "--gres=gpu:a100:2"
    )
    assert cluster.wait_for_job(job) == "COMPLETED"
    assert output(cluster, job).split() == ["0,1", "0,1"]
    with pytest.raises(ClusterError, match=r"cannot be satisfied|not available"):
        cluster.submit("true", "-p", "gpu", "--gres=gpu:a100:3")


def test_memory_over_the_limit_ends_a_job(cluster: Cluster) -> None:
    hungry = f"{sys.executable} -c 'import time; x = bytes(range(250)) * 2_000_000; time.sleep(30)'"
    job = cluster.submit(f"srun {hungry}", "--mem=100M")
    assert cluster.wait_for_job(job) in {"FAILED", "OUT_OF_MEMORY"}
    assert "memory" in output(cluster, job)


def test_accounting_stopped_and_started_loses_no_job(cluster: Cluster) -> None:
    cluster.stop_daemon("slurmdbd")
    job = cluster.submit("true")
    assert cluster.wait_for_job(job) == "COMPLETED"
    assert cluster.accounting(job, "JobID") == []
    cluster.start_daemon("slurmdbd")
    # slurmctld sends what it kept when it next tries.
    lines = cluster.wait_for_accounting(job, timeout_s=60)
    assert lines[0]["State"] == "COMPLETED"


def test_a_killed_slurmd_comes_back_to_its_job(cluster: Cluster) -> None:
    job = cluster.submit("sleep 4; echo lived", "-w", "cpu1")
    cluster.wait_for_job(job, {"RUNNING"})
    cluster.kill_daemon("cpu1", signal.SIGKILL)
    assert cluster.daemon("cpu1").pid is None
    cluster.start_daemon("cpu1")
    assert cluster.wait_for_job(job) == "COMPLETED"
    assert output(cluster, job) == "lived\n"


def test_a_crashed_node_takes_its_job_along_and_slurm_starts_it_again(cluster: Cluster) -> None:
    job = cluster.submit('echo "run $SLURM_RESTART_COUNT"; sleep 600', "-w", "cpu2", "--requeue")
    cluster.wait_for_job(job, {"RUNNING"})
    wait_until(lambda: "run" in output(cluster, job), "the script began", 10)
    assert {name for _, name in processes_of(cluster.folder, jobs_on="cpu2")} > {"slurmstepd"}
    cluster.crash_node("cpu2")
    assert not list(processes_of(cluster.folder, jobs_on="cpu2"))
    cluster.wait_for_job(job, {"PENDING"}, timeout_s=60)
    cluster.start_daemon("cpu2")
    cluster.wait_for_job(job, {"RUNNING"}, timeout_s=90)
    assert cluster.job(job)["Restarts"] == "1"


def test_preemption_requeues_what_scavenges(cluster: Cluster) -> None:
    # The second attempt ends; the first would not.
    poor = cluster.submit(
        '[ "$SLURM_RESTART_COUNT" = 1 ] || sleep 600',
        *("-p", "scavenge", "-w", "gpu1", "--gres=gpu:a100:2", "--open-mode=append"),
    )
    cluster.wait_for_job(poor, {"RUNNING"})
    rich = cluster.submit("true", "-p", "gpu", "-w", "gpu1", "--gres=gpu:a100:2")
    assert cluster.wait_for_job(rich, timeout_s=90) == "COMPLETED"
    assert cluster.wait_for_job(poor, timeout_s=90) == "COMPLETED"
    lines = cluster.wait_for_accounting(poor)
    states = [line["State"].split()[0] for line in lines if line["JobID"] == poor]
    assert states == ["PREEMPTED", "COMPLETED"]


def test_calls_are_counted_in_and_out_of_jobs(cluster: Cluster) -> None:
    assert cluster.calls() == []
    cluster.run("sacct", "-X", "--name", "a b")
    job = cluster.run("sbatch", "--parsable", "--wrap=srun true\nsqueue").stdout.strip()
    cluster.wait_for_job(job)
    assert cluster.calls() == [
        Call("sacct", ("-X", "--name", "a b")),
        Call("sbatch", ("--parsable", "--wrap=srun true squeue")),
        Call("srun", ("true",)),
        Call("squeue", ()),
    ]
    assert cluster.calls("srun") == [Call("srun", ("true",))]


def test_a_wait_is_bounded_and_its_error_shows_the_log(cluster: Cluster) -> None:
    job = cluster.submit("sleep 60")
    with pytest.raises(ClusterError, match=r"(?s)not within 1 s.*slurmctld\.log.*states seen"):
        cluster.wait_for_job(job, timeout_s=1)


def test_a_daemon_that_cannot_start_says_why(cluster: Cluster) -> None:
    cluster.stop_daemon("slurmctld")
    conf = cluster.settings.slurm_conf
    text = conf.read_text()
    conf.write_text(text + "NoSuchKey=1\n")
    with pytest.raises(ClusterError, match="NoSuchKey"):
        cluster.start_daemon("slurmctld")
    conf.write_text(text)
    cluster.start_daemon("slurmctld")


def test_a_second_cluster_beside_it_leaves_no_process_and_no_folder(cluster: Cluster) -> None:
    second = booted()
    other = next(second)
    try:
        job = other.submit("setsid sleep 500 & srun sleep 500")
        other.wait_for_job(job, {"RUNNING"})
        assert cluster.state(job) != "RUNNING"
        assert list(processes_of(other.folder))
    finally:
        second.close()
    assert list(processes_of(other.folder)) == []
    assert not other.folder.exists()
    assert set(cluster.nodes()) == set(NODES)


def test_the_command_boots_tells_and_ends(cluster: Cluster, tmp_path: Path) -> None:
    folder = cluster.folder / "nested"

    def command(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "tests.slurm.cluster", *words, "--folder", str(folder)],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    try:
        up = command("up", "--port", str(free_ports()))
        assert up.returncode == 0, up.stderr
        assert command("status").returncode == 0
        lines = command("env").stdout
        told = subprocess.run(
            ["sh", "-c", f"{lines}\nsinfo -h -N -p scavenge -o %N | sort"],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        assert told.stdout.split() == sorted(NODES)
    finally:
        down = command("down", "--remove")
    assert down.returncode == 0
    assert not folder.exists()
    assert list(processes_of(folder)) == []


def test_a_real_out_of_memory_by_the_kernel() -> None:
    reason = why_not()
    if reason is None and not Path("/sys/fs/cgroup/memory/memory.limit_in_bytes").exists():
        reason = "this kernel has no cgroup v1 memory controller"
    if reason is not None:
        pytest.skip(reason)
    clusters = booted(cgroup="v1")
    try:
        try:
            other = next(clusters)
        except ClusterError as error:
            pytest.skip(f"slurmd cannot use this machine's cgroups: {str(error)[-500:]}")
        hungry = f"{sys.executable} -c 'x = bytes(range(250)) * 4_000_000'"
        job = other.submit(hungry, "--mem=100M")
        assert other.wait_for_job(job) == "OUT_OF_MEMORY"
        inner = other.submit(f"srun {hungry}", "--mem=100M")
        assert other.wait_for_job(inner) in {"FAILED", "OUT_OF_MEMORY"}
        lines = other.wait_for_accounting(inner, true=lambda lines: len(lines) == 3)
        assert "OUT_OF_MEMORY" in {line["State"] for line in lines if "." in line["JobID"]}
    finally:
        clusters.close()


def test_without_slurm_the_reason_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("tests.slurm.installing.SYSTEM_PATH", "")
    assert shutil.which("slurmctld") is None
    assert "tests.slurm.cluster install" in (why_not() or "")
