"""Reading what `sacct -P` prints: jobs, their attempts and their steps."""

from __future__ import annotations

import math
import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from wattbench.errors import ParseError
from wattbench.slurm.units import NO_VALUES, parse_count, parse_duration, parse_size

FIELDS = (
    "JobID",
    "JobIDRaw",
    "State",
    "ExitCode",
    "DerivedExitCode",
    "Cluster",
    "Partition",
    "Account",
    "NodeList",
    "Submit",
    "Start",
    "End",
    "ElapsedRaw",
    "TimelimitRaw",
    "AllocCPUS",
    "NTasks",
    "TotalCPU",
    "ReqMem",
    "NNodes",
    "MaxRSS",
    "MaxRSSNode",
    "MaxRSSTask",
    "ConsumedEnergyRaw",
    "AllocTRES",
    "AdminComment",
)
"""Fields asked for; the last alone is free text, which may hold the separator."""

JOB_ID = re.compile(r"^[0-9]+(?:_(?:[0-9]+|\[[^\]|]*\])|\+[0-9]+)?(?:\.[^|]+)?$")
NOT_A_TIME = frozenset({"", "Unknown", "None", "N/A", "(null)"})
NO_NODES = frozenset({"", "None assigned", "None", "(null)"})
RANGE = re.compile(r"^([0-9]{1,9})(?:-([0-9]{1,9}))?$")
LONGEST_LIST = 100_000
"""Nodes that one list may name; no cluster has as many."""


@dataclass(frozen=True)
class Record:
    """One line of sacct: a job, or a step of it.

    Args:
        job: The job's id as people write it, such as 12, 13_4 or 14+1.
        raw_job: The job's id as a plain number.
        step: Name of the step (batch, extern, 0, ...), or None for the job itself.
        state: State in one word.
        exit_code: 'code:signal'.
        derived_exit_code: Highest exit code of the steps; for the job's own line, else None.
        cluster: Name of the cluster, or None.
        partition: Partition, or None.
        account: Account, or None.
        nodes: List of nodes as Slurm writes it, such as cpu[1-2], or None.
        node_count: Number of nodes, or None.
        submitted_at: Submission, or None.
        started_at: Start, or None.
        ended_at: End, or None while it runs.
        elapsed_s: Wall time in seconds, or None.
        time_limit_s: Time limit in seconds, or None where there is none.
        cpus: CPUs given, or None.
        tasks: Tasks of a step, or None.
        cpu_s: CPU time in seconds, or None.
        memory_requested_bytes: Memory asked for over all nodes, or None.
        memory_peak_bytes: Largest resident memory of a task, or None where it was not sampled.
        memory_peak_node: Node of that task, or None.
        memory_peak_task: Number of that task, or None.
        energy_j: Slurm's ConsumedEnergy, or None where it was not measured.
        gpus: GPUs given, or None where the TRES name none, which they also do where the
            cluster does not track GPUs.
        admin_comment: The administrator's comment, where jobstats keeps its summary, or None.
    """

    job: str
    raw_job: str
    step: str | None
    state: str
    exit_code: str | None
    derived_exit_code: str | None
    cluster: str | None
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
    tasks: int | None
    cpu_s: float | None
    memory_requested_bytes: int | None
    memory_peak_bytes: int | None
    memory_peak_node: str | None
    memory_peak_task: int | None
    energy_j: float | None
    gpus: int | None
    admin_comment: str | None


def parse_state(text: str) -> str:
    """The state's one word: 'CANCELLED by 0' is CANCELLED, and 'CANCELLED+' is too."""
    words = text.split()
    if not words:
        raise ParseError("a job without a state.")
    return words[0].rstrip("+").upper()


def parse_gpus(tres: str) -> int | None:
    """Number of GPUs of 'cpu=1,gres/gpu:a100=2,gres/gpu=2'; None where no GPU is named.

    A cluster whose AccountingStorageTRES leaves out gres/gpu writes the same text for a job with
    GPUs as for one without, so that no name does not mean none.

    Raises:
        ParseError: A count is no number.
    """
    counts: dict[str, int] = {}
    for part in tres.split(","):
        name, _, count = part.partition("=")
        if name == "gres/gpu" or name.startswith("gres/gpu:"):
            number = parse_count(count)
            if number is None:
                raise ParseError(f"'{part[:60]}' is no number of GPUs.")
            counts[name] = number
    if "gres/gpu" in counts:
        return counts["gres/gpu"]
    return sum(counts.values()) if counts else None


def parse_memory(tres: str) -> int | None:
    """Bytes of the 'mem=' of 'cpu=1,mem=500M,node=1', over all nodes; None where none is named.

    Raises:
        ParseError: It is no size.
    """
    for part in tres.split(","):
        name, _, amount = part.partition("=")
        if name == "mem":
            return parse_size(amount) or None
    return None


def parse_sacct_time_limit(text: str) -> str | None:
    """The time limit of `sacct -j ID --format=Timelimit -P -n`, as sacct writes it.

    Args:
        text: What sacct printed; its first line is the job's, the rest are steps'.

    Returns:
        The limit, such as '1-00:00:00', or None where there is none ('UNLIMITED',
        'Partition_Limit', 'Unknown', nothing, or words that are no limit).
    """
    first = next(iter(text.strip().splitlines()), "").strip()
    try:
        return first if parse_duration(first) is not None else None
    except ParseError:
        return None


def parse_time(text: str) -> datetime | None:
    """A point in time that Slurm's tools wrote under TZ=UTC; None where nothing is said.

    Raises:
        ParseError: The text is no time.
    """
    plain = text.strip()
    if plain in NOT_A_TIME:
        return None
    try:
        return datetime.fromisoformat(plain).replace(tzinfo=UTC)
    except ValueError as error:
        raise ParseError(f"'{text[:60]}' is no time.") from error


def parse(
    text: str,
    fields: Sequence[str] = FIELDS,
    *,
    source: str = "sacct",
    first_line: int = 1,
    broken: dict[str, ParseError] | None = None,
) -> list[Record]:
    """Records of `sacct -P -n --format=<fields>`, in its order.

    Args:
        text: What sacct printed.
        fields: The fields asked for, in order; a free text may be the last.
        source: What is read, for messages: a file's name or 'sacct'.
        first_line: Number of the text's first line in that source.
        broken: Takes the error of every line that cannot be read, by the job id it starts
            with, in place of raising it: one job's odd line is not to cost the others theirs.

    Raises:
        ParseError: A line has another number of fields, or a field cannot be read; the message
            names line and field.
    """
    records = []
    for number, line in _lines(text, fields, first_line):
        try:
            records.append(_line_record(line, fields, f"{source}, line {number}"))
        except ParseError as error:
            job = line.partition("|")[0].partition(".")[0]
            if broken is None or not JOB_ID.match(job):
                raise
            broken.setdefault(job, error)
    return records


def _line_record(line: str, fields: Sequence[str], where: str) -> Record:
    cells = line.split("|", len(fields) - 1)
    if len(cells) != len(fields) or (fields[-1] not in FREE_TEXT and "|" in cells[-1]):
        raise ParseError(
            f"{line.count('|') + 1} fields where {len(fields)} were asked for: {line[:120]!r}.",
            where=where,
        )
    try:
        return _record(dict(zip(fields, cells, strict=True)))
    except ParseError as error:
        raise ParseError(error.what, where=f"{where}, {cells[0][:40]}") from error


FREE_TEXT = frozenset({"AdminComment", "Comment", "SubmitLine", "JobName", "WorkDir"})
NEEDED = ("JobID", "State")
"""Without these a line says nothing of a job."""


def parse_with_header(text: str, *, source: str = "sacct") -> list[Record]:
    """Records of `sacct -P` with its header: any fields in any order.

    Args:
        text: What sacct printed.
        source: What is read, for messages.

    Raises:
        ParseError: The header does not name the job and its state, or a line cannot be read.
    """
    lines = text.split("\n")
    place = next((number for number, line in enumerate(lines) if line.strip()), None)
    if place is None:
        return []
    fields = [name.strip() for name in lines[place].split("|")]
    missing = [name for name in NEEDED if name not in fields]
    if missing or len(set(fields)) != len(fields):
        raise ParseError(
            f"the header names no {' and no '.join(missing)}."
            if missing
            else "the header names a field twice.",
            where=f"{source}, line {place + 1}",
            mend="Give what `sacct -P` prints, with its header.",
        )
    return parse("\n".join(lines[place + 1 :]), fields, source=source, first_line=place + 2)


def _lines(text: str, fields: Sequence[str], first_line: int) -> Iterator[tuple[int, str]]:
    """Lines of records: what stands on a line of its own within a comment goes on the record."""
    held: tuple[int, str] | None = None
    for number, line in enumerate(text.split("\n"), start=first_line):
        plain = line.rstrip("\r")
        if not plain.strip():
            continue
        short = plain.count("|") < len(fields) - 1 and not JOB_ID.match(plain.partition("|")[0])
        if short and held is not None and fields[-1] in FREE_TEXT:
            held = held[0], f"{held[1]}\n{plain}"
            continue
        if held is not None:
            yield held
        held = number, plain
    if held is not None:
        yield held


def _record(cell: Mapping[str, str]) -> Record:
    def text(name: str, nothing: Container[str] = ("", "(null)")) -> str | None:
        plain = cell.get(name, "").strip()
        return None if plain in nothing else plain

    def count(name: str) -> int | None:
        return parse_count(cell.get(name, ""))

    if not JOB_ID.match(cell["JobID"].strip()):
        raise ParseError(f"'{cell['JobID'][:60]}' is no job id.")
    job, _, step = cell["JobID"].strip().partition(".")
    raw_job = cell.get("JobIDRaw", job).strip().partition(".")[0]
    if not raw_job.isascii() or not (raw_job.isdigit() or JOB_ID.match(raw_job)):
        raise ParseError(f"'{raw_job[:60]}' is no job id.")
    cpus, nodes = count("AllocCPUS"), count("NNodes")
    elapsed = count("ElapsedRaw")
    limit = count("TimelimitRaw")
    requested = parse_size(cell.get("ReqMem", ""), cpus=cpus, nodes=nodes) or None
    if requested is None and not step:
        # slurmdbd loses ReqMem of a job whose end it hears of before its start.
        requested = parse_memory(cell.get("AllocTRES", ""))
    tasks = count("NTasks")
    return Record(
        job=job,
        raw_job=raw_job,
        step=step or None,
        state=parse_state(cell["State"]),
        exit_code=text("ExitCode"),
        derived_exit_code=text("DerivedExitCode"),
        cluster=text("Cluster"),
        partition=text("Partition"),
        account=text("Account"),
        nodes=text("NodeList", NO_NODES),
        node_count=nodes,
        submitted_at=parse_time(cell.get("Submit", "")),
        started_at=parse_time(cell.get("Start", "")),
        ended_at=parse_time(cell.get("End", "")),
        elapsed_s=parse_duration(cell.get("Elapsed", "")) if elapsed is None else float(elapsed),
        time_limit_s=parse_duration(cell.get("Timelimit", "")) if limit is None else limit * 60.0,
        cpus=cpus,
        tasks=tasks,
        cpu_s=parse_duration(cell.get("TotalCPU", "")),
        memory_requested_bytes=requested,
        # Whatever ran held memory: 0 is what accounting writes of a step it never sampled.
        memory_peak_bytes=parse_size(cell.get("MaxRSS", "")) or None,
        memory_peak_node=text("MaxRSSNode"),
        memory_peak_task=count("MaxRSSTask"),
        energy_j=_energy(cell.get("ConsumedEnergyRaw", "")),
        gpus=parse_gpus(cell.get("AllocTRES", "")),
        admin_comment=text("AdminComment"),
    )


def _energy(text: str) -> float | None:
    """Joules; Slurm's 0 and NO_VAL mean that no energy plugin measured the job."""
    plain = text.strip()
    if not plain:
        return None
    try:
        value = float(plain)
    except ValueError as error:
        raise ParseError(f"'{text[:60]}' is no energy.") from error
    if not math.isfinite(value) or value < 0:
        raise ParseError(f"'{text[:60]}' is no energy.")
    return None if value == 0 or value in NO_VALUES else value


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
        if depth not in (0, 1):
            break
        if character == "," and depth == 0:
            parts.append(text[start:place])
            start = place + 1
    parts.append(text[start:])
    if depth != 0:
        raise ParseError(f"'{text[:60]}' is no list of nodes.")
    for part in filter(None, parts):
        names += _expand(part)
    return names


def _expand(part: str) -> list[str]:
    head, bracket, rest = part.partition("[")
    if not bracket:
        return [part]
    inside, _, tail = rest.partition("]")
    names: list[str] = []
    for piece in inside.split(","):
        found = RANGE.match(piece)
        low, high = (found[1], found[2] or found[1]) if found else ("1", "0")
        if int(high) < int(low) or int(high) - int(low) + len(names) > LONGEST_LIST:
            raise ParseError(f"'{part[:60]}' is no list of nodes.")
        names += [
            f"{head}{number:0{len(low)}d}{end}"
            for number in range(int(low), int(high) + 1)
            for end in (_expand(tail) if tail else ("",))
        ]
        if len(names) > LONGEST_LIST:
            raise ParseError(f"'{part[:60]}' is no list of nodes.")
    return names
