"""The report's tables of jobs: what each took, every source's figures, what to ask for instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wattbench.report import formats
from wattbench.report.data import Group, ReportData
from wattbench.report.grids import Cell, Grid, Head, not_applicable, text, unknown, why_null
from wattbench.report.tables import run_cell
from wattbench.slurm.advice import recommend
from wattbench.slurm.compute_table import NOTHING, compute_cells, table_job
from wattbench.tables.runs import COMPUTE

JOB_TYPE = "infer"
SORTED_BY = {
    "Wall Time": "wall_s",
    "Time Limit": "time_limit_s",
    "CPU Eff": "cpu_efficiency_pct",
    "CPU Mem (GB)": "memory_peak_bytes",
    "GPU Util": "gpu_utilisation_samples_pct",
    "GPU Mem (GB)": "gpu_memory_mean_bytes",
    "Power (W)": "gpu_power_mean_w",
}
"""Column of the table `compute` that a column of the short table is sorted by, and whose flag
explains a cell without a figure."""


def short(group: Group) -> Grid:
    """One row per job and attempt with what it took; columns that no job fills are left out."""
    jobs = [
        table_job(row, formats.clean(group.label_of(row["run"])), JOB_TYPE) for row in group.compute
    ]
    table = compute_cells(jobs)
    rows = tuple(
        (
            run_cell(group, row["run"]),
            *(
                _shown(row, head, cell)
                for head, cell in zip(table.heads[1:], cells[1:], strict=True)
            ),
        )
        for row, cells in zip(group.compute, table.rows, strict=True)
    )
    note = f" {table.notes[0]}" if table.notes else ""
    return Grid(
        name="jobs",
        caption="Utilisation is the mean by jobstats with the least and largest sample, or the "
        f"mean of the samples; memory of a GPU is used/whole. GB are GiB.{note}",
        heads=tuple(Head(head, numeric=head in SORTED_BY) for head in table.heads),
        rows=rows,
        empty="No job was recorded.",
    )


def _shown(row: dict[str, Any], head: str, cell: str) -> Cell:
    column = SORTED_BY.get(head)
    if column is None:
        return text(cell)
    if cell != NOTHING:
        return Cell(cell, sort=row[column])
    if head.startswith(("GPU", "Power")) and row["gpus"] == 0:
        return not_applicable("the job has no GPU")
    return unknown(why_null(COMPUTE, row, column))


def advice(data: ReportData, group: Group) -> Grid:
    """What the jobs' figures say about what the study asks for, with the key to set instead."""
    settings = {
        name: {
            "gpus": model.resources.gpus,
            "cpus": model.resources.cpus,
            "memory_gib": model.resources.memory_gib,
            "walltime_min": model.resources.walltime_min,
            "concurrency": model.requests.concurrency,
        }
        for name, model in data.study.models.items()
    }
    advised = recommend(group.compute, settings)
    return Grid(
        name="advice",
        caption="Resource recommendations: what jobs lacked, or asked for and did not need, and "
        "what to put into the study instead. Half as much again is kept in hand.",
        heads=(Head("Model"), Head("Recommendation", broad=True)),
        rows=tuple(
            (run_cell(group, run), text(sentence))
            for run, sentences in advised.items()
            for sentence in sentences
        ),
        empty="No job lacked anything or asked for much more than it needed.",
    )


def compute(group: Group) -> Grid:
    """One row per job and attempt."""
    rows = tuple(_job(group, row) for row in group.compute)
    return Grid(
        name="compute",
        caption="One row per job and attempt. Efficiency is CPU time over CPUs times wall time, "
        "and peak memory over memory asked for.",
        heads=(
            Head("Model"),
            Head("Job", broad=True),
            Head("State"),
            Head("Nodes"),
            Head("Wall time", numeric=True),
            Head("CPU time", numeric=True),
            Head("CPUs", numeric=True),
            Head("CPU efficiency", numeric=True),
            Head("Peak memory", numeric=True),
            Head("Memory asked", numeric=True),
            Head("Memory efficiency", numeric=True),
            Head("GPUs", numeric=True),
            Head("GPU utilisation by samples", numeric=True),
            Head("GPU utilisation by jobstats", numeric=True),
            Head("GPU memory peak", numeric=True, title="Largest memory in use on one GPU"),
            Head("Slurm's energy", numeric=True, title="ConsumedEnergy: node level"),
            Head("Jobstats advises", broad=True),
        ),
        rows=rows,
        empty="No job was recorded.",
    )


def _job(group: Group, row: dict[str, Any]) -> tuple[Cell, ...]:
    return (
        run_cell(group, row["run"]),
        Cell(
            formats.clean(row["job_id"]),
            sort=row["job_id"],
            detail=formats.clean(
                f"attempt {row['attempt']}, {row['scheduler']}, by {row['source']}"
            ),
        ),
        _state(row),
        text(", ".join(row["nodes"])),
        _known(row, formats.seconds, "wall_s"),
        _known(row, formats.seconds, "cpu_s"),
        _known(row, _whole, "cpus"),
        _known(row, formats.percent, "cpu_efficiency_pct", "cpu_s", "cpus"),
        _known(row, formats.gib, "memory_peak_bytes"),
        _known(row, formats.gib, "memory_requested_bytes"),
        _known(
            row, formats.percent,
            "memory_efficiency_pct", "memory_requested_bytes", "memory_peak_bytes",
        ),
        _known(row, _whole, "gpus"),
        _of_gpu(row, formats.percent, "gpu_utilisation_samples_pct"),
        _of_gpu(row, formats.percent, "gpu_utilisation_jobstats_pct"),
        _of_gpu(row, formats.gib, "gpu_memory_peak_bytes"),
        _known(row, _watt_hours, "consumed_energy_j"),
        unknown(why_null(COMPUTE, row, "jobstats_notes"))
        if row["jobstats_notes"] is None
        else text(" ".join(row["jobstats_notes"]) or "nothing"),
    )  # fmt: skip


def _state(row: dict[str, Any]) -> Cell:
    if not row["state"]:
        return unknown(why_null(COMPUTE, row, "state"))
    shown = text(row["state"])
    if row["state_raw"] in {None, row["state"]}:
        return shown
    return Cell(shown.text, sort=shown.sort, detail=formats.clean(f"Slurm: {row['state_raw']}"))


def _of_gpu(row: dict[str, Any], write: Callable[[float], str], column: str) -> Cell:
    if row["gpus"] == 0:
        return not_applicable("the job has no GPU")
    return _known(row, write, column)


def _known(row: dict[str, Any], write: Callable[[float], str], column: str, *others: str) -> Cell:
    value = row[column]
    if value is None:
        return unknown(why_null(COMPUTE, row, column, *others))
    return Cell(write(value), sort=value)


def _whole(value: float) -> str:
    return f"{value:,.0f}"


def _watt_hours(value: float) -> str:
    return f"{formats.figures(value / formats.JOULES_PER_WH)} Wh"
