"""A model plans the searches: what its replies say, and what a kill or a failure leaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wattbench.errors import FaultError, InputError
from wattbench.inference.planning import Planning, parse_queries, plan_queries, planning_prompt
from wattbench.inference.replies import Unparsable
from wattbench.records import encode, read
from wattbench.study.layout import LEDGER, Layout
from wattbench.study.models import Study
from wattbench.tables.answers import SEGMENTS
from wattbench.tables.documents import QUERIES
from wattbench.tables.files import read_rows


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ('{"queries": ["energy of T5", "Meena"]}', ("energy of T5", "Meena")),
        ('Sure:\n```json\n["energy of T5"]\n```', ("energy of T5",)),
        ('["lone \\ud800 half"]', ("lone ? half",)),
        ("no list", None),
        ('["a b", 3]', None),
        ('{"queries": []}', None),
        ("][", None),
        ("[" * 100_000 + "]" * 100_000, None),
        ("", None),
    ],
)
def test_replies(reply: str, expected: tuple[str, ...] | None) -> None:
    found = parse_queries(reply)
    assert found == expected if expected else isinstance(found, Unparsable)


@given(st.text() | st.text().map(lambda text: f'["{text}"]'))
def test_any_reply_is_read(reply: str) -> None:
    found = parse_queries(reply)
    assert isinstance(found, Unparsable) or (found and all(isinstance(q, str) for q in found))


def test_the_prompt_says_how_many() -> None:
    assert "up to 3 short" in planning_prompt(3).user
    assert planning_prompt(3).digest != planning_prompt(4).digest


def make(folder: Path, replies: dict[str, str], **options: Any) -> Study:
    (folder / "q.csv").write_text(
        "id,question,answer,answer_value,answer_unit,ref_id\n"
        "a,What of A?,1,1,is_blank,['d']\nb,What of B?,1,1,is_blank,['d']\n"
    )
    lines = [json.dumps({"question_id": k, "reply": v}) for k, v in replies.items()]
    (folder / "plans.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "docs").mkdir(exist_ok=True)
    return Study.model_validate(
        {
            "study": {"name": "planned", "results": str(folder / "results")},
            "corpora": {"docs": {"documents": str(folder / "docs")}},
            "questions": {"q": {"file": str(folder / "q.csv")}},
            "retrievals": {
                "r": {"planner": {"kind": "model", "model": "m", "max_queries": 3}},
                "plain": {},
            },
            "models": {
                "m": {
                    "backend": "recorded",
                    "weights": str(folder / "plans.jsonl"),
                    "options": {"call_log": str(folder / "calls.log"), **options},
                    "requests": {"retries": 1},
                }
            },
        }
    )


def calls(folder: Path) -> list[str]:
    lines = (folder / "calls.log").read_text().splitlines()
    return [json.loads(line)["question_id"] for line in lines]


def rows(folder: Path) -> dict[str, dict[str, Any]]:
    path = Layout(folder / "results").queries("q", "r")
    return {row["question_id"]: row for row in read_rows(path, QUERIES)}


def test_queries_are_planned_once(tmp_path: Path) -> None:
    study = make(tmp_path, {"a": '["size of A"]', "b": '["size of B", "age of B"]'})
    plan_queries(study, "q", "r")
    assert rows(tmp_path)["a"]["queries"] == ["size of A"]
    assert rows(tmp_path)["b"]["queries"] == ["size of B", "age of B"]
    plan_queries(study, "q", "r")
    assert sorted(calls(tmp_path)) == ["a", "b"]
    segments = Layout(tmp_path / "results").queries_segments("q", "r")
    assert [row["ended_by"] for row in read_rows(segments, SEGMENTS)] == ["finished"]


def test_a_question_that_cannot_be_planned_is_searched_for_itself(tmp_path: Path) -> None:
    study = make(tmp_path, {"a": "no list", "b": '["age of B"]'})
    plan_queries(study, "q", "r")
    failed = rows(tmp_path)["a"]
    assert (failed["queries"], failed["error"], failed["tries"]) == ([], "unparsable", 2)
    assert rows(tmp_path)["b"]["error"] is None


def test_a_retrieval_without_a_model_is_refused(tmp_path: Path) -> None:
    study = make(tmp_path, {"a": "[]"})
    with pytest.raises(InputError, match="asks no model"):
        plan_queries(study, "q", "plain")
    with pytest.raises(InputError, match="no entry 'x'"):
        plan_queries(study, "q", "x")


def test_a_cancelled_planning_job_is_not_retried_by_itself(tmp_path: Path) -> None:
    study = make(tmp_path, {"a": '["size of A"]'})
    plan_queries(study, "q", "r")
    run = Planning(study, "q", "m", "r")
    ledger = run.journal / LEDGER
    records = [{**r, "ended_by": "cancelled"} if r["kind"] == "end" else r
               for r in read(ledger).records]  # fmt: skip
    ledger.write_bytes(b"".join(encode(record) for record in records))
    with pytest.raises(FaultError, match="cancelled this run's job at 1 of 2"):
        plan_queries(study, "q", "r", retry=True)
    plan_queries(study, "q", "r")
    assert sorted(calls(tmp_path)) == ["a", "b", "b", "b", "b"]
