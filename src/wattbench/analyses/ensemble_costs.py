"""What an ensemble takes: its members' figures together, and how sure the sum is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wattbench.analyses.joint import Metered
from wattbench.tables.contract import reason_for, unknown

Row = dict[str, Any]
SUMMED = ("energy_gross_j", "energy_net_j", "energy_load_j", "energy_answer_j")
UNCERTAIN = {
    "energy_gross_j": "energy_gross_uncertainty_j",
    "energy_answer_j": "energy_answer_uncertainty_j",
}
"""Columns of the standard uncertainty of a sum."""


@dataclass(frozen=True)
class Uncertainty:
    """Standard uncertainty of a sum of energies.

    Args:
        correlated_j: Part that members on the same meters have in common: their calibration.
        independent_j: Part that each member has of its own.
    """

    correlated_j: float
    independent_j: float

    @property
    def total_j(self) -> float:
        """Both together, in quadrature."""
        return math.hypot(self.correlated_j, self.independent_j)


def uncertainty_of_sum(
    members: Sequence[Mapping[str, Any]], column: str, meters: Sequence[Metered | None]
) -> Uncertainty | None:
    """Standard uncertainty of the members' energy together; None where one's is unknown.

    With s_i the part of member i that its meters' calibration gives, o_i the rest, and M the sets
    of members that the same meters read,

        correlated = sqrt(sum_M (sum_{i in M} s_i)^2)      independent = sqrt(sum_i o_i^2)

    (GUM, JCGM 100:2008, 5.2.2: input quantities that are fully correlated add, others add in
    quadrature). Where a member's meters are not known, all of its uncertainty counts as common to
    all such members, which is the largest it can be.

    Args:
        members: The members' rows of the table `runs`.
        column: The energy's column, of `UNCERTAIN`.
        meters: What each member's meters say, in the same order.
    """
    parts: list[tuple[float, float, float, str]] = []
    for member, one in zip(members, meters, strict=True):
        energy, total = member[column], member[UNCERTAIN[column]]
        if energy is None or total is None:
            return None
        share = total / energy if energy > 0 else 0.0
        shared = share if one is None else min(share, one.shared)
        own = math.sqrt(max(0.0, share**2 - shared**2))
        parts.append((energy, shared, own, "" if one is None else one.meters))
    return uncertainty_of(parts)


def uncertainty_of(parts: Sequence[tuple[float, float, float, str]]) -> Uncertainty:
    """Standard uncertainty of a sum of energies; see `uncertainty_of_sum`.

    Args:
        parts: Per member its energy, the standard uncertainty that its meters' calibration gives
            and the rest, both as shares of the energy, and the name of its meters.
    """
    common: dict[str, list[float]] = {}
    for energy, shared, _, meters in parts:
        common.setdefault(meters, []).append(shared * energy)
    return Uncertainty(
        correlated_j=math.hypot(*map(math.fsum, common.values())),
        independent_j=math.hypot(*(own * energy for energy, _, own, _ in parts)),
    )


def summed(
    members: Sequence[Mapping[str, Any]], meters: Sequence[Metered | None]
) -> tuple[Row, list[dict[str, str]]]:
    """Energy columns of an ensemble: what all its members took, and its flags.

    A sum is unknown where one member's figure is.

    Args:
        members: The members' rows of the table `runs`.
        meters: What each member's meters say, in the same order.
    """
    row: Row = {}
    flags = []
    for column in (*SUMMED, *UNCERTAIN.values()):
        why = _lacking(members, column)
        if why is not None:
            flags.append(unknown(column, why))
        row[column] = None if why is not None else math.fsum(member[column] for member in members)
    for column, uncertainty in UNCERTAIN.items():
        found = uncertainty_of_sum(members, column, meters)
        row[uncertainty] = None if found is None else found.total_j
    for column in ("energy_method", "energy_scope"):
        kinds = {member[column] for member in members}
        known = row["energy_gross_j"] is not None and None not in kinds
        row[column] = None if not known else kinds.pop() if len(kinds) == 1 else "mixed"
    return row, flags


def latencies(
    seconds: Sequence[Mapping[str, float]], asked: Iterable[str]
) -> tuple[float, float] | None:
    """Mean seconds of a question, members one after another and side by side.

    A member that was not asked a question takes no time for it.

    Args:
        seconds: Seconds by question, of each member.
        asked: Questions; those that no member was asked are left out.

    Returns:
        Both, or None where no member was asked any of the questions.
    """
    taken = [[one[id_] for one in seconds if id_ in one] for id_ in asked]
    taken = [times for times in taken if times]
    if not taken:
        return None
    sums = (math.fsum(map(function, taken)) / len(taken) for function in (math.fsum, max))
    return next(sums), next(sums)


def _lacking(members: Sequence[Mapping[str, Any]], column: str) -> str | None:
    """Why a sum over members is unknown, or None where it is known."""
    lacking = [member for member in members if member[column] is None]
    if not lacking:
        return None
    names = ", ".join(member["run"] for member in lacking)
    return f"of {names}: {reason_for(lacking[0], column) or 'no reason recorded'}"
