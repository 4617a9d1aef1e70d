"""Asking Slurm's accounting about many jobs at once, and what each attempt of a job took."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from wattbench.slurm import calls
from wattbench.slurm.calls import Reply
from wattbench.slurm.sacct import FIELDS, Record, expand_nodes

JOBS_A_CALL = 1000
"""Ids on one command line; a call costs seconds whatever the number of jobs."""

OUT_OF_MEMORY = "OUT_OF_MEMORY"
OOM_SIGNAL = "125"
"""Slurm's own signal of an out-of-memory kill, 253, as it stands in an exit code."""

KILLED = frozenset({"9:0", "0:9", "137:0"})
NEAR_LIMIT = 0.95
"""Share of the memory asked for beyond which a kill is one for memory."""

OOM_WORDS = re.compile(
    r"oom[-_ ]kill|exceeded (?:job |step )?memory limit|out[- ]of[- ]memory handler"
    r"|killed by the cgroup out-of-memory",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Attempt:
    """One attempt of a job, its steps taken together.

    Args:
        job: The line of the job itself.
        steps: The lines of its steps.
        number: Place among the job's attempts, from 1.
        state: State; OUT_OF_MEMORY also where Slurm says FAILED of a job killed for memory.
        state_raw: State in Slurm's own word.
        cpu_s: CPU time of all steps in seconds, or None.
        memory_peak_bytes: Largest resident memory of a task of any step, or None.
        energy_j: ConsumedEnergy of the job, or the sum over its steps, or None.
        nodes: Names of the nodes.
    """

    job: Record
    steps: tuple[Record, ...]
    number: int
    state: str
    state_raw: str
    cpu_s: float | None
    memory_peak_bytes: int | None
    energy_j: float | None
    nodes: tuple[str, ...]


def ask(jobs: Sequence[str], since: datetime | None, *, timeout_s: float | None = None) -> Reply:
    """Ask sacct about jobs, steps and earlier attempts included.

    A machine without sacct, a database that is away or a call that hangs is a reason, no failure:
    the ledger knows most of it too.

    Args:
        jobs: Job ids.
        since: When the first of them started, UTC, or None where not known.
        timeout_s: Limit of a call; default `calls.TIMEOUT_S`.
    """
    start = (since - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%S") if since else "1970-01-02"
    texts = []
    for first in range(0, len(jobs), JOBS_A_CALL):
        reply = calls.call(
            [
                "sacct",
                "-D",
                "-P",
                "-n",
                "--units=K",
                f"--starttime={start}",
                f"--format={','.join(FIELDS)}",
                f"--jobs={','.join(jobs[first : first + JOBS_A_CALL])}",
            ],
            timeout_s=timeout_s,
        )
        if reply.reason is not None:
            return reply
        texts.append(reply.text)
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
        lines.sort(
            key=lambda line: (
                line[0].started_at is None,
                line[0].started_at.timestamp() if line[0].started_at else 0.0,
            )
        )
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
    energy = job.energy_j if job.energy_j is not None else sum(energies) if energies else None
    attempt = Attempt(
        job=job,
        steps=tuple(steps),
        number=number,
        state=job.state,
        state_raw=job.state,
        cpu_s=_cpu_s(job, steps),
        memory_peak_bytes=max(peaks, default=None),
        energy_j=energy,
        nodes=tuple(expand_nodes(job.nodes)) if job.nodes else (),
    )
    return replace(attempt, state=OUT_OF_MEMORY) if ran_out_of_memory(attempt) else attempt


def _cpu_s(job: Record, steps: Sequence[Record]) -> float | None:
    """CPU seconds; of a job still running, those of the steps that ended are not all."""
    if job.cpu_s:
        return job.cpu_s
    known = [step.cpu_s for step in steps if step.cpu_s]
    if known and job.ended_at is not None:
        return sum(known)
    # What ran took time, if little: Slurm's 0 of it means that no step was accounted.
    return job.cpu_s if job.elapsed_s == 0 else None


def ran_out_of_memory(attempt: Attempt, printed: str = "") -> bool:
    """Whether a job ended for want of memory, in whichever way Slurm puts it.

    With cgroups a step says OUT_OF_MEMORY while the job is FAILED 1:0 (DerivedExitCode 0:125);
    with OverMemoryKill the job is FAILED 9:0 and only its peak, or what slurmstepd printed, tells
    it from any other kill.

    Args:
        attempt: The attempt.
        printed: What the job printed, as far as it is known.
    """
    job = attempt.job
    codes = {job.exit_code, job.derived_exit_code, *(step.exit_code for step in attempt.steps)}
    if job.state == OUT_OF_MEMORY:
        return True
    if job.state in {"FAILED", "CANCELLED"} and (
        any(step.state == OUT_OF_MEMORY for step in attempt.steps) or any(map(_is_oom, codes))
    ):
        return True
    if job.state != "FAILED":
        return False
    asked, peak = job.memory_requested_bytes, attempt.memory_peak_bytes
    near = (
        asked is not None
        and peak is not None
        and peak >= NEAR_LIMIT * asked / (job.node_count or 1)
    )
    return OOM_WORDS.search(printed) is not None or (near and bool(KILLED & codes))


def _is_oom(code: str | None) -> bool:
    return code is not None and code.rpartition(":")[2] == OOM_SIGNAL


def with_printed(
    known: Mapping[str, Sequence[Attempt]], printed: Mapping[str, str]
) -> dict[str, list[Attempt]]:
    """The attempts, the last of a job told to be OUT_OF_MEMORY where its output says so.

    Args:
        known: What `attempts` gave.
        printed: What jobs printed, by plain job number.
    """
    result = {}
    for name, found in known.items():
        last = found[-1]
        said = printed.get(last.job.raw_job, "")
        state = OUT_OF_MEMORY if ran_out_of_memory(last, said) else last.state
        result[name] = [*found[:-1], replace(last, state=state)]
    return result
