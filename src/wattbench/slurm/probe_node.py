"""What the node told the probe, held against the login node."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wattbench.slurm import probe_script as script
from wattbench.slurm.probe import WALLTIME_MIN
from wattbench.slurm.probe_evidence import BLOCKS, MISSING, OK, Evidence, Finding, exit_code
from wattbench.slurm.site import Profile

LATENCY_FACTOR = 3.0
LATENCY_LEAST_S = 5.0
"""A wait of three round trips, and not less than Snakemake's own default."""


@dataclass(frozen=True)
class Here:
    """The login node, for comparing.

    Args:
        python: Path of its Python.
        python_version: Such as '3.11.2'.
        wattbench: Version.
        results: The results folder.
        weights: Names of the weight files that lie here.
    """

    python: str
    python_version: str
    wattbench: str
    results: Path
    weights: frozenset[str] = frozenset()


def folder(seen: Evidence, profile: Profile, here: Here) -> Iterator[Finding]:
    """Whether both see the same folders, and how late.

    Args:
        seen: The evidence.
        profile: The Snakemake profile.
        here: The login node.
    """
    what = "results folder"
    code = exit_code(seen.last) if not seen.visible or script.STEP not in seen.facts else None
    if not seen.visible:
        detail = {
            script.NO_FOLDER: f"{here.results} is not there on the node",
            script.NOT_WRITABLE: f"{here.results} cannot be written on the node",
        }.get(
            code if code is not None else -1,
            f"what the node wrote in {here.results} was not seen here"
            + (
                f", {seen.waited_for_files_s:.0f} s after the job ended"
                if seen.waited_for_files_s is not None
                else ""
            )
            + f"; the job ended as {seen.state or 'not known'}",
        )
        yield Finding(
            "node",
            what,
            BLOCKS,
            detail,
            "Set study.results, and work, on a file system that login and compute nodes share.",
        )
        return
    if code == script.NO_WORKPLACE:
        yield Finding(
            "node",
            "working directory",
            BLOCKS,
            f"{Path.cwd()} is not there on the node",
            "Start from a directory on a file system that login and compute nodes share.",
        )
    yield Finding("node", what, OK, f"{here.results} is shared")
    yield _latency(seen, profile)


def _latency(seen: Evidence, profile: Profile) -> Finding:
    what = "latency of files"
    trip = seen.round_trip_s
    if trip is None:
        waited = seen.waited_for_files_s
        late = f"; files came {waited:.0f} s after the job's end" if waited else ""
        return Finding("node", what, MISSING, f"not measured{late}")
    seconds = f"{trip:.1f} s from a file written here to the node's answer seen here"
    advised = max(LATENCY_LEAST_S, math.ceil(LATENCY_FACTOR * trip))
    if profile.latency_wait_s >= advised:
        said = f"latency-wait is {profile.latency_wait_s:g} s, {advised:g} s would do"
        return Finding("node", what, OK, f"{seconds}; {said}")
    return Finding(
        "node",
        what,
        MISSING,
        f"{seconds}; latency-wait is {profile.latency_wait_s:g} s",
        f"Set latency-wait: {advised:g} in the profile, or finished jobs are taken for failed.",
    )


def never_began(seen: Evidence) -> Iterator[Finding]:
    """Why a job that wrote its first file did no more."""
    if exit_code(seen.last) == script.NO_WORKPLACE:
        return
    said = last_line(seen.facts.get(script.SRUN_SAID)) or "nothing was said"
    yield Finding(
        "node", "the job's work", BLOCKS, f"it began and did nothing; {seen.state}; srun: {said}"
    )


def srun(seen: Evidence) -> Finding:
    """Whether the job's work ran in a step."""
    if seen.facts[script.STEP] == "srun":
        return Finding("node", "srun in the job", OK, "starts a step as Snakemake's jobs do")
    said = last_line(seen.facts.get(script.SRUN_SAID)) or "it said nothing"
    code = seen.facts.get(script.SRUN_CODE, "not known")
    return Finding(
        "node",
        "srun in the job",
        BLOCKS,
        f"exit code {code}: {said}",
        "Snakemake starts every job with srun, without any SLURM_ variable but the job's id: "
        "Slurm's configuration must be where srun looks by itself.",
    )


def node(seen: Evidence, here: Here) -> Iterator[Finding]:
    """Python, wattbench, GPUs, meters, the study's files and the scheduler, as the node sees them.

    Args:
        seen: The evidence.
        here: The login node.
    """
    facts = seen.facts
    python = facts.get(script.PYTHON)
    if python is None or not python.startswith("/"):
        yield Finding(
            "node",
            "Python",
            BLOCKS,
            f"{here.python} does not run there: {last_line(python) or 'it said nothing'}",
            "Install wattbench's environment on a file system that all nodes share.",
        )
    else:
        yield _lock(python.splitlines()[-1])
    program = facts.get(script.PROGRAM)
    if program is None:
        yield Finding(
            "node",
            "wattbench",
            BLOCKS,
            "not on PATH of the job",
            "Activate the environment before you start: jobs inherit the shell's PATH.",
        )
        return
    report = seen.report
    if report is None:
        slow = seen.state == "TIMEOUT" or script.READY not in facts
        said = last_line(facts.get(script.REPORT_ERRORS))
        detail = (
            f"`wattbench doctor` did not end within {WALLTIME_MIN} min" if slow else "no report"
        )
        yield Finding(
            "node",
            "wattbench",
            MISSING if slow else BLOCKS,
            f"{program}: {said or detail}",
            "A slow file system under the environment makes every job start slowly."
            if slow
            else None,
        )
        return
    machine = report.get("machine") or {}
    yield from _versions(machine, program, here)
    yield from _gpus(seen, machine)
    yield from _relayed(report.get("checks") or (), here)
    yield _squeue(facts.get(script.SQUEUE))


def _lock(said: str) -> Finding:
    what = "file locks"
    if said == script.LOCK_HELD:
        return Finding("node", what, OK, "a lock taken here is seen there")
    detail = "a lock taken here is not seen there" if said == script.LOCK_FREE else said
    return Finding(
        "node",
        what,
        MISSING,
        detail,
        "Of two jobs for one run that start at the same moment the lease file alone decides then: "
        "mount the results with locks where the site offers such a file system.",
    )


def _versions(machine: Mapping[str, Any], program: str, here: Here) -> Iterator[Finding]:
    version, python = machine.get("wattbench"), machine.get("python")
    if python == here.python_version and machine.get("executable") == here.python:
        yield Finding("node", "Python", OK, f"{python}, {here.python}")
    else:
        yield Finding(
            "node",
            "Python",
            OK if python == here.python_version else BLOCKS,
            f"{python} at {machine.get('executable')}; here {here.python_version} at {here.python}",
            None
            if python == here.python_version
            else "Activate one environment, on a file system that all nodes share.",
        )
    same = version == here.wattbench
    yield Finding(
        "node",
        "wattbench",
        OK if same else BLOCKS,
        f"{version} at {program}" + ("" if same else f"; here {here.wattbench}"),
        None if same else "Jobs would run other code than the workflow was planned with.",
    )


def _gpus(seen: Evidence, machine: Mapping[str, Any]) -> Iterator[Finding]:
    asked = seen.request.gpus
    given = tuple(map(str, (machine.get("job") or {}).get("gpus") or ()))
    what = "GPUs of the job"
    if not asked:
        detail = f"none asked for; {len(given)} given" if given else "none asked for"
        yield Finding("node", what, OK, detail)
        return
    detail = f"{asked} asked for, {len(given)} given ({', '.join(given) or 'none named'})"
    if len(given) != asked:
        yield Finding(
            "node",
            what,
            BLOCKS,
            detail,
            "Slurm gave the step other GPUs than the job asked for; try the other "
            "cluster.gpu_syntax.",
        )
    elif not seen.facts.get(script.CUDA):
        yield Finding(
            "node",
            what,
            MISSING,
            f"{detail}; CUDA_VISIBLE_DEVICES is not set there",
            "Where the site does not confine jobs to their GPUs, a model takes those of others.",
        )
    else:
        yield Finding("node", what, OK, f"{detail}; CUDA_VISIBLE_DEVICES={seen.facts[script.CUDA]}")


def _relayed(checks: Iterable[Mapping[str, Any]], here: Here) -> Iterator[Finding]:
    """What doctor said on the node that decides there: meters, the study's files, weights."""
    for check in checks:
        area, what, state = str(check["area"]), str(check["what"]), str(check["state"])
        detail, mend = str(check["detail"]), check.get("mend")
        if area in {"energy", "study"}:
            yield Finding("node", what, state, detail, mend)
        elif area == "weights" and state != OK and what in here.weights:
            yield Finding(
                "node",
                f"weights {what}",
                MISSING,
                f"{detail} there, though they lie here",
                "Set WATTBENCH_CACHE to a folder on a shared file system and fetch again.",
            )


def _squeue(said: str | None) -> Finding:
    if said is not None and "RUNNING" in said.split():
        return Finding("node", "squeue on the node", OK, "a job can ask whether another lives")
    return Finding(
        "node",
        "squeue on the node",
        MISSING,
        f"it said: {said}" if said else "it cannot be asked there",
        "A second job of the same run then tells a dead first one by its heartbeat alone.",
    )


def last_line(text: str | None) -> str | None:
    """The last line that says something, or None."""
    lines = [line.strip() for line in (text or "").splitlines() if line.strip()]
    return lines[-1][:300] if lines else None
