"""Which job this process is: the scheduler's id, its nodes and GPUs, the machine, the versions."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import socket
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from wattbench import __version__
from wattbench.telemetry.given import given_gpus

SLURM = "slurm"
LOCAL = "local"
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
SCONTROL_TIMEOUT_S = 10.0
RESTARTS = re.compile(r"\bRestarts=(\d+)")
TOLD = re.compile(r"SLURM_|CUDA_VISIBLE_DEVICES$|ROCR_VISIBLE_DEVICES$")
CGROUP = Path("/proc/self/cgroup")
LIBRARIES = ("numpy", "pyarrow", "pydantic", "psutil", "nvidia-ml-py")


@dataclass(frozen=True)
class Job:
    """One job, or one process where no scheduler made it.

    Args:
        job_id: Slurm's id, or local-<host>-<pid>-<start>.
        scheduler: 'slurm' or 'local'.
        cluster: Slurm's name of the cluster, or None.
        attempt: Slurm's restart count + 1; 1 elsewhere.
        host: Name of this machine.
        nodes: Nodes of the job.
        partition: Slurm's partition, or None.
        gpus: GPUs given, as the scheduler names them.
        cpus_given: CPUs of the job on this node, or None where unknown.
        cgroup: Control group of the process, or None where the kernel does not say.
        environment: What the scheduler told the process, by name of the variable.
    """

    job_id: str
    scheduler: str
    cluster: str | None
    attempt: int
    host: str
    nodes: tuple[str, ...]
    partition: str | None
    gpus: tuple[str, ...]
    cpus_given: int | None
    cgroup: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


def this_job(environ: Mapping[str, str] | None = None) -> Job:
    """The job that this process runs in.

    Args:
        environ: Environment variables; default: this process'.
    """
    env = os.environ if environ is None else environ
    host = socket.gethostname()
    array = env.get("SLURM_ARRAY_JOB_ID"), env.get("SLURM_ARRAY_TASK_ID")
    slurm_id = f"{array[0]}_{array[1]}" if all(array) else env.get("SLURM_JOB_ID")
    if slurm_id is None:
        process = psutil.Process()
        return Job(
            job_id=f"local-{host}-{process.pid}-{int(process.create_time())}",
            scheduler=LOCAL,
            cluster=None,
            attempt=1,
            host=host,
            nodes=(host,),
            partition=None,
            gpus=given_gpus(env) or (),
            cpus_given=usable_cpus(),
            cgroup=_cgroup(),
        )
    return Job(
        job_id=slurm_id,
        scheduler=SLURM,
        cluster=env.get("SLURM_CLUSTER_NAME"),
        attempt=_restarts(env, slurm_id) + 1,
        host=host,
        nodes=_nodes(env.get("SLURM_JOB_NODELIST") or env.get("SLURM_NODELIST")) or (host,),
        partition=env.get("SLURM_JOB_PARTITION"),
        gpus=given_gpus(env) or (),
        cpus_given=_count(env.get("SLURM_CPUS_ON_NODE"), default=usable_cpus()),
        cgroup=_cgroup(),
        environment=dict(sorted((k, v) for k, v in env.items() if TOLD.match(k))),
    )


def usable_cpus() -> int:
    """CPUs that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _count(text: str | None, *, default: int) -> int:
    return int(text) if text is not None and text.isdigit() else default


def _restarts(env: Mapping[str, str], job_id: str) -> int:
    """How often Slurm started the job again after a requeue; 0 where nobody says."""
    told = env.get("SLURM_RESTART_COUNT")
    if told is None:
        # Snakemake's plugin takes most of Slurm's variables away from what runs in its srun.
        found = RESTARTS.search(_scontrol("-o", "show", "job", job_id))
        told = found[1] if found else None
    return _count(told, default=0)


def _cgroup() -> str | None:
    """The deepest control group of this process: of a Slurm job, that of its step."""
    try:
        lines = CGROUP.read_text().splitlines()
    except OSError:
        return None
    return max(
        (line.split(":", 2)[2] for line in lines if line.count(":") >= 2), key=len, default=None
    )


def _nodes(hostlist: str | None) -> tuple[str, ...]:
    if not hostlist:
        return ()
    if "[" not in hostlist:
        return tuple(hostlist.split(","))
    return tuple(_scontrol("show", "hostnames", hostlist).split()) or (hostlist,)


def _scontrol(*arguments: str) -> str:
    """What scontrol says; nothing where it is missing, hangs or fails."""
    try:
        return subprocess.run(
            ["scontrol", *arguments],
            capture_output=True,
            text=True,
            timeout=SCONTROL_TIMEOUT_S,
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return ""


def boot_id() -> str | None:
    """What tells one start of this machine from another, or None where it does not say."""
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return None


def cpu_model() -> str | None:
    """Name of the processor, or None where the machine does not say."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or None
    for key in ("model name", "hardware", "model"):
        for line in lines:
            name, _, value = line.partition(":")
            if name.strip().lower() == key and value.strip():
                return value.strip()
    return platform.processor() or None


def versions(libraries: Iterable[str] = ()) -> dict[str, str]:
    """Versions of wattbench, Python, the system and installed libraries.

    Args:
        libraries: Distributions to name beside the usual ones; those not installed are left out.
    """
    found = {
        "wattbench": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }
    for name in (*LIBRARIES, *libraries):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
