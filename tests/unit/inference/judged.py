"""A study whose answers a model judges; what that model says is recorded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.unit.made_results import make_study

from wattbench.study.layout import Layout
from wattbench.study.models import Study
from wattbench.tables.files import read_rows
from wattbench.tables.verdicts import JUDGEMENTS

VERDICTS = {"q1": "TRUE", "q2": " false\n", "q3": "I think it is TRUE."}


def make(
    folder: Path, replies: dict[str, str] = VERDICTS, *, options: Any = None, **judge: Any
) -> Study:
    """A study whose answers the model j judges: it replies to each question what is recorded."""
    file = folder / "verdicts.jsonl"
    lines = [json.dumps({"question_id": k, "reply": v}) for k, v in replies.items()]
    file.write_text("\n".join(lines) + "\n")
    made = make_study(folder, ["a", "b"])
    study = made.model_dump(mode="json", exclude_none=True)
    study["models"]["j"] = {
        "backend": "recorded",
        "weights": str(file),
        "options": {"call_log": str(folder / "calls.log"), **(options or {})},
    }
    study["scoring"] |= {"judge": {"model": "j", **judge}, "also": ["judge"]}
    return Study.model_validate(study)


def calls(folder: Path) -> list[str]:
    log = folder / "calls.log"
    lines = log.read_text().splitlines() if log.exists() else []
    return sorted(json.loads(line)["question_id"] for line in lines)


def rows(folder: Path) -> dict[tuple[str, str], dict[str, Any]]:
    path = Layout(folder / "results").judge_verdicts("local", "set")
    return {(row["question_id"], row["value"]): row for row in read_rows(path, JUDGEMENTS)}
