"""seff's figures of a job derived from sacct, so that no job costs a call of seff.

seff (contribs/seff of Slurm) takes CPU time as the sum over steps rounded to whole seconds, the
share of cores x elapsed time, and as memory used the largest MaxRSS of a step times its tasks,
as share of the memory asked for on all nodes.
"""

from __future__ import annotations

from typing import Any

from wattbench.slurm.accounting import Attempt

GIB = 2**30
PENDING = "PENDING"


def seff_figures(attempt: Attempt) -> dict[str, Any]:
    """What seff would say of an attempt, under the keys of `parse_seff_output`.

    Args:
        attempt: A job's attempt as sacct knows it.

    Returns:
        job_id, array_job_id, cluster, state (Slurm's own word), nodes, cores, cpu_s,
        core_wall_s, cpu_efficiency_pct, wall_s, time_limit_s, mem_used_bytes, mem_used_gb,
        mem_requested_bytes, mem_requested_gb, mem_efficiency_pct. None where sacct does not
        know; seff itself prints 0.00 there.
    """
    job = attempt.job
    waits = job.state == PENDING
    wall = None if waits else job.elapsed_s
    # Without a node nothing was given: what stands there was asked for.
    placed = job.nodes is not None
    cores, cpu = (job.cpus or None) if placed else None, None if waits else attempt.cpu_s
    core_wall = None if wall is None or cores is None else wall * cores
    used = None if waits else memory_used_bytes(attempt)
    asked = job.memory_requested_bytes
    return {
        "job_id": job.raw_job,
        "array_job_id": job.job if "_" in job.job else None,
        "cluster": job.cluster,
        "state": attempt.state_raw,
        "nodes": job.node_count if placed else None,
        "cores": cores,
        "cpu_s": cpu,
        "core_wall_s": core_wall,
        "cpu_efficiency_pct": None if cpu is None or not core_wall else 100 * cpu / core_wall,
        "wall_s": wall,
        "time_limit_s": job.time_limit_s,
        "mem_used_bytes": used,
        "mem_used_gb": None if used is None else used / GIB,
        "mem_requested_bytes": asked,
        "mem_requested_gb": None if asked is None else asked / GIB,
        "mem_efficiency_pct": None if used is None or not asked else 100 * used / asked,
    }


def memory_used_bytes(attempt: Attempt) -> int | None:
    """Memory of the step with the largest task, all its tasks taken as large as that one.

    An estimate from above where a step has several tasks, as seff says of it.

    Args:
        attempt: A job's attempt as sacct knows it.
    """
    sampled = [step for step in attempt.steps if step.memory_peak_bytes is not None]
    if not sampled:
        return None
    largest = max(sampled, key=lambda step: step.memory_peak_bytes or 0)
    return (largest.memory_peak_bytes or 0) * (largest.tasks or 1)
