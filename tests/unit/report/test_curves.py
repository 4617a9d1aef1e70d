"""Whiskers of the plot over model size."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.report import report_fixture as made

from wattbench.report import curves
from wattbench.report.data import read_report_data


@pytest.mark.parametrize("relative", [0.05, 0.5, 2.0])
def test_energy_has_half_and_double_alike(tmp_path: Path, relative: float) -> None:
    made.write_tables(tmp_path)
    (group,) = read_report_data(made.study(tmp_path)).groups
    run = next(r for r in group.runs if r.row["parameters_b"] and r.row["energy_per_question_j"])
    spread = relative * run.row["energy_answer_j"]
    unsure = replace(run, row=run.row | {"energy_answer_uncertainty_j": spread})
    (point,) = curves.points(replace(group, runs=(unsure,)), "energy_per_question_j")
    assert point.low * point.high == pytest.approx(point.value**2)
    assert 0 < point.low < point.value / (1 + relative)
