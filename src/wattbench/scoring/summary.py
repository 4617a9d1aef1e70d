"""summary.json: the guide's keys, and beside them what they leave out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from wattbench.scoring.judging import rules_of, verdict_arrays
from wattbench.scoring.resamples import clusters_of
from wattbench.scoring.rules import WATTBOT
from wattbench.scoring.standing import Standing, standing_of
from wattbench.study.judgement import Scoring
from wattbench.study.questions import Question

Row = dict[str, Any]


def scores_by_rule(scoring: Scoring, gold: Sequence[Question], scores: pa.Table) -> Row:
    """Score, components and intervals under every rule of the study, by the rule's name.

    Args:
        scoring: The study's rules, weights and interval settings.
        gold: The questions.
        scores: Rows of the table `scores` of one run.
    """
    names = pc.unique(scores["run"]).to_pylist() or [""]
    clusters = clusters_of(gold, scoring.cluster)
    return {
        rule: _rule_scores(
            standing_of(scoring, rule, names, verdict_arrays(rule, gold, names, scores), clusters),
        )
        for rule in rules_of(scoring)
    }


def _rule_scores(found: Standing) -> Row:
    verdicts, whole = found.verdicts, found.whole
    judged = verdicts.judged[:, 0] > 0
    unanswerable = judged & (verdicts.unanswerable > 0)
    recall = _known(whole.na[0, 0])
    if recall is None and found.rule in WATTBOT:
        recall = 1.0
    return {
        "score": _known(whole.score[0, 0]),
        "score_interval": found.ends[0],
        "value_accuracy": _known(whole.value[0, 0]),
        "value_accuracy_interval": found.shares[0],
        "ref_overlap": _known(whole.ref[0, 0]),
        "ref_overlap_interval": found.ref_ends[0],
        "na_recall": recall,
        "na_recall_interval": found.na_shares[0],
        "judged": int(judged.sum()),
        "correct": int(verdicts.value[judged, 0].sum()),
        "unanswerable": int(unanswerable.sum()),
        "left_blank": int(verdicts.na[unanswerable, 0].sum()),
    }


def _known(number: float) -> float | None:
    return None if math.isnan(number) else float(number)


def answer_counts(gold: Sequence[Question], predictions: Mapping[str, Row]) -> Row:
    """How many questions were answered, left blank, failed or never reached."""
    asked = [predictions.get(question.id) for question in gold]
    there = [row for row in asked if row is not None]
    failed = sum(row["error"] is not None for row in there)
    return {
        "questions": len(gold),
        "answered": len(there) - failed,
        "blank": sum(row["error"] is None and bool(row["blank"]) for row in there),
        "failed": failed,
        "missing": len(asked) - len(there),
        "surplus": len(predictions) - len(there),
    }


def answer_totals(predictions: Iterable[Row]) -> Row:
    """Times and tokens over all answers, under the guide's keys; unknown is None."""
    rows = list(predictions)
    asked = [row for row in rows if row["total_s"] is not None]
    generation = [
        None
        if row["prefill_s"] is None or row["decode_s"] is None
        else row["prefill_s"] + row["decode_s"]
        for row in asked
    ]
    retries = [max(row["tries"] - 1, 0) for row in rows]
    return {
        "avg_latency_seconds": _mean([row["total_s"] for row in asked]),
        "avg_retrieval_seconds": _mean([row["retrieval_s"] for row in rows]),
        "avg_generation_seconds": _mean(generation),
        "input_tokens": _sum([row["prompt_tokens"] for row in asked]),
        "output_tokens": _sum([row["completion_tokens"] for row in asked]),
        "total_retries": sum(retries),
        "questions_retried": sum(retry > 0 for retry in retries),
        "avg_retries": _mean(retries),
    }


def _sum(values: Sequence[Any]) -> Any:
    """Sum of values; None where one is unknown or there are none."""
    return None if not values or any(value is None for value in values) else sum(values)


def _mean(values: Sequence[Any]) -> float | None:
    total = _sum(values)
    return None if total is None else float(total) / len(values)


def guide_scores(found: Mapping[str, Any]) -> Row:
    """The headline rule's figures under the guide's keys."""
    return {
        "value_accuracy": found["value_accuracy"],
        "ref_overlap": found["ref_overlap"],
        "na_accuracy": found["na_recall"],
        "overall_score": found["score"],
        "questions_correct": found["correct"],
        "questions_wrong": found["judged"] - found["correct"],
    }


def hardware(segments: Sequence[Row] | None) -> Row:
    """The guide's hardware keys that the ledger knows; unknown is None.

    Args:
        segments: Rows of the table `segments`, or None where the run has no ledger.
    """
    rows = segments or []
    rss = _largest([row["rss_peak_bytes"] for row in rows])
    vram = _largest([row["vram_peak_bytes"] for row in rows])
    gpus = sorted({uuid for row in rows for uuid in row["gpu_uuids"]})
    return {
        "cpu_rss_peak_bytes": rss,
        "cpu_rss_peak_gb": _gib(rss),
        "gpu_vram_allocated_bytes": vram,
        "gpu_vram_allocated_gb": _gib(vram),
        "gpu_count": len(gpus) if rows else None,
        "gpu_energy_wh": _gpu_energy_wh(rows),
        "model_load_time_seconds": _load_s(rows),
        "hostname": ", ".join(sorted({row["host"] for row in rows})) or None,
    }


def _largest(values: Sequence[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return max(known) if known else None


def _gib(size: int | None) -> float | None:
    return None if size is None else round(size / 2**30, 3)


def _gpu_energy_wh(rows: Sequence[Row]) -> float | None:
    """Energy of all GPUs over all segments and phases; None where any part is unknown."""
    readings = [
        device["energy_j"]
        for row in rows
        for phase in row["phases"]
        for device in phase["devices"]
        # A phase too short for the sensor is counted in the one beside it.
        if device["kind"] == "gpu" and not device["too_short"]
    ]
    total = _sum(readings)
    return None if total is None else float(total) / 3600


def _load_s(rows: Sequence[Row]) -> float | None:
    times = [
        phase["wall_s"]
        for row in rows
        for phase in row["phases"]
        if phase["phase"] in {"load", "warm_up"}
    ]
    total = _sum(times)
    return None if total is None else float(total)
