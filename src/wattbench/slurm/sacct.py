"""Reading what `sacct -P` prints: jobs, their attempts and their steps."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from wattbench.errors import InputError

FIELDS = (
    "JobID",
    "JobIDRaw",
    "State",
    "ExitCode",
    "Partition",
    "Account",
    "NodeList",
    "Start",
    "End",
    "ElapsedRaw",
    "TimelimitRaw",
    "AllocCPUS",
    "TotalCPU",
    "ReqMem",
    "NNodes",
    "MaxRSS",
    "ConsumedEnergyRaw",
    "AllocTRES",
)
"""Fields asked for; none of them is free text, which could hold the separator."""

SIZES = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40, "P": 2**50}
SIZE = re.compile(r"^(\d+(?:\.\d+)?)\s*([KMGTP]?)(?:i?B)?([nc]?)$", re.IGNORECASE)
DURATION = re.compile(r"^(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)(?:\.(\d+))?$")
NOT_A_TIME = frozenset({"", "Unknown", "None"})
NO_NODES = frozenset({"", "None assigned", "None", "(null)"})
ENERGY_NOT_MEASURED = frozenset({"", "0", "18446744073709551614", "4294967294"})
"""Slurm's 0 and NO_VAL: no energy plugin measured the job."""


class ParseError(InputError):
    """A line of sacct does not look as sacct's output does."""


@dataclass(frozen=True)
class Record:
    """One line of sacct: a job, or a step of it.

    Args:
        job: The job's id as people write it, such as 12, 13_4 or 14+1.
        raw_job: The job's id as a plain number.
        step: Name of the step (batch, extern, 0, ...), or None for the job itself.
        state: State in one word.
        exit_code: 'code:signal'.
        partition: Partition, or None.
        account: Account, or None.
        nodes: List of nodes as Slurm writes it, such as cpu[1-2], or None.
        started_at: Start, or None.
        ended_at: End, or None while it runs.
        elapsed_s: Wall time in seconds, or None.
        time_limit_s: Time limit in seconds, or None where there is none.
        cpus: CPUs given, or None.
        cpu_s: CPU time in seconds, or None.
        memory_requested_bytes: Memory asked for over all nodes, or None.
        memory_peak_bytes: Largest resident memory of a task, or None.
        energy_j: Slurm's ConsumedEnergy, or None where it was not measured.
        gpus: GPUs given; 0 where none were.
    """

    job: str
    raw_job: str
    step: str | None
    state: str
    exit_code: str | None
    partition: str | None
    account: str | None
    nodes: str | None
    started_at: datetime | None
    ended_at: datetime | None
    elapsed_s: float | None
    time_limit_s: float | None
    cpus: int | None
    cpu_s: float | None
    memory_requested_bytes: int | None
    memory_peak_bytes: int | None
    energy_j: float | None
    gpus: int | None


def parse_duration(text: str) -> float | None:
    """Seconds of '[days-][hours:]minutes:seconds[.fraction]'; None where nothing is said.

    Raises:
        ParseError: The text is no duration.
    """
    plain = text.strip()
    if plain in {"", "INVALID", "UNLIMITED", "Partition_Limit"}:
        return None
    found = DURATION.match(plain)
    if found is None:
        raise ParseError(f"sacct: '{text}' is no duration.")
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups()[:4])
    fraction = float(f"0.{found[5]}") if found[5] else 0.0
    return days * 86400 + hours * 3600 + minutes * 60 + seconds + fraction


def parse_size(text: str, *, cpus: int | None = None, nodes: int | None = None) -> int | None:
    """Bytes of '10764K', '1.5T' or the older '4Gn' and '100Mc'; None where nothing is said.

    Args:
        text: The text.
        cpus: CPUs given, for sizes per CPU ('c').
        nodes: Nodes given, for sizes per node ('n').

    Raises:
        ParseError: The text is no size.
    """
    plain = text.strip()
    if not plain or plain.startswith("?"):
        return None
    found = SIZE.match(plain)
    if found is None:
        raise ParseError(f"sacct: '{text}' is no size.")
    size = float(found[1]) * SIZES[found[2].upper()]
    if found[3]:
        per = cpus if found[3].lower() == "c" else nodes
        if per is None:
            return None
        size *= per
    return round(size)


def parse_state(text: str) -> str:
    """The state's one word: 'CANCELLED by 0' is CANCELLED, and 'CANCELLED+' is too."""
    words = text.split()
    if not words:
        raise ParseError("sacct: a job without a state.")
    return words[0].rstrip("+").upper()


def parse_gpus(tres: str) -> int | None:
    """Number of GPUs of 'cpu=1,gres/gpu:a100=2,gres/gpu=2'; None where nothing is said."""
    if not tres.strip():
        return None
    counts: dict[str, int] = {}
    for part in tres.split(","):
        name, _, count = part.partition("=")
        if name == "gres/gpu" or name.startswith("gres/gpu:"):
            try:
                counts[name] = int(count)
            except ValueError as error:
                raise ParseError(f"sacct: '{part}' is no number of GPUs.") from error
    if "gres/gpu" in counts:
        return counts["gres/gpu"]
    return sum(counts.values())


def _time(text: str) -> datetime | None:
    plain = text.strip()
    if plain in NOT_A_TIME:
        return None
    try:
        # sacct is asked with TZ=UTC and writes no offset.
        return datetime.fromisoformat(plain).replace(tzinfo=UTC)
    except ValueError as error:
        raise ParseError(f"sacct: '{text}' is no time.") from error


def _count(text: str) -> int | None:
    plain = text.strip()
    if plain in {"", "Unknown"}:
        return None
    try:
        return int(plain)
    except ValueError as error:
        raise ParseError(f"sacct: '{text}' is no count.") from error


def _limit_s(text: str) -> float | None:
    plain = text.strip()
    if plain in {"", "UNLIMITED", "Partition_Limit"}:
        return None
    minutes = _count(plain)
    return None if minutes is None else minutes * 60.0


def parse(text: str, fields: Sequence[str] = FIELDS) -> list[Record]:
    """Records of `sacct -P -n --format=<fields>`, in its order.

    Args:
        text: What sacct printed.
        fields: The fields asked for, in order.

    Raises:
        ParseError: A line has another number of fields, or a field cannot be read; the message
            names line and field.
    """
    records = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        cells = line.split("|")
        if len(cells) != len(fields):
            raise ParseError(
                f"sacct: {len(cells)} fields where {len(fields)} were asked for: {line[:120]!r}.",
                where=f"line {number}",
            )
        try:
            records.append(_record(dict(zip(fields, cells, strict=True))))
        except ParseError as error:
            raise ParseError(error.what, where=f"line {number}, {cells[0]}") from error
    return records


def _record(cell: dict[str, str]) -> Record:
    job, _, step = cell["JobID"].partition(".")
    raw_job = cell["JobIDRaw"].partition(".")[0]
    cpus, nodes = _count(cell["AllocCPUS"]), _count(cell["NNodes"])
    energy = cell["ConsumedEnergyRaw"].strip()
    node_list = cell["NodeList"].strip()
    elapsed = _count(cell["ElapsedRaw"])
    return Record(
        job=job,
        raw_job=raw_job,
        step=step or None,
        state=parse_state(cell["State"]),
        exit_code=cell["ExitCode"].strip() or None,
        partition=cell["Partition"].strip() or None,
        account=cell["Account"].strip() or None,
        nodes=None if node_list in NO_NODES else node_list,
        started_at=_time(cell["Start"]),
        ended_at=_time(cell["End"]),
        elapsed_s=None if elapsed is None else float(elapsed),
        time_limit_s=_limit_s(cell["TimelimitRaw"]),
        cpus=cpus,
        cpu_s=parse_duration(cell["TotalCPU"]),
        memory_requested_bytes=parse_size(cell["ReqMem"], cpus=cpus, nodes=nodes),
        memory_peak_bytes=parse_size(cell["MaxRSS"]),
        energy_j=None if energy in ENERGY_NOT_MEASURED else _energy(energy),
        gpus=parse_gpus(cell["AllocTRES"]),
    )


def _energy(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise ParseError(f"sacct: '{text}' is no energy.") from error


def expand_nodes(text: str) -> list[str]:
    """Names of 'cpu[1-2,07],gpu1': leading zeros are kept.

    Raises:
        ParseError: The brackets do not match.
    """
    names: list[str] = []
    depth, start = 0, 0
    parts: list[str] = []
    for place, character in enumerate(text):
        depth += (character == "[") - (character == "]")
        if character == "," and depth == 0:
            parts.append(text[start:place])
            start = place + 1
    parts.append(text[start:])
    if depth != 0:
        raise ParseError(f"sacct: '{text}' is no list of nodes.")
    for part in filter(None, parts):
        names += _expand(part)
    return names


def _expand(part: str) -> list[str]:
    head, bracket, rest = part.partition("[")
    if not bracket:
        return [part]
    inside, _, tail = rest.partition("]")
    names = []
    for piece in inside.split(","):
        low, dash, high = piece.partition("-")
        try:
            numbers = range(int(low), int(high if dash else low) + 1)
        except ValueError as error:
            raise ParseError(f"sacct: '{part}' is no list of nodes.") from error
        names += [f"{head}{number:0{len(low)}d}" for number in numbers]
    return [name for stem in names for name in _expand(stem + tail)] if tail else names
