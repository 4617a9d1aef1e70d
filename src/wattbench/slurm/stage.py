"""The stage `collect_compute`: what the scheduler knows of every run's jobs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from wattbench.errors import InputError
from wattbench.slurm.joined import NO_JOB, Evidence, accounting_row, as_json, joined, ledger_row
from wattbench.slurm.pending import until_when
from wattbench.slurm.sacct import FIELDS
from wattbench.slurm.samples import gpu_figures
from wattbench.slurm.sources import Sources, gather
from wattbench.slurm.units import job_order
from wattbench.slurm.unrecorded import job_logs_of, unrecorded
from wattbench.study.layout import Layout, RunFiles
from wattbench.study.models import SMOKE, Study
from wattbench.tables.answers import SAMPLES, SEGMENTS
from wattbench.tables.contract import SCHEMA_VERSION, warning
from wattbench.tables.files import read_arrow, read_json, read_rows, write_json, write_text

Row = dict[str, Any]
RAW = "sacct.psv"
RAW_CONTROLLER = "scontrol.txt"
RAW_SUMMARIES = "jobstats.json"
RAW_NOTES = "jobstats.txt"
"""Files beside compute.json that keep what the tools printed about a run's own jobs."""


@dataclass(frozen=True)
class Collected:
    """What the scheduler says of one run's jobs.

    Args:
        rows: Rows of the table `compute`, without the columns that name the run.
        told: Which tool was asked, what it said, and until when more may come: the other keys of
            compute.json.
    """

    rows: list[Row]
    told: Row


def collect_compute(
    study: Study, questions: str, *, asking: int = 1, job_logs: Path | None = None
) -> None:
    """Write compute.json of every run on a question set; asks Slurm once for all of them.

    Without Slurm, or where its accounting is away, the rows come from the ledger and say so.

    Args:
        study: The study.
        questions: Name of the question set.
        asking: Which time accounting is asked, as `pending.asking` gives it; kept in the files.
        job_logs: Folder of the scheduler's own logs of jobs, or None where there is none.

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
    for name, found in collected(study, questions, ledgers, job_logs=job_logs).items():
        document = {
            "schema_version": SCHEMA_VERSION,
            "asking": asking,
            **found.told,
            "rows": [as_json(row) for row in found.rows],
        }
        write_json(runs[name].compute, document)


def collected(
    study: Study,
    questions: str,
    ledgers: Mapping[str, Sequence[Row]],
    *,
    job_logs: Path | None = None,
) -> dict[str, Collected]:
    """What the scheduler says of several runs' jobs; keeps what its tools printed.

    Args:
        study: The study.
        questions: Name of the question set.
        ledgers: Rows of the table `segments` of each run.
        job_logs: Folder of the scheduler's own logs of jobs, or None where there is none.
    """
    layout = Layout(Path(study.study.results))
    runs = {name: layout.run(study.study.environment, questions, name) for name in ledgers}
    ours = [
        segment
        for segments in ledgers.values()
        for segment in segments
        if segment["scheduler"] == "slurm"
    ]
    known = {segment["job_id"] for segment in ours}
    silent = {
        name: _silent(study, questions, name, known=known, folder=job_logs) for name in ledgers
    }
    times = [at for jobs in silent.values() for at in jobs.values()]
    since = min([*(segment["started_at"] for segment in ours), *times], default=None)
    sources = gather(sorted(known.union(*silent.values()), key=job_order), since)
    found = {}
    for name, files in runs.items():
        sets = [*study.questions] if study.models[name].resources.group_question_sets else []
        rows = rows_of(
            ledgers[name], _samples(files), sources,
            cpus=_cpus(files), silent=[*silent[name]], sets=sets,
        )  # fmt: skip
        jobs = {row["job_id"] for row in rows if row["scheduler"] == "slurm"}
        told = _keep_raw(files, sources, jobs) | {"pending": until_when(rows, sources.sacct)}
        found[name] = Collected(rows, told)
    return found


def _silent(
    study: Study, questions: str, run: str, *, known: Collection[str], folder: Path | None
) -> dict[str, datetime]:
    if folder is None:
        return {}
    logs = job_logs_of(study, questions, run, folder)
    return unrecorded(study, questions, run, known=known, logs=logs)


def _samples(files: RunFiles) -> pa.Table:
    if not files.samples.exists():
        return SAMPLES.empty
    return read_arrow(files.samples, SAMPLES)


def _cpus(files: RunFiles) -> dict[str, int]:
    """CPUs given to each job, as the job itself saw them."""
    if not files.job.exists():
        return {}
    jobs = read_json(files.job).get("jobs") or ()
    return {job["job_id"]: job["cpus_given"] for job in jobs if job.get("cpus_given") is not None}


def _keep_raw(files: RunFiles, sources: Sources, jobs: set[str]) -> Row:
    """Keep what the tools printed about a run's own jobs; returns which was asked and said what."""
    known = [
        attempt for job in sorted(jobs, key=job_order) for attempt in sources.attempts.get(job, ())
    ]
    numbers = {attempt.job.raw_job for attempt in known} | jobs
    summaries = {
        f"{job}, attempt {attempt}": {"from": summary.source, "data": summary.raw}
        for (job, attempt), summary in sources.summaries.items()
        if job in numbers and summary.raw
    }
    notes = "\n".join(text for job, text in sources.notes_text.items() if job in numbers)
    controlled = {
        job.raw_job: job.text for name, job in sources.controller.items() if name in numbers
    }
    raw = {
        RAW: _sacct_lines(sources, numbers) if jobs else "",
        RAW_CONTROLLER: "\n\n".join(controlled.values()),
        RAW_SUMMARIES: "",
        RAW_NOTES: notes,
    }
    for name, text in raw.items():
        path = files.folder / name
        if text:
            write_text(path, text.rstrip("\n") + "\n")
        elif name != RAW_SUMMARIES or not summaries:
            path.unlink(missing_ok=True)
    if summaries:
        write_json(files.folder / RAW_SUMMARIES, summaries)
    asked = bool(jobs)
    return {
        "sacct": {
            "asked": asked,
            "reason": sources.sacct.reason if asked else NO_JOB,
            "raw": RAW if raw[RAW] else None,
            "fields": list(FIELDS),
        },
        "scontrol": {
            "asked": asked,
            "reason": sources.scontrol.reason if asked else NO_JOB,
            "raw": RAW_CONTROLLER if raw[RAW_CONTROLLER] else None,
        },
        "jobstats": {
            "asked": asked,
            "reason": None if summaries else sources.jobstats_reason if asked else NO_JOB,
            "raw": [RAW_SUMMARIES] * bool(summaries) + [RAW_NOTES] * bool(notes),
        },
    }


def _sacct_lines(sources: Sources, numbers: set[str]) -> str:
    """Sacct's lines about these jobs under a head; all of them where they could not be read."""
    if not sources.sacct.text:
        return ""
    place = FIELDS.index("JobIDRaw")
    lines: list[str] = []
    ours = False
    for line in sources.sacct.text.splitlines():
        cells = line.split("|")
        if len(cells) >= len(FIELDS):
            ours = cells[place].partition(".")[0] in numbers
        if ours or sources.sacct.reason is not None:
            lines.append(line)
    return "\n".join(["|".join(FIELDS), *lines])


def rows_of(
    segments: Sequence[Row],
    samples: pa.Table,
    sources: Sources,
    *,
    cpus: Mapping[str, int],
    silent: Sequence[str] = (),
    sets: Sequence[str] = (),
) -> list[Row]:
    """Rows of the table `compute` of one run, without the columns that name the run.

    Args:
        segments: Rows of the run's ledger.
        samples: The run's table `samples`.
        sources: What the scheduler's tools say.
        cpus: CPUs given, by job id, for where sacct does not say.
        silent: Jobs of the run that stand in no ledger.
        sets: Question sets that one such job works for, where they are several.
    """
    grouped: dict[tuple[str, int], list[Row]] = {}
    for segment in segments:
        grouped.setdefault((segment["job_id"], segment["attempt"]), []).append(segment)
    rows = []
    for (job, number), group in grouped.items():
        gpus = gpu_figures(samples, group)
        if group[0]["scheduler"] == "slurm":
            evidence = _evidence(sources, job, number, gpus)
        else:
            evidence = Evidence(gpus=gpus)
        rows.append(joined(ledger_row(group, cpus.get(job)), evidence))
        sets = group[-1]["question_sets"] or ()
        if len(sets) > 1 and group[0]["scheduler"] == "slurm":
            rows[-1]["flags"].append(_shared(sets))
    jobs = [segment["job_id"] for segment in segments if segment["scheduler"] == "slurm"]
    for job in dict.fromkeys(jobs):
        rows += [
            accounting_row(_evidence(sources, job, attempt.number), job)
            for attempt in sources.attempts.get(job, ())
            if (job, attempt.number) not in grouped
        ]
    for job in silent:
        numbers = [attempt.number for attempt in sources.attempts.get(job, ())] or [1]
        lone = [accounting_row(_evidence(sources, job, number), job) for number in numbers]
        for row in lone if len(sets) > 1 else ():
            row["flags"].append(_shared(sets))
        rows += lone
    return sorted(rows, key=lambda row: (job_order(row["job_id"]), row["attempt"]))


def _shared(sets: Sequence[str]) -> dict[str, str]:
    return warning(
        "wall_s",
        f"the job worked for the question sets {', '.join(sets)}: what the scheduler says is of "
        "all of them and stands in each one's row",
    )


def _evidence(sources: Sources, job: str, number: int, gpus: Row | None = None) -> Evidence:
    found = Evidence(
        attempt=sources.attempt(job, number),
        reason=sources.no_accounting(job),
        controller=sources.controlled(job, number),
        summary=sources.summary(job, number),
        notes=sources.notes_of(job),
    )
    return found if gpus is None else replace(found, gpus=gpus)
