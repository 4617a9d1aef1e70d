"""Wrappers of Slurm's client programs: they find the cluster, and count who calls them."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from tests.slurm.installing import program
from tests.slurm.settings import Settings

CLIENTS = (
    "sacct",
    "sacctmgr",
    "salloc",
    "sattach",
    "sbatch",
    "sbcast",
    "scancel",
    "scontrol",
    "sdiag",
    "seff",
    "sinfo",
    "sprio",
    "squeue",
    "sreport",
    "srun",
    "sshare",
    "sstat",
    "strigger",
)
# Snakemake's jobstep plugin takes every SLURM_* variable away, SLURM_CONF with them, so a client
# has to find the cluster without. One line a call, in one write: jobs call at the same time.
WRAPPER = """#!/bin/sh
printf '%s\\n' "{name}$(printf '\\t%s' "$@" | tr '\\n' ' ')" >> {log}
SLURM_CONF={conf}
export SLURM_CONF
exec {program} "$@"
"""


@dataclass(frozen=True)
class Call:
    """One call of a client.

    Args:
        name: The client, such as sacct.
        arguments: Its arguments; line breaks in them became blanks.
    """

    name: str
    arguments: tuple[str, ...]


def write_wrappers(settings: Settings) -> None:
    """Write the wrappers of all clients this machine has."""
    folder = settings.folder / "bin"
    folder.mkdir(exist_ok=True)
    for name in CLIENTS:
        path = program(name)
        if path is None or Path(path).parent == folder:
            continue
        wrapper = folder / name
        wrapper.write_text(
            WRAPPER.format(
                name=name,
                log=shlex.quote(str(calls_log(settings.folder))),
                conf=shlex.quote(str(settings.slurm_conf)),
                program=path,
            )
        )
        wrapper.chmod(0o755)


def calls_log(folder: Path) -> Path:
    """The log of calls."""
    return folder / "calls.log"


def read_calls(folder: Path) -> list[Call]:
    """All calls so far, in order."""
    try:
        lines = calls_log(folder).read_text().splitlines()
    except FileNotFoundError:
        return []
    calls = []
    for line in lines:
        name, *arguments = line.split("\t")
        calls.append(Call(name, () if arguments == [""] else tuple(arguments)))
    return calls
