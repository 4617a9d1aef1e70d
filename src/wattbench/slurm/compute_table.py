"""The compute table for people: one row a job, as Markdown or as cells for another writer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wattbench.slurm.units import rounded

Job = Mapping[str, Any]
NOTHING = "-"
UNAVAILABLE = "N/A*"
MIG_NOTE = (
    "* The GPU gives no utilisation, as NVIDIA does of MIG slices; memory and power are known."
)
GIB = 2**30


@dataclass(frozen=True)
class Table:
    """A table of text.

    Args:
        heads: Heads of its columns.
        rows: Its rows.
        notes: What stands beneath it.
    """

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


def compute_cells(jobs: Sequence[Job]) -> Table:
    """Columns Run, Type, Wall Time, Time Limit, CPU Eff and CPU Mem where known, GPU figures.

    Args:
        jobs: A row a job: run_name, job_type, wall_time, time_limit (as Slurm writes them, or
            seconds), cpu_efficiency_pct or cpu_efficiency, cpu_mem_used_gb,
            cpu_mem_allocated_gb, gpu_util_jobstats_pct, gpu_util_mean, gpu_util_min,
            gpu_util_max, gpu_util_unavailable, gpu_mem_used_mean_gb, gpu_mem_total_gb,
            power_mean_w. A key that is missing or None shows as '-'.
    """
    cpus = any(_cpu_efficiency(job) is not None or _cpu_memory(job) != NOTHING for job in jobs)
    heads = ["Run", "Type", "Wall Time", "Time Limit"]
    heads += ["CPU Eff", "CPU Mem (GB)"] * cpus
    heads += ["GPU Util", "GPU Mem (GB)", "Power (W)"]
    rows = []
    for job in jobs:
        cells = [
            _text(job.get("run_name")),
            _text(job.get("job_type")),
            _time(job.get("wall_time")),
            _time(job.get("time_limit")),
        ]
        if cpus:
            cells += [_cpu_efficiency(job) or NOTHING, _cpu_memory(job)]
        cells += [gpu_utilisation(job), _gpu_memory(job), _power(job)]
        rows.append(tuple(cells))
    marked = any(UNAVAILABLE in row for row in rows)
    return Table(tuple(heads), tuple(rows), (MIG_NOTE,) if marked else ())


def format_compute_table(
    jobs: Sequence[Job], recommendations: Mapping[str, Sequence[str]] | None = None
) -> str:
    """The compute table as Markdown, with recommendations beneath it.

    Args:
        jobs: A row a job, as `compute_cells` takes them.
        recommendations: Sentences by run, as `generate_gpu_recommendations` or
            `advice.recommend` gives them.
    """
    table = compute_cells(jobs)
    lines = [_line(table.heads), _line(["---"] * len(table.heads)), *map(_line, table.rows)]
    for note in table.notes:
        lines += ["", note.replace("*", "\\*", 1)]
    advised = {run: said for run, said in (recommendations or {}).items() if said}
    if advised:
        lines += ["", "### Resource Recommendations"]
        for run, said in advised.items():
            lines += ["", f"**{_plain(run)}**", "", *(f"- {_plain(one)}" for one in said)]
    return "\n".join(lines) + "\n"


def gpu_utilisation(job: Job) -> str:
    """A job's utilisation: 'average% (least–largest%)', jobstats' average before the samples'.

    Args:
        job: A row as `compute_cells` takes it.
    """  # noqa: RUF002
    own = _number(job.get("gpu_util_mean"))
    average = _number(job.get("gpu_util_jobstats_pct"))
    average = own if average is None else average
    least, largest = _number(job.get("gpu_util_min")), _number(job.get("gpu_util_max"))
    if average is None:
        return UNAVAILABLE if job.get("gpu_util_unavailable") else NOTHING
    if least is None or largest is None or _number(job.get("gpu_util_jobstats_pct")) is None:
        return f"{_percent(average)}%"
    return f"{_percent(average)}% ({_percent(least)}–{_percent(largest)}%)"  # noqa: RUF001


def table_job(row: Mapping[str, Any], label: str, job_type: str) -> dict[str, Any]:
    """A row of the table `compute` as `compute_cells` takes it.

    jobstats' CPU figures come before those of sacct and ledger; the GPU's memory in use and its
    power are the samples', the GPU's whole memory jobstats'.

    Args:
        row: The row.
        label: What the run is called.
        job_type: What the job does.
    """
    jobstats_cpu = row.get("cpu_efficiency_jobstats_pct")
    known = row.get("gpu_memory_mean_bytes") is not None or row.get("gpu_power_mean_w") is not None
    jobstats_memory = row.get("memory_peak_jobstats_bytes")
    return {
        "run_name": label,
        "job_type": job_type,
        "wall_time": row.get("wall_s"),
        "time_limit": row.get("time_limit_s"),
        "cpu_efficiency_pct": row.get("cpu_efficiency_pct")
        if jobstats_cpu is None
        else jobstats_cpu,
        "cpu_mem_used_gb": _gib(
            row.get("memory_peak_bytes") if jobstats_memory is None else jobstats_memory
        ),
        "cpu_mem_allocated_gb": _gib(row.get("memory_requested_bytes")),
        "gpu_util_jobstats_pct": row.get("gpu_utilisation_jobstats_pct"),
        "gpu_util_mean": row.get("gpu_utilisation_samples_pct"),
        "gpu_util_min": row.get("gpu_utilisation_min_pct"),
        "gpu_util_max": row.get("gpu_utilisation_max_pct"),
        "gpu_util_unavailable": known and row.get("gpu_utilisation_samples_pct") is None,
        "gpu_mem_used_mean_gb": _gib(row.get("gpu_memory_mean_bytes")),
        "gpu_mem_total_gb": _gib(row.get("gpu_memory_total_bytes")),
        "power_mean_w": row.get("gpu_power_mean_w"),
    }


def duration(seconds: float) -> str:
    """A duration as Slurm writes it: [days-]hours:minutes:seconds.

    Args:
        seconds: The duration; below a second it is shown as its fraction.
    """
    if 0 < seconds < 1:
        return f"{seconds:.2g} s"
    whole = round(seconds)
    days, rest = divmod(whole, 86400)
    clock = f"{rest // 3600:02d}:{rest % 3600 // 60:02d}:{rest % 60:02d}"
    return f"{days}-{clock}" if days else clock


def _time(value: Any) -> str:
    if isinstance(value, int | float):
        return duration(value) if math.isfinite(value) and value >= 0 else NOTHING
    return _text(value)


def _cpu_efficiency(job: Job) -> str | None:
    value = _number(job.get("cpu_efficiency_pct"))
    if value is not None:
        return f"{_percent(value)}%"
    said = job.get("cpu_efficiency")
    return str(said) if said else None


def _cpu_memory(job: Job) -> str:
    return _used_of(job.get("cpu_mem_used_gb"), job.get("cpu_mem_allocated_gb"))


def _gpu_memory(job: Job) -> str:
    return _used_of(job.get("gpu_mem_used_mean_gb"), job.get("gpu_mem_total_gb"))


def _used_of(used: Any, whole: Any) -> str:
    amount, of = _number(used), _number(whole)
    if amount is None:
        return NOTHING
    return _amount(amount) if of is None else f"{_amount(amount)}/{_amount(of)}"


def _power(job: Job) -> str:
    value = _number(job.get("power_mean_w"))
    return NOTHING if value is None else f"{value:.0f}W" if value >= 1 else f"{value:.2g}W"


def _amount(value: float) -> str:
    return f"{value:.1f}" if value >= 0.05 or value == 0 else f"{value:.1g}"


def _percent(value: float) -> str:
    if value >= 10:
        return f"{value:.0f}"
    return f"{rounded(value, 1):g}"


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _gib(value: Any) -> float | None:
    number = _number(value)
    return None if number is None else number / GIB


def _text(value: Any) -> str:
    return NOTHING if value is None or value == "" else str(value)


def _plain(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(_plain(cell) for cell in cells)} |"
