"""The stage `ensemble` over real files."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.made_results import RIGHT, make_study, write_run

from wattbench.ensembles.stage import confidence_weights, vote
from wattbench.errors import InputError
from wattbench.scoring.stage import score, score_folder
from wattbench.study.layout import Layout
from wattbench.study.models import Study
from wattbench.tables.answers import PREDICTIONS
from wattbench.tables.files import read_json, read_rows
from wattbench.tables.verdicts import VOTES


def made(folder: Path, **ensemble: object) -> Study:
    study = make_study(
        folder, ["a", "b", "c"], ensembles={"all": {"members": ["a", "b", "c"], **ensemble}}
    )
    write_run(study, "a", {**RIGHT, "q1": "20", "q4": "5"}, confidence=0.9)
    write_run(study, "b", {**RIGHT, "q1": "21.0", "q2": None}, confidence=0.5)
    write_run(study, "c", {**RIGHT, "q2": "1", "q3": "90-80"}, confidence=0.5)
    for run in "abc":
        score(study, "set", run)
    return study


def test_votes_and_costs(tmp_path: Path) -> None:
    study = made(tmp_path)
    vote(study, "set", "all")
    files = Layout(tmp_path / "results").ensemble("local", "set", "all")
    rows = {row["question_id"]: row for row in read_rows(files.predictions, PREDICTIONS)}
    assert {name: row["value"] for name, row in rows.items()} == {
        "q1": "21.0", "q2": "433", "q3": "[80,90]", "q4": "is_blank",
    }  # fmt: skip
    assert (rows["q1"]["prompt_tokens"], rows["q1"]["total_s"]) == (300, 3.0)
    # All members share one retrieval, which is done once.
    assert rows["q1"]["retrieval_s"] == pytest.approx(0.1)
    assert rows["q1"]["allocated_j"] is None
    votes = read_rows(files.votes, VOTES)
    assert len(votes) == 12
    failed = [row for row in votes if row["value"] is None]
    assert [(row["member"], row["question_id"], row["counted"]) for row in failed] == [
        ("b", "q2", False)
    ]


def test_an_ensemble_has_the_files_of_a_run(tmp_path: Path) -> None:
    study = made(tmp_path)
    vote(study, "set", "all")
    files = Layout(tmp_path / "results").ensemble("local", "set", "all")
    score_folder(files, study, "set", "all")
    summary = read_json(files.summary)
    assert summary["type"] == "ensemble"
    assert summary["overall_score"] == 1.0
    entry = read_json(files.results)[0]
    assert entry["individual_answers"] == {"a": "20", "b": "21.0", "c": "21"}
    assert "retrieved_snippets" not in entry
    assert files.submission.exists()


def test_confidence_reads_the_members_scores(tmp_path: Path) -> None:
    study = made(tmp_path, strategy="confidence")
    vote(study, "set", "all")
    files = Layout(tmp_path / "results").ensemble("local", "set", "all")
    votes = read_rows(files.votes, VOTES)
    summary = read_json(Layout(tmp_path / "results").run("local", "set", "a").summary)
    first = next(row for row in votes if row["member"] == "a")
    assert first["weight"] == pytest.approx(summary["overall_score"] * 0.9)


def test_a_member_without_confidences_does_not_outweigh_the_rest() -> None:
    answers = {
        "a": {"q": {"confidence": 0.2}},
        "b": {"q": {"confidence": None}},
    }
    assert confidence_weights(answers, {"a": 0.5, "b": 0.4}) == {("a", "q"): 0.5, ("b", "q"): 0.4}
    answers["b"]["r"] = {"confidence": 0.5}
    assert confidence_weights(answers, {"a": 0.5, "b": 0.4}) == pytest.approx(
        {("a", "q"): 0.1, ("b", "q"): 0.2, ("b", "r"): 0.2}
    )


def test_when_every_member_fails_so_does_the_ensemble(tmp_path: Path) -> None:
    study = make_study(tmp_path, ["a", "b"], ensembles={"all": {"members": ["a", "b"]}})
    for run in "ab":
        write_run(study, run, {**RIGHT, "q4": None})
    vote(study, "set", "all")
    files = Layout(tmp_path / "results").ensemble("local", "set", "all")
    last = read_rows(files.predictions, PREDICTIONS)[-1]
    assert (last["value"], last["error"], last["blank"]) == (None, "timeout", None)


def test_an_unknown_ensemble_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no ensemble 'x'; it has: all"):
        vote(made(tmp_path), "set", "x")
