"""A study with real result files of runs, made without any model."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from wattbench.study.layout import Layout
from wattbench.study.models import Study
from wattbench.tables.answers import PREDICTIONS, SEGMENTS
from wattbench.tables.files import write_json, write_rows
from wattbench.tables.values import BLANK

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
GOLD = {"q1": "21", "q2": "433", "q3": "[80,90]", "q4": BLANK}
ENVIRONMENT = "local"


def make_study(folder: Path, models: list[str] | dict[str, Any], **sections: Any) -> Study:
    """A study of one question set 'set' of four questions, the last unanswerable.

    Models are given by name, or with their entries.
    """
    (folder / "documents").mkdir(exist_ok=True)
    (folder / "metadata.csv").write_text("id,title,url\na,Alpha,https://example.org/a\n")
    rows = ["id,question,answer_value,answer_unit,ref_id,is_NA"]
    for name, value in GOLD.items():
        blank = value == BLANK
        cell = f'"{value}"'
        rows.append(f"{name},What is {name}?,{cell},is_blank,{BLANK if blank else 'a'},{blank:d}")
    (folder / "questions.csv").write_text("\n".join(rows) + "\n")
    return Study.model_validate(
        {
            "study": {"name": "made", "results": str(folder / "results")},
            "corpora": {
                "docs": {
                    "documents": str(folder / "documents"),
                    "metadata": str(folder / "metadata.csv"),
                }
            },
            "questions": {"set": {"file": str(folder / "questions.csv")}},
            "models": models
            if isinstance(models, dict)
            else {name: {"weights": f"{name}.gguf"} for name in models},
            "scoring": {"bootstrap": 200},
            **sections,
        }
    )


def prediction(
    run: str, question: str, position: int, value: str | None, **more: Any
) -> dict[str, Any]:
    """One row of predictions; value None is a failure."""
    failed = value is None
    row = {
        "environment": ENVIRONMENT, "questions": "set", "run": run, "question_id": question,
        "position": position, "value": value, "refs": ["a"] if value not in {None, BLANK} else [],
        "blank": None if failed else value == BLANK, "asked": True,
        "explanation": None if failed else "because", "prompt_tokens": 100,
        "completion_tokens": 10, "retrieval_s": 0.1, "queue_s": 0.0, "prefill_s": 0.5,
        "decode_s": 0.5, "total_s": 1.0, "answered_at": START + timedelta(seconds=position),
        "segment": f"{run}-1", "tries": 1, "error": "timeout" if failed else None,
        "error_detail": "too slow" if failed else None,
    }  # fmt: skip
    return row | more


def segment(run: str, *, energy_j: float | None = 100.0, **more: Any) -> dict[str, Any]:
    """One row of segments with a GPU, whose answer phase took `energy_j`."""

    def device(joules: float | None) -> dict[str, Any]:
        return {
            "device": "GPU-1", "kind": "gpu", "scope": "device", "method": "counter",
            "energy_j": joules, "uncertainty_j": None if joules is None else 0.05 * joules,
            "idle_w": 10.0, "reason": None if joules is not None else "the counter is not offered",
        }  # fmt: skip

    load_j = None if energy_j is None else energy_j / 4
    row = {
        "environment": ENVIRONMENT, "questions": "set", "run": run, "segment": f"{run}-1",
        "number": 1, "job_id": f"local-host-1-{run}", "scheduler": "local", "attempt": 1,
        "host": "host", "process_id": 1, "gpu_uuids": ["GPU-1"],
        "gpu_names": ["NVIDIA A100"], "started_at": START,
        "ended_at": START + timedelta(seconds=10), "duration_s": 10.0, "ended_by": "finished",
        "lost_s": 0.0, "answered": 4, "cpu_s": 8.0, "rss_peak_bytes": 2**30,
        "vram_peak_bytes": 2**31,
        "phases": [
            {"phase": "load", "wall_s": 2.0, "cpu_s": 2.0, "devices": [device(load_j)]},
            {"phase": "answer", "wall_s": 8.0, "cpu_s": 6.0, "devices": [device(energy_j)]},
        ],
        "flags": [],
    }  # fmt: skip
    return row | more


def write_run(
    study: Study,
    run: str,
    values: Mapping[str, str | None],
    *,
    energy_j: float | None = 100.0,
    job: Mapping[str, Any] | None = None,
    **more: Any,
) -> None:
    """Write the files that inference leaves behind."""
    files = Layout(Path(study.study.results)).run(ENVIRONMENT, "set", run)
    places = {name: place for place, name in enumerate(GOLD)}
    rows = [prediction(run, q, places.get(q, 0), v, **more) for q, v in values.items()]
    write_rows(files.predictions, PREDICTIONS, rows)
    write_rows(files.segments, SEGMENTS, [segment(run, energy_j=energy_j)])
    write_json(files.job, dict(job or {"run": run}))


RIGHT = dict(GOLD)
