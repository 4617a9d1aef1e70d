"""Reading what `seff` prints of a job, days, terabytes and array ids included."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from wattbench.errors import ParseError
from wattbench.slurm.units import parse_count, parse_duration, parse_percent, parse_size, rounded

Row = dict[str, Any]
GIB = 2**30

NUMBER = r"[0-9.]+"
STATE = re.compile(r"^(\S+)(?:.*\(exit code ([0-9]{1,3})\))?")
EFFICIENCY = re.compile(rf"^({NUMBER}\s*%)(?: of (.*))?$")
UTILIZED = re.compile(rf"^({NUMBER}\s*[A-Za-z]*)\s*(\(estimated maximum\))?$")
ASKED = re.compile(rf"^({NUMBER}\s*[A-Za-z]+)(?:\s*\(.*\))?$")
JOB = re.compile(r"^[0-9]+(?:_(?:[0-9]+|\[[^\]]*\])|\+[0-9]+)?$")

KEYS = (
    "job_id",
    "array_job_id",
    "cluster",
    "state",
    "exit_code",
    "nodes",
    "cores",
    "cpu_efficiency",
    "wall_time",
    "time_limit",
    "mem_used_gb",
    "mem_requested_gb",
    "mem_efficiency",
    "cpu_s",
    "core_wall_s",
    "cpu_efficiency_pct",
    "wall_s",
    "time_limit_s",
    "mem_used_bytes",
    "mem_requested_bytes",
    "mem_efficiency_pct",
)
NOT_PRINTED = "seff does not print it"
NEVER_RAN = "no time passed, so there is nothing to take a share of"
NOT_ASKED = "seff's 0.00 is no memory asked for: accounting lost what was"
NOT_SAMPLED = "seff's 0.00 is no memory that a process had: accounting took no sample of it"


def parse_seff_output(text: str, *, source: str = "seff") -> Row:
    """What seff says of one job; None for everything it does not say.

    Args:
        text: What seff printed.
        source: What is read, for messages: a file's name or 'seff'.

    Returns:
        As seff writes them: job_id ('21', '123_4'), array_job_id, cluster, state,
        exit_code, cpu_efficiency ('56.67%'), wall_time and time_limit ('1-02:03:04'),
        mem_efficiency. As numbers: nodes, cores (of all nodes), cpu_s, core_wall_s (seconds),
        cpu_efficiency_pct, wall_s, time_limit_s, mem_used_bytes, mem_requested_bytes,
        mem_efficiency_pct; mem_used_gb and mem_requested_gb in GiB with two decimals. `reasons`
        says of every None why it is one.

    Raises:
        ParseError: A line that seff prints holds something else than seff writes there.
    """
    row: Row = dict.fromkeys(KEYS)
    reasons: dict[str, str] = {}
    cores_a_node: int | None = None
    for number, line in enumerate(text.split("\n"), start=1):
        label, colon, rest = line.strip().partition(":")
        value = rest.strip()
        read = READERS.get(label.strip()) if colon else None
        if not value:
            continue
        try:
            if label == "Cores per node":
                cores_a_node = parse_count(value)
            elif read is not None:
                read(row, reasons, value)
        except ParseError as error:
            raise ParseError(error.what, where=f"{source}, line {number}") from error
    if cores_a_node is not None and row["nodes"] is not None:
        row["cores"] = cores_a_node * row["nodes"]
    said = " ".join(text.split())[:200]
    if row["job_id"] is None:
        why = f"seff says: {said}" if said else "seff printed nothing"
    elif row["wall_time"] is None and "not available" in said:
        why = f"seff has no efficiency of a job that is {row['state']}"
    else:
        why = NOT_PRINTED
    row["reasons"] = {key: reasons.get(key, why) for key in KEYS if row[key] is None}
    return row


def _job_id(key: str) -> Callable[[Row, dict[str, str], str], None]:
    def read(row: Row, _: dict[str, str], value: str) -> None:
        if not JOB.match(value):
            raise ParseError(f"'{value[:60]}' is no job id.")
        row[key] = value

    return read


def _cluster(row: Row, _: dict[str, str], value: str) -> None:
    row["cluster"] = value


def _state(row: Row, _: dict[str, str], value: str) -> None:
    found = STATE.match(value)
    if found is None:
        raise ParseError(f"'{value[:60]}' is no state.")
    row["state"] = found[1]
    row["exit_code"] = None if found[2] is None else int(found[2])


def _count(key: str) -> Callable[[Row, dict[str, str], str], None]:
    def read(row: Row, _: dict[str, str], value: str) -> None:
        # A job has at least one of each; 0 is what is printed where it is not known.
        row[key] = parse_count(value) or None

    return read


def _time(key: str, seconds: str) -> Callable[[Row, dict[str, str], str], None]:
    def read(row: Row, reasons: dict[str, str], value: str) -> None:
        row[seconds] = parse_duration(value)
        if row[seconds] is None:
            reasons[key] = reasons[seconds] = f"seff says {value[:40]}"
        elif key != seconds:
            row[key] = value

    return read


def _cpu_efficiency(row: Row, reasons: dict[str, str], value: str) -> None:
    found = EFFICIENCY.match(value)
    if found is None:
        raise ParseError(f"'{value[:60]}' is no efficiency.")
    percent = parse_percent(found[1])
    if found[2] is not None:
        row["core_wall_s"] = parse_duration(found[2].removesuffix("core-walltime"))
    if row["core_wall_s"] == 0:
        reasons["cpu_efficiency"] = reasons["cpu_efficiency_pct"] = NEVER_RAN
        return
    row["cpu_efficiency"], row["cpu_efficiency_pct"] = found[1].replace(" ", ""), percent


def _memory(row: Row, reasons: dict[str, str], value: str) -> None:
    found = UTILIZED.match(value)
    if found is None:
        raise ParseError(f"'{value[:60]}' is no size.")
    size = parse_size(found[1])
    if not size:
        reasons["mem_used_bytes"] = reasons["mem_used_gb"] = NOT_SAMPLED
        return
    row["mem_used_bytes"], row["mem_used_gb"] = size, _gib(size)


def _memory_efficiency(row: Row, reasons: dict[str, str], value: str) -> None:
    found = EFFICIENCY.match(value)
    if found is None:
        raise ParseError(f"'{value[:60]}' is no efficiency.")
    percent = parse_percent(found[1])
    if found[2] is not None:
        asked = ASKED.match(found[2].strip())
        if asked is None:
            raise ParseError(f"'{found[2][:60]}' is no size.")
        size = parse_size(asked[1]) or None
        row["mem_requested_bytes"] = size
        row["mem_requested_gb"] = None if size is None else _gib(size)
    if found[2] is not None and row["mem_requested_bytes"] is None:
        reasons["mem_requested_bytes"] = reasons["mem_requested_gb"] = NOT_ASKED
        reasons["mem_efficiency"] = reasons["mem_efficiency_pct"] = NOT_ASKED
        return
    if "mem_used_bytes" in reasons:
        reasons["mem_efficiency"] = reasons["mem_efficiency_pct"] = NOT_SAMPLED
        return
    row["mem_efficiency"], row["mem_efficiency_pct"] = found[1].replace(" ", ""), percent


def _gib(size: int) -> float:
    return rounded(size / GIB, 2)


READERS: dict[str, Callable[[Row, dict[str, str], str], None]] = {
    "Job ID": _job_id("job_id"),
    "Array Job ID": _job_id("array_job_id"),
    "Cluster": _cluster,
    "State": _state,
    "Nodes": _count("nodes"),
    "Cores": _count("cores"),
    "CPU Utilized": _time("cpu_s", "cpu_s"),
    "CPU Efficiency": _cpu_efficiency,
    "Job Wall-clock time": _time("wall_time", "wall_s"),
    "Job Time Limit": _time("time_limit", "time_limit_s"),
    "Memory Utilized": _memory,
    "Memory Efficiency": _memory_efficiency,
}
"""What reads the text behind each of seff's labels."""
