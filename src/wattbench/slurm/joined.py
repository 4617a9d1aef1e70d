"""One row of the table `compute`: what Slurm and the ledger say of one attempt of a job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from wattbench.slurm.accounting import Attempt
from wattbench.tables.contract import unknown, warning

Row = dict[str, Any]
NO_JOB = "no Slurm job"
DISAGREEMENT = 0.2
"""Relative difference of two sources above which a figure is flagged."""


def ledger_row(segments: Sequence[Row], cpus: int | None) -> Row:
    """What the ledger knows of one attempt of a job.

    Args:
        segments: Rows of the table `segments` of this job and attempt, at least one.
        cpus: CPUs given to the job, or None where not known.
    """
    first = segments[0]
    wall = sum(segment["duration_s"] for segment in segments)
    cpu = _sum([segment["cpu_s"] for segment in segments])
    peaks = [s["rss_peak_bytes"] for s in segments if s["rss_peak_bytes"] is not None]
    return {
        "job_id": first["job_id"],
        "scheduler": first["scheduler"],
        "attempt": first["attempt"],
        "state": None,
        "exit_code": None,
        "partition": None,
        "account": None,
        "nodes": sorted({segment["host"] for segment in segments}),
        "started_at": min(segment["started_at"] for segment in segments),
        "ended_at": max(segment["ended_at"] for segment in segments),
        "wall_s": wall,
        "time_limit_s": None,
        "cpus": cpus,
        "cpu_s": cpu,
        "memory_requested_bytes": None,
        "memory_peak_bytes": max(peaks, default=None),
        "gpus": len({uuid for segment in segments for uuid in segment["gpu_uuids"]}),
        "gpu_utilisation_pct": None,
        "consumed_energy_j": None,
        "source": "ledger",
    }


def joined(ledger: Row, attempt: Attempt | None, reason: str) -> Row:
    """The row of one attempt, from both sources, with a reason for every null.

    Args:
        ledger: What `ledger_row` gave.
        attempt: What sacct says of it, or None.
        reason: Why sacct says nothing.
    """
    row = dict(ledger)
    flags: list[dict[str, str]] = []
    if attempt is not None:
        row |= _accounting(attempt)
        row["source"] = "sacct+ledger"
        flags += _fill(row, ledger)
        if attempt.energy_j is None:
            flags.append(
                unknown("consumed_energy_j", "Slurm says 0, which means no energy plugin measured")
            )
    row["cpu_efficiency_pct"] = _percent(row["cpu_s"], _product(row["cpus"], row["wall_s"]))
    row["memory_efficiency_pct"] = _percent(row["memory_peak_bytes"], row["memory_requested_bytes"])
    why = reason if attempt is None else "sacct does not say"
    told = {entry["column"] for entry in flags if entry["kind"] == "unknown"}
    for column, value in row.items():
        if value is None and column not in told:
            flags.append(unknown(column, _why(row, column, why)))
    row["flags"] = flags
    return row


def _accounting(attempt: Attempt) -> Row:
    job = attempt.job
    return {
        "attempt": attempt.number,
        "state": attempt.state,
        "exit_code": job.exit_code,
        "partition": job.partition,
        "account": job.account,
        "nodes": list(attempt.nodes),
        "started_at": job.started_at,
        "ended_at": job.ended_at,
        "wall_s": job.elapsed_s,
        "time_limit_s": job.time_limit_s,
        "cpus": job.cpus,
        "cpu_s": attempt.cpu_s,
        "memory_requested_bytes": job.memory_requested_bytes,
        "memory_peak_bytes": attempt.memory_peak_bytes,
        "gpus": job.gpus,
        "consumed_energy_j": attempt.energy_j,
    }


def _fill(row: Row, ledger: Mapping[str, Any]) -> list[dict[str, str]]:
    """Take from the ledger what sacct leaves open; flag where the two disagree."""
    flags = []
    for column in ("cpu_s", "memory_peak_bytes", "wall_s", "cpus", "gpus"):
        if row[column] is None:
            row[column] = ledger[column]
    if not row["nodes"]:
        row["nodes"] = ledger["nodes"]
    # Accounting samples every 30 s and may miss a short job's peak; what was seen cannot be less.
    for column, what in (("cpu_s", "s"), ("memory_peak_bytes", "bytes")):
        slurm, own = row[column], ledger[column]
        if slurm is None or own is None:
            continue
        if abs(slurm - own) > DISAGREEMENT * max(slurm, own):
            flags.append(
                warning(column, f"Slurm says {slurm:.6g} {what}, the ledger {own:.6g} {what}")
            )
        row[column] = max(slurm, own)
    return flags


def accounting_row(attempt: Attempt, job_id: str) -> Row:
    """The row of an attempt that the ledger knows nothing of: it died before its first record.

    Args:
        attempt: What sacct says.
        job_id: The job's id as the ledger writes it.
    """
    empty: Row = {
        "job_id": job_id,
        "scheduler": "slurm",
        "gpu_utilisation_pct": None,
    }
    row = empty | _accounting(attempt) | {"source": "sacct"}
    row["cpu_efficiency_pct"] = _percent(row["cpu_s"], _product(row["cpus"], row["wall_s"]))
    row["memory_efficiency_pct"] = _percent(row["memory_peak_bytes"], row["memory_requested_bytes"])
    row["flags"] = [
        unknown(column, _why(row, column, "sacct does not say"))
        for column, value in row.items()
        if value is None
    ] + [warning("source", "the ledger has no segment of this attempt: its energy is unknown")]
    return row


def _why(row: Mapping[str, Any], column: str, reason: str) -> str:
    if column == "gpu_utilisation_pct":
        return "no GPU" if row["gpus"] == 0 else "taken from samples when tables are made"
    if column == "consumed_energy_j" and row["source"] != "ledger":
        return "Slurm says 0, which means no energy plugin measured"
    return {
        "cpu_efficiency_pct": "CPU time, CPUs or wall time is unknown",
        "memory_efficiency_pct": "memory asked for or used is unknown",
    }.get(column, reason)


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def _product(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else first * second


def _percent(part: float | None, whole: float | None) -> float | None:
    return None if part is None or not whole else 100.0 * part / whole


def as_json(row: Mapping[str, Any]) -> Row:
    """A row with its times as ISO text."""
    return {
        column: value.isoformat() if isinstance(value, datetime) else value
        for column, value in row.items()
    }
