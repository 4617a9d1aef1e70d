"""What a site's jobs ask of Slurm before any model does: the study's `cluster`, and the profile."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wattbench.study.cluster import Cluster
from wattbench.study.demands import demands_of
from wattbench.study.models import Study
from wattbench.study.partitions import read_partitions
from wattbench.study.placement import Placement
from wattbench.study.yaml_reader import read_settings

PROFILE_FILES = ("profile.v9+.yaml", "config.v9+.yaml", "config.yaml")
LATENCY_WAIT_S = 5.0
FIRST_POLL_S = 40.0
"""What Snakemake and its plugin take where the profile says nothing."""


@dataclass(frozen=True)
class Profile:
    """What matters here of a Snakemake profile.

    Args:
        path: Its file, or None where there is none.
        every: Resources of all jobs, as `default-resources` gives them.
        runs: Resources of the rule `infer`, as `set-resources` gives them.
        latency_wait_s: Seconds that a job's files may show late.
        first_poll_s: Seconds before jobs are first asked about.
        status_command: Who is asked about them, or None where the plugin chooses.
    """

    path: Path | None
    every: Mapping[str, str] = field(default_factory=dict)
    runs: Mapping[str, str] = field(default_factory=dict)
    latency_wait_s: float = LATENCY_WAIT_S
    first_poll_s: float = FIRST_POLL_S
    status_command: str | None = None


NO_PROFILE = Profile(None)


def read_profile(name: str, folders: Iterable[Path]) -> Profile:
    """The profile that `snakemake --profile NAME` takes.

    Args:
        name: Its name, or a path of its folder.
        folders: Where profiles lie, first the one that wins.

    Returns:
        What it says; `NO_PROFILE` where there is none.

    Raises:
        InputError: Its file cannot be read.
    """
    for folder in (*(folder / name for folder in folders), Path(name)):
        for file in PROFILE_FILES:
            if (folder / file).is_file():
                return _profile(folder / file)
    return NO_PROFILE


def _profile(path: Path) -> Profile:
    values = read_settings(path).values
    status = values.get("slurm-status-command")
    return Profile(
        path=path,
        every=_resources(values.get("default-resources")),
        runs=_resources(values.get("set-resources"), rule="infer"),
        latency_wait_s=_seconds(values.get("latency-wait"), LATENCY_WAIT_S),
        first_poll_s=_seconds(values.get("slurm-init-seconds-before-status-checks"), FIRST_POLL_S),
        status_command=status if isinstance(status, str) else None,
    )


def _seconds(value: object, default: float) -> float:
    return float(value) if isinstance(value, int | float) else default


def _resources(value: Any, rule: str | None = None) -> dict[str, str]:
    """Resources by name, from a mapping or a list of `name=value` (`rule:name=value`)."""
    found: dict[str, Any] = {}
    if isinstance(value, Mapping):
        chosen = value.get(rule) if rule is not None else value
        found = dict(chosen) if isinstance(chosen, Mapping) else {}
    elif isinstance(value, list):
        for entry in value:
            key, _, given = str(entry).partition("=")
            of, _, key = key.rpartition(":")
            if (of or None) == rule:
                found[key] = given
    return {key: _unquoted(str(given)) for key, given in found.items() if given is not None}


def _unquoted(text: str) -> str:
    # Snakemake reads a resource as Python where it can, so that quotes may stand inside quotes.
    whole = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
    return text[1:-1] if whole else text


@dataclass(frozen=True)
class Request:
    """What the probe's job asks for, in the words that a run's job would use.

    Args:
        gpus: GPUs.
        gpu_type: Slurm's name of their type, or None for any.
        gpu_syntax: 'gpu' or 'gres'.
        partition: Partition, or None for Slurm's default.
        account: Account, or None for Slurm's default.
        qos: Quality of service, or None.
        constraint: Node features, or None.
        extra: Further flags of sbatch, or None.
    """

    gpus: int = 0
    gpu_type: str | None = None
    gpu_syntax: str = "gpu"
    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None
    extra: str | None = None

    def options(self) -> list[str]:
        """Flags of sbatch."""
        named = {
            "account": self.account,
            "partition": self.partition,
            "qos": self.qos,
            "constraint": self.constraint,
        }
        found = [f"--{name}={value}" for name, value in named.items() if value is not None]
        if self.gpus:
            wanted = f"{self.gpu_type}:{self.gpus}" if self.gpu_type else str(self.gpus)
            gres = self.gpu_syntax == "gres"
            found.append(f"--gres=gpu:{wanted}" if gres else f"--gpus={wanted}")
        try:
            return [*found, *shlex.split(self.extra or "")]
        except ValueError:
            # An open quote: sbatch says so in its own words.
            return [*found, *(self.extra or "").split()]


def request_of(
    study: Study | None, profile: Profile, *, partition: str | None = None, gpus: int | None = None
) -> Request:
    """What a run's job would ask of this site.

    The order of force is the workflow's: what the user types, `set-resources`, the study's
    partition file and `cluster`, `default-resources`.

    Args:
        study: The study, or None.
        profile: The profile.
        partition: Partition to try, or an entry of the partition file; None for that of the runs.
        gpus: GPUs to try; None for one where the study's runs want GPUs.

    Raises:
        InputError: The study's partition file cannot be used.
    """
    cluster = study.cluster if study is not None else Cluster()
    placed = _placement(study, partition, gpus)
    count = gpus if gpus is not None else (1 if placed is not None and placed.gpus else 0)
    runs = profile.runs if count or study is not None else {}
    first = placed if placed is not None else Placement(None, None, count, None, 1, 1, 1)

    def chosen(resource: str, *given: str | None) -> str | None:
        found = (runs.get(resource), *given, profile.every.get(resource))
        return next((one for one in found if one), None)

    return Request(
        gpus=count,
        gpu_type=chosen("gpu_model", first.gpu_type) if count else None,
        gpu_syntax=cluster.gpu_syntax,
        partition=(first.partition if partition and placed is not None else partition)
        or chosen("slurm_partition", first.partition, cluster.partition),
        account=chosen("slurm_account", cluster.account),
        qos=chosen("qos", first.qos, cluster.qos),
        constraint=chosen("constraint", first.constraint, cluster.constraint),
        extra=chosen("slurm_extra", cluster.extra),
    )


def _placement(study: Study | None, partition: str | None, gpus: int | None) -> Placement | None:
    """Where the partition file sends such a job; None where it does not say."""
    if study is None:
        return None
    if partition is not None:
        return _entry(study, partition, gpus or 0)
    demands = demands_of(study)
    found = [demands.of(run, 1) for run in study.models]
    placed = [one for one in found if isinstance(one, Placement)]
    fitting = [one for one in placed if gpus is None or bool(one.gpus) == bool(gpus)]
    return max(fitting, key=lambda one: one.gpus, default=None)


def _entry(study: Study, name: str, gpus: int) -> Placement | None:
    """The partition file's entry of a name, or of Slurm's name."""
    if study.cluster.partitions is None:
        return None
    for key, entry in read_partitions(Path(study.cluster.partitions)).items():
        if name in {key, entry.partition}:
            return Placement(
                partition=entry.partition or key,
                gpu_type=entry.gpu_type,
                gpus=gpus,
                vram_gib=None,
                cpus=1,
                memory_gib=entry.memory_gib,
                walltime_min=entry.max_walltime_min,
                qos=entry.qos,
                constraint=entry.constraint,
            )
    return None
