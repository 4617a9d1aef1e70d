"""The report's table of jobs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wattbench.report import formats
from wattbench.report.data import Group
from wattbench.report.grids import Cell, Grid, Head, not_applicable, text, unknown, why_null
from wattbench.report.tables import run_cell
from wattbench.tables.runs import COMPUTE


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
            Head("GPU utilisation", numeric=True),
            Head("Slurm's energy", numeric=True, title="ConsumedEnergy: node level"),
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
        text(row["state"]) if row["state"] else unknown(why_null(COMPUTE, row, "state")),
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
        not_applicable("the job has no GPU")
        if row["gpus"] == 0
        else _known(row, formats.percent, "gpu_utilisation_pct"),
        _known(row, _watt_hours, "consumed_energy_j"),
    )  # fmt: skip


def _known(row: dict[str, Any], write: Callable[[float], str], column: str, *others: str) -> Cell:
    value = row[column]
    if value is None:
        return unknown(why_null(COMPUTE, row, column, *others))
    return Cell(write(value), sort=value)


def _whole(value: float) -> str:
    return f"{value:,.0f}"


def _watt_hours(value: float) -> str:
    return f"{formats.figures(value / formats.JOULES_PER_WH)} Wh"
