"""Submission files scored as their own system scored them, and as `strict` does."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from wattbench.cli import scoring as command
from wattbench.errors import InputError
from wattbench.scoring.submission import score_files
from wattbench.scoring.submission_files import EmptyCells
from wattbench.study.judgement import RULES, RuleName, Scoring

RECORDED = Path(__file__).parents[3] / ".." / "shared" / "reference" / "data" / "wattbot" / "train"
FAST = {"bootstrap": 100}
GOLD = [
    {"id": "q1", "answer_value": "64.7", "answer_unit": "GB", "ref_id": "['a']"},
    {"id": "q2", "answer_value": "GPT-3", "answer_unit": "is_blank", "ref_id": "['a','b']"},
    {"id": "q3", "answer_value": "is_blank", "answer_unit": "days", "ref_id": "is_blank"},
]
GIVEN = [
    {"id": "q1", "answer_value": "64700 MB", "ref_id": '["a"]', "explanation": "so"},
    {"id": "q2", "answer_value": "gpt 3", "ref_id": '["a"]', "explanation": "so"},
    {"id": "q3", "answer_value": "", "ref_id": "is_blank", "explanation": "so"},
]


def write(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8-sig") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture
def gold(tmp_path: Path) -> Path:
    return write(tmp_path / "gold.csv", GOLD)


@pytest.mark.skipif(not RECORDED.is_dir(), reason=f"recorded WattBot results are not at {RECORDED}")
@pytest.mark.parametrize("rule", ["wattbot-v1", "wattbot-v2"])
@pytest.mark.parametrize(("empty", "suffix"), [("nan", ""), ("kept", "_keepna")])
def test_recorded_scores_to_the_last_bit(rule: str, empty: EmptyCells, suffix: str) -> None:
    version = rule.removeprefix("wattbot-")
    with (RECORDED / "reference_scores.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    reproduced = 0
    for row in rows:
        found = score_files(
            RECORDED / "train_QA.csv",
            RECORDED / row["experiment"] / "submission.csv",
            Scoring(rule=rule, **FAST),
            empty=empty,
        )
        names = {"val": "value_accuracy", "ref": "ref_overlap", "na": "na_recall"}
        for short, name in names.items():
            assert found[name] == float(row[f"{version}_{short}{suffix}"]), row["experiment"]
        # How the three are summed was not one way everywhere: the run's own summary is ours.
        recorded = float(row[f"{version}_overall{suffix}"])
        assert found["score"] == pytest.approx(recorded, rel=2e-16), row["experiment"]
        summary = {name: float(row[f"summary_{short}"]) for short, name in names.items()}
        if summary == {name: found[name] for name in names.values()}:
            assert found["score"] == float(row["summary_overall"]), row["experiment"]
            reproduced += 1
    assert reproduced == {"v1": 11, "v2": 2}[version]
    assert len(rows) == 13


def test_strict_reads_what_is_meant(tmp_path: Path, gold: Path) -> None:
    found = score_files(gold, write(tmp_path / "s.csv", GIVEN), Scoring(**FAST))
    assert (found["correct"], found["judged"]) == (3, 3)
    assert found["score"] == pytest.approx(0.75 + 0.15 * (1 + 0.5 + 1) / 3 + 0.1)
    assert found["score_interval"][0] < found["score"] <= found["score_interval"][1]


def test_a_missing_answer_is_wrong_under_strict_and_left_out_by_wattbot(
    tmp_path: Path, gold: Path
) -> None:
    part = write(tmp_path / "s.csv", GIVEN[:1])
    strict = score_files(gold, part, Scoring(**FAST))
    assert (strict["value_accuracy"], strict["missing"]) == (1 / 3, ["q2", "q3"])
    assert strict["na_recall"] == 0.0
    lenient = score_files(gold, part, Scoring(rule="wattbot-v2", **FAST))
    assert (lenient["judged"], lenient["na_recall"]) == (1, 1.0)


def test_a_repeated_answer_is_refused_under_strict_and_counts_twice_by_wattbot(
    tmp_path: Path, gold: Path
) -> None:
    twice = write(tmp_path / "s.csv", [GIVEN[1], *GIVEN])
    with pytest.raises(InputError, match="more than one answer for q2"):
        score_files(gold, twice, Scoring(**FAST))
    found = score_files(gold, twice, Scoring(rule="wattbot-v1", **FAST))
    assert (found["judged"], found["score_interval"]) == (4, None)


def test_a_failed_question_is_no_abstention_under_strict(tmp_path: Path, gold: Path) -> None:
    failed = GIVEN[2] | {"answer_value": "is_blank", "explanation": "Error: timeout"}
    rows = write(tmp_path / "s.csv", [*GIVEN[:2], failed])
    assert score_files(gold, rows, Scoring(**FAST))["na_recall"] == 0.0
    assert score_files(gold, rows, Scoring(rule="wattbot-v1", **FAST))["na_recall"] == 1.0


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (GIVEN[:2], "1 questions of the gold file have no answer: q3"),
        ([*GIVEN, GIVEN[0] | {"id": "q9"}], "1 answers are to no question of the gold file: q9"),
        ([*GIVEN, GIVEN[0]], "more than one answer for q1"),
    ],
)
def test_the_subset_check(
    tmp_path: Path, gold: Path, rows: list[dict[str, str]], said: str
) -> None:
    scoring = Scoring(rule="wattbot-v1", **FAST)
    file = write(tmp_path / "s.csv", rows)
    assert score_files(gold, file, scoring)["score"] > 0
    with pytest.raises(InputError, match=said):
        score_files(gold, file, scoring, whole=True)


def run(*arguments: str | Path) -> typer.testing.Result:
    app = typer.Typer()
    command.register(app)
    return CliRunner().invoke(app, ["score", *(str(argument) for argument in arguments)])


def test_the_command(tmp_path: Path, gold: Path) -> None:
    file = write(tmp_path / "s.csv", GIVEN)
    told = run(gold, file)
    assert told.exit_code == 0, told.output
    assert "3 right of 3 judged under strict; 3 questions" in told.output
    found = json.loads(run(gold, file, "--rule", "wattbot-v1", "--json").stdout)
    assert (found["rule"], found["correct"]) == ("wattbot-v1", 1)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--rule", "nice"], "there is no scoring rule 'nice'"),
        (["--questions", "set"], "--questions: of no use here"),
        (["--empty-cells", "lost"], "--empty-cells is kept or nan"),
    ],
)
def test_wrong_options_are_named(tmp_path: Path, gold: Path, options: list[str], said: str) -> None:
    told = run(gold, write(tmp_path / "s.csv", GIVEN), *options)
    assert told.exit_code == 2
    assert said in told.output


def test_wrong_files_are_named(tmp_path: Path, gold: Path) -> None:
    told = run(gold, write(tmp_path / "s.csv", [{"id": "q1", "answer": "4"}]))
    assert told.exit_code == 2
    assert "lacks the columns answer_value, ref_id" in told.output
    assert run(gold).exit_code == 2
    other = write(tmp_path / "t.csv", [GIVEN[0] | {"id": "z"}])
    assert "no id of the submission" in run(gold, other).output


def test_a_quote_that_nothing_closes_swallows_no_answer(tmp_path: Path, gold: Path) -> None:
    path = tmp_path / "cut.csv"
    path.write_text('id,answer_value,ref_id\nq1,"21,a\nq2,433,b\n')
    with pytest.raises(InputError, match=r"line 2.* opens a quote that nothing closes"):
        score_files(gold, path, Scoring(rule="strict"))


def test_repeated_ids_are_refused_with_their_lines(tmp_path: Path, gold: Path) -> None:
    told = GIVEN[1] | {"explanation": "on\ntwo lines"}
    twice = write(tmp_path / "s.csv", [told, *GIVEN])
    with pytest.raises(InputError) as caught:
        score_files(gold, twice, Scoring(**FAST))
    assert caught.value.where == f"{twice}, lines 2, 5"
    gold_twice = write(tmp_path / "g.csv", [*GOLD, GOLD[0] | {"id": " q1 "}])
    with pytest.raises(InputError, match="more than one answer for q1") as caught:
        score_files(gold_twice, twice, Scoring(**FAST))
    assert caught.value.where == f"{gold_twice}, lines 2, 5"


@pytest.mark.parametrize("explanation", ["so", "x" * 200_000, 'on\r\ntwo "lines"', "caf\u00e9"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_file_is_read_whatever_its_encoding_and_cells(
    tmp_path: Path, gold: Path, explanation: str, encoding: str
) -> None:
    file = tmp_path / "s.csv"
    with file.open("w", newline="", encoding=encoding) as stream:
        writer = csv.DictWriter(stream, list(GIVEN[0]))
        writer.writeheader()
        writer.writerows(row | {"explanation": explanation} for row in GIVEN)
    assert score_files(gold, file, Scoring(**FAST))["correct"] == 3


def test_a_row_may_lack_its_last_cells_or_have_too_many(tmp_path: Path, gold: Path) -> None:
    file = tmp_path / "s.csv"
    file.write_text("id,answer_value,ref_id\nq1,64.7,a\nq2,gpt 3\n\nq3,is_blank,is_blank,x,y\n")
    found = score_files(gold, file, Scoring(**FAST))
    assert (found["correct"], found["ref_overlap"]) == (3, pytest.approx(2 / 3))


@pytest.mark.parametrize(
    ("data", "said", "where"),
    [
        (b"", "lacks the columns id, answer_value, ref_id; it has: none", ", line 1"),
        (b"id,answer_value,ref_id\n", "holds no row", ""),
        (b"id;answer_value;ref_id\nq1;4;a\n", "it has: id;answer_value;ref_id", ", line 1"),
        (b"id,answer_value,ref_id\nq1,4,a\n ,5,b\n", "1 row has no id", ", line 3"),
        (b"PAR1\x00\x01\x02\xff", "the submission is no text", ""),
        (b'{"id": "q1"}\n', "lacks the columns", ", line 1"),
    ],
)
def test_a_broken_file_is_told_with_what_to_do(
    tmp_path: Path, gold: Path, data: bytes, said: str, where: str
) -> None:
    file = tmp_path / "s.csv"
    file.write_bytes(data)
    with pytest.raises(InputError, match=re.escape(said)) as caught:
        score_files(gold, file, Scoring(**FAST))
    assert caught.value.where == f"{file}{where}"
    assert caught.value.mend


@pytest.mark.parametrize("rule", RULES)
def test_half_a_character_escaped_in_a_list_is_read(tmp_path: Path, rule: RuleName) -> None:
    head = "id,answer_value,answer_unit,ref_id,explanation\n"
    half = '"[""\\ud83d"", ""b""]"'
    gold, submission = tmp_path / "gold.csv", tmp_path / "submission.csv"
    gold.write_text(f"{head}q1,{half},,{half},\nq2,4,,a,\n", encoding="utf-8")
    submission.write_text(f"{head}q1,{half},,{half},e\nq2,4,,{half},e\n", encoding="utf-8")
    found = score_files(gold, submission, Scoring(rule=rule))
    assert found["judged"] == (1 if rule == "numeric" else 2)
    assert found["ref_overlap"] == (0.0 if rule == "numeric" else 0.5)
