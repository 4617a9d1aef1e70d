"""summary.json of a result folder, whatever is in it: known keys of the type they should have."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from wattbench.analyses.artifact_files import Problem, Row, json_of
from wattbench.study.judgement import Weights

Shape = Mapping[str, Any]
NUMBER, TEXT, TRUTH, TEXTS = "a number", "text", "true or false", "a list of names"
BAD = "bad_summary_json"

VERSIONS: Shape = {"versions": {"*": TEXT}, "backend": {
    "name": TEXT, "version": TEXT, "elsewhere": TRUTH,
}}  # fmt: skip
SHAPE: Shape = {
    "name": TEXT, "type": TEXT, "models": TEXTS, "model_id": TEXT, "llm_provider": TEXT,
    "quantization": TEXT, "identity": TEXT, "run_environment": TEXT, "questions_file": TEXT,
    "num_questions": NUMBER, "total_time_seconds": NUMBER, "avg_latency_seconds": NUMBER,
    "avg_retrieval_seconds": NUMBER, "avg_generation_seconds": NUMBER, "overall_score": NUMBER,
    "input_tokens": NUMBER, "output_tokens": NUMBER, "estimated_cost_usd": NUMBER, "rule": TEXT,
    "weights": {"value": NUMBER, "ref": NUMBER, "na": NUMBER}, "wattbench_version": TEXT,
    "config_snapshot": {"max_concurrent": NUMBER, "_questions_file": TEXT}, "made_by": VERSIONS,
    "hardware": {
        "gpu_energy_wh": NUMBER, "gpu_count": NUMBER, "gpu_energy_method": TEXT,
        "gpu_avg_power_watts": NUMBER, "cuda_version": TEXT, "model_load_time_seconds": NUMBER,
    },
}  # fmt: skip
"""What is read of a summary; `*` stands for any key."""


def summary_of(folder: Path, problems: list[Problem]) -> Row:
    """What is known of summary.json; empty where there is none, without what is of a wrong type."""
    path = folder / "summary.json"
    if not path.exists():
        problems.append(Problem("missing_file", "there is no summary.json"))
        return {}
    found = json_of(path, BAD, problems)
    if not isinstance(found, dict):
        if found is not None:
            problems.append(Problem(BAD, "summary.json is no JSON object"))
        return {}
    summary = _shaped(found, SHAPE, "", problems)
    try:
        Weights.model_validate(summary.get("weights") or {})
    except ValidationError:
        problems.append(Problem(BAD, "summary.json: its weights do not sum to 1"))
        del summary["weights"]
    return summary


def _shaped(found: Row, shape: Shape, above: str, problems: list[Problem]) -> Row:
    kept: Row = {}
    for key, value in found.items():
        wanted = shape.get(key, shape.get("*"))
        if wanted is None or value is None:
            continue
        if isinstance(wanted, Mapping):
            if isinstance(value, dict):
                kept[key] = _shaped(value, wanted, f"{above}{key}.", problems)
                continue
            wanted = "an object"
        elif _is(value, wanted):
            kept[key] = value
            continue
        problems.append(Problem(BAD, f"summary.json: {above}{key} is not {wanted}"))
    return kept


def _is(value: object, wanted: str) -> bool:
    if wanted == NUMBER:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and math.isfinite(value)  # type: ignore[arg-type]
    if wanted == TRUTH:
        return isinstance(value, bool)
    if wanted == TEXTS:
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    return isinstance(value, str)
