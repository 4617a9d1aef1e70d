"""The stage `ensemble` over real files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from tests.unit.made_results import GOLD, RIGHT, make_study, write_run

from wattbench.ensembles.stage import vote
from wattbench.ensembles.weights import by_confidence, fold_of, without_confidence
from wattbench.errors import InputError
from wattbench.scoring.stage import score, score_folder
from wattbench.study.layout import Layout
from wattbench.study.models import Study
from wattbench.study.plan import Plan
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


def votes_of(folder: Path) -> list[dict[str, object]]:
    return read_rows(Layout(folder / "results").ensemble("local", "set", "all").votes, VOTES)


def test_confidence_weighs_by_the_answers_own(tmp_path: Path) -> None:
    vote(made(tmp_path, strategy="confidence"), "set", "all")
    assert {(row["member"], row["weight"]) for row in votes_of(tmp_path)} == {
        ("a", 0.9), ("b", 0.5), ("c", 0.5),
    }  # fmt: skip


def test_accuracy_on_the_voted_set_is_cross_fitted(tmp_path: Path) -> None:
    study = made(tmp_path, strategy="confidence", weigh_by="accuracy", accuracy_on="set")
    vote(study, "set", "all")
    right = {"a": {"q2", "q3"}, "b": {"q1", "q3", "q4"}, "c": {"q1", "q3", "q4"}}
    folds = {question: fold_of(f"What is {question}?") for question in GOLD}
    for row in votes_of(tmp_path):
        outside = {q for q in GOLD if folds[q] != folds[str(row["question_id"])]}
        share = len(right[str(row["member"])] & outside) / len(outside)
        assert row["weight"] == pytest.approx(share), row


def test_the_workflow_waits_for_the_accuracy(tmp_path: Path) -> None:
    study = made(tmp_path, strategy="confidence", weigh_by="accuracy", accuracy_on="set")
    files = Plan(study, {}).weighing("all")
    assert [file.summary.parent.name for file in files] == ["a", "b", "c"]
    assert {file.summary.parent.parent.name for file in files} == {"set"}


def test_accuracy_needs_the_members_scores(tmp_path: Path) -> None:
    study = make_study(
        tmp_path,
        ["a", "b"],
        ensembles={
            "all": {
                "members": ["a", "b"], "strategy": "confidence", "weigh_by": "accuracy",
                "accuracy_on": "set",
            }
        },
    )  # fmt: skip
    for run in "ab":
        write_run(study, run, RIGHT)
    with pytest.raises(InputError, match="'a' is not scored on 'set'"):
        vote(study, "set", "all")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"strategy": "confidence", "weigh_by": "accuracy"}, "needs accuracy_on"),
        ({"accuracy_on": "set"}, "used only with strategy: confidence"),
        (
            {"strategy": "confidence", "weigh_by": "accuracy", "accuracy_on": "sett"},
            "no question set named 'sett'",
        ),
    ],
)
def test_weighing_is_checked(tmp_path: Path, settings: dict[str, str], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        made(tmp_path, **settings)


def test_raw_votes_are_a_setting_of_the_study(tmp_path: Path) -> None:
    vote(made(tmp_path, votes="raw", ignore_blank=True), "set", "all")
    files = Layout(tmp_path / "results").ensemble("local", "set", "all")
    first = read_rows(files.predictions, PREDICTIONS)[0]
    # '21' and '21.0' are two votes to the letter, so that the members' order decides.
    assert first["value"] == "20"


def test_a_member_without_confidences_does_not_outweigh_the_rest() -> None:
    def row(confidence: float | None, *, blank: bool = False) -> dict[str, Any]:
        return {"confidence": confidence, "blank": blank}

    answers = {"a": {"q": row(0.2)}, "b": {"q": row(None)}}
    assert by_confidence(answers) == {}
    assert without_confidence(answers) == ["b"]
    answers["b"]["r"] = row(0.5)
    assert by_confidence(answers) == {("a", "q"): 0.2, ("b", "q"): 0.5, ("b", "r"): 0.5}
    # One who only abstains has no confidence to give.
    answers["b"] = {"q": row(None, blank=True)}
    assert by_confidence(answers) == {("a", "q"): 0.2, ("b", "q"): 0.0}


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
