"""The report's tables of jobs and their recommendations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.unit.report.report_fixture import study, write_tables

from wattbench.report import jobs
from wattbench.report.data import Group, ReportData, read_report_data
from wattbench.tables.contract import unknown, warning


def report(folder: Path, **changes: Any) -> tuple[ReportData, Group]:
    """The report's data, the job of the run with a GPU changed."""

    def change(table: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if table != "compute":
            return rows
        return [row | changes if row["run"] == "qwen-0.5b" else row for row in rows]

    write_tables(folder, change=change)
    data = read_report_data(study(folder))
    return data, data.groups[0]


def cells(group: Group, run: str) -> dict[str, Any]:
    grid = jobs.short(group)
    place = next(i for i, row in enumerate(group.compute) if row["run"] == run)
    return dict(zip((head.text for head in grid.heads), grid.rows[place], strict=True))


def test_the_short_table(tmp_path: Path) -> None:
    _, group = report(tmp_path)
    shown = {name: cell.text for name, cell in cells(group, "qwen-0.5b").items()}
    assert shown["GPU Util"] == "74% (12–98%)"  # noqa: RUF001
    assert (shown["GPU Mem (GB)"], shown["Power (W)"]) == ("11.0/80.0", "184W")
    assert (shown["Wall Time"], shown["Time Limit"]) == ("00:02:11", "01:00:00")
    assert shown["CPU Eff"] == "80%"
    without = cells(group, "qwen-1.5b")
    assert without["GPU Util"].text == "n/a"
    assert without["GPU Util"].missing == "the job has no GPU"


def test_a_figure_that_is_unknown_has_its_reason(tmp_path: Path) -> None:
    why = unknown("gpu_power_mean_w", "the meter is not offered")
    _, group = report(
        tmp_path, gpu_power_mean_w=None, gpu_utilisation_samples_pct=None,
        gpu_utilisation_jobstats_pct=None, flags=[why],
    )  # fmt: skip
    shown = cells(group, "qwen-0.5b")
    assert shown["Power (W)"].missing == "the meter is not offered"
    assert shown["GPU Util"].text == "N/A*"
    assert "MIG" in jobs.short(group).caption


def test_both_utilisations_and_slurm_s_own_state(tmp_path: Path) -> None:
    killed = warning("state", "Slurm says FAILED of a job killed for memory")
    _, group = report(tmp_path, state="OUT_OF_MEMORY", state_raw="FAILED", flags=[killed])
    grid = jobs.compute(group)
    place = next(i for i, row in enumerate(group.compute) if row["run"] == "qwen-0.5b")
    shown = dict(zip((head.text for head in grid.heads), grid.rows[place], strict=True))
    assert shown["GPU utilisation by samples"].text == "71 %"
    assert shown["GPU utilisation by jobstats"].text == "74 %"
    assert (shown["State"].text, shown["State"].detail) == ("OUT_OF_MEMORY", "Slurm: FAILED")


def test_recommendations_name_keys_of_the_study(tmp_path: Path) -> None:
    data, group = report(tmp_path)
    grid = jobs.advice(data, group)
    said = [row[1].text for row in grid.rows if row[0].text == group.label_of("qwen-0.5b")]
    assert any("models.qwen-0.5b.requests.concurrency: 2" in sentence for sentence in said)
    assert any("models.qwen-0.5b.resources.walltime_min: 10" in sentence for sentence in said)
