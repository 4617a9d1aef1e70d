"""The frontier that is drawn is the frontier of the tables."""

from __future__ import annotations

from pathlib import Path

from tests.unit.made_results import RIGHT, make_study, write_run

from wattbench.analyses.aggregate import aggregate
from wattbench.report.data import read_report_data
from wattbench.report.views.frontier import front, points
from wattbench.scoring.stage import score
from wattbench.slurm.stage import collect_compute


def test_what_is_joined_is_what_the_tables_call_the_frontier(tmp_path: Path) -> None:
    # The frugal run takes least, though a right answer of its few costs more than one of the good.
    study = make_study(tmp_path, ["good", "frugal", "wasteful"])
    write_run(study, "good", RIGHT, energy_j=40.0)
    write_run(study, "frugal", {**RIGHT, "q1": "1", "q2": "1"}, energy_j=30.0)
    write_run(study, "wasteful", {**RIGHT, "q1": "1"}, energy_j=50.0)
    for run in study.models:
        score(study, "set", run)
    collect_compute(study, "set")
    aggregate(study)
    (group,) = read_report_data(study).groups
    rows = {run.name: run.row for run in group.runs}
    assert rows["frugal"]["energy_per_correct_j"] > rows["good"]["energy_per_correct_j"]
    drawn = points(group)
    assert {p.run.name for p in drawn} == set(rows)
    assert [p.run.name for p in front(drawn)] == ["frugal", "good"]
    assert {name for name, row in rows.items() if row["frontier"]} == {"frugal", "good"}
    for point in drawn:
        assert point.low_j < point.energy_j < (point.high_j or 0)
