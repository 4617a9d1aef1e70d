"""Result folders of both kinds as one matrix, nothing dropped without a word."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from tests.unit.analyses.guide_folders import RIGHT, write_experiment, write_gold
from tests.unit.made_results import make_study, write_run
from typer.testing import CliRunner

from wattbench.analyses.artifact_verdicts import rule_of, scored, verdict_of
from wattbench.analyses.artifacts import read_experiment, read_experiments
from wattbench.analyses.matrix import matrices
from wattbench.cli.app import build
from wattbench.errors import InputError
from wattbench.scoring.stage import score
from wattbench.study.judgement import RuleName, Weights
from wattbench.study.questions import read_questions

RECORDED = Path(__file__).parents[3] / ".." / "shared" / "reference" / "data" / "wattbot" / "train"
recorded = pytest.mark.skipif(not RECORDED.is_dir(), reason=f"no recorded results at {RECORDED}")


def test_a_failure_is_no_abstention(tmp_path: Path) -> None:
    folder = write_experiment(
        tmp_path / "one", RIGHT | {"q4": "is_blank"}, entries={"q4": {"error": "timeout"}}
    )
    one = read_experiment(folder)
    assert (one.answers["q4"].value, one.answers["q4"].error) == (None, "timeout")
    (folder / "results.json").unlink()
    again = read_experiment(folder).answers["q4"]
    assert (again.value, again.error) == (None, "timeout")
    verdict = verdict_of("strict", one.gold["q4"], one)
    assert verdict is not None
    assert not verdict.value_correct
    # The guide counts a failure on an unanswerable question as right.
    verdict = verdict_of("wattbot-v1", one.gold["q4"], one)
    assert verdict is not None
    assert verdict.value_correct


def test_a_matrix_keeps_equal_names_and_question_sets_apart(tmp_path: Path) -> None:
    root = tmp_path / "experiments"
    gold = write_gold(tmp_path)
    for environment in ("PowerEdge", "GB10"):
        write_experiment(root / environment / "train_QA" / "m", RIGHT, run_environment=environment)
    write_experiment(root / "GB10" / "test" / "m", RIGHT, questions_file="test.csv")
    write_experiment(root / "GB10" / "train_QA" / "qwen-test-v2", {"q1": "20"})
    experiments, _ = read_experiments([root])
    train, test = sorted(
        matrices(experiments, gold=read_questions(gold), rule=None),
        key=lambda one: -len(one.experiments),
    )
    assert (train.questions, test.questions, train.rule) == ("train_QA", "test", "wattbot-v1")
    assert list(train.experiments) == ["GB10/m", "qwen-test-v2", "PowerEdge/m"]
    assert train.columns[:6] == (
        "id", "question", "GT_Value", "GT_Ref", "GT_Explanation", "answer_unit",
    )  # fmt: skip
    rows = [dict(zip(train.columns, row, strict=True)) for row in train.rows]
    assert [row["id"] for row in rows] == ["q1", "q2", "q3", "q4"]
    assert rows[0]["GB10/m_ValCorrect"] is True
    assert rows[0]["qwen-test-v2_ValCorrect"] is False
    assert rows[1]["qwen-test-v2_Value"] is None
    assert rows[0]["GT_Explanation"] == "Quote"


def test_what_a_matrix_lacks_is_listed(tmp_path: Path) -> None:
    write_experiment(tmp_path / "x" / "a", {"q1": "21", "q2": "433"})
    write_experiment(tmp_path / "x" / "empty", {})
    folder = write_experiment(tmp_path / "x" / "broken", RIGHT, submission=False)
    (folder / "results.json").write_text("{")
    experiments, left_out = read_experiments([tmp_path / "x", tmp_path / "x" / "a"])
    assert [reason for _, reason in left_out] == [f"it is {tmp_path / 'x' / 'a'} again"]
    (found,) = matrices(experiments, gold=None, rule="strict")
    assert list(found.experiments) == ["a"]
    told = {(Path(one.what).name, one.reason) for one in found.dropped}
    assert ("empty", "it holds no answer") in told
    assert any(name == "broken" and "results.json cannot be read" in why for name, why in told)


def test_a_cell_is_empty_for_a_reason(tmp_path: Path) -> None:
    write_experiment(tmp_path / "x" / "a", {"q1": "21", "q3": ""})
    write_experiment(tmp_path / "x" / "b", RIGHT, entries={"q2": {"gt_value": "434"}})
    gold = read_questions(write_gold(tmp_path))
    (found,) = matrices(read_experiments([tmp_path / "x"])[0], gold=gold, rule=None)
    told = {Path(one.what).name: one.reason for one in found.dropped}
    assert told == {
        "a": "it has no answer to 2 of 4 questions: q2, q4",
        "question q2": "the results quote the gold answer '434' ['b'] beside '433' ['b'] of the "
        "gold file, which counts",
    }


def test_the_rule_is_the_one_that_gives_the_scores_of_the_folders(tmp_path: Path) -> None:
    # The guide's second version reads 80-90 as a range, its first as a text.
    values = RIGHT | {"q3": "80-90"}
    judged = {"q3": {"value_correct": True, "ref_score": 1.0}}
    one = write_experiment(tmp_path / "x" / "one", values, entries=judged)
    write_experiment(tmp_path / "x" / "other", {"q1": "7"}, questions_file="test.csv", rule="exact")
    train, test = sorted(
        matrices(read_experiments([tmp_path / "x"])[0], gold=None, rule=None),
        key=lambda one: one.rule,
        reverse=True,
    )
    assert (train.rule, test.rule) == ("wattbot-v2", "exact")
    assert rule_of([read_experiment(one)], {}) == "wattbot-v1"


def test_nothing_to_write_is_an_error(tmp_path: Path) -> None:
    folder = write_experiment(tmp_path / "x" / "empty", {})
    (folder / "results.json").write_text("{")
    with pytest.raises(InputError, match=r"no experiment holds an answer.*cannot be read"):
        list(matrices([read_experiment(folder)], gold=None, rule=None))


def test_a_set_without_an_answer_is_told_beside_others(tmp_path: Path) -> None:
    write_experiment(tmp_path / "x" / "a", RIGHT)
    write_experiment(tmp_path / "x" / "empty", {}, questions_file="test.csv")
    gold = read_questions(write_gold(tmp_path))
    for given in (None, gold):
        found = {
            one.questions: one
            for one in matrices(read_experiments([tmp_path / "x"])[0], gold=given, rule=None)
        }
        assert (len(found["train_QA"].rows), len(found["test"].rows)) == (4, 0)
        assert "it holds no answer" in {one.reason for one in found["test"].dropped}


def test_a_name_is_no_formula(tmp_path: Path) -> None:
    write_experiment(tmp_path / "x" / "=1+1", RIGHT)
    output = tmp_path / "m.csv"
    result = CliRunner().invoke(build(), ["matrix", str(tmp_path / "x"), "--output", str(output)])
    assert result.exit_code == 0, result.output
    assert "'=1+1_Value" in output.read_text().splitlines()[0]


def test_questions_without_gold_are_rows_without_a_verdict(tmp_path: Path) -> None:
    folder = write_experiment(tmp_path / "a", RIGHT)
    (folder / "results.json").unlink()
    gold = [one for one in read_questions(write_gold(tmp_path)) if one.id != "q2"]
    (found,) = matrices([read_experiment(folder)], gold=gold, rule=None)
    rows = {row[0]: row for row in found.rows}
    assert rows["q2"][-5:] == ("433", '["b"]', None, None, None)
    assert [one.what for one in found.dropped] == ["question q2"]


def test_submission_files_are_experiments_by_their_names(tmp_path: Path) -> None:
    folder = write_experiment(tmp_path / "x", RIGHT)
    files = [tmp_path / f"submission_{name}.csv" for name in ("one", "two-v1")]
    for file in files:
        file.write_bytes((folder / "submission.csv").read_bytes())
    experiments, _ = read_experiments(files)
    assert [one.name for one in experiments] == ["one", "two-v1"]
    gold = read_questions(write_gold(tmp_path))
    (found,) = matrices(experiments, gold=gold, rule=None)
    assert (list(found.experiments), found.dropped) == (["one", "two-v1"], ())


def test_several_rules_have_to_be_chosen_from(tmp_path: Path) -> None:
    one = read_experiment(write_experiment(tmp_path / "a", RIGHT, rule="strict"))
    other = read_experiment(write_experiment(tmp_path / "b", RIGHT))
    assert rule_of([one], {}) == "strict"
    with pytest.raises(InputError, match="several rules: strict, wattbot-v1"):
        rule_of([one, other], {})


def test_the_command_reads_our_results_alike(tmp_path: Path) -> None:
    study = make_study(tmp_path, ["good", "poor"])
    write_run(study, "good", {**dict(RIGHT), "q1": "=1+1"})
    write_run(study, "poor", {**dict(RIGHT), "q2": None})
    for run in ("good", "poor"):
        score(study, "set", run)
    output = tmp_path / "out" / "m.csv"
    result = CliRunner().invoke(
        build(),
        ["matrix", str(tmp_path / "results"), "--output", str(output), "--json"],
    )
    assert result.exit_code == 0, result.output
    (told,) = json.loads(result.stdout)["matrices"]
    assert (told["questions"], told["rule"], told["rows"]) == ("set", "strict", 4)
    with output.open(newline="") as stream:
        rows = {row["id"]: row for row in csv.DictReader(stream)}
    assert rows["q2"]["good_ValCorrect"] == "true"
    assert rows["q2"]["poor_ValCorrect"] == "false"
    assert rows["q1"]["good_Value"] == "'=1+1"


def test_the_command_names_what_it_cannot_find(tmp_path: Path) -> None:
    write_experiment(tmp_path / "a", RIGHT)
    for arguments, message in [
        ([str(tmp_path / "nowhere")], "no such folder"),
        ([str(tmp_path), "--questions", "x"], "there are: train_QA"),
        ([str(tmp_path), "--rule", "x"], "no scoring rule 'x'"),
    ]:
        result = CliRunner().invoke(build(), ["matrix", *arguments])
        assert result.exit_code == 2
        assert message in result.stderr


@recorded
@pytest.mark.parametrize("rule", ["wattbot-v1", "wattbot-v2"])
def test_recorded_results_score_as_recorded(rule: RuleName) -> None:
    gold = {one.id: one for one in read_questions(RECORDED / "train_QA.csv")}
    with (RECORDED / "reference_scores.csv").open(newline="") as stream:
        expected = {row["experiment"]: row for row in csv.DictReader(stream)}
    experiments, left_out = read_experiments([RECORDED])
    assert left_out == []
    for one in experiments:
        verdicts = {i: verdict_of(rule, question, one) for i, question in gold.items()}
        found = scored(rule, Weights(), gold, verdicts)
        assert found is not None
        row = expected[f"{one.folder.parent.name}/{one.name}"]
        key = rule.removeprefix("wattbot-")
        assert found.score == pytest.approx(float(row[f"{key}_overall_keepna"]), abs=1e-12)
        assert found.value_accuracy == float(row[f"{key}_val_keepna"])
        assert found.ref_overlap == float(row[f"{key}_ref_keepna"])
