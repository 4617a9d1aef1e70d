"""Asking Slurm's accounting about many jobs at once, and what each attempt of a job took."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from wattbench.slurm.sacct import FIELDS, Record, expand_nodes

TIMEOUT_S = 60.0
JOBS_A_CALL = 1000
"""Ids on one command line; a call costs seconds whatever the number of jobs."""


@dataclass(frozen=True)
class Reply:
    """What sacct said.

    Args:
        text: Its output; empty where it could not be asked.
        reason: Why it could not be asked, or None.
    """

    text: str
    reason: str | None


@dataclass(frozen=True)
class Attempt:
    """One attempt of a job, its steps taken together.

    Args:
        job: The line of the job itself.
        number: Place among the job's attempts, from 1.
        state: State; a step's OUT_OF_MEMORY is told where the job says FAILED only.
        cpu_s: CPU time of all steps in seconds, or None.
        memory_peak_bytes: Largest resident memory of a task of any step, or None.
        energy_j: ConsumedEnergy of the job, or the sum over its steps, or None.
        nodes: Names of the nodes.
    """

    job: Record
    number: int
    state: str
    cpu_s: float | None
    memory_peak_bytes: int | None
    energy_j: float | None
    nodes: tuple[str, ...]


def ask(jobs: Sequence[str], since: datetime | None) -> Reply:
    """Ask sacct about jobs, steps and earlier attempts included.

    A machine without sacct, a database that is away or a call that hangs is a reason, no failure:
    the ledger knows most of it too.

    Args:
        jobs: Job ids.
        since: When the first of them started, UTC, or None where not known.
    """
    if shutil.which("sacct") is None:
        return Reply("", "sacct is not on this machine")
    start = (since - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%S") if since else "1970-01-02"
    environment = {**os.environ, "TZ": "UTC", "SLURM_TIME_FORMAT": "standard", "LC_ALL": "C"}
    texts = []
    for first in range(0, len(jobs), JOBS_A_CALL):
        command = [
            "sacct",
            "-D",
            "-P",
            "-n",
            "--units=K",
            f"--starttime={start}",
            f"--format={','.join(FIELDS)}",
            f"--jobs={','.join(jobs[first : first + JOBS_A_CALL])}",
        ]
        try:
            found = subprocess.run(
                command,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=TIMEOUT_S,
                env=environment,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Reply("", f"sacct did not answer within {TIMEOUT_S:g} s")
        except OSError as error:
            return Reply("", f"sacct cannot be run: {error.strerror}")
        if found.returncode != 0:
            said = " ".join(found.stderr.split())[:200] or f"exit code {found.returncode}"
            return Reply("", f"sacct failed: {said}")
        texts.append(found.stdout)
    return Reply("".join(texts), None)


def attempts(records: Iterable[Record]) -> dict[str, list[Attempt]]:
    """Attempts of every job, oldest first, under the job's id and its plain number.

    A job that was requeued or preempted has a line for each attempt; the steps that follow a
    job's line, or started within it, are its own.

    Args:
        records: Lines of sacct in its order.
    """
    grouped: dict[str, list[tuple[Record, list[Record]]]] = {}
    for record in records:
        found = grouped.setdefault(record.raw_job, [])
        if record.step is None:
            found.append((record, []))
        elif found:
            found[-1][1].append(record)
    result: dict[str, list[Attempt]] = {}
    for lines in grouped.values():
        # A job that never started has no start; it sorts last, as the attempt still to come.
        lines.sort(key=lambda line: (line[0].started_at is None, line[0].started_at or 0))
        found_attempts = [
            _attempt(job, steps, number) for number, (job, steps) in enumerate(lines, start=1)
        ]
        if found_attempts:
            first = found_attempts[0].job
            result[first.raw_job] = found_attempts
            result[first.job] = found_attempts
    return result


def _attempt(job: Record, steps: Sequence[Record], number: int) -> Attempt:
    peaks = [
        record.memory_peak_bytes for record in (job, *steps) if record.memory_peak_bytes is not None
    ]
    energies = [step.energy_j for step in steps if step.energy_j is not None]
    state = job.state
    if state == "FAILED" and any(s.state == "OUT_OF_MEMORY" for s in steps):
        state = "OUT_OF_MEMORY"
    energy = job.energy_j if job.energy_j is not None else sum(energies) if energies else None
    return Attempt(
        job=job,
        number=number,
        state=state,
        cpu_s=job.cpu_s,
        memory_peak_bytes=max(peaks, default=None),
        energy_j=energy,
        nodes=tuple(expand_nodes(job.nodes)) if job.nodes else (),
    )
