"""One row of the table `compute`: every source's figures of one attempt of a job, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from wattbench.slurm import samples, scontrol
from wattbench.slurm.accounting import OOM_SIGNAL, OUT_OF_MEMORY, Attempt
from wattbench.slurm.sacct import expand_nodes
from wattbench.slurm.sources import NOT_OVER, Summary
from wattbench.tables.contract import unknown, warning

Row = dict[str, Any]
NO_JOB = "no Slurm job"
DISAGREEMENT = 0.2
"""Relative difference of two sources above which a figure is flagged."""

DISAGREEMENT_PCT = 10.0
"""Difference of two shares in percentage points above which they are flagged."""

NO_ENERGY = "Slurm says 0, which means no energy plugin measured"
NO_GPU = "no GPU"
JOBSTATS = (
    "cpu_efficiency_jobstats_pct",
    "memory_peak_jobstats_bytes",
    "gpu_utilisation_jobstats_pct",
    "gpu_memory_total_bytes",
)
"""Columns that jobstats alone fills."""


LATE = frozenset({"state", "state_raw", "exit_code", "ended_at", "wall_s"})
"""What accounting says of a job until it hears of its end."""


@dataclass(frozen=True)
class Evidence:
    """What each source says of one attempt of a job.

    Args:
        attempt: What sacct says, or None.
        reason: Why sacct says nothing.
        controller: What scontrol says, or None.
        summary: What jobstats says, or why nothing.
        notes: What jobstats advises, or None where it was not asked.
        gpus: What the run's own samples say of its GPUs (`samples.gpu_figures`).
    """

    attempt: Attempt | None = None
    reason: str = NO_JOB
    controller: scontrol.Job | None = None
    summary: Summary = field(default_factory=lambda: Summary(None, NO_JOB))
    notes: list[str] | None = None
    gpus: Row = field(default_factory=lambda: dict.fromkeys(samples.COLUMNS))


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
    return _empty(first["job_id"], first["scheduler"]) | {
        "attempt": first["attempt"],
        "nodes": sorted({segment["host"] for segment in segments}),
        "started_at": min(segment["started_at"] for segment in segments),
        "ended_at": max(segment["ended_at"] for segment in segments),
        "wall_s": wall,
        "cpus": cpus,
        "cpu_s": cpu,
        "memory_peak_bytes": max(peaks, default=None),
        "gpus": len({uuid for segment in segments for uuid in segment["gpu_uuids"]}),
        "source": "ledger",
    }


def _empty(job_id: str, scheduler: str) -> Row:
    return {
        "job_id": job_id,
        "scheduler": scheduler,
        "attempt": 1,
        "state": None,
        "state_raw": None,
        "exit_code": None,
        "partition": None,
        "account": None,
        "nodes": [],
        "started_at": None,
        "ended_at": None,
        "wall_s": None,
        "time_limit_s": None,
        "cpus": None,
        "cpu_s": None,
        "cpu_efficiency_pct": None,
        "cpu_efficiency_jobstats_pct": None,
        "memory_requested_bytes": None,
        "memory_peak_bytes": None,
        "memory_peak_jobstats_bytes": None,
        "memory_efficiency_pct": None,
        "gpus": None,
        "gpu_utilisation_jobstats_pct": None,
        **dict.fromkeys(samples.COLUMNS),
        "gpu_memory_total_bytes": None,
        "consumed_energy_j": None,
        "jobstats_notes": None,
        "source": "",
    }


def joined(ledger: Row, evidence: Evidence) -> Row:
    """The row of one attempt, from all sources, with a reason for every null.

    Args:
        ledger: What `ledger_row` gave.
        evidence: What the other sources say.
    """
    flags: list[dict[str, str]] = []
    row = ledger | _scheduler(evidence) | evidence.gpus
    if evidence.attempt is not None or evidence.controller is not None:
        sources = [_name(evidence), "ledger"]
        row["source"] = "+".join(sources)
        flags += _fill(row, ledger)
    return _finished(row, evidence, flags)


def accounting_row(evidence: Evidence, job_id: str) -> Row:
    """The row of an attempt that the ledger knows nothing of: it died before its first record.

    Args:
        evidence: What the other sources say, which may be nothing.
        job_id: The job's id as the ledger writes it.
    """
    row = _empty(job_id, "slurm") | _scheduler(evidence)
    row["source"] = _name(evidence)
    lost = warning("source", "the ledger has no segment of this attempt: its energy is unknown")
    return _finished(row, evidence, [lost])


def _finished(row: Row, evidence: Evidence, flags: list[dict[str, str]]) -> Row:
    flags += _jobstats(row, evidence)
    row["cpu_efficiency_pct"] = _percent(row["cpu_s"], _product(row["cpus"], row["wall_s"]))
    row["memory_efficiency_pct"] = _percent(row["memory_peak_bytes"], row["memory_requested_bytes"])
    flags += _differing(row)
    if row["state"] != row["state_raw"]:
        flags.append(warning("state", f"Slurm says {row['state_raw']} of a job killed for memory"))
    told = {entry["column"] for entry in flags if entry["kind"] == "unknown"}
    flags += [
        unknown(column, _why(row, column, evidence))
        for column, value in row.items()
        if value is None and column not in told
    ]
    row["flags"] = flags
    return row


def _name(evidence: Evidence) -> str:
    if evidence.attempt is not None:
        return "sacct"
    return "scontrol" if evidence.controller is not None else "log"


def _scheduler(evidence: Evidence) -> Row:
    """What sacct says; what it lacks, or has not heard yet of a job that is over, by scontrol."""
    attempt, job = evidence.attempt, evidence.controller
    row = {} if attempt is None else _accounting(attempt)
    if job is None:
        return row
    newer = _controller(job)
    if attempt is None:
        return newer
    late = attempt.state_raw in NOT_OVER and job.state not in NOT_OVER
    taken = {
        column: value
        for column, value in newer.items()
        if (row[column] in (None, []) or (late and column in LATE)) and value not in (None, [])
    }
    if attempt.state_raw in NOT_OVER and not late:
        taken.pop("ended_at", None)
    return row | taken


def _accounting(attempt: Attempt) -> Row:
    job = attempt.job
    return {
        "attempt": attempt.number,
        "state": attempt.state,
        "state_raw": attempt.state_raw,
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


def _controller(job: scontrol.Job) -> Row:
    over = job.state not in NOT_OVER
    codes = (job.exit_code, job.derived_exit_code)
    killed = any(code is not None and code.rpartition(":")[2] == OOM_SIGNAL for code in codes)
    return {
        "state": OUT_OF_MEMORY if killed and over else job.state,
        "state_raw": job.state,
        "exit_code": job.exit_code if over else None,
        "partition": job.partition,
        "account": job.account,
        "nodes": expand_nodes(job.nodes) if job.nodes else [],
        "started_at": job.started_at,
        # Of a running job scontrol gives the time at which its limit will end it.
        "ended_at": job.ended_at if over else None,
        "wall_s": job.elapsed_s,
        "time_limit_s": job.time_limit_s,
        "cpus": job.cpus,
        "memory_requested_bytes": job.memory_requested_bytes,
        "gpus": job.gpus,
    }


def _jobstats(row: Row, evidence: Evidence) -> list[dict[str, str]]:
    """Put jobstats' figures in their own columns; say why where there are none."""
    row["jobstats_notes"] = evidence.notes
    found = evidence.summary.figures
    if found is None:
        return []
    totals = [gpu["mem_total_bytes"] for gpu in found["gpus"]]
    row["cpu_efficiency_jobstats_pct"] = found["cpu_efficiency_pct"]
    row["memory_peak_jobstats_bytes"] = found["cpu_mem_used_bytes"]
    row["gpu_utilisation_jobstats_pct"] = found["gpu_util_pct"]
    # GPUs of one job are alike; of others no one figure is that of a GPU.
    row["gpu_memory_total_bytes"] = totals[0] if len(set(totals)) == 1 else None
    if row["gpu_memory_total_bytes"] is not None:
        row["gpu_memory_total_bytes"] = round(row["gpu_memory_total_bytes"])
    row["source"] += "+jobstats"
    return []


def _differing(row: Row) -> list[dict[str, str]]:
    """Flags where jobstats and another source give shares too far apart."""
    pairs = (
        ("gpu_utilisation_jobstats_pct", "gpu_utilisation_samples_pct", "the run's samples"),
        ("cpu_efficiency_jobstats_pct", "cpu_efficiency_pct", "CPU time and wall time"),
    )
    return [
        warning(first, f"jobstats says {row[first]:.3g} %, {other} {row[second]:.3g} %")
        for first, second, other in pairs
        if row[first] is not None
        and row[second] is not None
        and abs(row[first] - row[second]) > DISAGREEMENT_PCT
    ]


def _fill(row: Row, ledger: Mapping[str, Any]) -> list[dict[str, str]]:
    """Take from the ledger what sacct leaves open; flag where the two disagree."""
    flags = []
    for column in ("cpu_s", "memory_peak_bytes", "wall_s", "cpus", "gpus"):
        if row[column] is None:
            row[column] = ledger[column]
    if not row["nodes"]:
        row["nodes"] = ledger["nodes"]
    # Slurm counts Snakemake's own processes too: that it says more is no disagreement. It samples
    # every 30 s and may miss a short job's peak, but what was seen cannot be less.
    for column, what in (("cpu_s", "s"), ("memory_peak_bytes", "bytes")):
        slurm, own = row[column], ledger[column]
        if slurm is None or own is None:
            continue
        if own - slurm > DISAGREEMENT * own:
            flags.append(
                warning(column, f"Slurm says {slurm:.6g} {what}, the ledger {own:.6g} {what}")
            )
        row[column] = max(slurm, own)
    return flags


def _why(row: Mapping[str, Any], column: str, evidence: Evidence) -> str:
    no_row = evidence.reason if evidence.attempt is None else "sacct does not say"
    reasons = {
        "cpu_efficiency_pct": "CPU time, CPUs or wall time is unknown",
        "memory_efficiency_pct": "memory asked for or used is unknown",
        "gpus": "AllocTRES names no GPU, which a cluster that does not track them writes too",
        "consumed_energy_j": no_row if evidence.attempt is None else NO_ENERGY,
        "jobstats_notes": "jobstats was not asked for its notes"
        if row["scheduler"] == "slurm"
        else NO_JOB,
        **dict.fromkeys(samples.COLUMNS, samples.NO_SAMPLE),
        **dict.fromkeys(JOBSTATS, evidence.summary.reason or "jobstats does not say it"),
    }
    if column.startswith("gpu_") and row["gpus"] == 0:
        return NO_GPU
    return reasons.get(column, no_row)


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
