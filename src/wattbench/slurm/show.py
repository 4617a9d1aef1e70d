"""What every source says of one job, side by side."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wattbench.errors import InputError, ParseError
from wattbench.slurm import calls, jobstats
from wattbench.slurm.accounting import Attempt, ask, attempts
from wattbench.slurm.calls import Reply
from wattbench.slurm.efficiency import seff_figures
from wattbench.slurm.sacct import parse
from wattbench.slurm.scontrol import Job, parse_show_job
from wattbench.slurm.seff import parse_seff_output
from wattbench.slurm.sources import NOT_OVER, ask_summary, summary_of
from wattbench.slurm.sstat import FIELDS as SSTAT_FIELDS
from wattbench.slurm.sstat import Usage, parse_sstat

Row = dict[str, Any]
TIMEOUT_S = 15.0
"""A person waits: less than the collector gives."""

JOB_ID = re.compile(r"^[0-9]{1,10}(?:_[0-9]{1,10}|\+[0-9]{1,10})?$")
FIGURES = (
    ("state", ""),
    ("state_raw", ""),
    ("exit_code", ""),
    ("attempt", ""),
    ("partition", ""),
    ("account", ""),
    ("nodes", ""),
    ("submitted_at", "UTC"),
    ("started_at", "UTC"),
    ("ended_at", "UTC"),
    ("wall_s", "s"),
    ("time_limit_s", "s"),
    ("cpus", ""),
    ("cpu_s", "s"),
    ("cpu_efficiency_pct", "%"),
    ("memory_requested_bytes", "bytes"),
    ("memory_peak_bytes", "bytes"),
    ("memory_used_bytes", "bytes"),
    ("memory_efficiency_pct", "%"),
    ("gpus", ""),
    ("gpu_utilisation_pct", "%"),
    ("gpu_memory_used_bytes", "bytes"),
    ("gpu_memory_total_bytes", "bytes"),
    ("consumed_energy_j", "J"),
)
"""Figures in the order they are shown, with their units. memory_peak_bytes is the largest task's,
memory_used_bytes that of all tasks, which sacct's is an estimate from above of; GPU memory is
summed over GPUs."""


@dataclass(frozen=True)
class JobView:
    """One job as all sources see it.

    Args:
        job_id: The id asked for.
        sources: Figures by source; a source that says nothing is not among them.
        reasons: Why a source says nothing, by source.
        attempts: The job's attempts as sacct lists them.
        steps: Steps that run now, as sstat sees them.
        notes: What jobstats advises.
    """

    job_id: str
    sources: dict[str, Row]
    reasons: dict[str, str]
    attempts: list[Row]
    steps: list[Row]
    notes: list[str]

    def side_by_side(self) -> list[Row]:
        """A row a figure that any source knows, a column a source, with the figure's unit."""
        return [
            {"figure": name, "unit": unit, **{s: f.get(name) for s, f in self.sources.items()}}
            for name, unit in FIGURES
            if any(figures.get(name) is not None for figures in self.sources.values())
        ]


def show_job(job_id: str) -> JobView:
    """Ask sacct, scontrol, seff, jobstats and, while it runs, sstat about one job.

    Args:
        job_id: Its id: 123, 123_4 of an array, 123+1 of a heterogeneous job.

    Raises:
        InputError: That is no job id.
    """
    if not JOB_ID.match(job_id):
        raise InputError(
            f"'{job_id[:60]}' is no job id.",
            mend="Give 123, 123_4 (a task of an array) or 123+1 (a part of a heterogeneous job).",
        )
    sources: dict[str, Row] = {}
    reasons: dict[str, str] = {}
    tries = _sacct(job_id, sources, reasons)
    controlled = _scontrol(job_id, sources, reasons)
    plain = tries[-1].job.raw_job if tries else controlled.raw_job if controlled else job_id
    _seff(plain, sources, reasons)
    notes = _jobstats(plain, tries, sources, reasons)
    state = controlled.state if controlled else tries[-1].state_raw if tries else None
    steps: list[Row] = []
    if state in NOT_OVER and state != "PENDING":
        steps = _sstat(plain, sources, reasons)
    else:
        reasons["sstat"] = "the job does not run now" if state else "no source knows the job"
    return JobView(
        job_id=job_id,
        sources=sources,
        reasons=reasons,
        attempts=[_accounted(attempt) for attempt in tries],
        steps=steps,
        notes=notes,
    )


def _sacct(job_id: str, sources: dict[str, Row], reasons: dict[str, str]) -> list[Attempt]:
    reply = ask([job_id], None, timeout_s=TIMEOUT_S)
    tries: list[Attempt] = []
    try:
        tries = attempts(parse(reply.text)).get(job_id, [])
    except ParseError as error:
        reply = Reply("", error.paragraph())
    if not tries:
        reasons["sacct"] = reply.reason or "sacct does not know this job"
        return []
    sources["sacct"] = _accounted(tries[-1])
    return tries


def _accounted(attempt: Attempt) -> Row:
    """Sacct's figures, and those that seff would derive from them."""
    job, derived = attempt.job, seff_figures(attempt)
    return {
        "state": attempt.state,
        "state_raw": attempt.state_raw,
        "exit_code": None if job.state in NOT_OVER else job.exit_code,
        "attempt": attempt.number,
        "partition": job.partition,
        "account": job.account,
        "nodes": job.nodes,
        "submitted_at": job.submitted_at,
        "started_at": job.started_at,
        "ended_at": job.ended_at,
        "wall_s": job.elapsed_s,
        "time_limit_s": job.time_limit_s,
        "cpus": job.cpus,
        "cpu_s": attempt.cpu_s,
        "memory_requested_bytes": job.memory_requested_bytes,
        "cpu_efficiency_pct": derived["cpu_efficiency_pct"],
        "memory_peak_bytes": attempt.memory_peak_bytes,
        "memory_used_bytes": derived["mem_used_bytes"],
        "memory_efficiency_pct": derived["mem_efficiency_pct"],
        "gpus": job.gpus,
        "consumed_energy_j": attempt.energy_j,
    }


def _scontrol(job_id: str, sources: dict[str, Row], reasons: dict[str, str]) -> Job | None:
    reply = calls.call(["scontrol", "show", "job", job_id], timeout_s=TIMEOUT_S)
    try:
        known = parse_show_job(reply.text)
    except ParseError as error:
        known, reply = [], Reply("", error.paragraph())
    mine = next((job for job in known if job_id in {job.job, job.raw_job}), None)
    if mine is None:
        reasons["scontrol"] = reply.reason or "scontrol no longer knows this job"
        return None
    over = mine.state not in NOT_OVER
    sources["scontrol"] = {
        "state": mine.state,
        "exit_code": mine.exit_code if over else None,
        "attempt": mine.attempt,
        "partition": mine.partition,
        "account": mine.account,
        "nodes": mine.nodes,
        "submitted_at": mine.submitted_at,
        "started_at": mine.started_at,
        "ended_at": mine.ended_at if over else None,
        "wall_s": mine.elapsed_s,
        "time_limit_s": mine.time_limit_s,
        "cpus": mine.cpus,
        "memory_requested_bytes": mine.memory_requested_bytes,
        "gpus": mine.gpus,
    }
    return mine


def _seff(job: str, sources: dict[str, Row], reasons: dict[str, str]) -> None:
    reply = calls.call(["seff", job], timeout_s=TIMEOUT_S)
    try:
        found = parse_seff_output(reply.text)
    except ParseError as error:
        found, reply = {}, Reply("", error.paragraph())
    if found.get("job_id") is None:
        reasons["seff"] = reply.reason or found["reasons"]["job_id"]
        return
    sources["seff"] = {
        "state": found["state"],
        "wall_s": found["wall_s"],
        "time_limit_s": found["time_limit_s"],
        "cpus": found["cores"],
        "cpu_s": found["cpu_s"],
        "cpu_efficiency_pct": found["cpu_efficiency_pct"],
        "memory_requested_bytes": found["mem_requested_bytes"],
        "memory_used_bytes": found["mem_used_bytes"],
        "memory_efficiency_pct": found["mem_efficiency_pct"],
    }


def _jobstats(
    job: str, tries: Sequence[Attempt], sources: dict[str, Row], reasons: dict[str, str]
) -> list[str]:
    """Its summary in the comment, else its own answer; its notes where it is installed."""
    summary = summary_of(tries[-1].job.admin_comment) if tries else None
    if summary is None or summary.figures is None:
        asked = ask_summary(job)
        if summary is None or asked.figures is not None:
            summary = asked
    if summary.figures is None:
        reasons["jobstats"] = summary.reason or jobstats.NO_DATA
    else:
        found = summary.figures
        sources["jobstats"] = {
            "wall_s": found["wall_time_seconds"],
            "cpus": found["cpu_cores"],
            "cpu_s": found["cpu_s"],
            "cpu_efficiency_pct": found["cpu_efficiency_pct"],
            "memory_requested_bytes": found["cpu_mem_allocated_bytes"],
            "memory_used_bytes": found["cpu_mem_used_bytes"],
            "memory_efficiency_pct": found["cpu_mem_efficiency_pct"],
            "gpus": len(found["gpus"]) or None,
            "gpu_utilisation_pct": found["gpu_util_pct"],
            "gpu_memory_used_bytes": found["gpu_mem_used_bytes"],
            "gpu_memory_total_bytes": found["gpu_mem_total_bytes"],
        }
    if not jobstats.check_jobstats_available():
        return []
    return jobstats.extract_jobstats_notes(jobstats.ask_jobstats(job, json_mode=False).text)


def _sstat(job: str, sources: dict[str, Row], reasons: dict[str, str]) -> list[Row]:
    command = ["sstat", "-a", "-P", f"--format={','.join(SSTAT_FIELDS)}", "-j", job]
    reply = calls.call(command, timeout_s=TIMEOUT_S)
    try:
        usages = parse_sstat(reply.text)
    except ParseError as error:
        usages, reply = [], Reply("", error.paragraph())
    if not usages:
        reasons["sstat"] = reply.reason or "sstat shows no step of it"
        return []
    peaks = [u.memory_peak_bytes for u in usages if u.memory_peak_bytes is not None]
    sources["sstat"] = {"memory_peak_bytes": max(peaks, default=None)}
    return [_step(usage) for usage in usages]


def _step(usage: Usage) -> Row:
    return {
        "step": usage.step,
        "tasks": usage.tasks,
        "cpu_mean_s": usage.cpu_mean_s,
        "memory_peak_bytes": usage.memory_peak_bytes,
        "memory_mean_bytes": usage.memory_mean_bytes,
    }
