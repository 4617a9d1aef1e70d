"""Aggregating again reads only what changed, and gives the same bytes as from nothing."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from tests.unit.made_results import RIGHT, make_study, write_run

from wattbench.analyses import folders
from wattbench.analyses.aggregate import aggregate
from wattbench.analyses.kept import EDITIONS
from wattbench.ensembles.stage import vote
from wattbench.scoring.stage import score, score_folder
from wattbench.slurm.stage import collect_compute
from wattbench.study.layout import Layout
from wattbench.study.models import Study
from wattbench.tables.files import read_rows
from wattbench.tables.runs import RUNS

MODELS = ["good", "poor", "blind"]


def make(folder: Path, **sections: object) -> Study:
    study = make_study(folder, MODELS, ensembles={"both": {"members": MODELS[:2]}}, **sections)
    write_run(study, "good", RIGHT, confidence=0.9)
    write_run(study, "poor", {**RIGHT, "q1": "1", "q2": None}, energy_j=10.0, confidence=0.5)
    write_run(study, "blind", RIGHT, energy_j=None)
    for run in MODELS:
        score(study, "set", run)
    collect_compute(study, "set")
    vote(study, "set", "both")
    score_folder(Layout(folder / "results").ensemble("local", "set", "both"), study, "set", "both")
    return study


def tables(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "results/tables").iterdir()}


def from_nothing(study: Study, folder: Path) -> dict[str, bytes]:
    shutil.rmtree(folder / "results/kept")
    aggregate(study)
    return tables(folder)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the runs whose files are read."""
    names: list[str] = []
    plain = folders._read

    def watched(*arguments: object) -> folders.Folder:
        names.append(str(arguments[2]))
        return plain(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(folders, "_read", watched)
    return names


def test_unchanged_runs_are_not_read_again(tmp_path: Path, read: list[str]) -> None:
    study = make(tmp_path)
    aggregate(study)
    assert sorted(read) == ["blind", "both", "good", "poor"]
    first = tables(tmp_path)
    read.clear()
    aggregate(study)
    # An ensemble hangs on its members, so it is always made anew.
    assert read == ["both"]
    assert tables(tmp_path) == first


def test_one_changed_run_is_read_and_the_bytes_are_those_from_nothing(
    tmp_path: Path, read: list[str]
) -> None:
    study = make(tmp_path)
    aggregate(study)
    before = tables(tmp_path)
    write_run(study, "poor", RIGHT, energy_j=12.0)
    score(study, "set", "poor")
    read.clear()
    aggregate(study)
    assert sorted(read) == ["both", "poor"]
    found = tables(tmp_path)
    assert found["runs.parquet"] != before["runs.parquet"]
    assert found == from_nothing(study, tmp_path)
    read.clear()
    aggregate(study)
    assert (read, tables(tmp_path)) == (["both"], found)


def test_many_changes_one_after_another_are_gathered_and_give_the_same_bytes(
    tmp_path: Path, read: list[str]
) -> None:
    study = make(tmp_path)
    aggregate(study)
    counts = []
    for change in range(EDITIONS + 2):
        run = ("poor", "good")[change % 3 == 2]
        write_run(study, run, RIGHT, energy_j=12.0 + change)
        score(study, "set", run)
        read.clear()
        aggregate(study)
        assert sorted(read) == ["both", run]
        counts.append(len(list((tmp_path / "results/kept/local/set").glob("predictions.*.arrow"))))
    assert max(counts) <= EDITIONS
    found = tables(tmp_path)
    assert found == from_nothing(study, tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"energy": {"calibration_relative_uncertainty": 0.2}},
        {"scoring": {"bootstrap": 300}},
        {"models": {name: {"weights": f"{name}.gguf", "family": "f"} for name in MODELS}},
        {"prices": {"good.gguf": {
            "input_per_million": 1, "output_per_million": 1, "source": "its site",
        }}},
    ],
    ids=["energy", "scoring", "family", "price"],
)  # fmt: skip
def test_what_the_figures_depend_on_makes_them_anew(
    tmp_path: Path, read: list[str], change: dict[str, object]
) -> None:
    aggregate(make(tmp_path))
    study = Study.model_validate(
        json.loads(make(tmp_path).model_dump_json()) | json.loads(json.dumps(change))
    )
    read.clear()
    aggregate(study)
    assert sorted(read) == ["blind", "both", "good", "poor"]
    found = tables(tmp_path)
    assert found == from_nothing(study, tmp_path)


def test_a_changed_gold_answer_makes_all_anew(tmp_path: Path, read: list[str]) -> None:
    study = make(tmp_path)
    aggregate(study)
    path = tmp_path / "questions.csv"
    path.write_text(path.read_text().replace('"21"', '"22"'))
    read.clear()
    aggregate(study)
    assert "good" in read


@pytest.mark.parametrize("damage", [b"", b"{}", b'{"stamp": 3, "runs": []}', b"\xff\x00"])
def test_what_is_damaged_is_not_used(tmp_path: Path, damage: bytes) -> None:
    study = make(tmp_path)
    aggregate(study)
    expected = tables(tmp_path)
    kept = tmp_path / "results/kept/local/set"
    for path in kept.glob("*.json"):
        path.write_bytes(damage)
        aggregate(study)
        assert tables(tmp_path) == expected
    for path in kept.glob("*.arrow"):
        path.write_bytes(path.read_bytes()[:40])
    aggregate(study)
    assert tables(tmp_path) == expected


def test_what_cannot_be_kept_keeps_no_table_from_being_written(tmp_path: Path) -> None:
    study = make(tmp_path)
    aggregate(study)
    expected = from_nothing(study, tmp_path)
    shutil.rmtree(tmp_path / "results/kept")
    shutil.rmtree(tmp_path / "results/tables")
    (tmp_path / "results/kept").write_text("in the way")
    aggregate(study)
    assert tables(tmp_path) == expected


def test_a_touch_reads_again_and_changes_nothing(tmp_path: Path) -> None:
    study = make(tmp_path)
    aggregate(study)
    expected = tables(tmp_path)
    layout = Layout(tmp_path / "results")
    os.utime(layout.run("local", "set", "good").predictions)
    aggregate(study)
    assert tables(tmp_path) == expected
    assert len(read_rows(layout.table("runs"), RUNS)) == 4
