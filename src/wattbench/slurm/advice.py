"""What a run's jobs say about what it asks for, and which key of the study to set instead."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]
GIB = 2**30
HALF = 0.5
IDLE_PCT = 5.0
"""Mean utilisation of a GPU below which it did next to nothing."""

LOW_CPU_PCT = 50.0
SHORTEST_S = 60.0
"""A shorter job says little of the next: loading outweighs answering."""

SPARE = 1.5
"""What is advised above what was used, for runs that take longer or hold more than this one."""

WALLTIME_STEP_MIN = 10
MEMORY_STEP_GIB = 0.5


def generate_gpu_recommendations(jobs: Sequence[Row]) -> dict[str, list[str]]:
    """Advice by run for fine-tuning jobs that leave more than half of the GPU's memory free.

    Args:
        jobs: Rows as `compute_cells` takes them; job_type 'finetune' alone is looked at.
    """
    advice: dict[str, list[str]] = {}
    for job in jobs:
        used, total = job.get("gpu_mem_used_mean_gb"), job.get("gpu_mem_total_gb")
        if job.get("job_type") != "finetune" or used is None or not total:
            continue
        share = used / total
        if share < HALF:
            advice.setdefault(str(job.get("run_name")), []).append(
                f"GPU memory is {share:.0%} used ({used:.1f} of {total:.1f} GB): there is room "
                f"for {total - used:.1f} GB more; raise batch_size or max_seq_len."
            )
    return advice


def recommend(
    rows: Sequence[Row], settings: Mapping[str, Mapping[str, Any]] | None = None
) -> dict[str, list[str]]:
    """Advice by run, each sentence with the key of the study and the value to set it to.

    Looks at attempts that ran out of memory or time, and of those that completed at GPU memory
    less than half used, idle GPUs, low CPU efficiency, memory and walltime asked for and not
    needed; takes the most of each that any of them needed.

    Args:
        rows: Rows of the table `compute`; `run` names the run.
        settings: What the study says of a run now: gpus, cpus, memory_gib, walltime_min,
            concurrency, None where it leaves them open; advice to set what is set already is
            left out.
    """
    by_run: dict[str, list[Row]] = {}
    for row in rows:
        by_run.setdefault(str(row["run"]), []).append(row)
    advice: dict[str, list[str]] = {}
    for run, mine in by_run.items():
        set_now = (settings or {}).get(run, {})
        now = {key: value for key, value in set_now.items() if value is not None}
        said = [*_too_little(run, mine, now), *_too_much(run, mine, now)]
        if said:
            advice[run] = said
    return advice


def _too_little(run: str, rows: Sequence[Row], now: Mapping[str, Any]) -> Iterator[str]:
    """What made an attempt end early, and what one attempt needs to be the only one."""
    killed = [row for row in rows if row.get("state") == "OUT_OF_MEMORY"]
    asked = _most(killed, "memory_requested_bytes")
    if asked:
        peak = _most([row for row in rows if row.get("state") == "COMPLETED"], "memory_peak_bytes")
        needed = 2 * asked / GIB if peak is None else max(asked, peak) * SPARE / GIB
        needed = math.ceil(needed / MEMORY_STEP_GIB) * MEMORY_STEP_GIB
        if needed > now.get("memory_gib", 0):
            yield (
                f"An attempt ran out of memory at {asked / GIB:.3g} GiB: set "
                f"models.{run}.resources.memory_gib: {needed:g}."
            )
    walls = [row["wall_s"] for row in rows if row.get("wall_s") is not None]
    limit = _most([row for row in rows if row.get("state") == "TIMEOUT"], "time_limit_s")
    if limit and walls:
        # Attempts go on where the last one ended: together they are what one would have taken.
        step = WALLTIME_STEP_MIN
        minutes = step * math.ceil(sum(walls) * SPARE / 60 / step)
        if minutes > max(limit / 60, now.get("walltime_min", 0)):
            yield (
                f"An attempt ran out of its {limit / 60:.4g} min: set "
                f"models.{run}.resources.walltime_min: {minutes}."
            )


def _too_much(run: str, rows: Sequence[Row], now: Mapping[str, Any]) -> Iterator[str]:
    completed = [row for row in rows if row.get("state") == "COMPLETED"]
    if (_most(completed, "wall_s") or 0.0) < SHORTEST_S:
        return
    for look in (_gpus, _cpus, _memory, _walltime):
        yield from look(run, completed, now)


def _gpus(run: str, rows: Sequence[Row], now: Mapping[str, Any]) -> Iterator[str]:
    gpus = _most(rows, "gpus")
    if not gpus:
        return
    used = [
        value
        for row in rows
        for column in ("gpu_utilisation_jobstats_pct", "gpu_utilisation_samples_pct")
        if (value := row.get(column)) is not None
    ]
    if used and max(used) < IDLE_PCT:
        yield (
            f"The GPU stood idle ({max(used):.2g} % utilisation): set "
            f"models.{run}.resources.gpus: 0, or a backend that uses it."
        )
        return
    peak, total = _most(rows, "gpu_memory_peak_bytes"), _most(rows, "gpu_memory_total_bytes")
    if peak is None or not total or peak / total >= HALF:
        return
    facts = (
        f"GPU memory is {peak / total:.0%} used ({peak / GIB:.1f} of {total / GIB:.1f} GiB a GPU)"
    )
    fitting = max(1, math.ceil(gpus * peak / total / 0.9))
    if fitting < gpus:
        yield f"{facts}: set models.{run}.resources.gpus: {fitting}."
        return
    concurrency = now.get("concurrency") or 1
    yield (
        f"{facts}: set models.{run}.requests.concurrency: {2 * concurrency} to answer more "
        "questions at once, or ask for a smaller GPU."
    )


def _cpus(run: str, rows: Sequence[Row], now: Mapping[str, Any]) -> Iterator[str]:
    shares = [row["cpu_efficiency_pct"] for row in rows if row["cpu_efficiency_pct"] is not None]
    cpus = _most(rows, "cpus")
    if not shares or not cpus or max(shares) >= LOW_CPU_PCT:
        return
    busy = max(shares) / 100 * cpus
    needed = max(1, math.ceil(busy * SPARE))
    if needed < min(cpus, now.get("cpus", cpus)):
        yield (
            f"CPU efficiency is {max(shares):.2g} % ({busy:.2g} of {cpus} CPUs busy): set "
            f"models.{run}.resources.cpus: {needed}."
        )


def _memory(run: str, rows: Sequence[Row], now: Mapping[str, Any]) -> Iterator[str]:
    asked, peak = _most(rows, "memory_requested_bytes"), _most(rows, "memory_peak_bytes")
    if not asked or peak is None or peak / asked >= HALF:
        return
    needed = max(1, math.ceil(peak * SPARE / GIB))
    if needed < min(asked / GIB, now.get("memory_gib", math.inf)):
        yield (
            f"Memory is {peak / asked:.0%} used ({peak / GIB:.2g} of {asked / GIB:.3g} GiB): set "
            f"models.{run}.resources.memory_gib: {needed}."
        )


def _walltime(run: str, rows: Sequence[Row], now: Mapping[str, Any]) -> Iterator[str]:
    limit, wall = _most(rows, "time_limit_s"), _most(rows, "wall_s")
    if not limit or not wall or wall / limit >= HALF:
        return
    step = WALLTIME_STEP_MIN
    needed = step * math.ceil(wall * SPARE / 60 / step)
    if needed < min(limit / 60, now.get("walltime_min", math.inf)):
        yield (
            f"{wall / limit:.0%} of the walltime is used ({wall / 60:.3g} of {limit / 60:.4g} "
            f"min): set models.{run}.resources.walltime_min: {needed}."
        )


def _most(rows: Sequence[Row], column: str) -> Any:
    return max((row[column] for row in rows if row.get(column) is not None), default=None)
