"""CPU time and memory of a process and all that it started."""

from __future__ import annotations

import resource
import sys
from collections.abc import Collection
from dataclasses import dataclass

import psutil

KIB = 1 if sys.platform == "darwin" else 1024
"""Bytes in the unit of `ru_maxrss`."""


@dataclass(frozen=True)
class Usage:
    """What a process tree has used.

    Args:
        cpu_s: CPU seconds, user and system, of the living and of children that ended.
        rss_bytes: Resident memory now; pages that processes share count once for each.
    """

    cpu_s: float
    rss_bytes: int


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
    try:
        process = psutil.Process(root)
        family = [process, *process.children(recursive=True)]
    except psutil.Error:
        return None
    cpu, rss = 0.0, 0
    read_any = False
    for member in family:
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
