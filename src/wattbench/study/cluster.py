"""Study section of the cluster, and the entries of a partition file; no part of any identity."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from wattbench.study.section import Name, Section, Text


class Cluster(Section):
    """The cluster that jobs go to; changing it never makes a result invalid."""

    partitions: Text | None = None
    """Partition file (YAML): `wattbench partitions` writes a first version of it. With it, what
    a model's job asks for is derived from the model; without it, `models.*.resources` and the
    profile say so."""

    gpu_syntax: Literal["gpu", "gres"] = "gpu"
    """How GPUs are asked for: `--gpus=TYPE:N`, or `--gres=gpu:TYPE:N` where a site takes only
    that."""

    on_misfit: Literal["error", "skip"] = "error"
    """A model that no partition can hold: refuse the study, or leave the model out and say so."""

    account: Text | None = None
    """Account that pays for all jobs; default: the profile's, else Slurm's."""

    partition: Text | None = None
    """Partition of the small jobs, and of all where there is no partition file; default: the
    profile's, else Slurm's."""

    qos: Text | None = None
    """Quality of service of all jobs; a partition's own wins."""

    constraint: Text | None = None
    """Node features that all jobs need, as `sbatch --constraint` takes them; a partition's own
    wins."""

    extra: Text | None = None
    """Further flags of sbatch for all jobs, such as `--mail-type=FAIL`."""


class Partition(Section):
    """One kind of node of one partition."""

    partition: Text | None = None
    """Slurm's name of the partition, where two kinds of node make it two entries."""

    gpu_type: Text | None = Field(default=None, pattern=r"^[A-Za-z0-9_.]+$")
    """Slurm's name of the GPU type, as in `gpu:TYPE:N`; null asks for any."""

    gpus_per_node: int = Field(default=0, ge=0, le=64)

    gpu_memory_gib: float | None = Field(default=None, gt=0)
    """Memory of one GPU; null where it is not known: no model is put there by its size then."""

    memory_gib: float = Field(gt=0)
    """Memory that jobs can have of a node."""

    cpus: int = Field(ge=1)
    """CPUs of a node."""

    max_walltime_min: int = Field(ge=1)
    """Longest job."""

    qos: Text | None = None
    """Quality of service that this partition wants."""

    constraint: Text | None = None
    """Node features that choose these nodes, as `sbatch --constraint` takes them."""


class PartitionFile(Section):
    """A partition file: what a cluster offers, one entry for each kind of node."""

    partitions: dict[Name, Partition] = Field(min_length=1)
