"""Where a job goes: the smallest place among a cluster's partitions that holds what it needs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from wattbench.study.cluster import Partition
from wattbench.study.vram import Unknown, Vram

MIB_PER_GIB = 1024
USABLE = 0.92
"""Share of a GPU's memory that a model may take: the driver, ECC and fragmentation need the rest
(an "80 GB" A100 shows 79.3 GiB, a "16 GB" T4 14.6)."""

CPUS_PER_GPU = 4


@dataclass(frozen=True)
class Need:
    """What a run's job needs.

    Args:
        gpus: GPUs that the study asks for, 0 for none; None leaves it to the model's size.
        vram: GPU memory of the model, why it is unknown, or None where no GPU holds it.
        vram_gib: GPU memory that the study gives, in GiB; it wins over `vram`.
        cpus: CPUs.
        memory_gib: Memory of the first attempt.
        walltime_min: Walltime of the first attempt.
        walltime_given: Whether the study says so: then no partition with less will do.
        partition: Entry of the partition file that the study names.
    """

    gpus: int | None
    vram: Vram | Unknown | None
    cpus: int | None
    memory_gib: float
    walltime_min: int
    vram_gib: float | None = None
    walltime_given: bool = False
    partition: str | None = None

    def each_gib(self, gpus: int) -> float | None:
        """GPU memory needed on each of several GPUs; None where unknown or no matter."""
        if self.vram_gib is not None:
            return self.vram_gib / gpus
        return self.vram.each_gib(gpus) if isinstance(self.vram, Vram) else None


@dataclass(frozen=True)
class Placement:
    """What a run's job asks of Slurm.

    Args:
        partition: Slurm's name of the partition; None leaves it to the profile.
        gpu_type: Slurm's name of the GPU type; None asks for any.
        gpus: GPUs.
        vram_gib: GPU memory that the model needs on all of them; None where not known or none.
        cpus: CPUs.
        memory_gib: Memory of the first attempt.
        memory_max_gib: What the partition's nodes have; None where not known.
        walltime_min: Walltime of the first attempt.
        walltime_max_min: The partition's longest; None where not known.
        qos: Quality of service; None leaves it to the study or the profile.
        constraint: Node features; None leaves them to the study or the profile.
    """

    partition: str | None
    gpu_type: str | None
    gpus: int
    vram_gib: float | None
    cpus: int
    memory_gib: float
    walltime_min: int
    memory_max_gib: float | None = None
    walltime_max_min: int | None = None
    qos: str | None = None
    constraint: str | None = None

    def memory_mib(self, attempt: int = 1) -> int:
        """Memory of an attempt in MiB: grows with it up to what the nodes have."""
        wanted = self.memory_gib * attempt
        if self.memory_max_gib is not None:
            wanted = min(wanted, self.memory_max_gib)
        return max(1, math.floor(wanted * MIB_PER_GIB))

    def walltime(self, attempt: int = 1) -> int:
        """Walltime of an attempt in minutes: grows with it up to the partition's longest."""
        wanted = self.walltime_min * attempt
        return wanted if self.walltime_max_min is None else min(wanted, self.walltime_max_min)

    def gpu_hours(self) -> float:
        """GPU-hours that the first attempt can take at most."""
        return self.gpus * self.walltime() / 60

    def gres(self) -> str | None:
        """GPUs as `--gres` takes them; None for none."""
        if not self.gpus:
            return None
        return ":".join(["gpu", *([self.gpu_type] if self.gpu_type else []), str(self.gpus)])


@dataclass(frozen=True)
class Misfit:
    """Why a run fits nowhere.

    Args:
        needs: What it would need, in words.
        reasons: What stands against each partition.
    """

    needs: str
    reasons: tuple[str, ...]

    def sentence(self) -> str:
        """The whole in one sentence."""
        return f"needs {self.needs}; {'; '.join(self.reasons)}"


def place(need: Need, partitions: Mapping[str, Partition]) -> Placement | Misfit:
    """The placement with the fewest GPUs, then the least GPU memory, then the first listed.

    Args:
        need: What the job needs.
        partitions: Entries of the partition file.
    """
    if isinstance(need.vram, Unknown) and need.gpus is None and need.vram_gib is None:
        mend = "give parameters_b and precision, or resources.vram_gib, or resources.gpus"
        return Misfit("GPU memory that cannot be estimated", (f"{need.vram.reason}: {mend}",))
    if need.partition is not None and need.partition not in partitions:
        known = ", ".join(partitions)
        return Misfit(f"partition '{need.partition}'", (f"the partition file has only: {known}",))
    entries = [
        (name, entry)
        for name, entry in partitions.items()
        if need.partition is None or name == need.partition
    ]
    # A model that could use a GPU runs without one where the cluster has none.
    wants_gpu = any(entry.gpus_per_node for _, entry in entries) or need.gpus or need.vram_gib
    reasons: list[str] = []
    found: list[tuple[int, float, int, Placement]] = []
    for order, (name, entry) in enumerate(entries):
        fit = _on(need, name, entry, wants_gpu=bool(wants_gpu))
        if isinstance(fit, Placement):
            # Where its size is unknown a GPU is taken for the largest: it is the last choice.
            memory = math.inf if entry.gpu_memory_gib is None else entry.gpu_memory_gib
            found.append((fit.gpus, memory if entry.gpus_per_node else 0.0, order, fit))
        else:
            reasons.append(f"{name}: {fit}")
    if found:
        return min(found, key=lambda one: one[:3])[3]
    return Misfit(needs(need), tuple(reasons))


def _on(need: Need, name: str, entry: Partition, *, wants_gpu: bool) -> Placement | str:
    """The job on one partition, or why not."""
    gpus = _gpus(need, entry) if wants_gpu and _may_use_gpus(need) else 0
    if isinstance(gpus, str):
        return gpus
    if need.memory_gib > entry.memory_gib:
        return f"its nodes have {entry.memory_gib:g} GiB of memory"
    cpus = need.cpus or min(CPUS_PER_GPU * gpus or 2, entry.cpus)
    if cpus > entry.cpus:
        return f"its nodes have {entry.cpus} CPUs"
    if need.walltime_given and need.walltime_min > entry.max_walltime_min:
        return f"its jobs end after {entry.max_walltime_min} min"
    each = need.each_gib(gpus) if gpus else None
    return Placement(
        partition=entry.partition or name,
        gpu_type=entry.gpu_type if gpus else None,
        gpus=gpus,
        vram_gib=None if each is None else each * gpus,
        cpus=cpus,
        memory_gib=need.memory_gib,
        walltime_min=need.walltime_min,
        memory_max_gib=entry.memory_gib,
        walltime_max_min=entry.max_walltime_min,
        qos=entry.qos,
        constraint=entry.constraint,
    )


def _may_use_gpus(need: Need) -> bool:
    if need.gpus is not None:
        return need.gpus > 0
    return need.vram is not None or need.vram_gib is not None


def _gpus(need: Need, entry: Partition) -> int | str:
    """Fewest GPUs of a node that hold the model, or why none do."""
    there = entry.gpus_per_node
    if not there:
        return "it has no GPUs"
    if need.gpus is not None and need.gpus > there:
        return f"its nodes have {there} GPUs"
    for gpus in _counts(need, there):
        each = need.each_gib(gpus)
        if each is None:
            return gpus
        if entry.gpu_memory_gib is None:
            named = need.partition is not None and need.gpus is not None
            return gpus if named else "its GPUs' memory is not known (gpu_memory_gib)"
        if each <= entry.gpu_memory_gib * USABLE:
            return gpus
    count = need.gpus or there
    room = count * (entry.gpu_memory_gib or 0) * USABLE
    return f"{count} x {entry.gpu_memory_gib:g} GiB of GPU memory hold {room:.1f} GiB"


def _counts(need: Need, there: int) -> Iterable[int]:
    return range(1, there + 1) if need.gpus is None else (need.gpus,)


def needs(need: Need) -> str:
    """What a job needs, in words."""
    return ", ".join(_needs(need))


def _needs(need: Need) -> Iterator[str]:
    if need.gpus:
        yield f"{need.gpus} GPU{'s' if need.gpus > 1 else ''}"
    if _may_use_gpus(need):
        count = need.gpus or 1
        if need.vram_gib is not None:
            yield f"{need.vram_gib:.1f} GiB of GPU memory"
        elif isinstance(need.vram, Vram):
            parts = f"weights {need.vram.weights_gib:.1f}, KV cache {need.vram.kv_gib:.1f}"
            yield f"about {need.vram.total_gib(count):.1f} GiB of GPU memory ({parts})"
    yield f"{need.memory_gib:g} GiB of memory"
    if need.cpus:
        yield f"{need.cpus} CPUs"
    if need.walltime_given:
        yield f"{need.walltime_min} min"
