"""What is said of runs without results, and what is made of the others."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.made_results import RIGHT, make_study, write_run

from wattbench.analyses.aggregate import aggregate
from wattbench.analyses.so_far import lines_of, so_far
from wattbench.scoring.stage import score
from wattbench.study.identity import run_identity
from wattbench.study.layout import Layout
from wattbench.study.models import Study
from wattbench.tables.files import read_json, read_rows, write_json
from wattbench.tables.runs import COMPUTE, RUNS


def finish(study: Study, run: str) -> None:
    """A run with answers and scores of the study's settings."""
    job = {"identity": run_identity(study, run), "question_count": len(RIGHT)}
    write_run(study, run, RIGHT, job=job)
    score(study, "set", run)


def layout_of(study: Study) -> Layout:
    return Layout(Path(study.study.results))


def said(study: Study) -> dict[str, str | None]:
    return {one.name: one.reason for one in so_far(study).absent}


def test_nothing_is_missing(tmp_path: Path) -> None:
    study = make_study(tmp_path, ["a", "b"])
    finish(study, "a")
    finish(study, "b")
    assert so_far(study).absent == ()


def test_each_reason(tmp_path: Path) -> None:
    members = {"members": ["a", "b"]}
    study = make_study(tmp_path, ["a", "b", "c", "d"], ensembles={"both": members})
    finish(study, "a")
    finish(study, "c")
    write_run(
        study, "d", RIGHT,
        job={"identity": run_identity(study, "d"), "question_count": len(RIGHT)},
    )  # fmt: skip
    job = layout_of(study).run("local", "set", "c").job
    write_json(job, read_json(job) | {"identity": "of other settings"})
    log = layout_of(study).log("infer", "set", "b")
    log.parent.mkdir(parents=True)
    log.write_text("infer b: 1/4\rinfer b: 2/4\nwattbench: the server never started.\nSee x.\n\n")
    told = said(study)
    assert set(told) == {"b", "c", "d", "both"}
    assert told["b"] == (
        "it is not finished; 0 of 4 questions are answered; "
        f"{log} ends: wattbench: the server never started. / See x."
    )
    assert "of other settings" in str(told["c"])
    assert "not judged yet" in str(told["d"])
    assert told["both"] == "b of its members has no results"


def test_partial_tables_have_no_manifest_until_all_is_there(tmp_path: Path) -> None:
    study = make_study(tmp_path, ["a", "b"])
    layout = layout_of(study)
    finish(study, "a")
    aggregate(study, so_far(study))
    assert not layout.tables_manifest.exists()
    (missing,) = read_json(layout.partial_manifest)["missing"]
    assert (missing["questions"], missing["run"]) == ("set", "b")
    assert [row["run"] for row in read_rows(layout.table("runs"), RUNS)] == ["a"]
    # Accounting that has no file yet is in the table all the same, and stays without a file.
    assert [row["run"] for row in read_rows(layout.table("compute"), COMPUTE)] == ["a"]
    assert not layout.run("local", "set", "a").compute.exists()

    finish(study, "b")
    aggregate(study)
    assert not layout.partial_manifest.exists()
    assert read_json(layout.tables_manifest)["missing"] == []


@pytest.mark.parametrize(
    ("text", "lines"),
    [(b"", []), (b"\n \n", []), (b"a\r\nb\rc\n", ["a", "c"]), (b"\xff x", ["\ufffd x"])],
)
def test_the_end_of_a_log(tmp_path: Path, text: bytes, lines: list[str]) -> None:
    log = tmp_path / "log"
    log.write_bytes(text)
    assert lines_of(log) == lines


def test_a_log_that_is_not_there(tmp_path: Path) -> None:
    assert lines_of(tmp_path / "log") == []
