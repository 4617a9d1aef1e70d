"""Whatever lies in a result folder, the readers tell of it and never break."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from wattbench.analyses.artifacts import find_folders, read_experiment
from wattbench.analyses.audit.of_folders import audit_folders
from wattbench.analyses.ensemble_field import Rules
from wattbench.analyses.ensemble_folders import vote_folders
from wattbench.analyses.matrix import matrices

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 5), st.floats(), st.text(max_size=8),
    st.sampled_from(["q1", "q2", "is_blank", "strict", "wattbot-v1", "ensemble", "[80,90]"]),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
RESULT_KEYS = (
    "id", "question", "gt_value", "gt_unit", "gt_ref", "pred_value", "pred_ref",
    "pred_explanation", "value_correct", "ref_score", "na_correct", "latency_seconds",
    "retrieval_seconds", "generation_seconds", "error",
)  # fmt: skip
SUMMARY_KEYS = (
    "type", "models", "model_id", "llm_provider", "quantization", "total_time_seconds",
    "avg_latency_seconds", "avg_retrieval_seconds", "avg_generation_seconds", "overall_score",
    "input_tokens", "output_tokens", "estimated_cost_usd", "hardware", "config_snapshot",
    "run_environment", "questions_file", "rule", "weights", "made_by", "wattbench_version",
    "identity",
)  # fmt: skip
HARDWARE = st.dictionaries(
    st.sampled_from(["gpu_energy_wh", "gpu_count", "gpu_energy_method", "gpu_avg_power_watts",
                     "cuda_version", "model_load_time_seconds"]),
    VALUES,
)  # fmt: skip
RESULTS = st.lists(st.dictionaries(st.sampled_from(RESULT_KEYS), VALUES, max_size=12), max_size=4)
SUMMARY = st.dictionaries(st.sampled_from(SUMMARY_KEYS), VALUES | HARDWARE, max_size=12)
CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=10)
SUBMISSION = st.lists(
    st.tuples(st.sampled_from(["q1", "q2", "", "x"]), CELLS, CELLS, CELLS), max_size=4
)


def write(folder: Path, results: Any, summary: Any, rows: list[tuple[str, ...]]) -> None:
    folder.mkdir()
    (folder / "results.json").write_text(json.dumps(results))
    (folder / "summary.json").write_text(json.dumps(summary))
    lines = ["id,answer_value,ref_id,explanation"]
    lines += [",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows]
    (folder / "submission.csv").write_text("\n".join(lines), encoding="utf-8")


@settings(max_examples=60, deadline=None)
@given(RESULTS | VALUES, SUMMARY | VALUES, SUBMISSION)
def test_any_content_is_read_and_judged(results: Any, summary: Any, rows: Any) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "run"
        write(folder, results, summary, rows)
        one = read_experiment(folder)
        (found,) = audit_folders([one])
        assert all(row["severity"] in {"note", "warning", "error"} for row in found.findings)
        # Every answer that a file holds is there.
        assert {row[0] for row in rows if row[0]} <= set(one.answers)
        if not one.answers:
            return
        for matrix in matrices([one], gold=None, rule="strict"):
            assert all(len(row) == len(matrix.columns) for row in matrix.rows)
        write(Path(name) / "other", results, summary, rows)
        both = [one, replace(read_experiment(Path(name) / "other"), questions=one.questions)]
        vote_folders(both, Rules(), name="e", rule="wattbot-v2")


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=200), st.binary(max_size=200), st.binary(max_size=200))
def test_any_bytes_are_told_of(results: bytes, summary: bytes, submission: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "run"
        folder.mkdir()
        (folder / "results_chunk_000.json").write_bytes(results)
        (folder / "summary.json").write_bytes(summary)
        (folder / "submission.csv").write_bytes(submission)
        assert find_folders([Path(name)]) == ([folder], [])
        one = read_experiment(folder)
        audit_folders([one])
        if not one.answers:
            assert one.problems
