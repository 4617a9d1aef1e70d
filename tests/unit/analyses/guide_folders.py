"""Result folders as the benchmark guide's scripts write them."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

GOLD = {
    "q1": ("21", "['a']"),
    "q2": ("433", "['b']"),
    "q3": ("[80,90]", "['a','b']"),
    "q4": ("is_blank", "is_blank"),
}
COLUMNS = (
    "id", "question", "answer", "answer_value", "answer_unit", "ref_id", "ref_url",
    "supporting_materials", "explanation",
)  # fmt: skip
RIGHT = {"q1": "21", "q2": "433", "q3": "[80,90]", "q4": "is_blank"}


def write_gold(folder: Path, name: str = "train_QA") -> Path:
    """A question file as the guide's, with a byte order mark."""
    path = folder / f"{name}.csv"
    with path.open("w", newline="", encoding="utf-8-sig") as stream:
        writer = csv.writer(stream)
        writer.writerow(["id", "question", "answer_value", "answer_unit", "ref_id", "explanation"])
        for identifier, (value, refs) in GOLD.items():
            kind = "is_blank" if value == "is_blank" else "Quote"
            writer.writerow([identifier, f"What is {identifier}?", value, "is_blank", refs, kind])
    return path


def entry(identifier: str, value: str, **more: Any) -> dict[str, Any]:
    """An entry of results.json."""
    gold, refs = GOLD[identifier]
    blank = value in {"is_blank", ""}
    return {
        "id": identifier, "question": f"What is {identifier}?", "gt_value": gold,
        "gt_unit": "is_blank", "gt_ref": refs, "pred_value": value, "pred_unit": "is_blank",
        "pred_ref": "is_blank" if blank else refs.replace("'", '"'), "pred_explanation": "because",
        "raw_response": "", "value_correct": gold in {"is_blank", value},
        "ref_score": float((gold == "is_blank") == blank),
        "na_correct": gold != "is_blank" or blank, "weighted_score": 1.0, "latency_seconds": 2.0,
        "retrieval_seconds": 0.5, "generation_seconds": 1.5, "error": None,
    } | more  # fmt: skip


def summary(name: str, entries: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """A summary.json whose figures fit the entries, on one GPU."""
    right = sum(bool(one["value_correct"]) for one in entries)
    blank = [one for one in entries if one["gt_value"] == "is_blank"]
    count = max(len(entries), 1)
    value = right / count
    ref = sum(one["ref_score"] for one in entries) / count
    na = sum(bool(one["na_correct"]) for one in blank) / len(blank) if blank else 1.0
    latency = sum(one["latency_seconds"] or 0.0 for one in entries) / count
    found: dict[str, Any] = {
        "name": name, "model_id": f"lab/{name}", "llm_provider": "hf_local",
        "quantization": "4bit", "timestamp": "2026-02-10T20:56:59", "num_questions": len(entries),
        "total_time_seconds": latency * len(entries), "avg_latency_seconds": latency,
        "avg_retrieval_seconds": 0.5, "avg_generation_seconds": 1.5, "value_accuracy": value,
        "ref_overlap": ref, "na_accuracy": na,
        "overall_score": 0.75 * value + 0.15 * ref + 0.10 * na, "questions_correct": right,
        "questions_wrong": len(entries) - right,
        "error_count": sum(one["error"] is not None for one in entries), "input_tokens": 4000,
        "output_tokens": 400, "estimated_cost_usd": 0.01,
        "hardware": {
            "gpu_count": 1, "gpu_device_id": 0, "gpu_energy_method": "nvml",
            "gpu_energy_wh": 100.0 * latency * len(entries) / 3600, "gpu_avg_power_watts": 100.0,
            "gpu_peak_power_watts": 200.0, "gpu_name": "NVIDIA A100", "hostname": "node1",
        },
        "config_snapshot": {"max_concurrent": 1, "_questions_file": "train_QA.csv"},
        "run_environment": "PowerEdge", "questions_file": "train_QA.csv",
    }  # fmt: skip
    return found | more


def write_experiment(
    folder: Path,
    values: Mapping[str, str],
    *,
    chunks: bool = False,
    submission: bool = True,
    entries: Mapping[str, Mapping[str, Any]] | None = None,
    **more: Any,
) -> Path:
    """One experiment's three files; `entries` changes single entries, `more` the summary."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [entry(i, value, **(entries or {}).get(i, {})) for i, value in values.items()]
    if submission:
        with (folder / "submission.csv").open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream, quoting=csv.QUOTE_ALL)
            writer.writerow(COLUMNS)
            for one in rows:
                why = f"Error: {one['error']}" if one["error"] else one["pred_explanation"]
                writer.writerow(
                    [one["id"], one["question"], why, one["pred_value"], "is_blank",
                     one["pred_ref"], "is_blank", "is_blank", why]
                )  # fmt: skip
    parts = [rows[:2], rows[2:]] if chunks else [rows]
    for number, part in enumerate(parts):
        file = f"results_chunk_{number:03d}.json" if chunks else "results.json"
        (folder / file).write_text(json.dumps(part))
    (folder / "summary.json").write_text(json.dumps(summary(folder.name, rows, **more)))
    return folder
