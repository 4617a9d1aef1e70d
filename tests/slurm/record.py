"""What Slurm's tools say of one job of each kind, kept as fixtures.

python -m tests.slurm.record [--out tests/fixtures/slurm/recorded] [CASE ...]
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.slurm.cluster import Cluster
from tests.slurm.conftest import free_ports
from tests.workflow.conftest import REPOSITORY
from wattbench.slurm.sacct import FIELDS

OUT = REPOSITORY / "tests" / "fixtures" / "slurm" / "recorded"
HUNGRY = "python -c 'import time; x = bytes(range(250)) * 1_000_000; time.sleep(20)'"
SPIN = "timeout 6 sh -c 'while :; do :; done' || true"
UTC = {"TZ": "UTC", "SLURM_TIME_FORMAT": "standard", "LC_ALL": "C"}
Case = Callable[[Cluster], str]


def completed(cluster: Cluster) -> str:
    return cluster.submit(f"srun sh -c {SPIN!r}", "--mem=300M", "--time=5")


def failed(cluster: Cluster) -> str:
    return cluster.submit("srun sleep 1; exit 3")


def killed_by_signal(cluster: Cluster) -> str:
    return cluster.submit("srun sh -c 'kill -SEGV $$'")


def timeout(cluster: Cluster) -> str:
    return cluster.submit("srun sleep 600", "--time=1")


def out_of_memory(cluster: Cluster) -> str:
    return cluster.submit(f"srun {HUNGRY}", "--mem=100M")


def out_of_memory_without_srun(cluster: Cluster) -> str:
    return cluster.submit(HUNGRY, "--mem=100M")


def cancelled_running(cluster: Cluster) -> str:
    job = cluster.submit("srun sleep 600")
    _runs_a_while(cluster, job)
    cluster.run("scancel", job)
    return job


def cancelled_pending(cluster: Cluster) -> str:
    job = cluster.submit("true", "--begin=now+1hour")
    cluster.run("scancel", job)
    return job


def requeued(cluster: Cluster) -> str:
    job = cluster.submit('[ "$SLURM_RESTART_COUNT" = 1 ] || srun sleep 600', "--requeue")
    _runs_a_while(cluster, job)
    cluster.run("scontrol", "requeue", job)
    return job


def preempted(cluster: Cluster) -> str:
    everything = ("-w", "gpu1", "--gres=gpu:a100:2")
    job = cluster.submit(
        '[ "$SLURM_RESTART_COUNT" = 1 ] || srun sleep 600', "-p", "scavenge", *everything
    )
    _runs_a_while(cluster, job)
    cluster.submit("srun sleep 1", "-p", "gpu", *everything)
    return job


def node_failed(cluster: Cluster) -> str:
    job = cluster.submit("srun sleep 600", "-w", "cpu2", "--no-requeue")
    _runs_a_while(cluster, job)
    cluster.crash_node("cpu2")
    cluster.wait_for_job(job, {"NODE_FAIL"}, timeout_s=60)
    cluster.start_daemon("cpu2")
    return job


def array(cluster: Cluster) -> str:
    return cluster.submit('srun sleep 1; exit "$SLURM_ARRAY_TASK_ID"', "--array=0-2%2")


def gpu(cluster: Cluster) -> str:
    return cluster.submit(f"srun sh -c {SPIN!r}", "-p", "gpu", "--gpus=a100:1")


def two_gpus_on_each_of_two_nodes(cluster: Cluster) -> str:
    return cluster.submit("srun sleep 2", "-p", "gpu", "-N", "2", "--gres=gpu:a100:2")


def multi_node(cluster: Cluster) -> str:
    return cluster.submit(f"srun sh -c {SPIN!r}", "-N", "2", "-n", "4", "--mem-per-cpu=200M")


def heterogeneous(cluster: Cluster) -> str:
    script = """#!/bin/sh
#SBATCH -p cpu -n 1
#SBATCH hetjob
#SBATCH -p gpu -n 1 --gres=gpu:a100:1
srun --het-group=0,1 sleep 1
"""
    return cluster.submit(script)


CASES: dict[str, Case] = {
    case.__name__: case
    for case in (
        completed,
        failed,
        killed_by_signal,
        out_of_memory,
        out_of_memory_without_srun,
        cancelled_running,
        cancelled_pending,
        requeued,
        preempted,
        node_failed,
        array,
        gpu,
        two_gpus_on_each_of_two_nodes,
        multi_node,
        heterogeneous,
        timeout,
    )
}


def _runs_a_while(cluster: Cluster, job: str) -> None:
    cluster.wait_for_job(job, {"RUNNING"})
    time.sleep(3)


def tool(cluster: Cluster, *command: str) -> str:
    """What a tool prints; where it fails, its own words and exit code follow."""
    done = cluster.run(*command, check=False, env=UTC)
    text = done.stdout
    if done.returncode != 0 or done.stderr:
        text += f"# exit {done.returncode}: {done.stderr}"
    # Names of this machine and this folder are nobody's business, and change with each run.
    return re.sub(re.escape(str(cluster.folder)), "/cluster", text)


def sacct(cluster: Cluster, job: str) -> str:
    """sacct as the project asks it, with a line of field names."""
    return tool(
        cluster, "sacct", "-D", "-P", "--units=K", f"--format={','.join(FIELDS)}", "-j", job
    )


def record(cluster: Cluster, name: str, out: Path) -> None:
    """Run one case and write what the tools say of it, while it runs and after."""
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    job = CASES[name](cluster)
    if name == "completed":
        _runs_a_while(cluster, job)
        for place in (job, f"{job}.batch"):
            text = tool(cluster, "sstat", "-P", "-a", "-j", place)
            (folder / f"sstat-{place.partition('.')[2] or 'steps'}.psv").write_text(text)
        (folder / "sacct-running.psv").write_text(sacct(cluster, job))
        (folder / "scontrol-running.txt").write_text(
            tool(cluster, "scontrol", "-d", "show", "job", job)
        )
    cluster.wait_for_job(job, timeout_s=180)
    cluster.wait_for_accounting(job, timeout_s=60)
    # Steps and the other tasks of an array come after.
    time.sleep(3)
    (folder / "sacct.psv").write_text(sacct(cluster, job))
    (folder / "scontrol.txt").write_text(tool(cluster, "scontrol", "-d", "show", "job", job))
    if (cluster.folder / "bin" / "seff").exists():
        (folder / "seff.txt").write_text(tool(cluster, "seff", job))


def main() -> int:
    """Record the cases named, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.slurm.record", description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(CASES))
    given = parser.parse_args()
    unknown = sorted(set(given.cases) - set(CASES))
    if unknown:
        parser.error(f"no case {', '.join(unknown)}; there are: {', '.join(CASES)}")
    cluster = Cluster(Path(tempfile.mkdtemp(prefix="wb-record-")), free_ports(), kill_wait_s=5)
    try:
        cluster.start()
        for name in given.cases or CASES:
            print(name, flush=True)
            record(cluster, name, given.out.resolve())
            cluster.cancel_all()
    finally:
        cluster.remove()
    return 0


if __name__ == "__main__":
    sys.exit(main())
