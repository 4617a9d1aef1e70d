"""What the probe's evidence means for a run: works, lacks something, or cannot work."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from wattbench.slurm import probe_script as script
from wattbench.slurm.probe import COMMENT, NEVER
from wattbench.slurm.probe_evidence import BLOCKS, MISSING, OK, Evidence, Finding
from wattbench.slurm.probe_node import Here, folder, never_began, node, srun
from wattbench.slurm.refusals import mend_of
from wattbench.slurm.site import Profile

AREAS = ("job", "node", "accounting")
SQUEUE_LINE = 'squeue --me -o "%.10i %.12P %.9T %.10M %.11l %k"'


def findings(seen: Evidence, profile: Profile, here: Here) -> list[Finding]:
    """Everything the probe saw.

    Args:
        seen: The evidence.
        profile: The Snakemake profile that runs are started with.
        here: The login node.
    """
    return sorted(_findings(seen, profile, here), key=lambda one: AREAS.index(one.area))


def _findings(seen: Evidence, profile: Profile, here: Here) -> Iterator[Finding]:
    yield _submission(seen)
    if seen.job_id is None:
        return
    yield _scheduling(seen)
    if not seen.started:
        return
    yield from folder(seen, profile, here)
    if seen.visible and script.STEP in seen.facts:
        yield srun(seen)
        yield from node(seen, here)
        yield _sigterm(seen)
    elif seen.visible:
        yield from never_began(seen)
    if seen.comment is not None or seen.visible:
        yield _comment(seen)
    yield from _accounting(seen)
    yield from _polling(seen, profile)


def _submission(seen: Evidence) -> Finding:
    if seen.refusal is None:
        where = f" on cluster {seen.cluster}" if seen.cluster else ""
        asked = " ".join(seen.request.options()) or "no partition, account or GPU named"
        return Finding("job", "submission", OK, f"job {seen.job_id}{where} ({asked})")
    return Finding("job", "submission", BLOCKS, seen.refusal, mend_of(seen.refusal))


def _scheduling(seen: Evidence) -> Finding:
    if seen.started:
        on = f" on {seen.last.nodes}" if seen.last is not None and seen.last.nodes else ""
        if seen.queued_s is None:
            return Finding("job", "scheduling", OK, f"ran{on}; its time in the queue is not known")
        return Finding("job", "scheduling", OK, f"ran{on} after {seen.queued_s:.0f} s in the queue")
    reason = seen.last.reason if seen.last is not None else None
    what = f"{seen.state or 'state not known'} ({reason or 'no reason given'})"
    if seen.controller_reason is not None:
        return Finding(
            "job",
            "scheduling",
            BLOCKS,
            f"{what}; {seen.controller_reason}",
            "Snakemake asks Slurm the same way and would not see its jobs end.",
        )
    if reason in NEVER:
        return Finding("job", "scheduling", BLOCKS, f"{what}: {seen.gave_up}", mend_of(str(reason)))
    if seen.gave_up is None:
        return Finding("job", "scheduling", BLOCKS, f"{what}: it ended without having run")
    return Finding(
        "job",
        "scheduling",
        MISSING,
        f"{what}: {seen.gave_up}; what comes after was not tried",
        "Give more --timeout-s, or try another --partition.",
    )


def _sigterm(seen: Evidence) -> Finding:
    if seen.sigterm_s is not None:
        return Finding("job", "SIGTERM", OK, f"reached the job after {seen.sigterm_s:.1f} s")
    detail = seen.sigterm_reason or (
        "it did not reach the job"
        if script.READY in seen.facts
        else "not tried, for the node was not ready in time"
    )
    return Finding(
        "job",
        "SIGTERM",
        MISSING,
        detail,
        "A run that reaches its limit is then cut off; its answers are kept, its last heartbeat "
        "bounds the energy.",
    )


def _comment(seen: Evidence) -> Finding:
    if seen.comment == COMMENT:
        return Finding("job", "comment in squeue", OK, f"seen; which model runs: {SQUEUE_LINE}")
    return Finding(
        "job",
        "comment in squeue",
        MISSING,
        f"squeue shows {seen.comment or 'none'}",
        "squeue will not say which model a job runs; Snakemake's own output does.",
    )


def _accounting(seen: Evidence) -> Iterator[Finding]:
    if seen.last is not None and seen.controller_reason is None:
        yield Finding("accounting", "scontrol", OK, f"knows the job: {seen.state}")
    else:
        reason = seen.controller_reason or "it does not know the job"
        yield Finding("accounting", "scontrol", MISSING, reason)
    if seen.accounting_s is not None:
        detail = f"knew the job's end {seen.accounting_s:.0f} s after it: {seen.accounting}"
        yield Finding("accounting", "sacct", OK, detail)
    else:
        yield Finding(
            "accounting",
            "sacct",
            MISSING,
            seen.accounting_reason or f"not asked, for the job was not over: {seen.gave_up}",
            "Runs go on without it; the next `snakemake` asks for what is missing.",
        )
    for tool, reply, instead in (
        ("seff", seen.seff, "sacct holds the same facts"),
        ("jobstats", seen.jobstats, "it has little to say of a job this short"),
    ):
        if reply is not None and reply.reason is None:
            yield Finding("accounting", tool, OK, "answers")
        elif reply is not None:
            yield Finding("accounting", tool, MISSING, f"{reply.reason}; {instead}")


def _polling(seen: Evidence, profile: Profile) -> Iterator[Finding]:
    if profile.path is None:
        yield Finding(
            "accounting",
            "profile",
            MISSING,
            "no such Snakemake profile: nothing was taken from it",
            "`wattbench install-profiles`, or name one with --profile.",
        )
        return
    if profile.status_command != "squeue" or seen.min_job_age_s is None:
        return
    needed = 3 * profile.first_poll_s
    age = f"the controller remembers jobs for {seen.min_job_age_s:.0f} s (MinJobAge)"
    if seen.min_job_age_s >= needed:
        yield Finding("accounting", "polling", OK, f"{age}; the profile needs {needed:.0f} s")
        return
    yield Finding(
        "accounting",
        "polling",
        MISSING,
        f"{age}, {needed:.0f} s are needed to poll by squeue: Snakemake asks sacct",
        "Runs then need slurmdbd to be up; lower slurm-init-seconds-before-status-checks to "
        f"{max(1, int(seen.min_job_age_s / 3))} only where no job ends and is forgotten "
        "between two polls (they grow to 180 s).",
    )


def figures(seen: Evidence) -> dict[str, Any]:
    """The probe's figures for other programs; None is not known."""
    return {
        "job_id": seen.job_id,
        "cluster": seen.cluster,
        "command": seen.command,
        "state": seen.state,
        "node": seen.last.nodes if seen.last is not None else None,
        "queued_s": seen.queued_s,
        "first_file_s": _rounded(seen.seen_after_s),
        "file_round_trip_s": _rounded(seen.round_trip_s),
        "sigterm_s": _rounded(seen.sigterm_s),
        "accounting_s": _rounded(seen.accounting_s),
        "min_job_age_s": seen.min_job_age_s,
        "node_machine": (seen.report or {}).get("machine"),
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
