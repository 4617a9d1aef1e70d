"""The report says what planning and judging took, once, and nothing where no model did either."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.unit.report import report_fixture as made

from wattbench.report.beside import beside
from wattbench.report.content import content
from wattbench.report.data import ReportData, read_report_data
from wattbench.report.grids import Grid
from wattbench.report.markdown import report_markdown
from wattbench.report.page import page
from wattbench.study.models import Study
from wattbench.tables.contract import unknown

TOOK = {
    "energy_judging_j": 7200.0, "energy_judging_uncertainty_j": 360.0,
    "energy_judging_method": "counter", "judging_s": 90.0, "judging_prompt_tokens": 12345,
    "judging_completion_tokens": 24, "judging_price": 0.5, "judging_price_currency": "EUR",
}  # fmt: skip
WHY = "the counter is not offered"


def read(folder: Path, took: dict[str, Any], **scoring: Any) -> ReportData:
    """The made study, whose answers smollm2-135m judges."""

    def change(table: str, rows: list[made.Row]) -> list[made.Row]:
        lacking = [unknown(name, WHY) for name, value in took.items() if value is None]
        more = took if table == "runs" else {}
        return [
            {**row, **more, "flags": [*row["flags"], *lacking]} if more else row for row in rows
        ]

    made.write_tables(folder, change=change)
    settings = made.study(folder).model_dump(mode="json")
    settings["scoring"] |= scoring
    return read_report_data(Study.model_validate(settings))


def shown(data: ReportData) -> Grid | None:
    return beside(data, data.groups[0])


def test_what_judging_took_is_on_the_page_once(tmp_path: Path) -> None:
    judge = {"judge": {"model": "smollm2-135m"}, "also": ["judge"]}
    data = read(tmp_path, TOOK, **judge)
    grid = shown(data)
    assert grid is not None
    (row,) = grid.rows
    texts = [cell.text for cell in row]
    assert texts == [
        "Judging the answers",
        "smollm2-135m",
        "2.00 Wh",
        "90.0 s",
        "12,345",
        "24",
        "0.500 EUR",
    ]
    assert row[2].detail == "± 0.10 Wh"
    assert row[2].badge is not None
    html = page(content(data))
    assert html.count("Judging the answers") == 1
    assert "Planning and judging" in report_markdown(content(data), {})


def test_what_is_unknown_of_it_says_why(tmp_path: Path) -> None:
    judge = {"judge": {"model": "smollm2-135m"}, "rule": "judge"}
    grid = shown(read(tmp_path, dict.fromkeys(TOOK), **judge))
    assert grid is not None
    assert [cell.missing for cell in grid.rows[0][2:]] == [WHY] * 5


def test_without_planner_and_judge_nothing_is_said(tmp_path: Path) -> None:
    data = read(tmp_path, {}, judge={"model": "smollm2-135m"})
    assert shown(data) is None
    assert "Planning and judging" not in page(content(data))
