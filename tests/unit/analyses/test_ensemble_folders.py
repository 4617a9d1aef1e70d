"""Ensembles over result folders, in the guide's files."""

from __future__ import annotations

import itertools
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.unit.analyses.guide_folders import RIGHT, write_experiment, write_gold
from tests.unit.made_results import make_study, segment, write_run
from typer.testing import CliRunner

from wattbench.analyses.aggregate import aggregate
from wattbench.analyses.artifacts import read_experiment
from wattbench.analyses.ensemble_field import Rules
from wattbench.analyses.ensemble_folders import vote_folders
from wattbench.cli.app import build
from wattbench.errors import InputError
from wattbench.scoring.stage import score
from wattbench.study.inference import Strategy
from wattbench.study.layout import Layout
from wattbench.study.questions import read_questions
from wattbench.tables.answers import SEGMENTS
from wattbench.tables.files import read_rows, write_rows
from wattbench.tables.runs import RUNS
from wattbench.tables.values import canonical_value

RECORDED = Path(__file__).parents[3] / ".." / "shared" / "reference" / "data" / "wattbot" / "train"


def command(*arguments: object) -> Any:
    return CliRunner().invoke(build(), ["ensemble", "vote", *map(str, arguments)])


def members(folder: Path) -> list[Path]:
    return [
        write_experiment(folder / "a", RIGHT | {"q1": "20", "q4": "7"}),
        write_experiment(folder / "b", RIGHT | {"q1": "21.0"}),
        write_experiment(folder / "c", RIGHT | {"q2": "is_blank", "q3": "80-90"}),
    ]


def test_a_file_of_a_folder_and_the_folder_above_a_lone_one_stand_for_it(tmp_path: Path) -> None:
    first, second, _ = members(tmp_path / "r")
    third = write_experiment(tmp_path / "alone" / "d", RIGHT)
    result = command(first / "submission.csv", second, third.parent, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["models"] == ["a", "b", "d"]
    result = command(first, first / "results.json")
    assert result.exit_code == 2
    assert "named twice" in result.stderr


def test_values_or_texts_are_votes(tmp_path: Path) -> None:
    runs = [read_experiment(folder) for folder in members(tmp_path)]
    found = vote_folders(runs, Rules(), name="e", rule="strict")
    assert {i: one.value for i, one in found.outcomes.items()} == {
        "q1": "21.0", "q2": "433", "q3": "[80,90]", "q4": "is_blank",
    }  # fmt: skip
    assert found.summary["overall_score"] == 1.0
    raw = vote_folders(runs, Rules(votes="raw"), name="e", rule="strict")
    assert raw.outcomes["q1"].value == "20"
    assert raw.outcomes["q1"].by_order


def test_costs_are_sums_or_unknown_with_the_members_reason(tmp_path: Path) -> None:
    folders = members(tmp_path)
    found = vote_folders([read_experiment(one) for one in folders], Rules(), name="e").summary
    # 4 questions of 2 s at 100 W, three times.
    assert found["energy_j"] == pytest.approx(2400)
    assert (found["input_tokens"], found["total_time_seconds"]) == (12000, 24.0)
    assert (found["latency_sequential_s"], found["latency_parallel_s"]) == (6.0, 2.0)
    assert found["energy_uncertainty_j"] is None
    summary = json.loads((folders[1] / "summary.json").read_text())
    summary["hardware"]["gpu_count"] = 2
    summary["input_tokens"] = 0
    (folders[1] / "summary.json").write_text(json.dumps(summary))
    found = vote_folders([read_experiment(one) for one in folders], Rules(), name="e").summary
    assert found["energy_j"] is None
    assert found["unknown"]["energy_j"] == "of b: of its 2 GPUs 1 was measured"
    assert found["input_tokens"] is None
    nulls = {key for key in found["unknown"] if found[key] is not None}
    assert nulls == set()


def test_confidence_weighs_by_accuracy_on_other_questions(tmp_path: Path) -> None:
    runs = [read_experiment(folder) for folder in members(tmp_path)]
    found = vote_folders(runs, Rules("confidence"), name="e", rule="strict")
    assert "cross-fitted" in found.summary["weighed_by"]
    (tmp_path / "a" / "results.json").unlink()
    (tmp_path / "b" / "results.json").unlink()
    bare = [read_experiment(tmp_path / name) for name in "ab"]
    with pytest.raises(InputError, match="no gold answer is known"):
        vote_folders(bare, Rules("confidence"), name="e")


def test_a_member_without_an_answer_casts_no_vote_and_shifts_no_other(tmp_path: Path) -> None:
    write_experiment(tmp_path / "a", {"q1": "1"})
    write_experiment(tmp_path / "b", RIGHT)
    runs = [read_experiment(tmp_path / name) for name in "ab"]
    found = vote_folders(runs, Rules(), name="e")
    entry = found.results[1]
    assert (entry["id"], entry["pred_value"]) == ("q2", "433")
    assert entry["individual_answers"] == {"a": None, "b": "433"}


@pytest.mark.parametrize("strategy", ["majority", "answer_priority", "confidence"])
def test_names_and_order_decide_ties_alone(tmp_path: Path, strategy: Strategy) -> None:
    runs = [read_experiment(folder) for folder in members(tmp_path / "r")]
    found = vote_folders(runs, Rules(strategy), name="e", rule="strict")
    for order in itertools.permutations(range(3)):
        places = [tmp_path / f"{order}" / name for name in ("z", "y", "x")]
        for place, source in zip(places, order, strict=True):
            shutil.copytree(runs[source].folder, place)
        again = vote_folders(
            [read_experiment(place) for place in places], Rules(strategy), name="e", rule="strict"
        )
        for identifier, outcome in found.outcomes.items():
            other = again.outcomes[identifier]
            assert other.by_order == outcome.by_order
            if not outcome.by_order:
                assert canonical_value(other.value) == canonical_value(outcome.value)
                assert other.refs == outcome.refs


def test_unequal_members_add_up_by_question(tmp_path: Path) -> None:
    write_experiment(tmp_path / "a", RIGHT)
    write_experiment(tmp_path / "b", {"q1": "21"}, entries={"q1": {"latency_seconds": 10.0}})
    found = vote_folders([read_experiment(tmp_path / n) for n in "ab"], Rules(), name="e").summary
    # q1 takes 2 s and 10 s, the others 2 s.
    assert found["latency_sequential_s"] == pytest.approx((12 + 2 + 2 + 2) / 4)
    assert found["latency_parallel_s"] == pytest.approx((10 + 2 + 2 + 2) / 4)
    assert found["left_out"] == [
        {"what": str(tmp_path / "b"), "reason": "it has no answer to 3 of 4 questions: q2, q3, q4"}
    ]
    # Without a question's own seconds, means over unequal questions do not add.
    (tmp_path / "b" / "results.json").unlink()
    found = vote_folders([read_experiment(tmp_path / n) for n in "ab"], Rules(), name="e").summary
    assert found["latency_sequential_s"] is None
    assert found["unknown"]["latency_sequential_s"] == (
        "of b: the seconds of 1 questions are unknown"
    )


def test_what_members_lost_is_told(tmp_path: Path) -> None:
    folders = members(tmp_path)
    (folders[1] / "submission.csv").unlink()
    text = (folders[1] / "results.json").read_text()
    (folders[1] / "results_chunk_000.json").write_text(f"{text[: text.index('}')]}}}]")
    (folders[1] / "results_chunk_001.json").write_text("[{")
    shown = command(*folders, "--rule", "strict")
    assert shown.exit_code == 0, shown.output
    assert f"left out: {folders[1]}: results_chunk_001.json cannot be read" in shown.stdout
    assert f"left out: {folders[1]}: it has no answer to 3 of 4 questions" in shown.stdout


def test_what_a_run_answered_is_never_written_over(tmp_path: Path) -> None:
    a, b, c = members(tmp_path)
    before = (c / "submission.csv").read_bytes()
    for output, message in [(a, "is the folder of a member"), (c, "holds the results of a run")]:
        result = command(a, b, "--output", output)
        assert result.exit_code == 2
        assert message in result.stderr
    assert (c / "submission.csv").read_bytes() == before
    # Another vote of the same name is.
    for _ in range(2):
        assert command(a, b, "--output", tmp_path / "voted").exit_code == 0


def test_what_is_written_is_a_folder_of_the_guide(tmp_path: Path) -> None:
    folders = members(tmp_path / "train_QA")
    output = tmp_path / "train_QA" / "voted"
    result = command(
        *folders, "--name", "voted", "--ignore-blank", "--output", output, "--json", "--gold",
        write_gold(tmp_path), "--rule", "wattbot-v2",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    again = read_experiment(output)
    assert again.ensemble
    assert again.problems == ()
    assert (again.environment, again.questions) == ("PowerEdge", "train_QA")
    assert {i: answer.value for i, answer in again.answers.items()} == {
        "q1": "21.0", "q2": "433", "q3": "[80,90]", "q4": "7",
    }  # fmt: skip
    assert json.loads(result.stdout)["models"] == ["a", "b", "c"]
    # And an ensemble may be a member.
    assert command(output, folders[0], "--rule", "strict").exit_code == 0


def test_our_folders_vote_alike(tmp_path: Path) -> None:
    study = make_study(tmp_path, ["a", "b"])
    for run in "ab":
        write_run(study, run, RIGHT)
        score(study, "set", run)
    runs = tmp_path / "results" / "runs" / "local" / "set"
    result = command(runs / "a", runs / "b", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (found["rule"], found["overall_score"], found["input_tokens"]) == ("strict", 1.0, 800)
    assert found["energy_uncertainty_j"] is None
    aggregate(study)
    found = json.loads(command(runs / "a", runs / "b", "--json").stdout)
    assert found["energy_j"] == pytest.approx(250.0)
    table = {row["run"]: row for row in read_rows(tmp_path / "results/tables/runs.parquet", RUNS)}
    sure = sum(table[run]["energy_gross_uncertainty_j"] for run in "ab")
    assert found["energy_uncertainty_j"] == pytest.approx(sure)


def test_a_gold_file_of_other_questions_is_told_and_not_counted(tmp_path: Path) -> None:
    folders = members(tmp_path)
    gold = write_gold(tmp_path)
    gold.write_text(gold.read_text("utf-8-sig").replace("\nq", "\nother"))
    told = "the gold file has none of its questions; its own count"
    result = command(*folders, "--gold", gold, "--rule", "strict", "--json")
    found = json.loads(result.stdout)
    assert found["questions_correct"] == 4
    assert found["left_out"] == [{"what": "train_QA", "reason": told}]
    result = CliRunner().invoke(build(), ["audit", *map(str, folders), "--gold", str(gold)])
    assert told in result.stdout


def test_an_ensemble_is_scored_with_its_members_weights(tmp_path: Path) -> None:
    weights = {"value": 0.5, "ref": 0.4, "na": 0.1}
    folders = [
        write_experiment(tmp_path / name, RIGHT | {"q1": "7"}, weights=weights) for name in "ab"
    ]
    found = vote_folders([read_experiment(one) for one in folders], Rules(), name="e").summary
    assert found["weights"] == weights
    assert found["overall_score"] == pytest.approx(0.5 * 0.75 + 0.4 + 0.1)
    other = read_experiment(write_experiment(tmp_path / "c", RIGHT))
    with pytest.raises(InputError, match="several weights"):
        vote_folders([read_experiment(folders[0]), other], Rules(), name="e")


def test_energy_of_some_gpus_is_no_members_energy(tmp_path: Path) -> None:
    study = make_study(tmp_path, ["a", "b"])
    for run in "ab":
        write_run(study, run, RIGHT)
        score(study, "set", run)
    files = Layout(tmp_path / "results").run("local", "set", "b")
    write_rows(files.segments, SEGMENTS, [segment("b", gpu_uuids=["GPU-1", "GPU-2"])])
    aggregate(study)
    runs = tmp_path / "results" / "runs" / "local" / "set"
    found = json.loads(command(runs / "a", runs / "b", "--json").stdout)
    for column in ("energy_j", "energy_uncertainty_j"):
        assert found[column] is None
        assert found["unknown"][column] == "of b: of its 2 GPUs 1 was measured"


def test_members_that_cannot_vote_together(tmp_path: Path) -> None:
    write_experiment(tmp_path / "r" / "a", RIGHT)
    write_experiment(tmp_path / "r" / "b", RIGHT, questions_file="test.csv")
    (tmp_path / "r" / "linked").symlink_to(tmp_path / "r" / "a")
    other = write_experiment(tmp_path / "other", {"q1": "7"}, submission=False)
    (other / "results.json").write_text('[{"id": "q9", "pred_value": "7"}]')
    write_experiment(tmp_path / "none", {})
    for arguments, message in [
        ([tmp_path / "r" / "a"], "needs two members"),
        ([tmp_path / "r" / "a", tmp_path / "r" / "b"], "several question sets: test, train_QA"),
        ([tmp_path / "r", tmp_path / "r" / "a"], "holds several results"),
        ([tmp_path / "r" / "a"] * 2, "is named twice: it would vote twice"),
        ([tmp_path / "r" / "a", tmp_path / "r" / "linked"], "is named twice"),
        ([tmp_path / "r" / "a", tmp_path / "other"], "no answer to a question that another"),
        ([tmp_path / "r" / "a", tmp_path / "none"], "no answer to a question that another"),
    ]:
        result = command(*arguments)
        assert result.exit_code == 2
        assert message in result.stderr


@pytest.mark.skipif(not RECORDED.is_dir(), reason=f"no recorded ensemble at {RECORDED}")
def test_the_recorded_ensemble_comes_out_to_the_letter(tmp_path: Path) -> None:
    folder = RECORDED / "archive" / "ensemble-top3-majority"
    recorded = json.loads((folder / "summary.json").read_text())
    found = vote_folders(
        [read_experiment(folder.parent / name) for name in recorded["models"]],
        Rules("majority", recorded["ignore_blank"], "raw"),
        name=recorded["name"],
        gold=read_questions(RECORDED / "train_QA.csv"),
        rule="wattbot-v2",
    )
    entries = json.loads((folder / "results.json").read_text())
    by_id = {one["id"]: one for one in found.results}
    keys = ("pred_value", "pred_unit", "individual_answers", "value_correct", "na_correct")
    for entry in entries:
        ours = by_id[entry["id"]]
        assert {key: ours[key] for key in keys} == {key: entry[key] for key in keys}
        assert ours["pred_ref"] == entry["pred_ref"]
        assert ours["ref_score"] == pytest.approx(entry["ref_score"])
    assert len(entries) == len(by_id) == 41
    for key in ("value_accuracy", "ref_overlap", "na_accuracy", "overall_score"):
        assert found.summary[key] == pytest.approx(recorded[key], abs=1e-12)
