"""`job.json`: which jobs worked for a run, with which weights, software and settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wattbench.inference.journal import ABSTAINED
from wattbench.inference.run import Run
from wattbench.inference.steps import reply_sum
from wattbench.records import Record

SCHEMA_VERSION = 1


def job_file(
    run: Run,
    predictions: Sequence[Mapping[str, Any]],
    records: Sequence[Record],
    ledger_starts: Sequence[Record],
    *,
    predictions_sha256: str,
) -> dict[str, Any]:
    """The content of `job.json`.

    Args:
        run: The run.
        predictions: Its rows of `predictions`.
        records: Its journal's records.
        ledger_starts: Start records of its segments, in order.
        predictions_sha256: Hash of the predictions file.
    """
    weights, model = run.weights, run.model
    last: Mapping[str, Any] = ledger_starts[-1] if ledger_starts else {}
    keys = {step.key for steps in run.steps for step in steps}
    asked = [r for r in records if r["kind"] != ABSTAINED]
    tries = [r for r in asked if r["key"] in keys]
    failed = sum(row.get("error") is not None for row in predictions)
    return {
        "schema_version": SCHEMA_VERSION,
        **run.names.columns(),
        "identity": run.identity,
        "weights": {"name": weights.name, "sha256": weights.sha256, "bytes": weights.bytes},
        "revision": model.revision,
        "backend": {
            "name": model.backend,
            "version": last.get("work", {}).get("backend_version"),
            "elsewhere": run.backend_class.elsewhere(model.options),
            "served_by": sorted({r["served_by"] for r in tries if r.get("served_by")}),
            "left_out": sorted({name for r in tries for name in r.get("left_out") or ()}),
        },
        "tokens": _tokens(tries),
        "tries_beside": len(asked) - len(tries),
        "prompt": {"name": run.prompt.name, "digest": run.prompt.digest},
        "generation": model.generation.model_dump(mode="json"),
        "question_count": len(predictions),
        "answered": len(predictions) - failed,
        "failed": failed,
        "predictions_sha256": predictions_sha256,
        "jobs": [_job(start) for start in ledger_starts],
        "cpu_model": last.get("cpu_model"),
        "host": last.get("job", {}).get("host"),
        "versions": last.get("versions", {}),
    }


def _tokens(tries: Sequence[Record]) -> dict[str, int | None]:
    """Tokens of every reply; a sum is None where one reply's are not known."""
    replies = [record for record in tries if "reply" in record]
    counted: dict[str, int | None] = {
        "replies": len(replies),
        "unanswered_tries": len(tries) - len(replies),
    }
    for name in ("prompt", "cached", "completion"):
        counted[name] = reply_sum(tries, f"{name}_tokens")
    return counted


def _job(start: Record) -> dict[str, Any]:
    return {**start["job"], "segment": start["segment"]}
