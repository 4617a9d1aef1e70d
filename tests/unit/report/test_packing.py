"""The answers that the page holds: every verdict, and text as far as the room goes."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest
from benchmarks.report_size import build, main, make_result
from tests.unit.report import packed
from tests.unit.report import report_fixture as made

from wattbench.report import browser
from wattbench.report.browser import disagreement
from wattbench.report.content import Content, content
from wattbench.report.data import Group, read_report_data
from wattbench.report.packing import pack
from wattbench.report.page import RESERVE_BYTES, page
from wattbench.study.reporting import Report

SLACK = 20_000
"""Chunks that are halved to fit pack a little worse."""


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> Group:
    folder = tmp_path_factory.mktemp("packed")
    made.write_tables(folder, questions=60)
    return read_report_data(made.study(folder)).groups[0]


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Content:
    folder = tmp_path_factory.mktemp("large")
    data = read_report_data(make_result(folder, models=4, questions=300))
    few = Report.model_validate({"outputs": {"which_figures": ["frontier"]}})
    return content(replace(data, definition=few))


def test_the_page_keeps_to_any_limit_that_its_tables_leave_room_for(large: Content) -> None:
    whole = len(page(large).encode()) + RESERVE_BYTES + SLACK
    bare = len(page(large, limit_bytes=0).encode())
    held = []
    for limit in (whole, bare + (whole - bare) // 2, bare + 60_000, bare + 3_000):
        html = page(large, limit_bytes=limit)
        assert len(html.encode()) <= limit
        assert len(packed.core(html, "made")["verdicts"][0]) == 300
        held.append((len(packed.shorts(html, "made")), len(packed.details(html, "made"))))
    assert held[0] == (300, 300)
    assert held == sorted(held, reverse=True)
    assert held[1][0] == 300
    assert 0 < held[1][1] < 300
    assert held[-1] == (0, 0) or held[-1][0] < 300


def test_without_room_every_verdict_is_still_there(large: Content) -> None:
    html = page(large, limit_bytes=0)
    core = packed.core(html, "made")
    assert [len(letters) for letters in core["verdicts"]] == [300] * len(core["runs"])
    assert packed.shorts(html, "made") == {}
    assert "the verdict of every answer" in html
    assert "tables/predictions.parquet" in html


def test_what_models_disagree_on_most_comes_first(large: Content) -> None:
    html = page(large, limit_bytes=len(page(large, limit_bytes=0).encode()) + 150_000)
    core = packed.core(html, "made")
    held = set(packed.details(html, "made"))
    models = [v for v, run in zip(core["verdicts"], core["runs"], strict=True) if not run["vote"]]

    def split(place: int) -> int:
        right = sum(letters[place] in "rR" for letters in models)
        return min(right, len(models) - right)

    assert 0 < len(held) < 300
    least = min(split(place) for place in held)
    assert all(split(place) <= least for place in range(300) if place not in held)
    assert f"of {len(held):,} also explanations" in html


def test_a_small_report_holds_everything_and_says_so(group: Group) -> None:
    (holding,) = pack([group], 4_000_000)
    assert holding.sentence() == "All 60 questions are here with every answer whole."
    assert sum(len(c.places) for c in holding.details) == 60


def test_disagreement_is_of_models_where_there_are_several(group: Group) -> None:
    order, digits = disagreement(group)
    assert sorted(order.tolist()) == list(range(60))
    models = [r for r in group.runs if not r.is_ensemble]
    columns = [group.answers[r.name] for r in models]
    for place in range(60):
        rights = {bool(c.flag("value_correct")[place]) for c in columns}
        values = {(c.rows([place])[0]["value"] or "").strip().lower() for c in columns}
        expected = "2" if len(rights) > 1 else "1" if len(values) > 1 else "0"
        assert digits[place] == expected
    assert [digits[p] for p in order] == sorted(digits, reverse=True)
    alone = replace(group, runs=tuple(models[:1]))
    assert disagreement(alone)[1] == "0" * 60


def test_an_endless_reply_is_cut_and_starves_nothing(tmp_path: Path) -> None:
    letters = random.Random(3)
    endless = "".join(letters.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=3_000_000))

    def one_endless(table: str, rows: list[made.Row]) -> list[made.Row]:
        if table == "predictions":
            return [{**rows[0], "reply": endless}, *rows[1:]]
        return rows

    made.write_tables(tmp_path, change=one_endless)
    (holding,) = pack(read_report_data(made.study(tmp_path)).groups, 1_000_000)
    assert sum(len(c.places) for c in holding.details) == 24
    assert holding.size_bytes < 1_000_000
    assert browser._text(endless) == endless[:20_000] + browser.CUT


def test_question_sets_share_the_room(group: Group) -> None:
    other = replace(group, slug="other")
    first, second = pack([group, other], 40_000)
    assert first.size_bytes + second.size_bytes <= 40_000
    assert first.shorts
    assert second.shorts


def test_the_benchmark_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--models", "3", "--questions", "20", "--keep", str(tmp_path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["page_bytes"] == (tmp_path / "index.html").stat().st_size
    html, _ = build(make_result(tmp_path, models=1, questions=5))
    assert len(packed.details(html, "made")) == 5
