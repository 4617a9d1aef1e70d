"""A null of any column of `runs` reads 'not measured' with its reason, and never 0."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from tests.unit.report import report_fixture as made

from wattbench.report import models
from wattbench.report.content import content
from wattbench.report.data import ReportData, read_report_data
from wattbench.report.grids import Grid
from wattbench.report.markdown import report_markdown
from wattbench.report.page import page
from wattbench.tables.contract import unknown
from wattbench.tables.runs import RUNS

NAMES = ("study", "environment", "questions", "run", "label", "kind", "flags")
"""Columns that say whose row it is; a row without one of them is none."""

PLANTED = [name for name in RUNS.names() if name not in NAMES]
"""All others, those among them that the contract says are never null."""

CELL = re.compile(
    r'<span class="unknown" title="([^"]*)">(.*?)<span class="hidden-text">: (.*?)</span></span>'
)


def reason(column: str) -> str:
    return f"planted: nobody could read {column} & said so"


def planted(folder: Path) -> ReportData:
    """The made study's report, where the run qwen-0.5b has no figure at all, with reasons.

    They are planted in what was read, for a table with some of them could not be written.
    """
    made.write_tables(folder)
    data = read_report_data(made.study(folder))
    (group,) = data.groups
    nulls = {**dict.fromkeys(PLANTED), "flags": [unknown(c, reason(c)) for c in PLANTED]}
    runs = tuple(
        replace(run, row={**run.row, **nulls}) if run.name == "qwen-0.5b" else run
        for run in group.runs
    )
    return replace(data, groups=(replace(group, runs=runs),))


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, Grid]:
    found = content(planted(tmp_path_factory.mktemp("nulls")))
    return page(found), report_markdown(found, {}), models.every_figure(found.groups[0].group)


def test_a_column_is_planted_or_names_the_row() -> None:
    assert {*PLANTED, *NAMES} == set(RUNS.names())
    assert len(PLANTED) > 100
    assert len({reason(column) for column in PLANTED}) == len(PLANTED)


def test_every_planted_null_is_on_the_page_with_its_reason(shown: tuple[str, str, Grid]) -> None:
    html, _, _ = shown
    cells = [tuple(map(unescape, found)) for found in CELL.findall(html)]
    for column in PLANTED:
        found = [cell for cell in cells if cell[0] == reason(column)]
        assert found, column
        assert "not measured" in {text for _, text, _ in found}
        for title, text, hidden in found:
            assert text in {"not measured", "not known"}
            assert hidden == title


def test_every_planted_null_is_in_the_markdown_with_its_reason(
    shown: tuple[str, str, Grid],
) -> None:
    _, markdown, _ = shown
    for column in PLANTED:
        assert (
            f"not measured: {reason(column).replace('_', chr(92) + '_')}".replace("&", "&amp;")
            in markdown
        ), column


def test_no_planted_null_is_a_figure(shown: tuple[str, str, Grid]) -> None:
    _, _, every = shown
    place = [h.text for h in every.heads].index(made.LABELS["qwen-0.5b"])
    rows = {row[0].text: row[place] for row in every.rows}
    for column in PLANTED:
        cell = rows[column]
        assert cell.text == "not measured"
        assert cell.missing == reason(column)
        assert cell.sort is None


def test_what_no_ensemble_can_have_is_not_called_unmeasured(shown: tuple[str, str, Grid]) -> None:
    _, _, every = shown
    place = [h.text for h in every.heads].index(made.LABELS["vote-all"])
    rows = {row[0].text: row[place] for row in every.rows}
    assert rows["seed"].text == "n/a"
    assert rows["energy_gross_j"].text == "not measured"


def test_the_first_table_says_what_is_unknown(shown: tuple[str, str, Grid]) -> None:
    html, _, _ = shown
    table = re.search(r'<table id="table-models-demo".*?</table>', html, re.DOTALL)
    assert table is not None
    row = next(r for r in table.group().split("<tr") if 'data-sort="qwen2.5 coder 0.5b"' in r)
    assert "energy, time, GPU memory, cost" in row
    for column in ("energy_gross_j", "latency_p50_s", "vram_peak_bytes", "token_price"):
        assert reason(column).replace("&", "&amp;") in row


def test_a_null_without_a_reason_gives_the_contracts(tmp_path: Path) -> None:
    def bare(table: str, rows: list[made.Row]) -> list[made.Row]:
        if table != "runs":
            return rows
        bare = {c.name: None for c in RUNS.columns if c.null}
        return [{**rows[0], **bare, "flags": []}, *rows[1:]]

    made.write_tables(tmp_path, change=bare)
    (group,) = read_report_data(made.study(tmp_path)).groups
    every = models.every_figure(group)
    place = [h.text for h in every.heads].index(made.LABELS["smollm2-135m"])
    for row in every.rows:
        column = next(c for c in RUNS.columns if c.name == row[0].text)
        if column.null:
            assert row[place].missing == f"no reason recorded; null {column.null}"


def test_a_run_without_a_score_is_shown_last_and_is_no_headline(tmp_path: Path) -> None:
    def change(table: str, rows: list[made.Row]) -> list[made.Row]:
        if table != "runs":
            return rows
        return [{**r, "score": float("nan")} if r["run"] == "qwen-1.5b" else r for r in rows]

    made.write_tables(tmp_path, change=change)
    found = content(read_report_data(made.study(tmp_path)))
    (part,) = found.groups
    assert part.models.rows[-1][0].text == made.LABELS["qwen-1.5b"]
    assert part.models.rows[-1][1].text == "not measured"
    assert made.LABELS["qwen-1.5b"] not in part.opening
    assert not re.search(r"\bnan\b", page(found), re.IGNORECASE)
