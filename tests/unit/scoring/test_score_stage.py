"""The stage `score` over real files."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.unit.made_results import GOLD, RIGHT, make_study, write_run

from wattbench.errors import InputError
from wattbench.scoring.stage import score
from wattbench.study.layout import Layout, RunFiles
from wattbench.tables.files import read_rows
from wattbench.tables.verdicts import SCORES


def files_of(folder: Path, run: str = "m") -> RunFiles:
    return Layout(folder / "results").run("local", "set", run)


def summary_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(files_of(folder).summary.read_text())
    return found


def test_all_right(tmp_path: Path) -> None:
    study = make_study(tmp_path, ["m"])
    write_run(study, "m", RIGHT)
    score(study, "set", "m")
    summary = summary_of(tmp_path)
    assert summary["overall_score"] == 1.0
    assert summary["counts"] == {
        "questions": 4, "answered": 4, "blank": 1, "failed": 0, "missing": 0, "surplus": 0,
    }  # fmt: skip
    assert summary["scores"]["strict"]["na_recall"] == 1.0
    assert summary["hardware"]["gpu_energy_wh"] == pytest.approx(125 / 3600)
    assert summary["input_tokens"] == 400
    assert summary["estimated_cost_usd"] is None


def test_failed_and_missing_questions_are_wrong_under_strict_only(tmp_path: Path) -> None:
    study = make_study(
        tmp_path, ["m"], scoring={"also": ["wattbot-v1"], "bootstrap": 100, "rule": "strict"}
    )
    write_run(study, "m", {"q1": "21", "q2": None, "q4": None})
    score(study, "set", "m")
    rules = summary_of(tmp_path)["scores"]
    assert rules["strict"]["value_accuracy"] == 0.25
    assert rules["strict"]["na_recall"] == 0.0
    # The guide's rule leaves q3 out and takes the failed q4 for an abstention.
    assert rules["wattbot-v1"]["judged"] == 3
    assert rules["wattbot-v1"]["na_recall"] == 1.0
    rows = read_rows(files_of(tmp_path).scores, SCORES)
    assert {(row["question_id"], row["missing"]) for row in rows if row["rule"] == "strict"} == {
        ("q1", False), ("q2", True), ("q3", True), ("q4", True),
    }  # fmt: skip


def test_submission_is_the_guides(tmp_path: Path) -> None:
    study = make_study(tmp_path, ["m"])
    write_run(study, "m", {**RIGHT, "q2": None})
    score(study, "set", "m")
    text = files_of(tmp_path).submission.read_text()
    rows = {row["id"]: row for row in csv.DictReader(text.splitlines())}
    assert text.startswith('"id","question","answer","answer_value","answer_unit","ref_id"')
    assert list(rows) == list(GOLD)
    assert rows["q1"]["ref_id"] == '["a"]'
    assert rows["q1"]["ref_url"] == '["https://example.org/a"]'
    assert (rows["q2"]["answer_value"], rows["q2"]["ref_id"]) == ("is_blank", "is_blank")
    assert rows["q2"]["explanation"] == "Error: timeout: too slow"


def test_results_hold_the_guides_keys(tmp_path: Path) -> None:
    study = make_study(tmp_path, ["m"])
    write_run(study, "m", {**RIGHT, "q3": "85"})
    score(study, "set", "m")
    entries = {entry["id"]: entry for entry in json.loads(files_of(tmp_path).results.read_text())}
    third = entries["q3"]
    assert (third["gt_value"], third["pred_value"], third["value_correct"]) == (
        "[80,90]", "85", False,
    )  # fmt: skip
    assert third["generation_seconds"] == 1.0
    assert third["retrieved_snippets"] is None
    assert third["weighted_score"] == pytest.approx(0.25)


def test_a_question_answered_twice_is_refused(tmp_path: Path) -> None:
    study = make_study(tmp_path, ["m"])
    write_run(study, "m", RIGHT)
    path = files_of(tmp_path).predictions
    table = pq.read_table(path, partitioning=None)
    pq.write_table(pa.concat_tables([table, table.slice(0, 1)]), path)
    with pytest.raises(InputError, match="more than one answer for q1"):
        score(study, "set", "m")


def test_scoring_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    study = make_study(tmp_path, ["m"])
    write_run(study, "m", {**RIGHT, "q1": "20"})
    score(study, "set", "m")
    files = files_of(tmp_path)
    before = [path.read_bytes() for path in (files.scores, files.summary, files.results)]
    score(study, "set", "m")
    assert [path.read_bytes() for path in (files.scores, files.summary, files.results)] == before


def test_an_unknown_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no model 'x'; it has: m"):
        score(make_study(tmp_path, ["m"]), "set", "x")


def test_a_rule_that_judges_nothing_is_named(tmp_path: Path) -> None:
    study = make_study(tmp_path, ["a"], scoring={"rule": "numeric"})
    gold = "id,question,answer_value,answer_unit,ref_id\nq1,Which?,oak,is_blank,a\n"
    (tmp_path / "questions.csv").write_text(gold)
    write_run(study, "a", {"q1": "oak"})
    with pytest.raises(InputError, match="the rule 'numeric' judges no answer to 'set'"):
        score(study, "set", "a")
