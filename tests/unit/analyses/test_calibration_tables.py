"""Calibration of runs as the tables say it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.made_results import RIGHT, make_study, prediction, write_run

import wattbench
from wattbench.analyses.aggregate import aggregate
from wattbench.scoring.stage import score
from wattbench.study.layout import Layout
from wattbench.study.models import Study
from wattbench.tables.answers import PREDICTIONS
from wattbench.tables.contract import reason_for
from wattbench.tables.files import read_rows, write_rows
from wattbench.tables.runs import RUNS
from wattbench.tables.verdicts import CALIBRATION

CONFIDENCES = {"q1": 0.9, "q2": 0.7, "q3": 0.7, "q4": None}


def write_sure_run(study: Study, run: str) -> None:
    """A run whose first answer is wrong though it is the surest."""
    write_run(study, run, RIGHT)
    values = {**RIGHT, "q1": "20"}
    rows = [
        prediction(run, name, place, value, confidence=CONFIDENCES[name])
        for place, (name, value) in enumerate(values.items())
    ]
    files = Layout(Path(study.study.results)).run("local", "set", run)
    write_rows(files.predictions, PREDICTIONS, rows)


def test_calibration_of_runs(tmp_path: Path) -> None:
    study = make_study(tmp_path, ["sure", "silent"])
    write_sure_run(study, "sure")
    write_run(study, "silent", RIGHT)
    for run in ("sure", "silent"):
        score(study, "set", run)
    aggregate(study)
    layout = Layout(tmp_path / "results")
    sure, silent = read_rows(layout.table("runs"), RUNS)
    assert sure["confidence_count"] == 3
    assert sure["confidence_mean"] == pytest.approx(2.3 / 3)
    assert sure["ece"] == pytest.approx((1 * 0.9 + 2 * 0.3) / 3)
    assert sure["brier"] == pytest.approx((0.81 + 2 * 0.09) / 3)
    assert sure["auc"] == 0.0
    assert sure["risk_count"] == 0
    assert reason_for(sure, "risk_auc") is not None
    assert silent["confidence_count"] == 0
    assert [silent[name] for name in ("confidence_mean", "ece", "brier", "auc")] == [None] * 4
    assert reason_for(silent, "ece") == "where no answer has a confidence"
    bins = read_rows(layout.table("calibration"), CALIBRATION)
    assert {row["run"] for row in bins} == {"sure"}
    filled = [row for row in bins if row["count"]]
    assert [(row["bin"], row["count"], row["observed_share"]) for row in filled] == [
        (6, 2, 1.0), (8, 1, 0.0),
    ]  # fmt: skip
    assert bins[0]["predicted_mean"] is None
    results = wattbench.load(tmp_path / "results")
    first = results.roc.iloc[0]
    assert (first.false_positive_rate, first.true_positive_rate) == (0.0, 0.0)
    assert results.histograms["count"].sum() == 3
