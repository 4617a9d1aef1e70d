"""Reading result folders, whatever is in them: nothing is lost without a word."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from tests.unit.analyses.guide_folders import RIGHT, write_experiment
from typer.testing import CliRunner

from wattbench.analyses.artifacts import find_folders, labels, read_experiment, read_experiments
from wattbench.cli.app import build
from wattbench.errors import InputError


def test_the_guides_folders_are_read(tmp_path: Path) -> None:
    root = tmp_path / "experiments"
    write_experiment(root / "PowerEdge" / "train_QA" / "one", RIGHT)
    write_experiment(root / "PowerEdge" / "train_QA" / "chunked", RIGHT, chunks=True)
    write_experiment(root / "train_QA" / "bare", RIGHT, submission=False, run_environment=None)
    found, left_out = read_experiments([root])
    assert [(one.environment, one.questions, one.name) for one in found] == [
        ("PowerEdge", "train_QA", "chunked"),
        ("PowerEdge", "train_QA", "one"),
        (None, "train_QA", "bare"),
    ]
    assert left_out == []
    for one in found:
        assert {i: answer.value for i, answer in one.answers.items()} == RIGHT
        assert one.answers["q3"].refs == ("a", "b")
        assert one.answers["q1"].latency_s == 2.0
        assert one.gold["q4"].answerable is False


def test_an_interrupted_run_keeps_what_its_chunks_hold(tmp_path: Path) -> None:
    folder = write_experiment(tmp_path / "one", RIGHT, chunks=True, submission=False)
    (folder / "results_chunk_001.json").write_text('[{"id": "q3"')
    one = read_experiment(folder)
    assert set(one.answers) == {"q1", "q2"}
    assert {problem.kind for problem in one.problems} == {
        "missing_file", "bad_results_json", "files_disagree",
    }  # fmt: skip


def test_lost_chunks_and_stale_files_are_told(tmp_path: Path) -> None:
    folder = write_experiment(tmp_path / "one", RIGHT, chunks=True, submission=False)
    (folder / "results_chunk_001.json").rename(folder / "results_chunk_003.json")
    (folder / "results.json").write_text(json.dumps([{"id": "q1"}, {"id": "q9"}]))
    one = read_experiment(folder)
    assert list(one.answers) == list(RIGHT)
    assert [problem.detail for problem in one.problems if problem.dropped] == [
        "chunks of the results are missing: 0 is followed by 3",
        "results.json has answers that the chunks, which count, lack: q9",
    ]


def test_fewer_answers_than_the_summary_counts(tmp_path: Path) -> None:
    folder = write_experiment(tmp_path / "one", {"q1": "21"}, num_questions=4)
    (problem,) = read_experiment(folder).problems
    assert problem.detail == "summary.json counts 4 questions, the files hold 1 answers"


def test_what_cannot_be_used_is_told(tmp_path: Path) -> None:
    folder = write_experiment(tmp_path / "one", RIGHT, entries={"q2": {"pred_value": "7"}})
    text = (folder / "submission.csv").read_text()
    line = next(line for line in text.splitlines() if '"q1"' in line)
    (folder / "submission.csv").write_text(text.replace('"433"', '"434"') + line + "\n")
    results = json.loads((folder / "results.json").read_text())
    (folder / "results.json").write_text(json.dumps([*results[:3], {"no": "id"}]))
    one = read_experiment(folder)
    assert one.repeated == ("q1",)
    kinds = {problem.kind: problem.detail for problem in one.problems}
    assert kinds["duplicates"].endswith("q1")
    assert "1 entries without an id" in kinds["bad_results_json"]
    assert "files_disagree" in kinds


def test_rows_that_nobody_can_tell_the_meaning_of(tmp_path: Path) -> None:
    folder = write_experiment(tmp_path / "one", {})
    rows = ["q1,21,a,why,", "q2,433", "q3,80, 90,a,why", ",433,b,why", '"q4",is_blank,is_blank,"w']
    text = "\n".join(["id,answer_value,ref_id,explanation", *rows])
    (folder / "submission.csv").write_text(text)
    (folder / "results.json").write_text('[{"id": " ", "pred_value": "7"}]')
    one = read_experiment(folder)
    assert {i: answer.written for i, answer in one.answers.items()} == {
        "q1": "21", "q4": "is_blank",
    }  # fmt: skip
    told = {problem.kind: problem.detail for problem in one.problems if problem.dropped}
    assert told["bad_submission"] == (
        "submission.csv: the row that ends on line 3 ends before ref_id; the row that ends on line "
        "4 has 5 cells for 4 heads; the row that ends on line 5 has no id"
    )
    assert "1 entries without an id" in told["bad_results_json"]


def test_an_answer_may_be_as_long_as_it_likes(tmp_path: Path) -> None:
    folder = write_experiment(
        tmp_path / "one", RIGHT, entries={"q1": {"pred_explanation": "again " * 50_000}}
    )
    (folder / "results.json").unlink()
    assert len(read_experiment(folder).answers) == 4


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_any_encoding(tmp_path: Path, encoding: str) -> None:
    folder = write_experiment(tmp_path / "one", RIGHT | {"q1": "café"})
    for name in ("submission.csv", "results.json"):
        path = folder / name
        text = path.read_text(encoding="utf-8").replace("caf\\u00e9", "café")
        path.write_bytes(text.encode(encoding))
    one = read_experiment(folder)
    assert one.answers["q1"].written == "café"
    assert one.problems == ()


def test_links_are_followed_once(tmp_path: Path) -> None:
    root = tmp_path / "experiments"
    write_experiment(root / "m", RIGHT)
    write_experiment(tmp_path / "scratch" / "linked", RIGHT)
    (root / "linked").symlink_to(tmp_path / "scratch" / "linked")
    (root / "again").symlink_to(root / "m")
    (root / "loop").symlink_to(root)
    (root / "broken").symlink_to(tmp_path / "nowhere")
    (root / "crashed").mkdir()
    found, left_out = find_folders([root])
    assert found == [root / "linked", root / "m"]
    assert dict(left_out) == {
        root / "again": f"it is {root / 'm'} again",
        root / "loop": f"it is {root} again",
        root / "crashed": "it holds no submission.csv, results.json or summary.json",
    }


def test_a_file_of_a_folder_stands_for_it(tmp_path: Path) -> None:
    folder = write_experiment(tmp_path / "one", RIGHT)
    for name in ("submission.csv", "results.json", "summary.json"):
        assert find_folders([folder / name]) == ([folder], [])


def test_a_folder_without_results_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for path, message in [(tmp_path / "empty", "no folder below holds"), (tmp_path / "x", "such")]:
        with pytest.raises(InputError, match=message):
            find_folders([path])


def test_a_run_of_windows_is_on_the_same_questions(tmp_path: Path) -> None:
    folder = write_experiment(tmp_path / "one", RIGHT, questions_file="data\\train_QA.csv")
    assert read_experiment(folder).questions == "train_QA"


def test_no_two_experiments_have_one_name(tmp_path: Path) -> None:
    folders = [
        write_experiment(tmp_path / "PowerEdge" / "train_QA" / "m", RIGHT, run_environment="GB10"),
        write_experiment(tmp_path / "GB10" / "m", RIGHT, run_environment="GB20"),
        write_experiment(tmp_path / "x" / "m", RIGHT, run_environment="GB20"),
    ]
    names = labels([read_experiment(folder) for folder in folders])
    assert len(set(names)) == 3
    shutil.rmtree(folders[0])
    experiments, _ = read_experiments([tmp_path])
    assert labels(experiments) == ["GB10/m", "x/m"]


def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    root = tmp_path / "train_QA"
    for number, name in enumerate((b"caf\xe9", "emoji 🦙\nnew".encode(), b"=1+1")):
        folder = root / os.fsdecode(name)
        write_experiment(folder, RIGHT, entries={"q1": {"latency_seconds": 2.0 + number}})
    (root / os.fsdecode(b"empty\xe9")).mkdir()
    output = tmp_path / "m.csv"
    for arguments in (
        ["matrix", root, "--output", output], ["audit", root, "--json"], ["audit", root],
        ["ensemble", "vote", *sorted(root.iterdir())[:2], "--output", tmp_path / "voted"],
    ):  # fmt: skip
        result = CliRunner().invoke(build(), list(map(str, arguments)))
        assert result.exit_code == 0, result.output
        assert result.exception is None
        result.output.encode()
    assert "caf\ufffd_Value" in output.read_text(encoding="utf-8")
