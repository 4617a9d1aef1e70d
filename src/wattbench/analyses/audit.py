"""What looks wrong in the results, and what to do about it: rows of the table `audit`."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from wattbench.analyses.folders import Absent, Folder
from wattbench.scoring.judging import prediction_of
from wattbench.scoring.rules import Prediction, Verdict, judge
from wattbench.study.judgement import RuleName
from wattbench.study.layout import Layout
from wattbench.study.models import Study
from wattbench.study.questions import Question
from wattbench.tables.contract import reason_for
from wattbench.tables.documents import PROBLEMS
from wattbench.tables.files import read_rows
from wattbench.tables.values import canonical_ref, parse_items, parse_range

Row = dict[str, Any]

HIGH_LATENCY_S = 60.0
HIGH_ERROR_SHARE = 0.1
BROKEN_SCORE = 0.2
LOW_SCORE = 0.4
SCORE_TOLERANCE = 1e-9
SHOWN = 10
"""Ids named in a finding before the rest is counted."""

BAD_STATES = frozenset(
    {"OUT_OF_MEMORY", "TIMEOUT", "NODE_FAIL", "PREEMPTED", "CANCELLED", "FAILED", "BOOT_FAIL"}
)


def finding(
    check: str, severity: str, detail: str, mend: str | None = None, run: str | None = None
) -> Row:
    """One finding; severity is note, warning or error."""
    return {"run": run, "check": check, "severity": severity, "detail": detail, "mend": mend}


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


def audit_runs(
    runs: Sequence[Row],
    folders: Sequence[Folder],
    absent: Sequence[Absent],
    gold: Sequence[Question],
    study: Study,
) -> Iterator[Row]:
    """Findings about the runs on one question set.

    Args:
        runs: Their rows of the table `runs`.
        folders: Their files, in the same order.
        absent: Runs of the study without results on this set.
        gold: The questions.
        study: The study.
    """
    for missing in absent:
        yield finding(
            "missing_run",
            "error",
            f"there are no results: {missing.file.name} is missing.",
            "Run the workflow again; it does only what is missing.",
            missing.name,
        )
    for row, folder in zip(runs, folders, strict=True):
        yield from _answers(row, folder, gold)
        yield from _resources(row, folder)
        yield from _score(row)
        yield from _rescored(row, folder, gold, study)
    yield from _duplicates(runs)


def _answers(row: Row, folder: Folder, gold: Sequence[Question]) -> Iterator[Row]:
    run, count = row["run"], row["question_count"]
    predictions = folder.predictions
    ids = set(predictions["question_id"].to_pylist())
    wanted = {question.id for question in gold}
    if missing := sorted(wanted - ids):
        yield finding(
            "missing_answers",
            "error",
            f"{len(missing)} of {count} questions have no answer: {_some(missing)}.",
            "Run the workflow again; only these are asked.",
            run,
        )
    if surplus := sorted(ids - wanted):
        yield finding(
            "surplus_answers",
            "note",
            f"{len(surplus)} answers are to questions the set no longer has: {_some(surplus)}.",
            run=run,
        )
    if len(ids) < predictions.num_rows:
        yield finding(
            "duplicates",
            "error",
            f"{predictions.num_rows - len(ids)} answers are to a question answered before.",
            "Delete predictions.parquet and run the workflow again.",
            run,
        )
    failed = row["failed"]
    if failed:
        high = failed / count > HIGH_ERROR_SHARE
        kinds = sorted(set(predictions["error"].drop_null().to_pylist()))
        yield finding(
            "errors",
            "warning" if high else "note",
            f"{failed} of {count} questions failed ({', '.join(kinds)}); they count as wrong.",
            "Read error_detail in the table predictions; more time, retries or context may help.",
            run,
        )
    if row["answered"] and row["blank"] == row["answered"]:
        yield finding("all_blank", "warning", "every answer is an abstention.", None, run)


def _resources(row: Row, folder: Folder) -> Iterator[Row]:
    run = row["run"]
    if not row["prompt_tokens"]:
        yield finding(
            "no_tokens",
            "note",
            f"no prompt tokens are known: {reason_for(row, 'prompt_tokens') or 'counted as 0'}.",
            run=run,
        )
    latency = row["latency_mean_s"]
    if latency is not None and latency > HIGH_LATENCY_S:
        yield finding(
            "high_latency",
            "warning",
            f"a question takes {latency:.0f} s on average.",
            "See that the model runs on the device it was meant to.",
            run,
        )
    if latency == 0:
        yield finding("zero_latency", "warning", "questions take 0 s: nothing was run.", run=run)
    if row["energy_answer_j"] is None:
        yield finding(
            "missing_energy",
            "warning",
            f"the energy is unknown: {reason_for(row, 'energy_answer_j')}.",
            "Run where a meter can be read, or give energy.estimate.",
            run,
        )
    elif row["energy_method"] in {"estimated", "mixed"}:
        yield finding("estimated_energy", "note", "the energy is, in part, an estimate.", run=run)
    if not folder.ensemble and row["lost_s"] > 0:
        yield finding(
            "gaps",
            "warning",
            f"up to {row['lost_s']:.3g} s of work went unmeasured when processes were killed; "
            "the energy is too low by what they took.",
            run=run,
        )
    for job in folder.compute:
        if job["state"] in BAD_STATES:
            yield finding(
                "job_state",
                "note",
                f"job {job['job_id']}, attempt {job['attempt']}, ended as {job['state']}.",
                run=run,
            )


def _score(row: Row) -> Iterator[Row]:
    score = row["score"]
    if score < BROKEN_SCORE:
        yield finding(
            "broken_run",
            "error",
            f"the score is {score:.2f}; below {BROKEN_SCORE} something is broken as a rule.",
            "Look at the raw replies in the table predictions.",
            row["run"],
        )
    elif score < LOW_SCORE:
        yield finding("low_score", "warning", f"the score is {score:.2f}.", run=row["run"])


def _rescored(row: Row, folder: Folder, gold: Sequence[Question], study: Study) -> Iterator[Row]:
    """Judge the answers anew and compare: with the stored judgements, and with the summary."""
    rule = study.scoring.rule
    by_id = {question.id: question for question in gold}
    wanted = folder.scores.filter(pc.equal(folder.scores["rule"], rule))
    stored = dict(
        zip(
            wanted["question_id"].to_pylist(),
            zip(
                wanted["value_correct"].to_pylist(),
                wanted["ref_overlap"].to_pylist(),
                wanted["na_correct"].to_pylist(),
                strict=True,
            ),
            strict=True,
        )
    )
    columns = folder.predictions.select(["question_id", "value", "refs", "error"]).to_pylist()
    predictions = {entry["question_id"]: prediction_of(entry) for entry in columns}
    other = [
        identifier
        for identifier, question in by_id.items()
        if _as_stored(_judged(rule, question, predictions.get(identifier)))
        != stored.get(identifier)
    ]
    said = folder.summary.get("overall_score")
    if other or said is None or not math.isclose(said, row["score"], abs_tol=SCORE_TOLERANCE):
        what = (
            f"{len(other)} answers are judged otherwise now: {_some(other)}"
            if other
            else f"summary.json says {said}, the judgements give {row['score']:.6g}"
        )
        yield finding(
            "score_mismatch",
            "error",
            f"{what}.",
            "Run the workflow again: gold answers or scoring changed after the run was scored.",
            row["run"],
        )


@functools.lru_cache(maxsize=1 << 18)
def _judged(rule: RuleName, question: Question, prediction: Prediction | None) -> Verdict | None:
    """A judgement, remembered: many runs give one answer."""
    return judge(rule, question, prediction)


def _as_stored(verdict: Verdict | None) -> tuple[bool, float, bool] | None:
    if verdict is None:
        return None
    return verdict.value_correct, verdict.ref_overlap, verdict.na_correct


def _duplicates(runs: Sequence[Row]) -> Iterator[Row]:
    first: dict[str, str] = {}
    for row in runs:
        if row["kind"] != "model":
            continue
        if row["identity"] in first:
            yield finding(
                "duplicates",
                "warning",
                f"it has the model and settings of {first[row['identity']]}: one result twice.",
                "Remove one of the two entries.",
                row["run"],
            )
        first.setdefault(row["identity"], row["run"])


def audit_gold(gold: Sequence[Question], documents: frozenset[str] | None) -> Iterator[Row]:
    """Findings about the gold answers of one question set.

    Args:
        gold: The questions.
        documents: Canonical ids of the documents, or None where they are not known.
    """
    for question in gold:
        where = f"question {question.id} (line {question.line})"
        if not question.answerable:
            continue
        if not question.value:
            yield finding(
                "gold_fault", "error", f"{where} has no gold value.", "Give it, or is_blank."
            )
        elif question.value.startswith("[") and _unparsable(question.value):
            yield finding(
                "gold_fault",
                "error",
                f"{where}: the gold range '{question.value}' cannot be read.",
                "Write it as [low,high].",
            )
        if not question.refs:
            yield finding("gold_fault", "warning", f"{where} names no document as its source.")
        unknown = [ref for ref in question.refs if canonical_ref(ref) not in (documents or ())]
        if documents is not None and unknown:
            yield finding(
                "gold_fault",
                "warning",
                f"{where} cites {_some(unknown)}, which no document has as its id.",
                "Add the document or correct the ref_id.",
            )


def _unparsable(value: str) -> bool:
    items = parse_items(value)
    if items is None or not items:
        return True
    numeric = all(item[:1].isdigit() or item[:1] in "+-." for item in items if item)
    return numeric and len(items) == 2 and parse_range(value) is None


def audit_corpus(layout: Layout, corpus: str) -> Iterator[Row]:
    """Findings about the documents of a corpus: those that could not be read as they are."""
    path = layout.corpus_problems(corpus)
    if not path.exists():
        return
    for problem in read_rows(path, PROBLEMS):
        yield finding(
            f"document_{problem['kind']}",
            "warning" if problem["dropped"] else "note",
            f"{problem['file']}: {problem['detail']}",
            problem["mend"],
        )


def documents_of(layout: Layout, corpus: str) -> frozenset[str] | None:
    """Canonical ids of a corpus' documents; None where it has not been parsed."""
    path: Path = layout.nodes(corpus)
    if not path.exists():
        return None
    ids = pq.read_table(path, columns=["document_id"], partitioning=None)["document_id"]
    return frozenset(canonical_ref(identifier) for identifier in ids.unique().to_pylist())


def _some(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - SHOWN} more" if len(ids) > SHOWN else ""
    return ", ".join(ids[:SHOWN]) + more


def placed(rows: Iterable[Row], place: Mapping[str, str]) -> list[Row]:
    """Findings with the environment and question set they belong to."""
    return [{**place, **row} for row in rows]
