"""What the probe can see of a job, and how one thing that it saw is reported."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from wattbench.slurm.calls import Reply
from wattbench.slurm.scontrol import Job
from wattbench.slurm.site import Request

OK = "ok"
MISSING = "missing"
BLOCKS = "blocks"


@dataclass
class Evidence:
    """What was seen; every figure is None where it was not.

    Args:
        request: What was asked for.
        command: The sbatch line, without the script's path.
        refusal: Why the job could not be submitted, in Slurm's words.
        job_id: The job.
        cluster: Its cluster, where sbatch names one.
        last: What the controller said of it last.
        controller_reason: Why the controller could not be asked the last time.
        gave_up: Why it was not waited for to its end.
        comment: Its comment as squeue prints it.
        queued_s: Seconds from submission to start, by Slurm's clock, which counts whole seconds.
        seen_after_s: Seconds from submission until its first file was seen here.
        round_trip_s: Seconds from a file written here to the node's answer seen here.
        sigterm_s: Seconds from scancel to the trap's file seen here.
        sigterm_reason: Why the signal could not be sent.
        visible: Whether any file of the node was seen.
        waited_for_files_s: Seconds that were waited for one after the job ended.
        facts: What the node told, by file.
        report: What `wattbench doctor --json` said on the node.
        accounting_s: Seconds from the job's end until sacct knew it.
        accounting: Its state by sacct.
        accounting_reason: Why sacct says nothing of its end.
        seff: seff's answer.
        jobstats: jobstats' answer, where the site has it.
        min_job_age_s: Seconds that the controller remembers a job that ended.
    """

    request: Request
    command: list[str] = field(default_factory=list)
    refusal: str | None = None
    job_id: str | None = None
    cluster: str | None = None
    last: Job | None = None
    controller_reason: str | None = None
    gave_up: str | None = None
    comment: str | None = None
    queued_s: float | None = None
    seen_after_s: float | None = None
    round_trip_s: float | None = None
    sigterm_s: float | None = None
    sigterm_reason: str | None = None
    visible: bool = False
    waited_for_files_s: float | None = None
    facts: dict[str, str] = field(default_factory=dict)
    report: dict[str, Any] | None = None
    accounting_s: float | None = None
    accounting: str | None = None
    accounting_reason: str | None = None
    seff: Reply | None = None
    jobstats: Reply | None = None
    min_job_age_s: float | None = None

    @property
    def state(self) -> str | None:
        """Its state as the controller last said."""
        return None if self.last is None else self.last.state

    @property
    def started(self) -> bool:
        """Whether it ran."""
        return self.visible or (self.last is not None and self.last.nodes is not None)


def exit_code(job: Job | None) -> int | None:
    """Exit code of a job's script, or None where not known."""
    code = (job.exit_code or "").partition(":")[0] if job is not None else ""
    return int(code) if code.isdigit() else None


@dataclass(frozen=True)
class Finding:
    """One thing the probe saw.

    Args:
        area: 'job', 'node' or 'accounting'.
        what: What was tried.
        state: 'ok', 'missing' (a figure or a comfort is lost) or 'blocks' (a run cannot work).
        detail: What was seen.
        mend: What to do about it, or None.
    """

    area: str
    what: str
    state: str
    detail: str
    mend: str | None = None
