"""A study whose models replay recordings: real contexts in, real run files out."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wattbench.study.identity import run_identity
from wattbench.study.layout import Layout, RunFiles
from wattbench.study.models import Study
from wattbench.tables.answers import PREDICTIONS, SEGMENTS
from wattbench.tables.documents import CONTEXTS
from wattbench.tables.files import digest, read_json, read_rows, write_json, write_rows

RUNNER = """
import sys
from pathlib import Path
import typer
from wattbench.cli.inference import register
app = typer.Typer()
register(app)
app()
"""
TIMES = {
    "answered_at", "segment", "queue_s", "prefill_s", "decode_s", "first_token_s", "total_s",
}  # fmt: skip


@dataclass
class Bench:
    """A results folder with contexts and a model that replays."""

    folder: Path
    count: int = 6
    options: dict[str, Any] = field(default_factory=dict)
    model: dict[str, Any] = field(default_factory=dict)
    abstain: tuple[int, ...] = ()
    sets: tuple[str, ...] = ("asked",)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.recording = self.folder / "recording.jsonl"
        self.calls_file = self.folder / "calls.jsonl"
        self.record_replies(self.count)
        for name in self.sets:
            self.write_contexts(self.count, name)

    def record_replies(self, count: int) -> None:
        lines = [json.dumps(self.reply(number)) for number in range(count)]
        self.recording.write_text("\n".join(lines) + "\n")

    @staticmethod
    def reply(number: int) -> dict[str, Any]:
        reply = {"explanation": "so", "answer_value": number * 10, "ref_id": ["doc"]}
        return {
            "question_id": f"q{number}",
            "reply": json.dumps(reply),
            "prompt_tokens": 100 + number,
            "completion_tokens": 20,
            "prefill_s": 0.5,
            "decode_s": 0.25,
        }

    def write_contexts(self, count: int, questions: str = "asked") -> None:
        rows = [self.context(number) for number in range(count)]
        write_rows(self.layout.contexts(questions, "default"), CONTEXTS, rows)

    def context(self, number: int) -> dict[str, Any]:
        snippet = {
            "rank": 1, "node_id": "doc:sec1:p1", "document_id": "doc", "document_title": "Doc",
            "kind": "paragraph", "text": f"The value is {number * 10}.", "score": 0.9,
            "frequency": 1, "source": "dense",
        }  # fmt: skip
        return {
            "question_id": f"q{number}", "position": number, "question": f"What is {number}?",
            "answer_unit": "W", "queries": [f"What is {number}?"], "snippets": [snippet],
            "top_score": 0.9, "abstain": number in self.abstain,
            "contexts_digest": digest(snippet), "retrieval_s": 0.01,
        }  # fmt: skip

    @property
    def layout(self) -> Layout:
        return Layout(self.folder / "results")

    @property
    def study(self) -> Study:
        return Study.model_validate(
            {
                "study": {"name": "bench", "results": str(self.folder / "results")},
                "corpora": {"docs": {"documents": str(self.folder)}},
                "questions": {n: {"file": str(self.folder / f"{n}.csv")} for n in self.sets},
                "models": {
                    "replay": {
                        "backend": "recorded",
                        "weights": str(self.recording),
                        "prompt": "compact-v1",
                        "options": {"call_log": str(self.calls_file), **self.options},
                        **self.model,
                    }
                },
                "energy": {"sampling_hz": 10},
            }
        )

    @property
    def files(self) -> RunFiles:
        return self.files_of("asked")

    def files_of(self, questions: str) -> RunFiles:
        return self.layout.run("local", questions, "replay")

    @property
    def journal(self) -> Path:
        return self.files.journal(run_identity(self.study, "replay"))

    @property
    def answers(self) -> Path:
        return self.journal / "answers.jsonl"

    def calls(self) -> list[str]:
        if not self.calls_file.exists():
            return []
        return [json.loads(line)["question_id"] for line in self.calls_file.open()]

    def predictions(self) -> list[dict[str, Any]]:
        return read_rows(self.files.predictions, PREDICTIONS)

    def answers_only(self) -> list[dict[str, Any]]:
        """Predictions without the columns that time decides."""
        return [{k: v for k, v in row.items() if k not in TIMES} for row in self.predictions()]

    def segments(self, questions: str = "asked") -> list[dict[str, Any]]:
        return read_rows(self.files_of(questions).segments, SEGMENTS)

    def job(self) -> dict[str, Any]:
        job: dict[str, Any] = read_json(self.files.job)
        return job

    def start(self, **more: Any) -> subprocess.Popen[str]:
        """`wattbench infer` as a process of its own."""
        study = self.folder / "study.json"
        write_json(study, self.study.model_dump(mode="json"))
        command = [sys.executable, "-c", RUNNER, "infer", "--study", str(study)]
        return subprocess.Popen(
            [*command, *(f"--questions={name}" for name in self.sets), "--run", "replay"],
            stderr=subprocess.PIPE,
            text=True,
            **more,
        )
