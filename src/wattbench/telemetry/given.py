"""Which GPUs are the job's: what the environment says, matched with the GPUs that are seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

ALL = "all"
"""Every GPU there is: a machine of one's own, where nothing says which."""

UNSAID = "unsaid"
"""A scheduler's job that is not told which GPUs are its own: none may be counted."""

NOT_SAID = "nothing says which GPUs of the node are the job's"
MIG_SLICE = "a MIG slice has no energy meter of its own"


@dataclass(frozen=True)
class Visible:
    """A GPU that NVML shows.

    Args:
        index: Its place in NVML's order, that of the bus.
        uuid: Its UUID, or None where it does not answer.
        name: Its name, or None.
        error: Why it does not answer, or None.
    """

    index: int
    uuid: str | None
    name: str | None
    error: str | None = None


def given_gpus(env: Mapping[str, str]) -> tuple[str, ...] | None:
    """GPUs given to this process as UUIDs or indices; None where nothing says."""
    for name in ("CUDA_VISIBLE_DEVICES", "SLURM_STEP_GPUS", "SLURM_JOB_GPUS"):
        text = env.get(name)
        if text is None:
            continue
        found: list[str] = []
        for part in text.split(","):
            item = part.strip()
            # CUDA ends its list at the first entry that names no device.
            if not item or item.startswith("-") or item == "NoDevFiles":
                break
            found.append(item)
        return tuple(found)
    return None


def measured_gpus(env: Mapping[str, str]) -> tuple[str, ...]:
    """GPUs to measure for a process that is to have some.

    Where nothing says which, they are all of them, but in a scheduler's job: there the others may
    be a neighbour's.

    Args:
        env: Environment variables.
    """
    given = given_gpus(env)
    if given is not None:
        return given
    return (UNSAID,) if "SLURM_JOB_ID" in env else (ALL,)


def named_gpus(
    given: Sequence[str], visible: Sequence[Visible], *, by_bus: bool
) -> tuple[list[str], dict[str, str]]:
    """UUIDs of the GPUs that were given, each once, and why a name stands for none.

    An index counts in CUDA's order, which is that of the bus only where CUDA_DEVICE_ORDER says so
    or all GPUs are alike; else the fastest comes first, and the index may be a neighbour's GPU.

    Args:
        given: Names: UUIDs, beginnings of UUIDs, or indices.
        visible: GPUs that are seen.
        by_bus: Whether an index is a place on the bus.
    """
    if tuple(given) == (UNSAID,):
        return [], {"gpus": NOT_SAID}
    if tuple(given) == (ALL,):
        if not visible:
            return [], {ALL: "NVML shows no GPU"}
        mute = {f"GPU {v.index}": v.error or "it has no UUID" for v in visible if v.uuid is None}
        return [v.uuid for v in visible if v.uuid is not None], mute
    wanted: list[str] = []
    refused: dict[str, str] = {}
    for name in given:
        uuid, why = _named(name, visible, by_bus=by_bus)
        if uuid is None:
            refused[name] = why or "no such GPU"
        elif uuid not in wanted:
            wanted.append(uuid)
    return wanted, refused


def _named(name: str, visible: Sequence[Visible], *, by_bus: bool) -> tuple[str | None, str | None]:
    if name.startswith("MIG-"):
        return None, MIG_SLICE
    if not name.isdigit():
        found = [v.uuid for v in visible if v.uuid is not None and v.uuid.startswith(name)]
        if len(found) == 1:
            return found[0], None
        return None, "NVML shows no such GPU" if not found else "several GPUs begin with this UUID"
    kinds = {v.name for v in visible}
    if not by_bus and len(kinds) > 1:
        return None, (
            "the node has GPUs of several kinds, and an index counts them in CUDA's order: "
            "set CUDA_DEVICE_ORDER=PCI_BUS_ID"
        )
    one = next((v for v in visible if v.index == int(name)), None)
    if one is None:
        return None, f"NVML shows {len(visible)} GPUs and none of this index"
    return one.uuid, one.error
