"""Segments that ran at the same time, as the ranks of one job do: each GPU counts once.

Ranks that share a GPU each read its one meter. What the later segment read while the earlier one
read the same GPU is taken out of the later one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wattbench.records import Record
from wattbench.tables.contract import warning

Row = dict[str, Any]


@dataclass(frozen=True)
class Lived:
    """A segment's row and when it was lived.

    Args:
        row: Its row of `segments`.
        start: Its first record of the ledger.
        end: Moment of its end, by the machine's monotonic clock.
    """

    row: Row
    start: Record
    end: float

    @property
    def machine(self) -> tuple[str, Any]:
        """One start of one machine: within it monotonic clocks agree."""
        return self.start["job"]["host"], self.start["boot"]

    def shared_s(self, other: Lived) -> float:
        """Seconds that both were lived on one machine."""
        if self.machine != other.machine:
            return 0.0
        start: float = max(self.start["mono"], other.start["mono"])
        return max(0.0, min(self.end, other.end) - start)


def count_once(lived: Sequence[Lived]) -> None:
    """Take out of each segment what an earlier one has counted, and name nodes that none has.

    Args:
        lived: All segments of a run, in the order they began; their rows are changed.
    """
    for place, one in enumerate(lived):
        for earlier in lived[:place]:
            shared = one.shared_s(earlier)
            if shared > 0:
                _take_out(one, earlier, shared)
        _name_unseen_nodes(one, lived)


def _take_out(one: Lived, earlier: Lived, shared_s: float) -> None:
    counted = _devices(earlier.row)
    share = shared_s / (one.end - one.start["mono"])
    twice: dict[str, None] = {}
    for phase in one.row["phases"]:
        for device in phase["devices"]:
            key = device["device"], device["kind"]
            if key not in counted or device["energy_j"] is None:
                continue
            # When in the phase the two met is not kept: the rest is as uncertain as it is large.
            rest = device["energy_j"] * max(0.0, 1 - share)
            device["energy_j"] = rest
            device["uncertainty_j"] = math.hypot(
                device["uncertainty_j"] or 0.0, rest / math.sqrt(3)
            )
            device["sampled_j"] = device["sampled_uncertainty_j"] = None
            if device["idle_w"] is not None:
                device["idle_w"] *= max(0.0, 1 - share)
            twice[device["device"]] = None
    if twice:
        one.row["flags"].append(
            warning(
                "phases",
                f"for {shared_s:.3g} s segment {earlier.row['number']} measured "
                f"{', '.join(twice)} too: counted there",
            )
        )


def _devices(row: Mapping[str, Any]) -> set[tuple[str, str]]:
    return {
        (device["device"], device["kind"])
        for phase in row["phases"]
        for device in phase["devices"]
        if device["energy_j"] is not None
    }


def _name_unseen_nodes(one: Lived, lived: Sequence[Lived]) -> None:
    """A job of several nodes has GPUs on each: those of a node without a segment are unknown."""
    job = one.start["job"]
    if not one.start["gpus"] or len(job["nodes"]) < 2:
        return
    seen = {
        _short(other.start["job"]["host"])
        for other in lived
        if (other.start["job"]["job_id"], other.start["job"]["attempt"])
        == (job["job_id"], job["attempt"])
    }
    for node in job["nodes"]:
        if _short(node) in seen:
            continue
        for phase in one.row["phases"]:
            phase["devices"].append(_unseen(node))


def _short(host: str) -> str:
    return host.split(".", 1)[0]


def _unseen(node: str) -> Row:
    return {
        "device": f"GPUs of {node}",
        "kind": "gpu",
        "scope": "device",
        "method": None,
        "energy_j": None,
        "uncertainty_j": None,
        "sampled_j": None,
        "sampled_uncertainty_j": None,
        "gap_s": None,
        "too_short": False,
        "idle_w": None,
        "reason": f"the job has GPUs on node {node} too, where nothing measured",
    }
