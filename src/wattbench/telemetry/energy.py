"""Energy of a run from its ledger: pure functions.

The run's energy is the sum over all its segments. One scope counts: the job's GPUs where it has
any; else the processors and memory of the node; else, where no meter covers the run and the
study configures one, an estimate from CPU time. What a meter did not see of a segment makes the
sum unknown, never smaller.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from wattbench.study.judgement import Energy
from wattbench.tables.contract import unknown, warning

Row = Mapping[str, Any]
Flag = dict[str, str]

GPUS = frozenset({"gpu"})
PROCESSORS = frozenset({"cpu", "memory"})
PLATFORM = frozenset({"platform"})
COVERS = {
    GPUS: "covers the job's GPUs; processors and memory are not in it",
    PROCESSORS: "covers processors and memory of the whole node, other processes on it too",
    PLATFORM: "covers the whole node, other processes on it too",
}
SQRT_3 = math.sqrt(3)

SHORT = "its phases are shorter than the sensor can resolve"
STILL = "its meter stood still, and no answer takes 0 J"
NO_CPU_TIME = "its CPU time was too short to be counted"

UNSEEN_S = 10.0
"""A segment without any sample may be that long and still be bounded by the others' power."""

LOADING = frozenset({"load", "warm_up"})
ANSWERING = frozenset({"answer"})
COLUMNS = (
    "energy_gross_j",
    "energy_gross_uncertainty_j",
    "energy_net_j",
    "energy_load_j",
    "energy_answer_j",
    "energy_answer_uncertainty_j",
)


@dataclass(frozen=True)
class RunEnergy:
    """Energy of a run; None where unknown, with the reason in `flags`.

    Args:
        method: 'counter', 'sampled', 'estimated' or 'mixed'.
        scope: What the meter covers: 'device', 'node' or 'process'.
        gross_j: All segments and phases, joules.
        gross_uncertainty_j: Its standard uncertainty.
        net_j: Gross less the idle baseline.
        load_j: Loading and warm-up.
        answer_j: Answering.
        answer_uncertainty_j: Its standard uncertainty.
        flags: Entries of `runs.flags`.
    """

    method: str | None = None
    scope: str | None = None
    gross_j: float | None = None
    gross_uncertainty_j: float | None = None
    net_j: float | None = None
    load_j: float | None = None
    answer_j: float | None = None
    answer_uncertainty_j: float | None = None
    flags: list[Flag] = field(default_factory=list)


@dataclass(frozen=True)
class _Part:
    """Energy of one device in one phase of one segment."""

    phase: str
    wall_s: float
    method: str
    energy_j: float
    uncertainty_j: float
    idle_w: float | None


def run_energy(segments: Sequence[Row], settings: Energy) -> RunEnergy:
    """Energy of a run.

    Standard uncertainties of parts add in quadrature (GUM 5.1.2); the meter's calibration is
    common to all parts, so it scales the sum. What a killed segment ran on after its last sign
    lies evenly between nothing and `lost_s` at the segment's mean power; the sum takes nothing,
    and the standard uncertainty of that choice is the whole over sqrt(3). A segment that was
    killed before its first sample is bounded in the same way, by the mean power of the others.

    Args:
        segments: All rows of `segments` of the run.
        settings: The study's energy section.
    """
    if not segments:
        return _unknown("the run has no segment")
    devices = [d for s in segments for p in s["phases"] for d in p["devices"]]
    kinds = _scope(segments, devices)
    own = [device for device in devices if device["kind"] in kinds]
    if not any(device["energy_j"] is not None for device in own):
        if kinds == GPUS:
            return _unknown(_first_reason(own) or "the job's GPUs were not measured")
        why = _first_reason(own) or "the machine has no energy meter that could be read"
        return _estimated(segments, settings, why)
    return _measured(segments, settings, kinds)


def _scope(segments: Sequence[Row], devices: Sequence[Row]) -> frozenset[str]:
    """Kinds of devices that make up the run's energy."""
    there = {device["kind"] for device in devices}
    if any(s["gpu_uuids"] for s in segments) or "gpu" in there:
        return GPUS
    return PLATFORM if "platform" in there and "cpu" not in there else PROCESSORS


def _unknown(reason: str, *more: Flag) -> RunEnergy:
    columns = ("energy_method", "energy_scope", *COLUMNS)
    return RunEnergy(flags=[*(unknown(column, reason) for column in columns), *more])


def _first_reason(devices: Iterable[Row]) -> str | None:
    return next((d["reason"] for d in devices if d["reason"]), None)


def _measured(segments: Sequence[Row], settings: Energy, kinds: frozenset[str]) -> RunEnergy:
    parts: list[_Part] = []
    flags: list[Flag] = []
    unseen = [segment for segment in segments if _is_unseen(segment, kinds)]
    for segment in segments:
        if segment in unseen:
            continue
        gap = _uncovered(segment, kinds)
        if gap is not None:
            return _unknown(f"segment {segment['number']}: {gap}")
        own = [
            _part(p, d)
            for p in segment["phases"]
            for d in p["devices"]
            if d["kind"] in kinds and not d.get("too_short")
        ]
        parts += own
        lost = _lost(segment, math.fsum(part.energy_j for part in own))
        if lost is not None:
            parts.append(lost)
            flags.append(_lost_flag(segment))
        flags += _gap_flags(segment, kinds)
        flags += _disagreements(segment, kinds, settings.calibration_relative_uncertainty)
    measured_s = math.fsum(s["duration_s"] for s in segments if s not in unseen)
    for segment in unseen:
        power = math.fsum(part.energy_j for part in parts) / measured_s
        parts.append(_Part("idle", 0.0, parts[0].method, 0.0, power * _all_s(segment) / SQRT_3, 0))
        flags.append(_unseen_flag(segment))
    calibration = settings.calibration_relative_uncertainty
    gross = math.fsum(part.energy_j for part in parts)
    if gross == 0 and measured_s > 0:
        return _unknown(STILL, *flags)
    load_j, _ = _of_phases(segments, parts, kinds, LOADING, calibration)
    answer_j, answer_uncertainty_j = _of_phases(segments, parts, kinds, ANSWERING, calibration)
    if load_j is None:
        flags.append(unknown("energy_load_j", SHORT))
    load_j, said = _own_load(segments, load_j)
    flags += said
    still = answer_j == 0 and any(part.wall_s > 0 and part.phase in ANSWERING for part in parts)
    if answer_j is None or still:
        why = STILL if still else SHORT
        flags += [unknown(f"energy_answer{end}_j", why) for end in ("", "_uncertainty")]
        answer_j = answer_uncertainty_j = None
    net = _net(parts, gross)
    if net is None:
        flags.append(unknown("energy_net_j", "no idle baseline was measured"))
    methods = sorted({part.method for part in parts})
    flags.append(warning("energy_gross_j", COVERS[kinds]))
    return RunEnergy(
        method=methods[0] if len(methods) == 1 else "mixed",
        scope="device" if kinds == GPUS else "node",
        gross_j=gross,
        gross_uncertainty_j=_combined(parts, calibration * gross),
        net_j=net,
        load_j=load_j,
        answer_j=answer_j,
        answer_uncertainty_j=answer_uncertainty_j,
        flags=flags,
    )


def _own_load(segments: Sequence[Row], load_j: float | None) -> tuple[float | None, list[Flag]]:
    """Energy of loading, which is none of the run's where another question set's carries it."""
    names = {s["loaded_in"]: None for s in segments if s.get("loaded_in")}
    if not names or load_j is None:
        return load_j, []
    text = f"one job loaded the model for several question sets: counted in {', '.join(names)}"
    if any(phase["phase"] in LOADING for s in segments for phase in s["phases"]):
        return load_j, [warning("energy_load_j", text)]
    return None, [unknown("energy_load_j", text)]


def _of_phases(
    segments: Sequence[Row],
    parts: Sequence[_Part],
    kinds: frozenset[str],
    phases: frozenset[str],
    calibration: float,
) -> tuple[float | None, float | None]:
    """Energy of some phases and its standard uncertainty; None where none of them was resolved.

    Stretches of them that were too short to resolve are in no part; what they took lies evenly
    between nothing and the power of the others over their length.
    """
    own = [part for part in parts if part.phase in phases]
    short_s = [
        phase["wall_s"]
        for segment in segments
        for phase in segment["phases"]
        for device in phase["devices"]
        if phase["phase"] in phases and device["kind"] in kinds and device.get("too_short")
    ]
    wall = math.fsum(part.wall_s for part in own)
    if wall <= 0 and short_s:
        return None, None
    energy = math.fsum(part.energy_j for part in own)
    power = energy / wall if wall > 0 else 0.0
    short = math.hypot(*(power * seconds / SQRT_3 for seconds in short_s))
    return energy, math.hypot(_combined(own, calibration * energy), short)


def _all_s(segment: Row) -> float:
    return float(segment["duration_s"] + segment["lost_s"])


def _is_unseen(segment: Row, kinds: frozenset[str]) -> bool:
    """Whether a segment ended before its meters could see anything, so that it can be bounded."""
    own = [d for phase in segment["phases"] for d in phase["devices"] if d["kind"] in kinds]
    if any(not device.get("too_short") for device in own):
        return False
    return _all_s(segment) <= UNSEEN_S and (bool(own) or segment["lost_s"] > 0)


def _unseen_flag(segment: Row) -> Flag:
    return warning(
        "energy_gross_j",
        f"segment {segment['number']} ended before a meter could see it; its up to "
        f"{_all_s(segment):.3g} s are not in the sum but in its uncertainty",
    )


def _gap_flags(segment: Row, kinds: frozenset[str]) -> list[Flag]:
    return [
        warning(
            "energy_gross_j",
            f"segment {segment['number']}: for {device['gap_s']:.3g} s of {phase['phase']} "
            f"{device['device']} gave no sample; what it took is estimated, and uncertain so",
        )
        for phase in segment["phases"]
        for device in phase["devices"]
        if device["kind"] in kinds and device.get("gap_s")
    ]


def _disagreements(segment: Row, kinds: frozenset[str], calibration: float) -> list[Flag]:
    """Where a counter and the sampled power of one device differ by more than both may be off."""
    flags: list[Flag] = []
    for phase in segment["phases"]:
        for device in phase["devices"]:
            other = device.get("sampled_j")
            if device["kind"] not in kinds or other is None or device["energy_j"] is None:
                continue
            energy = device["energy_j"]
            joint = math.hypot(
                device["uncertainty_j"] or 0.0,
                device["sampled_uncertainty_j"] or 0.0,
                calibration * energy,
                calibration * other,
            )
            if abs(energy - other) > 2 * joint:
                flags.append(
                    warning(
                        "energy_gross_j",
                        f"segment {segment['number']}, {phase['phase']}: the counter of "
                        f"{device['device']} says {energy:.4g} J, its sampled power {other:.4g} J",
                    )
                )
    return flags


def _uncovered(segment: Row, kinds: frozenset[str]) -> str | None:
    """Why a segment's energy is not known, or None where it is."""
    if not segment["phases"]:
        return "it has no phase"
    for phase in segment["phases"]:
        own = [device for device in phase["devices"] if device["kind"] in kinds]
        if not own:
            return "no meter was read"
        for device in own:
            if device["energy_j"] is None and not device.get("too_short"):
                return f"{device['device']} in phase {phase['phase']}: {device['reason']}"
    return None


def _part(phase: Row, device: Row) -> _Part:
    return _Part(
        phase["phase"],
        phase["wall_s"],
        device["method"],
        device["energy_j"],
        device["uncertainty_j"] or 0.0,
        device["idle_w"],
    )


def _lost(segment: Row, energy_j: float) -> _Part | None:
    """What a killed segment may have used after its last heartbeat, as uncertainty alone."""
    if segment["lost_s"] <= 0 or segment["duration_s"] <= 0:
        return None
    phases = segment["phases"]
    power = energy_j / segment["duration_s"]
    method = next(d["method"] for p in phases for d in p["devices"] if d["method"])
    return _Part(phases[-1]["phase"], 0.0, method, 0.0, power * segment["lost_s"] / SQRT_3, 0.0)


def _lost_flag(segment: Row) -> Flag:
    return warning(
        "energy_gross_j",
        f"segment {segment['number']} was killed; up to {segment['lost_s']:.3g} s of it are not "
        "in the sum but in its uncertainty",
    )


def _net(parts: Sequence[_Part], gross: float) -> float | None:
    if any(part.idle_w is None for part in parts):
        return None
    return gross - math.fsum((part.idle_w or 0.0) * part.wall_s for part in parts)


def _combined(parts: Sequence[_Part], common: float) -> float:
    return math.sqrt(math.fsum(part.uncertainty_j**2 for part in parts) + common**2)


def _estimated(segments: Sequence[Row], settings: Energy, why: str) -> RunEnergy:
    """CPU time x watts a core; the relative uncertainty is common to all of it."""
    if settings.estimate is None:
        return _unknown(f"{why}, and the study configures no estimate")
    watts, relative = settings.estimate.watts_per_core, settings.estimate.relative_uncertainty
    gross_s = _cpu_s(segments, None)
    if gross_s is None:
        return _unknown(f"{why}, and the CPU time that an estimate needs could not be read")
    load_s, answer_s = _cpu_s(segments, LOADING) or 0.0, _cpu_s(segments, ANSWERING) or 0.0
    if answer_s == 0:
        return _unknown(f"{why}, and {NO_CPU_TIME}")
    lost_j = [
        s["lost_s"] * s["cpu_s"] / s["duration_s"] * watts / SQRT_3
        for s in segments
        if s["lost_s"] > 0 and s["duration_s"] > 0
    ]
    gross, answer = gross_s * watts, answer_s * watts
    load_j, said = _own_load(segments, load_s * watts)
    return RunEnergy(
        method="estimated",
        scope="process",
        gross_j=gross,
        gross_uncertainty_j=math.sqrt(
            (relative * gross) ** 2 + math.fsum(lost * lost for lost in lost_j)
        ),
        net_j=None,
        load_j=load_j,
        answer_j=answer,
        answer_uncertainty_j=relative * answer,
        flags=[
            warning(
                "energy_gross_j",
                f"an estimate: CPU time x {watts:g} W a core, for {why}",
            ),
            unknown("energy_net_j", "an estimate from CPU time has no idle baseline"),
            *said,
            *(_lost_flag(segment) for segment in segments if segment["lost_s"] > 0),
        ],
    )


def _cpu_s(segments: Sequence[Row], phases: frozenset[str] | None) -> float | None:
    """CPU seconds of some phases, or of all; None where a segment's could not be read."""
    if phases is None:
        times = [segment["cpu_s"] for segment in segments]
    else:
        times = [p["cpu_s"] for s in segments for p in s["phases"] if p["phase"] in phases]
    return None if None in times else math.fsum(times)
