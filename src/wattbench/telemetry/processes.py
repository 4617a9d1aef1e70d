"""CPU time and memory of a process and all that it started."""

from __future__ import annotations

import contextlib
import os
import resource
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import psutil

KIB = 1 if sys.platform == "darwin" else 1024
"""Bytes in the unit of `ru_maxrss`."""

PROC = Path("/proc")


@dataclass(frozen=True)
class Usage:
    """What a process tree has used.

    Args:
        cpu_s: CPU seconds, user and system, of the living and of children that ended.
        rss_bytes: Resident memory now; pages that processes share count once for each.
    """

    cpu_s: float
    rss_bytes: int


def family(root: int) -> list[psutil.Process]:
    """A process and its descendants; empty where it is gone or may not be read."""
    try:
        process = psutil.Process(root)
        if not (PROC / str(root) / "task" / str(root) / "children").exists():
            return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []
    # Reading the kernel's own lists takes as long as the family is large; psutil reads every
    # process of the node.
    found, place = [process], 0
    while place < len(found):
        for pid in _children(found[place].pid):
            with contextlib.suppress(psutil.Error):
                found.append(psutil.Process(pid))
        place += 1
    return found


def _children(pid: int) -> list[int]:
    pids: list[int] = []
    try:
        threads = list((PROC / str(pid) / "task").iterdir())
    except OSError:
        return pids
    for thread in threads:
        with contextlib.suppress(OSError):
            pids += map(int, (thread / "children").read_text().split())
    return pids


def tree_usage(root: int, *, without: Collection[int] = ()) -> Usage | None:
    """Usage of a process and its descendants.

    A process' own times hold those of the children it waited for, so the sum over the living
    counts every process once, ended ones too.

    Args:
        root: Process id.
        without: Process ids to leave out, such as the sampler's own.

    Returns:
        The usage, or None where the process is gone or may not be read.
    """
    cpu, rss = 0.0, 0
    read_any = False
    for member in family(root):
        if member.pid in without:
            continue
        try:
            with member.oneshot():
                times = member.cpu_times()
                cpu += times.user + times.system
                cpu += getattr(times, "children_user", 0.0)
                cpu += getattr(times, "children_system", 0.0)
                rss += member.memory_info().rss
                read_any = True
        except psutil.Error:  # it ended between listing and reading
            continue
    return Usage(cpu, rss) if read_any else None


def own_peak_bytes() -> int:
    """Peak resident memory of this process, as the kernel kept it."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIB


class Kin:
    """Tells a job's own processes from others'.

    Args:
        root: Process id of the measured process.
        job: Slurm's id of its job; default: this process', if any.
    """

    def __init__(self, root: int, job: str | None = None) -> None:
        self._root = root
        self._job = job or os.environ.get("SLURM_JOB_ID")

    def members(self) -> frozenset[int]:
        """The measured process, its descendants and this process."""
        return frozenset({self._root, os.getpid(), *(one.pid for one in family(self._root))})

    def same_job(self, pid: int) -> bool:
        """Whether a process belongs to the same Slurm job, as another rank of it does."""
        if self._job is None:
            return False
        try:
            if f"/job_{self._job}/" in (PROC / str(pid) / "cgroup").read_text():
                return True
            variables = (PROC / str(pid) / "environ").read_bytes().split(b"\0")
        except OSError:
            return False
        return f"SLURM_JOB_ID={self._job}".encode() in variables
