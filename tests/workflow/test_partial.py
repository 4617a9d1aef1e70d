"""A run that fails for good: the report of the others is there, and the next start takes it up."""

from __future__ import annotations

import json
from collections import Counter

import pandas as pd

from tests.workflow.conftest import Workplace
from wattbench.tables.files import read_json

BROKEN = "no recording\n"


def test_the_others_are_reported_and_the_next_start_takes_up_the_one(fresh: Workplace) -> None:
    whole = (fresh.folder / "poor.jsonl").read_text()
    (fresh.folder / "poor.jsonl").write_text(BROKEN)
    done = fresh.snakemake("--retries", "0")
    assert done.returncode != 0
    results = fresh.folder / "results"

    # What the driver prints last, what the tables say, and what the report shows.
    assert "2 of 3 runs and ensembles have no results" in done.stdout + done.stderr
    why = "the recording holds no JSON"
    tables = results / "tables"
    assert pd.read_parquet(tables / "runs.parquet")["run"].tolist() == ["good"]
    assert pd.read_parquet(tables / "compute.parquet")["run"].tolist() == ["good", "poor"]
    missing = {one["run"]: one["reason"] for one in read_json(tables / "partial.json")["missing"]}
    assert missing["both"] == "poor of its members has no results"
    assert why in missing["poor"]
    assert "0 of 4 questions are answered" in missing["poor"]
    audit = pd.read_parquet(tables / "audit.parquet")
    told = audit[audit["check"] == "missing_run"].set_index("run")["detail"]
    assert why in told["poor"]
    for page in ("report.md", "index.html"):
        shown = (results / "report" / page).read_text()
        assert why in shown
        assert "This report is partial: poor, both have no results" in shown
    assert not (tables / "manifest.json").exists()
    assert len(fresh.calls("good")) == 4

    (fresh.folder / "poor.jsonl").write_text(whole)
    assert fresh.jobs() == Counter(
        {
            "infer set poor": 1,
            "collect_compute set": 1,
            "score set poor": 1,
            "ensemble set both": 1,
            "aggregate": 1,
            "report": 1,
        }
    )
    assert len(fresh.calls("good")) == 4
    assert read_json(tables / "manifest.json")["missing"] == []
    assert not (tables / "partial.json").exists()
    assert "partial" not in (results / "report" / "report.md").read_text()


def test_a_model_that_failed_and_is_taken_out_leaves_nothing_behind(finished: Workplace) -> None:
    study = finished.study()
    (finished.folder / "new.jsonl").write_text(BROKEN)
    new = {**study["models"]["good"], "weights": "new.jsonl", "options": {}}
    finished.change("models", "new", to=new)
    assert finished.snakemake("--retries", "0").returncode != 0
    tables = finished.folder / "results" / "tables"
    assert set(pd.read_parquet(tables / "runs.parquet")["run"]) == {"good", "poor", "both"}
    assert [one["run"] for one in read_json(tables / "partial.json")["missing"]] == ["new"]

    del (without := finished.study())["models"]["new"]
    finished.study_file.write_text(json.dumps(without))
    assert finished.jobs() == Counter({"aggregate": 1, "report": 1})
    assert "missing_run" not in set(pd.read_parquet(tables / "audit.parquet")["check"])
    assert finished.jobs() == Counter()


def test_results_of_other_settings_are_not_reported_as_the_studys(finished: Workplace) -> None:
    # The run's job never starts, so that what it made before is still there.
    (finished.folder / "documents" / "alpha.md").write_text("# Alpha\n\nIt drew 22 MW.\n")
    finished.change("models", "poor", "generation", to={"seed": 5})
    finished.change("corpora", "docs", "metadata", to="documents/alpha.md")
    assert finished.snakemake("--retries", "0").returncode != 0
    tables = finished.folder / "results" / "tables"
    missing = {one["run"]: one["reason"] for one in read_json(tables / "partial.json")["missing"]}
    assert set(missing) == {"poor", "both"}
    assert "made of other settings" in missing["poor"]


def test_where_no_run_has_results_there_is_no_report(fresh: Workplace) -> None:
    for name in ("good", "poor"):
        (fresh.folder / f"{name}.jsonl").write_text(BROKEN)
    done = fresh.snakemake("--retries", "0")
    assert done.returncode != 0
    assert "No run has results yet" in done.stdout + done.stderr
    assert not (fresh.folder / "results" / "tables").exists()
