"""Reading `sstat -P`: what the steps of a running job take now."""

from __future__ import annotations

from dataclasses import dataclass

from wattbench.errors import ParseError
from wattbench.slurm.sacct import JOB_ID
from wattbench.slurm.units import parse_count, parse_duration, parse_size

FIELDS = ("JobID", "AveCPU", "MaxRSS", "MaxRSSNode", "MaxRSSTask", "AveRSS", "NTasks")


@dataclass(frozen=True)
class Usage:
    """One step of a running job.

    Args:
        job: The job's id.
        step: Name of the step.
        tasks: Its tasks, or None.
        cpu_mean_s: CPU seconds of a task on average, or None.
        memory_peak_bytes: Largest resident memory of a task, or None where not sampled.
        memory_mean_bytes: Resident memory of a task on average, or None where not sampled.
        memory_peak_node: Node of the largest, or None.
    """

    job: str
    step: str
    tasks: int | None
    cpu_mean_s: float | None
    memory_peak_bytes: int | None
    memory_mean_bytes: int | None
    memory_peak_node: str | None


def parse_sstat(text: str, *, source: str = "sstat") -> list[Usage]:
    """Steps of `sstat -P --format=...` with its header, any fields in any order.

    Args:
        text: What sstat printed.
        source: What is read, for messages: a file's name or 'sstat'.

    Raises:
        ParseError: There is no header, or a line cannot be read.
    """
    names: list[str] | None = None
    found = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        cells = [cell.strip() for cell in line.split("|")]
        where = f"{source}, line {number}"
        if names is None:
            if "JobID" not in cells:
                raise ParseError("no header of sstat: it names no JobID.", where=where)
            names = cells
            continue
        if len(cells) != len(names):
            raise ParseError(f"{len(cells)} fields where {len(names)} are named.", where=where)
        cell = dict(zip(names, cells, strict=True))
        try:
            found.append(_usage(cell))
        except ParseError as error:
            raise ParseError(error.what, where=where) from error
    return found


def _usage(cell: dict[str, str]) -> Usage:
    if not JOB_ID.match(cell["JobID"]):
        raise ParseError(f"'{cell['JobID'][:60]}' is no job id.")
    job, _, step = cell["JobID"].partition(".")
    return Usage(
        job=job,
        step=step,
        tasks=parse_count(cell.get("NTasks", "")) or None,
        cpu_mean_s=parse_duration(cell.get("AveCPU", "")),
        memory_peak_bytes=parse_size(cell.get("MaxRSS", "")) or None,
        memory_mean_bytes=parse_size(cell.get("AveRSS", "")) or None,
        memory_peak_node=cell.get("MaxRSSNode") or None,
    )
