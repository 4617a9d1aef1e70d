"""Everything the scheduler's tools say of many jobs, in at most six calls of their programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from wattbench.errors import ParseError
from wattbench.slurm import calls, jobstats
from wattbench.slurm.accounting import Attempt, ask, attempts, with_printed
from wattbench.slurm.calls import Reply
from wattbench.slurm.sacct import parse
from wattbench.slurm.scontrol import Job, parse_show_job, split_records

Row = dict[str, Any]
JOBSTATS_CALLS = 4
"""Calls of jobstats at most: it answers for one job a call and asks a database each time."""

FEW_JOBS = (
    f"jobstats left no summary in AdminComment, and is asked of at most {JOBSTATS_CALLS} jobs at "
    "once; `wattbench slurm show JOB` asks it"
)
SHORT_S = 30.0
"""Below this jobstats has no data."""

TAIL_BYTES = 1 << 16
"""How much of a job's output is looked at for the words of an out-of-memory kill."""

NOT_KNOWN = "sacct does not know this job or attempt"
FAILED = frozenset({"FAILED", "CANCELLED"})
NOT_OVER = frozenset(
    {
        "PENDING", "RUNNING", "COMPLETING", "SUSPENDED", "CONFIGURING", "RESIZING", "STAGE_OUT",
        "SIGNALING", "STOPPED", "REQUEUE_HOLD", "SPECIAL_EXIT",
    }
)  # fmt: skip
"""States after which another comes."""


@dataclass(frozen=True)
class Summary:
    """What jobstats says of one attempt.

    Args:
        figures: What `parse_jobstats_json` gives, or None.
        reason: Why there are none, or None.
        raw: The JSON as jobstats has it, or None.
        source: 'AdminComment' or 'jobstats -j'.
    """

    figures: Row | None
    reason: str | None
    raw: Row | None = None
    source: str | None = None


@dataclass
class Sources:
    """What was asked and answered.

    Args:
        sacct: sacct's answer.
        attempts: Attempts by job id.
        scontrol: scontrol's answer.
        controller: Jobs the controller still knows, by job id.
        summaries: What jobstats says, by (plain job number, attempt).
        notes: What jobstats advises, by plain job number.
        notes_text: The text those stand in, by plain job number.
        jobstats_reason: Why jobstats says nothing of the jobs without a summary.
        broken: Lines of sacct that cannot be read, by job id.
    """

    sacct: Reply = field(default_factory=lambda: Reply("", None))
    attempts: dict[str, list[Attempt]] = field(default_factory=dict)
    scontrol: Reply = field(default_factory=lambda: Reply("", None))
    controller: dict[str, Job] = field(default_factory=dict)
    summaries: dict[tuple[str, int], Summary] = field(default_factory=dict)
    notes: dict[str, list[str]] = field(default_factory=dict)
    notes_text: dict[str, str] = field(default_factory=dict)
    jobstats_reason: str = "jobstats was not asked"
    broken: dict[str, ParseError] = field(default_factory=dict)

    def attempt(self, job: str, number: int) -> Attempt | None:
        """What sacct says of an attempt, or None."""
        return next((a for a in self.attempts.get(job, ()) if a.number == number), None)

    def controlled(self, job: str, number: int) -> Job | None:
        """What the controller says of an attempt, or None: it knows the last one only."""
        found = self.controller.get(job)
        return found if found is not None and found.attempt in {None, number} else None

    def no_accounting(self, job: str) -> str:
        """Why sacct says nothing of a job."""
        if self.sacct.reason is not None:
            return self.sacct.reason
        if job in self.broken:
            return f"sacct's line cannot be read: {self.broken[job].paragraph()}"
        return NOT_KNOWN

    def summary(self, job: str, number: int) -> Summary:
        """What jobstats says of an attempt, or why nothing."""
        known = self.attempt(job, number)
        plain = known.job.raw_job if known else job
        return self.summaries.get((plain, number), Summary(None, self.jobstats_reason))

    def notes_of(self, job: str) -> list[str] | None:
        """What jobstats advises on a job, or None where its text was not asked for."""
        known = self.attempts.get(job)
        return self.notes.get(known[0].job.raw_job if known else job)


def gather(jobs: Sequence[str], since: datetime | None) -> Sources:
    """Ask sacct and scontrol once each, and jobstats of a few jobs it left no summary of.

    Nothing here fails: what cannot be asked or read is a reason.

    Args:
        jobs: Job ids.
        since: When the first of them started, UTC, or None where not known.
    """
    found = Sources()
    if not jobs:
        return found
    found.sacct = ask(jobs, since)
    try:
        found.attempts = attempts(parse(found.sacct.text, broken=found.broken))
    except ParseError as error:
        found.sacct = Reply(found.sacct.text, f"sacct's output cannot be read: {error.paragraph()}")
    found.scontrol, found.controller = ask_controller(jobs)
    found.attempts = with_printed(found.attempts, _printed(found))
    _summaries(found)
    _ask_jobstats(found, jobs)
    return found


def ask_controller(jobs: Iterable[str]) -> tuple[Reply, dict[str, Job]]:
    """Jobs of ours that the controller still knows, by the id people write and the plain one.

    One call for all jobs: `scontrol show job` takes one id or none.

    Args:
        jobs: Job ids.
    """
    wanted = set(jobs)
    reply = calls.call(["scontrol", "show", "job"])
    if reply.reason is not None:
        return reply, {}
    ours = [text for _, text in split_records(reply.text) if _named(text) & wanted]
    kept = "\n\n".join(ours)
    try:
        known = parse_show_job(kept)
    except ParseError as error:
        return Reply(kept, f"scontrol's output cannot be read: {error.paragraph()}"), {}
    found = {job.raw_job: job for job in known} | {job.job: job for job in known}
    return Reply(kept, None), found


def _named(record: str) -> set[str]:
    """Ids that a record may be known by, without reading all of it."""
    head = record.split("\n", 1)[0]
    field_of = dict(part.partition("=")[::2] for part in head.split())
    plain = field_of.get("JobId", "")
    return {
        plain,
        f"{field_of.get('ArrayJobId', '')}_{field_of.get('ArrayTaskId', '')}",
        f"{field_of.get('HetJobId', '')}+{field_of.get('HetJobOffset', '')}",
    }


def _printed(found: Sources) -> dict[str, str]:
    """The end of what failed jobs printed, where the controller still knows the file."""
    texts: dict[str, str] = {}
    for job in {job.raw_job: job for job in found.controller.values()}.values():
        if job.state in FAILED and job.stderr:
            try:
                with Path(job.stderr).open("rb") as stream:
                    stream.seek(0, 2)
                    stream.seek(max(0, stream.tell() - TAIL_BYTES))
                    texts[job.raw_job] = stream.read().decode("utf-8", errors="replace")
            except (OSError, ValueError):
                continue
    return texts


def _summaries(found: Sources) -> None:
    """What jobstats left in the jobs' comments."""
    for plain, tries in _by_number(found.attempts).items():
        for attempt in tries:
            summary = summary_of(attempt.job.admin_comment)
            if summary is not None:
                found.summaries[plain, attempt.number] = summary


def summary_of(comment: str | None) -> Summary | None:
    """Jobstats' summary in a comment, a broken one as its reason; None where there is none.

    Args:
        comment: The job's AdminComment.
    """
    try:
        raw = jobstats.read_admin_comment(comment)
        if raw is None:
            return None
        figures = jobstats.parse_jobstats_json(raw, source="AdminComment")
    except ParseError as error:
        return Summary(None, error.what)
    return Summary(figures, None, raw, "AdminComment")


def _ask_jobstats(found: Sources, jobs: Sequence[str]) -> None:
    """Ask jobstats of the jobs it left nothing of, then for its notes, while they are few."""
    known = _by_number(found.attempts)
    plain = dict.fromkeys(
        found.attempts[job][0].job.raw_job if job in found.attempts else job for job in jobs
    )
    missing = [
        job
        for job in plain
        if (job, _last(known, job)) not in found.summaries and _worth_asking(known.get(job, ()))
    ]
    if not jobstats.check_jobstats_available():
        found.jobstats_reason = "jobstats is not on this machine"
        return
    if len(missing) > JOBSTATS_CALLS:
        found.jobstats_reason = FEW_JOBS
        return
    found.jobstats_reason = jobstats.SHORT
    for job in missing:
        summary = ask_summary(job)
        found.summaries[job, _last(known, job)] = summary
        if summary.figures is None and summary.raw is None:
            # A database that is away for one job is away for the next.
            found.jobstats_reason = summary.reason or jobstats.NO_DATA
            return
    if len(missing) + len(plain) <= JOBSTATS_CALLS:
        for job in plain:
            reply = jobstats.ask_jobstats(job, json_mode=False)
            if reply.reason is not None:
                return
            found.notes_text[job] = reply.text
            found.notes[job] = jobstats.extract_jobstats_notes(reply.text)


def ask_summary(job: str) -> Summary:
    """What `jobstats -j` says of one job, or why nothing.

    Args:
        job: The job's id.
    """
    reply = jobstats.ask_jobstats(job)
    if reply.reason is not None:
        return Summary(None, reply.reason)
    try:
        raw = jobstats.read_json_text(reply.text)
        figures = jobstats.parse_jobstats_json(raw)
    except ParseError as error:
        return Summary(None, error.what, raw={})
    return Summary(figures, None, raw, "jobstats -j")


def _by_number(known: Mapping[str, list[Attempt]]) -> dict[str, list[Attempt]]:
    return {found[0].job.raw_job: found for found in known.values()}


def _last(known: Mapping[str, Sequence[Attempt]], job: str) -> int:
    return known[job][-1].number if job in known else 1


def _worth_asking(tries: Sequence[Attempt]) -> bool:
    return not tries or (tries[-1].job.elapsed_s or 0.0) >= SHORT_S
