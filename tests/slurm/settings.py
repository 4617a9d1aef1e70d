"""The cluster's configuration: four nodes that are one machine, and timers made short."""

from __future__ import annotations

import json
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

NODES = ("cpu1", "cpu2", "gpu1", "gpu2")
GPU_NODES = ("gpu1", "gpu2")
GPUS_A_NODE = 2
CPUS_A_NODE = 8
MEMORY_A_NODE_MIB = 6000
PORTS = 20
"""Ports a cluster takes from its base port on."""


@dataclass(frozen=True)
class Settings:
    """What one cluster differs in from another.

    Args:
        folder: Where all its files lie; short, for sockets lie in it.
        base_port: First of its ports.
        cgroup: 'none' (memory limits held by looking once a second) or 'v1' (by the kernel).
        kill_wait_s: Seconds between SIGTERM and SIGKILL at a limit; 30 is Slurm's default.
        min_job_age_s: Seconds that scontrol remembers a job that ended.
    """

    folder: Path
    base_port: int = 17200
    cgroup: str = "none"
    kill_wait_s: int = 20
    min_job_age_s: int = 300

    @property
    def etc(self) -> Path:
        return self.folder / "etc"

    @property
    def run(self) -> Path:
        return self.folder / "run"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @property
    def slurm_conf(self) -> Path:
        return self.etc / "slurm.conf"

    @property
    def munge_socket(self) -> Path:
        return self.run / "munge.sock"

    @property
    def database_port(self) -> int:
        return self.base_port

    @property
    def slurmdbd_port(self) -> int:
        return self.base_port + 1

    @property
    def slurmctld_port(self) -> int:
        return self.base_port + 2

    def node_port(self, node: str) -> int:
        """Port of a node's slurmd."""
        return self.base_port + 10 + NODES.index(node)

    def save(self) -> None:
        """Keep the settings in the folder, so that its name is all a later call needs."""
        kept = {**asdict(self), "folder": str(self.folder)}
        (self.folder / "cluster.json").write_text(json.dumps(kept, indent=2) + "\n")

    @classmethod
    def load(cls, folder: Path) -> Settings | None:
        """Settings kept in a folder, or None."""
        try:
            kept = json.loads((folder / "cluster.json").read_text())
        except OSError:
            return None
        return cls(**{**kept, "folder": folder})


def _lines(values: dict[str, object]) -> str:
    return "".join(f"{key}={value}\n" for key, value in values.items())


def _entry(**values: object) -> str:
    return " ".join(f"{key}={value}" for key, value in values.items()) + "\n"


def slurm_conf(settings: Settings) -> str:
    """Text of slurm.conf."""
    by_kernel = settings.cgroup != "none"
    values: dict[str, object] = {
        "ClusterName": "wattbench",
        "SlurmctldHost": f"{socket.gethostname().split('.')[0]}(127.0.0.1)",
        "SlurmctldPort": settings.slurmctld_port,
        "SlurmUser": "root",
        "SlurmdUser": "root",
        "AuthType": "auth/munge",
        # A requeued job is held until its credential ran out.
        "AuthInfo": f"socket={settings.munge_socket},cred_expire=10",
        "CredType": "cred/munge",
        "CommunicationParameters": "NoCtldInAddrAny,NoInAddrAny",
        "StateSaveLocation": settings.folder / "state",
        "SlurmdSpoolDir": settings.folder / "spool" / "%n",
        "SlurmctldPidFile": settings.run / "slurmctld.own",
        "SlurmdPidFile": settings.run / "slurmd-%n.own",
        "SlurmctldLogFile": settings.log / "slurmctld.log",
        "SlurmdLogFile": settings.log / "slurmd-%n.log",
        "MpiDefault": "none",
        "SwitchType": "switch/none",
        "ReturnToService": 2,
        # Four nodes of eight processors on a machine that may have two.
        "SlurmdParameters": "config_overrides",
        "ProctrackType": "proctrack/cgroup" if by_kernel else "proctrack/linuxproc",
        "TaskPlugin": "task/cgroup" if by_kernel else "task/none",
        "SelectType": "select/cons_tres",
        "SelectTypeParameters": "CR_Core_Memory",
        # What asks for more than a partition gives is refused by sbatch, not left pending.
        "EnforcePartLimits": "ALL",
        "PreemptType": "preempt/partition_prio",
        "PreemptMode": "REQUEUE",
        "SchedulerType": "sched/backfill",
        "SchedulerParameters": "sched_interval=2,sched_min_interval=0,batch_sched_delay=0,"
        "bf_interval=5,bf_continue",
        "PriorityType": "priority/multifactor",
        "KillWait": settings.kill_wait_s,
        "MinJobAge": settings.min_job_age_s,
        "InactiveLimit": 0,
        "WaitTime": 0,
        "CompleteWait": 0,
        "SlurmctldTimeout": 30,
        "SlurmdTimeout": 12,
        "MessageTimeout": 10,
        "BatchStartTimeout": 10,
        "UnkillableStepTimeout": 20,
        "AccountingStorageType": "accounting_storage/slurmdbd",
        "AccountingStorageHost": "127.0.0.1",
        "AccountingStoragePort": settings.slurmdbd_port,
        # Clients of slurmdbd do not read AuthInfo; they find the socket here.
        "AccountingStoragePass": settings.munge_socket,
        "AccountingStorageTRES": "gres/gpu,gres/gpu:a100",
        "AccountingStoreFlags": "job_comment,job_script,job_env",
        "JobAcctGatherType": "jobacct_gather/cgroup" if by_kernel else "jobacct_gather/linux",
        "JobAcctGatherFrequency": "task=1",
        "AcctGatherEnergyType": "acct_gather_energy/none",
        "JobCompType": "jobcomp/none",
        "MaxArraySize": 1001,
        "GresTypes": "gpu",
    }
    if not by_kernel:
        values["JobAcctGatherParams"] = "OverMemoryKill"
    text = _lines(values)
    for node in NODES:
        gpus = {"Gres": f"gpu:a100:{GPUS_A_NODE}", "Feature": "a100"}
        text += _entry(
            NodeName=node,
            NodeHostname="localhost",
            NodeAddr="127.0.0.1",
            Port=settings.node_port(node),
            CPUs=CPUS_A_NODE,
            Sockets=1,
            CoresPerSocket=CPUS_A_NODE,
            ThreadsPerCore=1,
            RealMemory=MEMORY_A_NODE_MIB,
            **(gpus if node in GPU_NODES else {}),
            State="UNKNOWN",
        )
    common = {"MaxTime": "1-00:00:00", "DefaultTime": 10, "DefMemPerCPU": 500, "State": "UP"}
    every = ",".join(NODES)
    text += _entry(PartitionName="cpu", Nodes="cpu[1-2]", Default="YES", **common, PriorityTier=10)
    text += _entry(PartitionName="gpu", Nodes="gpu[1-2]", **common, PriorityTier=10)
    text += _entry(
        PartitionName="scavenge", Nodes=every, **common, PriorityTier=1, PreemptMode="REQUEUE"
    )
    return text


def slurmdbd_conf(settings: Settings, password: str) -> str:
    """Text of slurmdbd.conf."""
    return _lines(
        {
            "AuthType": "auth/munge",
            "AuthInfo": f"socket={settings.munge_socket}",
            "DbdHost": "localhost",
            "DbdAddr": "127.0.0.1",
            "DbdPort": settings.slurmdbd_port,
            "CommunicationParameters": "NoInAddrAny",
            "SlurmUser": "root",
            "LogFile": settings.log / "slurmdbd.log",
            "PidFile": settings.run / "slurmdbd.own",
            "StorageType": "accounting_storage/mysql",
            "StorageHost": "127.0.0.1",
            "StoragePort": settings.database_port,
            "StorageUser": "slurm",
            "StoragePass": password,
            "StorageLoc": "slurm_acct_db",
        }
    )


def gres_conf(settings: Settings) -> str:
    """Text of gres.conf."""
    devices = settings.folder / "dev"
    return "AutoDetect=off\n" + "".join(
        _entry(
            NodeName=node,
            Name="gpu",
            Type="a100",
            File=f"{devices}/{node}/nvidia[0-{GPUS_A_NODE - 1}]",
        )
        for node in GPU_NODES
    )


def cgroup_conf(settings: Settings) -> str:
    """Text of cgroup.conf."""
    if settings.cgroup == "none":
        # Named, or slurmd looks for one and may not start where there is none.
        return "CgroupPlugin=cgroup/v1\n"
    return _lines(
        {
            "CgroupPlugin": f"cgroup/{settings.cgroup}",
            "CgroupMountpoint": "/sys/fs/cgroup",
            "ConstrainRAMSpace": "yes",
            "ConstrainSwapSpace": "no",
            "ConstrainCores": "no",
            "ConstrainDevices": "no",
        }
    )
