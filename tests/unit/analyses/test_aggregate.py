"""The tables, from real result files to what a notebook reads."""

from __future__ import annotations

import json
import math
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.unit.made_results import RIGHT, make_study, write_run

import wattbench
from wattbench.analyses.aggregate import aggregate
from wattbench.ensembles.stage import vote
from wattbench.scoring.stage import score, score_folder
from wattbench.slurm.stage import collect_compute
from wattbench.study.layout import Layout
from wattbench.study.models import Study
from wattbench.tables.files import read_rows
from wattbench.tables.runs import AUDIT, ENSEMBLES, RUNS
from wattbench.tables.verdicts import COMPARISONS


def finished(folder: Path, **sections: Any) -> Study:
    """A study of two runs and an ensemble, all stages done up to the tables."""
    study = make_study(
        folder, ["good", "poor"], ensembles={"both": {"members": ["good", "poor"]}}, **sections
    )
    write_run(study, "good", RIGHT, energy_j=100.0)
    write_run(study, "poor", {**RIGHT, "q1": "1", "q2": None}, energy_j=10.0)
    complete(study, folder)
    return study


def complete(study: Study, folder: Path) -> None:
    for run in study.models:
        score(study, "set", run)
    collect_compute(study, "set")
    for ensemble in study.ensembles:
        vote(study, "set", ensemble)
        files = Layout(folder / "results").ensemble("local", "set", ensemble)
        score_folder(files, study, "set", ensemble)
    aggregate(study)


def runs_of(folder: Path) -> dict[str, dict[str, Any]]:
    rows = read_rows(Layout(folder / "results").table("runs"), RUNS)
    return {row["run"]: row for row in rows}


def findings(folder: Path) -> set[tuple[str | None, str]]:
    rows = read_rows(Layout(folder / "results").table("audit"), AUDIT)
    return {(row["run"], row["check"]) for row in rows}


def test_runs(tmp_path: Path) -> None:
    finished(tmp_path)
    runs = runs_of(tmp_path)
    good, poor, both = runs["good"], runs["poor"], runs["both"]
    assert (good["score"], good["correct"], good["failed"]) == (1.0, 4, 0)
    assert (poor["correct"], poor["failed"], poor["answered"]) == (2, 1, 3)
    assert good["energy_answer_j"] == 100.0
    assert good["energy_gross_j"] == 125.0
    assert good["energy_per_correct_j"] == 25.0
    assert good["energy_per_correct_low_j"] < 25.0 < good["energy_per_correct_high_j"]
    assert both["energy_answer_j"] == 110.0
    # One GPU read both: its calibration (5 %) adds up, what each run has of its own (5 %) does not.
    assert both["energy_answer_uncertainty_j"] == pytest.approx(
        math.hypot(0.05 * 110, 0.05 * math.hypot(100, 10))
    )
    assert (both["kind"], both["members"], both["prompt_tokens"]) == (
        "ensemble", ["good", "poor"], 800,
    )  # fmt: skip
    assert good["latency_mean_s"] == 1.0
    assert good["prefill_tokens_per_s"] == 200.0
    # Four questions cannot tell these runs apart, so the cheapest of all is the headline.
    assert all(row["top_group"] for row in runs.values())
    assert [name for name, row in runs.items() if row["headline"]] == ["poor"]


def test_every_null_has_a_reason(tmp_path: Path) -> None:
    finished(tmp_path)
    for row in runs_of(tmp_path).values():
        told = {entry["column"] for entry in row["flags"] if entry["kind"] == "unknown"}
        nulls = {column for column, value in row.items() if value is None}
        assert nulls == told, row["run"]
    assert wattbench.load(tmp_path / "results").runs["job_state"].isna().all()


def test_unknown_energy_stays_unknown_all_the_way(tmp_path: Path) -> None:
    study = make_study(
        tmp_path, ["good", "poor"], ensembles={"both": {"members": ["good", "poor"]}}
    )
    write_run(study, "good", RIGHT, energy_j=100.0)
    write_run(study, "poor", RIGHT, energy_j=None)
    complete(study, tmp_path)
    runs = runs_of(tmp_path)
    for name in ("poor", "both"):
        assert runs[name]["energy_answer_j"] is None
        assert runs[name]["energy_per_correct_j"] is None
    reasons = {f["column"]: f["detail"] for f in runs["both"]["flags"]}
    assert reasons["energy_answer_j"].startswith("of poor: ")
    assert runs["good"]["headline"]
    shares = wattbench.load(tmp_path / "results").predictions
    assert shares[shares.run == "both"].allocated_j.isna().all()
    assert ("poor", "missing_energy") in findings(tmp_path)


def test_shares_of_energy_sum_to_the_answering_energy(tmp_path: Path) -> None:
    finished(tmp_path)
    results = wattbench.load(tmp_path / "results")
    for name, total in (("good", 100.0), ("poor", 10.0), ("both", 110.0)):
        shares = results.predictions[results.predictions.run == name].allocated_j
        assert float(shares.sum()) == pytest.approx(total, rel=1e-9)


def test_factors_of_the_site(tmp_path: Path) -> None:
    factor = {"source": "the operator"}
    finished(
        tmp_path,
        energy={
            "pue": {"value": 1.2, **factor},
            "carbon_g_per_kwh": {"value": 400.0, **factor},
        },
    )
    good = runs_of(tmp_path)["good"]
    assert good["site_energy_j"] == pytest.approx(150.0)
    assert good["carbon_g"] == pytest.approx(150.0 / 3.6e6 * 400)
    assert good["energy_price"] is None
    reason = next(f["detail"] for f in good["flags"] if f["column"] == "energy_price")
    assert reason == "the study gives no energy.price_per_kwh"


def test_comparisons_hold_every_pair(tmp_path: Path) -> None:
    finished(tmp_path)
    rows = read_rows(Layout(tmp_path / "results").table("comparisons"), COMPARISONS)
    pairs = {(row["first"], row["second"]): row for row in rows}
    assert set(pairs) == {("good", "poor"), ("good", "both"), ("poor", "both")}
    first = pairs["good", "poor"]
    assert (first["paired"], first["only_first"], first["only_second"]) == (4, 2, 0)
    assert first["p"] == 0.5
    assert first["difference_low"] <= first["difference"] <= first["difference_high"]


def test_ensembles(tmp_path: Path) -> None:
    finished(tmp_path)
    (row,) = read_rows(Layout(tmp_path / "results").table("ensembles"), ENSEMBLES)
    assert (row["best_member"], row["unanimous"], row["decided_by_order"]) == ("good", 2, 1)
    assert (row["latency_sequential_s"], row["latency_parallel_s"]) == (2.0, 1.0)
    assert row["energy_gross_j"] == pytest.approx(137.5)
    assert row["energy_correlated_j"] == pytest.approx(0.05 * 137.5)
    assert row["energy_gross_uncertainty_j"] == pytest.approx(
        math.hypot(row["energy_correlated_j"], row["energy_independent_j"])
    )
    assert (row["wall_s"], row["prompt_tokens"], row["completion_tokens"]) == (20.0, 800, 80)
    assert (row["votes"], row["weighed_by"]) == ("canonical", "each vote counts once")
    told = {entry["column"] for entry in row["flags"]}
    assert told == {column for column, value in row.items() if value is None}


def test_an_ensembles_costs_are_unknown_with_the_members_reason(tmp_path: Path) -> None:
    study = make_study(
        tmp_path, ["good", "poor"], ensembles={"both": {"members": ["good", "poor"]}}
    )
    write_run(study, "good", RIGHT)
    write_run(study, "poor", RIGHT, energy_j=None, prompt_tokens=None)
    complete(study, tmp_path)
    (row,) = read_rows(Layout(tmp_path / "results").table("ensembles"), ENSEMBLES)
    reasons = {entry["column"]: entry["detail"] for entry in row["flags"]}
    for column in ("energy_gross_j", "energy_correlated_j", "energy_answer_j", "prompt_tokens"):
        assert row[column] is None
        assert reasons[column], column
    assert reasons["energy_gross_j"].startswith("of poor: ")
    assert reasons["energy_correlated_j"].startswith("of poor: ")
    assert row["completion_tokens"] == 80


def test_a_member_that_is_not_asked_takes_no_time(tmp_path: Path) -> None:
    study = make_study(
        tmp_path, ["good", "poor"], ensembles={"both": {"members": ["good", "poor"]}}
    )
    write_run(study, "good", RIGHT, total_s=3.0)
    write_run(study, "poor", RIGHT, asked=False, total_s=None)
    complete(study, tmp_path)
    (row,) = read_rows(Layout(tmp_path / "results").table("ensembles"), ENSEMBLES)
    assert (row["latency_sequential_s"], row["latency_parallel_s"]) == (3.0, 3.0)


def test_seconds_that_one_member_lacks_are_unknown(tmp_path: Path) -> None:
    study = make_study(
        tmp_path, ["good", "poor"], ensembles={"both": {"members": ["good", "poor"]}}
    )
    write_run(study, "good", RIGHT)
    write_run(study, "poor", RIGHT, total_s=None)
    complete(study, tmp_path)
    (row,) = read_rows(Layout(tmp_path / "results").table("ensembles"), ENSEMBLES)
    reasons = {entry["column"]: entry["detail"] for entry in row["flags"]}
    for column in ("latency_sequential_s", "latency_parallel_s"):
        assert row[column] is None
        assert reasons[column] == "the seconds of a question of poor are unknown"


def test_the_audit_finds_what_is_planted(tmp_path: Path) -> None:
    study = make_study(tmp_path, ["a", "b", "c"])
    rows = (tmp_path / "questions.csv").read_text().replace('"[80,90]"', '"[80,abc"')
    (tmp_path / "questions.csv").write_text(rows.replace("is_blank,a,0", "is_blank,nowhere,0", 1))
    write_run(study, "a", {**RIGHT, "q2": None}, total_s=100.0, prompt_tokens=None)
    write_run(study, "b", {"q1": "7", "q9": "1"})
    for run in ("a", "b"):
        score(study, "set", run)
    summary = Layout(tmp_path / "results").run("local", "set", "a").summary
    changed = json.loads(summary.read_text()) | {"overall_score": 0.99}
    summary.write_text(json.dumps(changed))
    aggregate(study)
    assert {
        ("a", "errors"),
        ("a", "high_latency"),
        ("a", "no_tokens"),
        ("a", "score_mismatch"),
        ("b", "missing_answers"),
        ("b", "surplus_answers"),
        ("b", "broken_run"),
        ("c", "missing_run"),
        (None, "gold_fault"),
    } <= findings(tmp_path)


def test_a_clean_study_has_no_warnings(tmp_path: Path) -> None:
    study = make_study(tmp_path, ["good"])
    write_run(study, "good", RIGHT, energy_j=100.0)
    complete(study, tmp_path)
    rows = read_rows(Layout(tmp_path / "results").table("audit"), AUDIT)
    assert [row for row in rows if row["severity"] != "note"] == []


def test_gold_changed_after_scoring_is_found(tmp_path: Path) -> None:
    study = finished(tmp_path)
    path = tmp_path / "questions.csv"
    path.write_text(path.read_text().replace('"21"', '"22"'))
    aggregate(study)
    assert ("good", "score_mismatch") in findings(tmp_path)


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    study = finished(tmp_path)
    layout = Layout(tmp_path / "results")
    before = layout.tables_manifest.read_bytes()
    shutil.rmtree(layout.tables)
    aggregate(study)
    assert layout.tables_manifest.read_bytes() == before
    assert set(json.loads(before)["tables"]) == set(layout.TABLES)


def test_many_runs_take_seconds(tmp_path: Path) -> None:
    names = [f"m{number}" for number in range(60)]
    study = make_study(tmp_path, names)
    generator = np.random.default_rng(0)
    for name in names:
        values = {q: v if generator.random() < 0.7 else "0" for q, v in RIGHT.items()}
        write_run(study, name, values)
        score(study, "set", name)
    started = time.monotonic()
    aggregate(study)
    assert time.monotonic() - started < 20
    assert len(runs_of(tmp_path)) == 60
