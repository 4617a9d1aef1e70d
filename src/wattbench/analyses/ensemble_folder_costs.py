"""What an ensemble of result folders takes: its members' figures together."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from wattbench.analyses.artifact_figures import power_of, times_of, tokens_of
from wattbench.analyses.artifacts import Experiment
from wattbench.analyses.ensemble_costs import latencies

Row = dict[str, Any]
ASSUMED = "the members' meters err alike, the largest it can be: no folder says which they share"
"""What the uncertainty of the energies' sum assumes."""

LATENCIES = ("latency_sequential_s", "latency_parallel_s")
NONE = "the folder holds none"


def costs_of(members: Mapping[str, Experiment], asked: Sequence[str]) -> Row:
    """What the members take together; under `unknown`, why a figure is null.

    A sum is unknown where one member's figure is.

    Args:
        members: The members by name.
        asked: Ids of the questions that a member answered.
    """
    row: Row = {}
    reasons: dict[str, str] = {}
    figures = {name: _figures(one) for name, one in members.items()}
    for column in next(iter(figures.values())):
        values = [figure[column][0] for figure in figures.values()]
        lacking = [name for name, figure in figures.items() if figure[column][0] is None]
        row[column] = None if lacking else _sum(values)
        if lacking:
            reasons[column] = f"of {', '.join(lacking)}: {figures[lacking[0]][column][1]}"
    row["energy_uncertainty_assumes"] = ASSUMED
    seconds, why = _latencies(members, asked)
    row |= dict(zip(LATENCIES, seconds, strict=True))
    reasons |= {name: why for name, value in zip(LATENCIES, seconds, strict=True) if value is None}
    return row | {"unknown": reasons}


def _figures(one: Experiment) -> dict[str, tuple[float | None, str]]:
    """A member's figures, and why each would be unknown."""
    power, times, tokens = power_of(one), times_of(one), tokens_of(one)
    part = power.measured_gpus is not None and power.measured_gpus < (power.gpus or 0)
    energy = f"of its {power.gpus} GPUs {power.measured_gpus} was measured"
    uncounted = tokens.reason or "0 is written, which is no count"
    return {
        "energy_j": (
            None if part else power.energy_j, energy if part else power.reason or NONE,
        ),
        "energy_uncertainty_j": (
            None if part else power.uncertainty_j,
            energy if part else "its folder holds no uncertainty of its energy",
        ),
        "input_tokens": (tokens.prompt or None, uncounted),
        "output_tokens": (tokens.completion or None, uncounted),
        "estimated_cost_usd": (tokens.price, tokens.price_reason or "no price is recorded"),
        "total_time_seconds": (times.wall_s, NONE),
    }  # fmt: skip


def _sum(values: Iterable[float | None]) -> float:
    """Sum of known values; of whole numbers a whole number."""
    known = [value for value in values if value is not None]
    whole = all(isinstance(value, int) for value in known)
    return sum(known) if whole else math.fsum(known)


def _latencies(
    members: Mapping[str, Experiment], asked: Sequence[str]
) -> tuple[tuple[float | None, float | None], str]:
    """Mean seconds of a question, members one after another and side by side, or why not."""
    seconds: list[Mapping[str, float]] = []
    for name, one in members.items():
        own = {i: a.latency_s for i, a in one.answers.items() if a.latency_s is not None}
        if len(own) < len(one.answers) or not own:
            why = f"of {name}: the seconds of {len(one.answers) - len(own)} questions are unknown"
            break
        seconds.append(own)
    else:
        return latencies(seconds, asked) or (None, None), "no question was answered"
    # The means of runs on the same questions add, whatever the single questions took.
    means = [times_of(one).latency_mean_s for one in members.values()]
    alike = all(one.answers.keys() == set(asked) for one in members.values())
    return (None if None in means or not alike else _sum(means), None), why
