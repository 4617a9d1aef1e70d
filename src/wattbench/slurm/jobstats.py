"""Reading jobstats: its JSON, the summary it keeps in AdminComment, and its notes."""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
import shutil
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

from wattbench.errors import ParseError
from wattbench.slurm.calls import Reply, call
from wattbench.slurm.units import rounded

Row = dict[str, Any]
TIMEOUT_S = 30.0
GIB = 2**30
PREFIX = "JS1:"
SHORT = "jobstats keeps nothing of a job this short"
NO_DATA = "jobstats had no data of this job"
LOWER_CASED = (
    "the comment was lower-cased when it was stored (sacctmgr of some versions does that), "
    "which destroys its base64"
)
LARGEST_BYTES = 1 << 24
"""A summary of a thousand nodes with eight GPUs each is below a megabyte."""

COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
RULE = re.compile(r"^[=\-_]{3,}$")
LINK = re.compile(r"^(?:[*\u2022]\s*)?https?://\S+$")
CLOSING = re.compile(r"^(?:[*\u2022]\s*)?(?:see the .+ below|have a nice day)", re.IGNORECASE)
MORE_INFO = re.compile(r"\s*For more info(?:rmation)?:$")
QOS = re.compile(r"ran in the .* QOS")
BULLETS = ("*", "\u2022")


def check_jobstats_available() -> bool:
    """Whether a program named jobstats is on PATH."""
    return shutil.which("jobstats") is not None


def ask_jobstats(job_id: str, *, json_mode: bool = True) -> Reply:
    """What `jobstats -j ID` prints, or `jobstats -n ID` for the text with its notes.

    Args:
        job_id: The job's id.
        json_mode: Whether the JSON is wanted.
    """
    reply = call(["jobstats", "-j" if json_mode else "-n", job_id], timeout_s=TIMEOUT_S)
    if reply.reason is None and not reply.text.strip():
        return Reply(
            "", f"jobstats printed nothing {f'but: {reply.warning}' * bool(reply.warning)}"
        )
    return reply


def run_jobstats(job_id: str, json_mode: bool = True) -> Row | str | None:  # noqa: FBT001, FBT002
    """The JSON of jobstats as a dictionary, or its text; None where it has nothing to say.

    `ask_jobstats` and `read_json_text` say why.

    Args:
        job_id: The job's id.
        json_mode: Whether the JSON is wanted.
    """
    reply = ask_jobstats(job_id, json_mode=json_mode)
    if reply.reason is not None:
        return None
    if not json_mode:
        return reply.text
    try:
        return read_json_text(reply.text)
    except ParseError:
        return None


def read_json_text(text: str, *, source: str = "jobstats") -> Row:
    """The JSON that jobstats prints; what stands before its brace is passed over.

    Args:
        text: What jobstats printed.
        source: What is read, for messages.

    Raises:
        ParseError: It is no JSON, or names no node.
    """
    short = text.strip()
    if short in {"Short", "None", ""}:
        raise ParseError(SHORT if short == "Short" else NO_DATA, where=source)
    try:
        found = json.loads(text[max(text.find("{"), 0) :], parse_constant=_refuse)
    except RecursionError as error:
        raise ParseError("JSON nested too deeply.", where=source) from error
    except ValueError as error:
        line = getattr(error, "lineno", 1)
        raise ParseError(
            f"no JSON of jobstats: {error}.", where=f"{source}, line {line}"
        ) from error
    if not isinstance(found, dict) or not isinstance(found.get("nodes"), dict):
        raise ParseError("JSON without nodes.", where=source)
    if not found["nodes"]:
        raise ParseError(NO_DATA, where=source)
    return found


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is no number")


def read_admin_comment(comment: str | None, *, source: str = "AdminComment") -> Row | None:
    """The summary of jobstats out of a job's AdminComment: JS1: and base64(gzip(JSON)).

    Args:
        comment: The comment; other programs may have written theirs before or after it.
        source: What is read, for messages.

    Returns:
        The JSON, or None where the comment holds no summary at all.

    Raises:
        ParseError: There is a summary, but the job was too short for it, it was lower-cased
            on its way, or it is otherwise broken.
    """
    if comment is None:
        return None
    place = comment.find(PREFIX)
    if place < 0:
        if PREFIX.lower() in comment:
            raise ParseError(LOWER_CASED, where=source)
        return None
    payload = comment[place + len(PREFIX) :].split(maxsplit=1)
    packed = payload[0] if payload else ""
    if packed in {"Short", "None", ""}:
        raise ParseError(SHORT if packed == "Short" else NO_DATA, where=source)
    if packed == packed.lower() and len(packed) > 40:
        raise ParseError(LOWER_CASED, where=source)
    try:
        unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        whole = unpacker.decompress(base64.b64decode(packed, validate=True), LARGEST_BYTES)
    except (binascii.Error, zlib.error, ValueError) as error:
        raise ParseError(f"a broken summary of jobstats: {error}.", where=source) from error
    if not unpacker.eof:
        raise ParseError("a summary of jobstats that is cut off or too large.", where=source)
    return read_json_text(whole.decode("utf-8", errors="replace"), source=source)


def parse_jobstats_json(js_data: Mapping[str, Any], *, source: str = "jobstats") -> Row:
    """CPU, memory and GPU figures of jobstats' JSON; None for what it does not say.

    A figure over all nodes is None where a node lacks its part: a partial sum is no figure.

    Args:
        js_data: The JSON as `read_json_text` or `read_admin_comment` gives it.
        source: What is read, for messages.

    Returns:
        cpu_cores, wall_time_seconds, cpu_efficiency_pct (CPU time over cores x wall time),
        cpu_mem_used_gb, cpu_mem_allocated_gb, cpu_mem_efficiency_pct, gpu_util_pct (mean over
        GPUs), gpu_mem_used_gb and gpu_mem_total_gb (sums over GPUs, GiB), nodes (names); and
        cpu_s, cpu_mem_used_bytes, cpu_mem_allocated_bytes, gpu_mem_used_bytes,
        gpu_mem_total_bytes, gpus: a row a GPU with node, gpu, util_pct, mem_used_bytes,
        mem_total_bytes. `reasons` says of every None why it is one.

    Raises:
        ParseError: A figure is no number, or below 0.
    """
    nodes = js_data.get("nodes")
    if not isinstance(nodes, dict) or not all(isinstance(node, dict) for node in nodes.values()):
        raise ParseError("JSON without nodes.", where=source)
    number = _Reader(source)
    wall = number(js_data, "total_time", "total_time") or None
    cores = _whole(_sum(number(n, "cpus", f"nodes.{k}.cpus") for k, n in nodes.items())) or None
    cpu_s = _sum(number(n, "total_time", f"nodes.{k}.total_time") for k, n in nodes.items())
    used = _whole(
        _sum(number(n, "used_memory", f"nodes.{k}.used_memory") for k, n in nodes.items())
    )
    given = _whole(
        _sum(number(n, "total_memory", f"nodes.{k}.total_memory") for k, n in nodes.items())
    )
    gpus = [row for name, node in nodes.items() for row in _gpus(name, node, number)]
    gpu_util = _mean(row["util_pct"] for row in gpus)
    gpu_used = _whole(_sum(row["mem_used_bytes"] for row in gpus))
    gpu_total = _whole(_sum(row["mem_total_bytes"] for row in gpus))
    share = None if None in {wall, cores, cpu_s} else cpu_s / (wall * cores)  # type: ignore[operator]
    # A process that ran held memory, so that a sum of 0 is one that was not sampled.
    used, given, gpu_total = used or None, given or None, gpu_total or None
    row: Row = {
        "cpu_cores": cores,
        "wall_time_seconds": None if wall is None else (round(wall) or None),
        "cpu_s": cpu_s,
        "cpu_efficiency_pct": None if share is None else rounded(100 * share, 1),
        "cpu_mem_used_bytes": used,
        "cpu_mem_allocated_bytes": given,
        "cpu_mem_used_gb": _gib(used, 2),
        "cpu_mem_allocated_gb": _gib(given, 2),
        "cpu_mem_efficiency_pct": _percent(used, given),
        "gpu_util_pct": None if gpu_util is None else rounded(gpu_util, 1),
        "gpu_mem_used_bytes": gpu_used,
        "gpu_mem_total_bytes": gpu_total,
        "gpu_mem_used_gb": _gib(gpu_used, 1),
        "gpu_mem_total_gb": _gib(gpu_total, 1),
        "gpus": gpus,
        "nodes": list(nodes),
    }
    row["reasons"] = {
        key: "no GPU is named"
        if key.startswith("gpu_") and not gpus
        else "jobstats does not say it of every node"
        for key, value in row.items()
        if value is None
    }
    return row


class _Reader:
    """Reads numbers of the JSON, and names the place of what is none."""

    def __init__(self, source: str) -> None:
        self._source = source

    def __call__(self, holder: Mapping[str, Any], key: str, place: str) -> float | None:
        value = holder.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ParseError(f"'{str(value)[:60]}' is no number.", where=f"{self._source}, {place}")
        if not 0 <= value < 1e18 or not math.isfinite(value):
            raise ParseError(f"{value:.6g} is no such figure.", where=f"{self._source}, {place}")
        return value


def _gpus(name: str, node: Mapping[str, Any], number: _Reader) -> list[Row]:
    columns = {
        "util_pct": "gpu_utilization",
        "mem_used_bytes": "gpu_used_memory",
        "mem_total_bytes": "gpu_total_memory",
    }
    found: dict[str, Row] = {}
    for column, key in columns.items():
        held = node.get(key)
        if held is None:
            continue
        if not isinstance(held, dict):
            raise ParseError(f"nodes.{name}.{key} holds no GPUs.")
        for gpu in held:
            row = found.setdefault(gpu, {"node": name, "gpu": gpu, **dict.fromkeys(columns)})
            row[column] = number(held, gpu, f"nodes.{name}.{key}.{gpu}")
    return [found[gpu] for gpu in sorted(found, key=lambda gpu: (len(gpu), gpu))]


def extract_jobstats_notes(text: str) -> list[str]:
    """What jobstats advises, one message an item, without links, rules and greetings.

    Args:
        text: What `jobstats ID` or `jobstats -n ID` printed.
    """
    messages: list[list[str]] = []
    begun = False
    fresh = True
    for line in COLOUR.sub("", text).splitlines():
        plain = line.strip()
        if not begun:
            begun = plain.lower().startswith("notes")
            continue
        if not plain or RULE.match(plain) or LINK.match(plain) or CLOSING.match(plain):
            fresh = True
            continue
        bullet = plain.startswith(BULLETS)
        if bullet:
            plain = plain[1:].strip()
        if bullet or fresh:
            messages.append([])
        messages[-1].append(plain)
        fresh = MORE_INFO.search(plain) is not None
    joined = (MORE_INFO.sub("", " ".join(parts)).strip() for parts in messages)
    return [message for message in joined if message and not QOS.search(message)]


def _sum(values: Iterable[float | None]) -> float | None:
    known = list(values)
    return sum(known) if known and None not in known else None  # type: ignore[arg-type]


def _mean(values: Iterable[float | None]) -> float | None:
    known = list(values)
    total = _sum(known)
    return None if total is None else total / len(known)


def _whole(value: float | None) -> int | None:
    """Whole bytes or CPUs; less than one is not none."""
    if value is None or 0 < value < 1:
        return None
    return round(value)


def _gib(value: int | None, digits: int) -> float | None:
    return None if value is None else rounded(value / GIB, digits)


def _percent(part: int | None, whole: int | None) -> float | None:
    return None if part is None or not whole else rounded(100 * part / whole, 1)
