"""Reading `scontrol show job`: one job or several, on many lines or one a job (`-o`)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from wattbench.errors import ParseError
from wattbench.slurm.sacct import NO_NODES, parse_gpus, parse_memory, parse_time
from wattbench.slurm.units import parse_count, parse_duration

NOTHING = frozenset({"", "(null)", "N/A", "None", "none", "Unknown"})
KEY = re.compile(r"(?:^|\s)([A-Z][A-Za-z_]*(?:[/:][A-Za-z:*]+)*)=")
TO_LINE_END = frozenset(
    {
        "JobName",
        "Command",
        "WorkDir",
        "StdErr",
        "StdIn",
        "StdOut",
        "Comment",
        "AdminComment",
        "SystemComment",
        "SubmitLine",
        "TRES",
        "ReqTRES",
        "AllocTRES",
        "TresPerNode",
        "TresPerJob",
        "Dependency",
    }
)
"""Fields that end their line: what follows may hold blanks and '='."""

ONE_LINE_KEYS = (
    "HetJobIdSet",
    "UserId",
    "WorkDir",
    "StdErr",
    "StdIn",
    "StdOut",
    "Power",
    "Command",
    "Comment",
    "AdminComment",
    "SystemComment",
    "TresPerNode",
    "TresPerJob",
    "TresPerTask",
    "MailUser",
    "Requeue",
    "OverSubscribe",
    "ReqTRES",
    "AllocTRES",
    "Socks/Node",
)
"""Fields that follow a free text where a job is one line."""


@dataclass(frozen=True)
class Job:
    """What the controller still knows of a job.

    Args:
        job: Its id as people write it, such as 12, 13_4 or 14+1.
        raw_job: Its id as a plain number.
        attempt: Restart count + 1, or None.
        state: State.
        reason: Why it waits or ended so, or None.
        exit_code: 'code:signal', or None.
        derived_exit_code: Highest exit code of its steps, or None.
        partition: Partition, or None.
        account: Account, or None.
        nodes: List of nodes as Slurm writes it, or None.
        node_count: Number of nodes, or None.
        submitted_at: Submission (UTC where scontrol ran under TZ=UTC), or None.
        started_at: Start, or None.
        ended_at: End, for a running job the latest it may end; None where not known.
        elapsed_s: Run time in seconds, or None.
        time_limit_s: Time limit in seconds, or None where there is none.
        cpus: CPUs given, or None.
        memory_requested_bytes: Memory over all nodes, or None.
        gpus: GPUs given, or None where none is named.
        stderr: Path of what it prints, or None.
        admin_comment: The administrator's comment, or None.
        fields: Every field as printed.
        text: The record as printed.
    """

    job: str
    raw_job: str
    attempt: int | None
    state: str
    reason: str | None
    exit_code: str | None
    derived_exit_code: str | None
    partition: str | None
    account: str | None
    nodes: str | None
    node_count: int | None
    submitted_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    elapsed_s: float | None
    time_limit_s: float | None
    cpus: int | None
    memory_requested_bytes: int | None
    gpus: int | None
    stderr: str | None
    admin_comment: str | None
    fields: dict[str, str]
    text: str


def split_records(text: str) -> Iterator[tuple[int, str]]:
    """Each job's record and the number of its first line; what stands between them is left out.

    Args:
        text: What scontrol printed.
    """
    held: list[str] = []
    first = 0
    for number, line in enumerate(text.split("\n"), start=1):
        if line.startswith("JobId="):
            if held:
                yield first, "\n".join(held).rstrip()
            held, first = [line], number
        elif held and (not line.strip() or line[:1] in " \t"):
            held.append(line)
        elif held:
            yield first, "\n".join(held).rstrip()
            held = []
    if held:
        yield first, "\n".join(held).rstrip()


def parse_show_job(text: str, *, source: str = "scontrol") -> list[Job]:
    """Jobs of `scontrol show job`, with or without `-o`; none where it knows none.

    Args:
        text: What scontrol printed; its complaints about unknown ids are passed over.
        source: What is read, for messages: a file's name or 'scontrol'.

    Raises:
        ParseError: A record lacks its state, or a field cannot be read.
    """
    jobs = []
    for number, record in split_records(text):
        where = f"{source}, line {number}"
        try:
            jobs.append(_job(_fields(record), record))
        except ParseError as error:
            raise ParseError(error.what, where=where) from error
    return jobs


def _fields(record: str) -> dict[str, str]:
    lines = [line for line in record.split("\n") if line.strip()]
    found: dict[str, str] = {}
    if len(lines) == 1:
        _take(found, lines[0], one_line=True)
    else:
        for line in lines:
            _take(found, line.strip(), one_line=False)
    return found


def _take(found: dict[str, str], line: str, *, one_line: bool) -> None:
    """Add a line's fields; the first of a name stands, as JOB_GRES' details repeat some."""
    place = 0
    while match := KEY.search(line, place):
        name, start = match[1], match.end()
        if name in TO_LINE_END and not one_line:
            end = len(line)
        elif name in TO_LINE_END:
            end = _next_known(line, start)
        else:
            after = KEY.search(line, start)
            end = after.start() if after else len(line)
        found.setdefault(name, line[start:end].strip())
        place = end


_FOLLOWS = re.compile(
    rf"\s(?:{'|'.join(map(re.escape, sorted(ONE_LINE_KEYS, key=len, reverse=True)))})="
)


def _next_known(line: str, start: int) -> int:
    found = _FOLLOWS.search(line, start)
    return found.start() if found else len(line)


def _job(field: dict[str, str], record: str) -> Job:
    def text(name: str) -> str | None:
        value = field.get(name, "")
        return None if value in NOTHING else value

    def count(name: str) -> int | None:
        return parse_count(field.get(name, ""))

    raw = field.get("JobId", "")
    if not raw.isascii() or not raw.isdigit():
        raise ParseError(f"'{raw[:60]}' is no job id.")
    state = text("JobState")
    if state is None:
        raise ParseError(f"job {raw} without a state.")
    # NumNodes of a job that waits is a range of what it may get.
    nodes = parse_count(field.get("NumNodes", "").partition("-")[0])
    cpus = parse_count(field.get("NumCPUs", "").partition("-")[0])
    tres = field.get("AllocTRES") or field.get("TRES") or ""
    restarts = count("Restarts")
    node_list = field.get("NodeList", "")
    return Job(
        job=_name(field, raw),
        raw_job=raw,
        attempt=None if restarts is None else restarts + 1,
        state=state.split()[0],
        reason=text("Reason"),
        exit_code=text("ExitCode"),
        derived_exit_code=text("DerivedExitCode"),
        partition=text("Partition"),
        account=text("Account"),
        nodes=None if node_list in NO_NODES else node_list,
        node_count=nodes,
        submitted_at=parse_time(field.get("SubmitTime", "")),
        started_at=parse_time(field.get("StartTime", "")),
        ended_at=parse_time(field.get("EndTime", "")),
        elapsed_s=parse_duration(field.get("RunTime", "")),
        time_limit_s=parse_duration(field.get("TimeLimit", "")),
        cpus=cpus,
        memory_requested_bytes=parse_memory(tres),
        gpus=parse_gpus("" if tres in NOTHING else tres),
        stderr=text("StdErr"),
        admin_comment=text("AdminComment"),
        fields=field,
        text=record,
    )


def _name(field: dict[str, str], raw: str) -> str:
    if "ArrayJobId" in field and "ArrayTaskId" in field:
        return f"{field['ArrayJobId']}_{field['ArrayTaskId']}"
    if "HetJobId" in field and "HetJobOffset" in field:
        return f"{field['HetJobId']}+{field['HetJobOffset']}"
    return raw
