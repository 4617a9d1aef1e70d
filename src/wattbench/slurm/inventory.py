"""What a cluster offers, read from the live scheduler: the first version of a partition file."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import yaml

from wattbench.errors import FaultError
from wattbench.slurm.calls import call

TIMEOUT_S = 30.0
MIB_PER_GIB = 1024
MIN_PER_DAY = 24 * 60
UNLIMITED_MIN = 7 * MIN_PER_DAY
"""Written for a partition without a limit: what no run should reach."""

GPU_MEMORY_GIB: Mapping[str, float] = {
    "p100": 16, "t4": 16, "a2": 16, "a10": 24, "a10g": 24, "a16": 16, "a30": 24, "a40": 48,
    "l4": 24, "l40": 48, "l40s": 48, "rtx4090": 24, "rtx3090": 24, "rtx2080ti": 11,
    "rtx_4090": 24, "rtx_3090": 24, "rtx_2080_ti": 11, "rtxa4000": 16, "rtxa5000": 24,
    "rtxa6000": 48, "a4000": 16, "a5000": 24, "a6000": 48, "rtx5000": 16, "rtx6000": 24,
    "rtx8000": 48, "h200": 141, "b200": 180, "gh200": 96,
}  # fmt: skip
"""GPU memory by Slurm's usual type names, in GiB (NVIDIA's data sheets)."""

SIZES: Mapping[str, str] = {"v100": "16 or 32", "a100": "40 or 80", "h100": "80 or 94"}
"""Types that were sold with several sizes: their name does not tell."""

ASKABLE = re.compile(r"[A-Za-z0-9_.]+")
"""Names of GPU types that Snakemake's Slurm plugin passes on."""


@dataclass(frozen=True)
class Node:
    """One node.

    Args:
        name: Its name.
        partitions: Partitions it belongs to.
        cpus: CPUs.
        memory_mib: Memory that jobs can have, in MiB.
        gpus: GPUs by type; the type is None where the site names none.
    """

    name: str
    partitions: tuple[str, ...]
    cpus: int
    memory_mib: int
    gpus: Mapping[str | None, int]


def _ask(*command: str) -> str:
    reply = call(command, timeout_s=TIMEOUT_S)
    if reply.reason is not None:
        raise FaultError(f"{reply.reason}.", mend="Run this on a login node of the cluster.")
    return reply.text


def cluster_text() -> str:
    """A partition file for the cluster that this machine belongs to.

    Raises:
        FaultError: Slurm cannot be asked.
    """
    return partition_file(
        _ask("scontrol", "show", "partition", "--oneliner"),
        _ask("scontrol", "show", "node", "--oneliner"),
    )


def partition_file(partitions: str, nodes: str) -> str:
    """The text of a partition file.

    Args:
        partitions: Output of `scontrol show partition`, one line each or many.
        nodes: Output of `scontrol show node`, one line each or many.

    Raises:
        FaultError: No partition with nodes is in them.
    """
    known = list(_nodes(nodes))
    lines = [
        "# What the cluster offers: complete it, and name it in the study as cluster.partitions.",
        "# Entries are tried for the fewest GPUs, then the least GPU memory, then in this order.",
        "# Remove what you may not use.",
        "partitions:",
    ]
    found = 0
    for fields in _records(partitions, "PartitionName"):
        name = fields["PartitionName"]
        own = [node for node in known if name in node.partitions]
        if fields.get("State", "UP") != "UP" or not own:
            continue
        found += 1
        limit = minutes(fields.get("MaxTime", "UNLIMITED"))
        lines += _entries(name, own, limit, _memory_limit(fields.get("MaxMemPerNode")))
    if not found:
        raise FaultError(
            "scontrol shows no partition that is up and has nodes.",
            mend="Ask `sinfo`; partitions that your account may not see are not shown.",
        )
    return "\n".join(lines) + "\n"


def _records(text: str, first: str) -> Iterator[dict[str, str]]:
    for block in re.split(rf"^(?={first}=)", text, flags=re.MULTILINE):
        if block.startswith(f"{first}="):
            yield dict(re.findall(r"(?:^|\s)([A-Za-z][\w/:]*)=(\S*)", block))


def _nodes(text: str) -> Iterator[Node]:
    for fields in _records(text, "NodeName"):
        cpus = fields.get("CPUEfctv") or fields.get("CPUTot")
        memory = fields.get("RealMemory")
        if not (cpus and cpus.isdecimal() and memory and memory.isdecimal()):
            continue
        reserved = fields.get("MemSpecLimit", "0")
        yield Node(
            name=fields["NodeName"],
            partitions=tuple(fields.get("Partitions", "").split(",")),
            cpus=int(cpus),
            memory_mib=int(memory) - (int(reserved) if reserved.isdecimal() else 0),
            gpus=gpus_of(fields.get("Gres", "")),
        )


def gpus_of(gres: str) -> dict[str | None, int]:
    """GPUs by type of a Gres field such as `gpu:a100:2(S:0-1),shard:4` or `gpu:4`."""
    found: dict[str | None, int] = {}
    for part in re.split(r",(?![^()]*\))", gres):
        match = re.fullmatch(r"gpu(?::([^:(]+?))??(?::(\d+))?(?:\(.*\))?", part.strip())
        if match:
            found[match[1]] = found.get(match[1], 0) + int(match[2] or 1)
    return found


def minutes(limit: str) -> int | None:
    """Minutes of a Slurm time limit (days-hours:minutes:seconds); None for no limit."""
    match = re.fullmatch(r"(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?", limit)
    if match is None:
        return None
    days, *rest = match.groups()
    parts = [int(part) for part in rest if part is not None]
    if days is not None:
        hours, minute = (*parts, 0)[:2]
    elif len(parts) == 3:
        hours, minute = parts[:2]
    else:
        hours, minute = 0, parts[0]
    return int(days or 0) * MIN_PER_DAY + hours * 60 + minute


def _memory_limit(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None


def _entries(
    name: str, nodes: Iterable[Node], limit: int | None, memory_limit: int | None
) -> Iterator[str]:
    """Lines of one partition: an entry for each kind of node, by its GPUs."""
    kinds: dict[tuple[str | None, int], list[Node]] = {}
    for node in nodes:
        for kind in node.gpus.items() or [(None, 0)]:
            kinds.setdefault(kind, []).append(node)
    for (gpu, count), own in kinds.items():
        entry = name if len(kinds) == 1 else _entry_name(name, gpu, count)
        memory = min(node.memory_mib for node in own)
        memory = memory if memory_limit is None else min(memory, memory_limit)
        plural = "" if len(own) == 1 else "s"
        yield f"  {_word(entry)}: # {len(own)} node{plural}"
        if entry != name:
            yield f"    partition: {_word(name)}"
        if count:
            if gpu is not None and not ASKABLE.fullmatch(gpu):
                yield f"    # its type {gpu} cannot be asked for by name; use constraint instead"
            elif gpu is not None:
                yield f"    gpu_type: {_word(gpu)}"
            yield f"    gpus_per_node: {count}"
            yield f"    gpu_memory_gib: {_gpu_memory(gpu)}"
        # Rounded down: a job that asks for more than the node has waits for ever.
        yield f"    memory_gib: {math.floor(memory / MIB_PER_GIB * 100) / 100:g}"
        yield f"    cpus: {min(node.cpus for node in own)}"
        if limit is None:
            yield f"    max_walltime_min: {UNLIMITED_MIN} # the partition has no limit"
        else:
            yield f"    max_walltime_min: {limit}"


def _entry_name(partition: str, gpu: str | None, count: int) -> str:
    return f"{partition}-{count}x{gpu or 'gpu'}" if count else f"{partition}-cpu"


def _word(text: str) -> str:
    """A name as YAML reads it back: quoted where it would be taken for a number or yes."""
    safe = re.fullmatch(r"[\w.-]+", text, re.ASCII) and yaml.safe_load(text) == text
    return text if safe else json.dumps(text)


def _gpu_memory(gpu: str | None) -> str:
    name = (gpu or "").lower()
    size = re.search(r"(\d+)gb?$", name)
    if name in GPU_MEMORY_GIB:
        return f"{GPU_MEMORY_GIB[name]:g}"
    if size:
        return f"{size[1]} # by its name"
    if name in SIZES:
        return (
            f"null # {SIZES[name]}: `nvidia-smi` on a node tells; no model is put here while null"
        )
    return "null # not known: `nvidia-smi` on a node tells; no model is put here while null"
