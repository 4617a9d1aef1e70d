"""The audit of a study: facts from its files and its rows of the table `runs`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from wattbench.analyses.alone import Alone
from wattbench.analyses.audit.checks import TIME_TOLERANCE
from wattbench.analyses.audit.facts import Facts, JobEnd, Power, Row, Times, Tokens, finding
from wattbench.analyses.audit.meters import gap_seconds, gpus_of
from wattbench.analyses.audit.rejudged import rejudged
from wattbench.analyses.folders import Absent, Folder
from wattbench.analyses.unpacked import Unpacked
from wattbench.study.models import Study
from wattbench.tables.contract import reason_for

CLOCK_S = 0.1
"""Seconds by which a phase may seem to end after its segment: the clock is read twice."""


def audit_skipped(skipped: Mapping[str, str]) -> Iterator[Row]:
    """Findings about runs and ensembles that were left out, by name with the reason."""
    for name, reason in skipped.items():
        yield finding(
            "skipped_run",
            "warning",
            f"it was left out: {reason}.",
            "`wattbench plan` shows what it would need of which partition.",
            name,
        )


def audit_absent(absent: Iterable[Absent]) -> Iterator[Row]:
    """Findings about runs of the study without results."""
    for missing in absent:
        why = missing.reason or f"{missing.file.name} is missing"
        yield finding(
            "missing_run",
            "error",
            f"there are no results: {why.rstrip('.')}.",
            "Run the workflow again; it does only what is missing.",
            missing.name,
        )


def facts_of(study: Study, runs: Sequence[Row], found: Alone) -> list[Facts]:
    """What the audit looks at of all runs on one question set.

    Args:
        study: The study.
        runs: Their rows of the table `runs`.
        found: What each says by itself, in the same order.
    """
    unknown = [folder for folder in found.folders if folder.name not in found.facts]
    changed = rejudged(unknown, found.gold, study.scoring)
    asked = [question.id for question in found.gold]
    facts = dict(found.facts)
    for row, folder in zip(runs, found.folders, strict=True):
        if folder.name not in facts:
            facts[folder.name] = replace(
                _facts(row, folder, found.contents[folder.name], study),
                asked=asked,
                changed=changed.get(folder.name, []),
            )
    return [facts[folder.name] for folder in found.folders]


def _facts(row: Row, folder: Folder, content: Unpacked, study: Study) -> Facts:
    answers, segments = content.answers, content.segments
    failures = folder.predictions["error"].drop_null().to_pylist() if answers.failed.any() else ()
    job = folder.job
    versions = dict(job.get("versions") or {})
    if not folder.ensemble and row["backend_version"]:
        versions[f"backend {row['backend']}"] = row["backend_version"]
    return Facts(
        run=row["run"],
        ensemble=folder.ensemble,
        model=row.get("weights"),
        identity=row["identity"],
        answers=content.identifiers,
        answered=row["answered"],
        blank=row["blank"],
        failed=row["failed"],
        kinds_of_failure=tuple(sorted(set(failures))),
        score=row["score"],
        said_score=folder.summary.get("overall_score"),
        times=_times(row, folder, content, study),
        power=_power(row, folder, segments),
        tokens=Tokens(
            prompt=row["prompt_tokens"],
            completion=row["completion_tokens"],
            reason=reason_for(row, "prompt_tokens"),
            price=row["token_price"],
            price_reason=reason_for(row, "token_price"),
            charged=bool((job.get("backend") or {}).get("elsewhere")),
        ),
        versions={name: str(version) for name, version in versions.items()},
        jobs=tuple(
            JobEnd(one["job_id"], one["attempt"], one["state"], one["gpus"])
            for one in folder.compute
        ),
    )


def _times(row: Row, folder: Folder, content: Unpacked, study: Study) -> Times:
    mean = row["latency_mean_s"]
    if folder.ensemble:
        return Times(latency_mean_s=mean)
    segments, numbers = content.segments, content.answers.of_model.numbers
    names = ("total_s", "queue_s", "prefill_s", "decode_s", "retrieval_s")
    latencies = numbers["total_s"] - np.nan_to_num(numbers["queue_s"])
    both = numbers["prefill_s"] + numbers["decode_s"]
    known = latencies.size > 0 and not np.isnan(latencies).any()
    answering = [p["wall_s"] for s in segments for p in s["phases"] if p["phase"] == "answer"]
    lost = math.fsum(segment["lost_s"] for segment in segments)
    return Times(
        latency_mean_s=mean,
        latency_sum_s=float(latencies.sum()) if known else None,
        latency_max_s=float(latencies.max()) if known else None,
        parts_mean_s=float(both.mean()) if known and not np.isnan(both).any() else None,
        wall_s=math.fsum(answering) + lost if answering else None,
        load_s=row["load_s"],
        concurrency=study.models[folder.name].requests.concurrency,
        overfull=tuple(
            str(segment["number"])
            for segment in segments
            if math.fsum(phase["wall_s"] for phase in segment["phases"])
            > segment["duration_s"] * (1 + TIME_TOLERANCE) + CLOCK_S
        ),
        negative=tuple(name for name in names if (numbers[name] < 0).any()),
    )


def _power(row: Row, folder: Folder, segments: Sequence[Row]) -> Power:
    given, measured = gpus_of(segments, folder.compute)
    return Power(
        energy_j=row["energy_answer_j"],
        reason=reason_for(row, "energy_answer_j"),
        method=row["energy_method"],
        gpus=given,
        measured_gpus=measured,
        lost_s=0.0 if folder.ensemble else row["lost_s"],
        gap_s=gap_seconds(segments),
    )


def placed(rows: Iterable[Row], place: Mapping[str, str]) -> list[Row]:
    """Findings with the environment and question set they belong to."""
    return [{**place, **row} for row in rows]
