"""Rows of the table `runs`, column group by column group."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from wattbench import __version__
from wattbench.analyses.folders import Folder
from wattbench.analyses.unpacked import Answers, Reals
from wattbench.scoring.intervals import wilson
from wattbench.study.identity import digest_of, ensemble_slice, run_identity
from wattbench.study.models import Study

Row = dict[str, Any]
QUANTILES = (0.5, 0.9, 0.95, 0.99)
LOADING = frozenset({"load", "warm_up"})


def identity_columns(study: Study, folder: Folder) -> Row:
    """Who the run is: names, model, settings."""
    common: Row = {
        "study": study.study.name,
        "environment": folder.environment,
        "questions": folder.questions,
        "run": folder.name,
    }
    if folder.ensemble:
        ensemble = study.ensembles[folder.name]
        return common | {
            "label": ensemble.label or folder.name,
            "kind": "ensemble",
            "members": list(ensemble.members),
            "identity": digest_of(ensemble_slice(study, folder.name)),
        }
    model, job = study.models[folder.name], folder.job
    return common | {
        "label": model.label or folder.name,
        "kind": "model",
        "members": [],
        "identity": job.get("identity") or run_identity(study, folder.name),
        "weights": model.weights,
        "revision": job.get("revision") or model.revision or _weights(job).get("sha256"),
        "family": model.family,
        "parameters_b": model.parameters_b,
        "precision": model.precision,
        "backend": model.backend,
        "backend_version": (job.get("backend") or {}).get("version"),
        "retrieval": study.retrieval_of(folder.name),
        "prompt": model.prompt,
        "seed": model.generation.seed,
        "repeat_of": model.repeat_of,
    }


def _weights(job: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = job.get("weights") or {}
    return found


def answer_columns(answers: Answers, questions: int) -> Row:
    """Counts, tokens, latencies and speeds of the answers.

    Args:
        answers: The run's answers.
        questions: Number of questions of the set.
    """
    failed = int(answers.failed.sum())
    asked = answers.of_model.numbers
    total = _known(asked["total_s"])
    first = _known(asked["first_token_s"])
    quantiles = np.quantile(total, QUANTILES) if total.size else (None,) * len(QUANTILES)
    return {
        "question_count": questions,
        "answered": len(answers) - failed,
        "blank": int(answers.blank.sum()),
        "failed": failed,
        "prompt_tokens": _total(asked["prompt_tokens"]),
        "completion_tokens": _total(asked["completion_tokens"]),
        "latency_mean_s": float(total.mean()) if total.size else None,
        "latency_p50_s": _real(quantiles[0]),
        "latency_p90_s": _real(quantiles[1]),
        "latency_p95_s": _real(quantiles[2]),
        "latency_p99_s": _real(quantiles[3]),
        "first_token_p50_s": float(np.median(first)) if first.size else None,
        # What came from a cache was not read in that time.
        "prefill_tokens_per_s": _speed(
            asked["prompt_tokens"] - np.nan_to_num(asked["cached_tokens"]), asked["prefill_s"]
        ),
        "decode_tokens_per_s": _speed(asked["completion_tokens"], asked["decode_s"]),
    }


def refusal_columns(row: Mapping[str, Any], level: float) -> Row:
    """Share of the questions that were left blank, with Wilson's interval.

    Args:
        row: The counts of the run's answers.
        level: Confidence level.
    """
    ends = wilson(row["blank"], row["question_count"], level) or (0.0, 1.0)
    return {
        "refusal_rate": row["blank"] / row["question_count"],
        "refusal_rate_low": ends[0],
        "refusal_rate_high": ends[1],
    }


def _known(values: Reals) -> Reals:
    return values[~np.isnan(values)]


def _real(value: float | None) -> float | None:
    return None if value is None else float(value)


def _total(counts: Reals) -> int | None:
    """Sum of whole numbers; None where one is unknown or there are none."""
    return int(counts.sum()) if counts.size and not np.isnan(counts).any() else None


def _speed(tokens: Reals, seconds: Reals) -> float | None:
    """Tokens a second over the answers whose tokens and seconds are both known."""
    both = ~np.isnan(tokens + seconds)
    time = math.fsum(seconds[both])
    return float(tokens[both].sum()) / time if time else None


def ledger_columns(folder: Folder, segments: Sequence[Row]) -> Row:
    """What the ledger, job.json and compute.json say of a model's run.

    Args:
        folder: The run's folder.
        segments: Its rows of `segments`.
    """
    job = folder.job
    phases = [phase for segment in segments for phase in segment["phases"]]
    states = [row for row in folder.compute if row["state"] is not None]
    return {
        "cpu_s": _sum([segment["cpu_s"] for segment in segments]),
        "wall_s": float(sum(segment["duration_s"] for segment in segments)),
        "load_s": float(sum(p["wall_s"] for p in phases if p["phase"] in LOADING)),
        "rss_peak_bytes": _largest([segment["rss_peak_bytes"] for segment in segments]),
        "vram_peak_bytes": _largest([segment["vram_peak_bytes"] for segment in segments]),
        "weights_bytes": _weights(job).get("bytes"),
        "gpu_names": sorted({name for segment in segments for name in segment["gpu_names"]}),
        "cpu_model": job.get("cpu_model"),
        "hosts": sorted({segment["host"] for segment in segments}),
        "job_ids": list(dict.fromkeys(segment["job_id"] for segment in segments)),
        "job_state": states[-1]["state"] if states else None,
        "segment_count": len(segments),
        "lost_s": float(sum(segment["lost_s"] for segment in segments)),
        "versions": json.dumps(
            {"wattbench": __version__, **(job.get("versions") or {})}, sort_keys=True
        ),
    }


def members_columns(members: Sequence[Mapping[str, Any]]) -> Row:
    """What an ensemble takes: its members' figures together.

    Args:
        members: The members' rows of the table `runs`.
    """
    models = {member["cpu_model"] for member in members}
    return {
        "cpu_s": _sum([member["cpu_s"] for member in members]),
        "wall_s": float(sum(member["wall_s"] for member in members)),
        "load_s": float(sum(member["load_s"] for member in members)),
        "rss_peak_bytes": _largest([member["rss_peak_bytes"] for member in members]),
        "vram_peak_bytes": _largest([member["vram_peak_bytes"] for member in members]),
        "weights_bytes": _sum([member["weights_bytes"] for member in members]),
        "gpu_names": _union(members, "gpu_names"),
        "cpu_model": models.pop() if len(models) == 1 else None,
        "hosts": _union(members, "hosts"),
        "job_ids": _union(members, "job_ids"),
        "segment_count": sum(member["segment_count"] for member in members),
        "lost_s": float(sum(member["lost_s"] for member in members)),
        "versions": json.dumps({"wattbench": __version__}),
    }


def _union(members: Sequence[Mapping[str, Any]], column: str) -> list[str]:
    return list(dict.fromkeys(item for member in members for item in member[column]))


def _sum(values: Sequence[Any]) -> Any:
    """Sum of values; None where one is unknown or there are none."""
    return None if not values or any(value is None for value in values) else sum(values)


def _largest(values: Sequence[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return max(known) if known else None
