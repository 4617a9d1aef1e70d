"""The stage `collect_compute`: what the scheduler knows of every run's jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wattbench.errors import InputError
from wattbench.slurm.accounting import Attempt, Reply, ask, attempts
from wattbench.slurm.joined import NO_JOB, accounting_row, as_json, joined, ledger_row
from wattbench.slurm.sacct import FIELDS, ParseError, parse
from wattbench.study.layout import Layout, RunFiles
from wattbench.study.models import SMOKE, Study
from wattbench.tables.answers import SEGMENTS
from wattbench.tables.contract import SCHEMA_VERSION
from wattbench.tables.files import read_json, read_rows, write_json, write_text

Row = dict[str, Any]
RAW = "sacct.psv"
"""Name of the file beside compute.json that keeps what sacct printed about a run's jobs."""


def collect_compute(study: Study, questions: str) -> None:
    """Write compute.json of every run on a question set; asks Slurm once for all of them.

    Without Slurm, or where its accounting is away, the rows come from the ledger and say so.

    Args:
        study: The study.
        questions: Name of the question set.

    Raises:
        InputError: There is no such set, or a run's ledger cannot be read.
    """
    if questions.removesuffix(SMOKE) not in study.questions:
        raise InputError(
            f"the study has no question set '{questions}'; it has: {', '.join(study.questions)}.",
            mend="Check --questions.",
        )
    layout = Layout(Path(study.study.results))
    runs = {name: layout.run(study.study.environment, questions, name) for name in study.models}
    ledgers = {name: read_rows(files.segments, SEGMENTS) for name, files in runs.items()}
    ours = [
        segment
        for segments in ledgers.values()
        for segment in segments
        if segment["scheduler"] == "slurm"
    ]
    reply = Reply("", None)
    known: dict[str, list[Attempt]] = {}
    if ours:
        ids = sorted({segment["job_id"] for segment in ours})
        reply = ask(ids, min(segment["started_at"] for segment in ours))
        try:
            known = attempts(parse(reply.text))
        except ParseError as error:
            reply = Reply(reply.text, f"sacct's output cannot be read: {error.paragraph()}")
    for name, files in runs.items():
        rows = rows_of(ledgers[name], known, reply.reason, cpus=_cpus(files))
        jobs = {row["job_id"] for row in rows if row["scheduler"] == "slurm"}
        _keep_raw(files, reply, jobs, known)
        document = {
            "schema_version": SCHEMA_VERSION,
            "sacct": _sacct_note(reply, asked=bool(jobs)),
            "rows": [as_json(row) for row in rows],
        }
        write_json(files.compute, document)


def _sacct_note(reply: Reply, *, asked: bool) -> Row:
    return {
        "asked": asked,
        "reason": reply.reason if asked else NO_JOB,
        "raw": RAW if asked and reply.text else None,
        "fields": list(FIELDS),
    }


def _cpus(files: RunFiles) -> dict[str, int]:
    """CPUs given to each job, as the job itself saw them."""
    if not files.job.exists():
        return {}
    jobs = read_json(files.job).get("jobs") or ()
    return {job["job_id"]: job["cpus_given"] for job in jobs if job.get("cpus_given") is not None}


def _keep_raw(
    files: RunFiles, reply: Reply, jobs: set[str], known: Mapping[str, Sequence[Attempt]]
) -> None:
    """Keep the lines about a run's own jobs beside its compute.json."""
    path = files.folder / RAW
    if not jobs or not reply.text:
        path.unlink(missing_ok=True)
        return
    raw = {attempt.job.raw_job for job in jobs for attempt in known.get(job, ())}
    place = FIELDS.index("JobIDRaw")
    lines = [
        line
        for line in reply.text.splitlines()
        if reply.reason is not None or line.split("|")[place].partition(".")[0] in raw
    ]
    write_text(path, "\n".join(["|".join(FIELDS), *lines]) + "\n")


def rows_of(
    segments: Sequence[Row],
    known: Mapping[str, Sequence[Attempt]],
    reason: str | None,
    *,
    cpus: Mapping[str, int],
) -> list[Row]:
    """Rows of the table `compute` of one run, without the columns that name the run.

    Args:
        segments: Rows of the run's ledger.
        known: Attempts that sacct knows, by job id.
        reason: Why sacct could not be asked, or None.
        cpus: CPUs given, by job id, for where sacct does not say.
    """
    grouped: dict[tuple[str, int], list[Row]] = {}
    for segment in segments:
        grouped.setdefault((segment["job_id"], segment["attempt"]), []).append(segment)
    rows = []
    for (job, number), group in grouped.items():
        found = next((a for a in known.get(job, ()) if a.number == number), None)
        if group[0]["scheduler"] != "slurm":
            why = NO_JOB
        else:
            why = reason or "sacct does not know this job or attempt"
        rows.append(joined(ledger_row(group, cpus.get(job)), found, why))
    for job in dict.fromkeys(segment["job_id"] for segment in segments):
        rows += [
            accounting_row(attempt, job)
            for attempt in known.get(job, ())
            if (job, attempt.number) not in grouped
        ]
    return sorted(rows, key=lambda row: (row["job_id"], row["attempt"]))
