"""Whiskers of the plot over model size."""

from __future__ import annotations

from pathlib import Path

from tests.unit.report import report_fixture as made

from wattbench.report import curves
from wattbench.report.data import read_report_data


def test_whiskers_are_the_tables_intervals(tmp_path: Path) -> None:
    made.write_tables(tmp_path)
    (group,) = read_report_data(made.study(tmp_path)).groups
    for column, low, high in (
        ("score", "score_low", "score_high"),
        ("energy_per_question_j", "energy_per_question_low_j", "energy_per_question_high_j"),
    ):
        found = curves.points(group, column)
        assert found
        for point in found:
            row = point.run.row
            assert (point.low, point.value, point.high) == (row[low], row[column], row[high])
            assert point.low < point.value < point.high
