"""Numbers, labels, colours and CSV cells of the report."""

from __future__ import annotations

import csv
import html
import io
import math
import re
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from wattbench.report import formats, palette
from wattbench.report.csvs import safe_cell, to_csv
from wattbench.report.findings import figure_name
from wattbench.report.markdown import plain
from wattbench.report.outputs_doc import TABLES, document
from wattbench.report.views.placing import Anchor, Box, place
from wattbench.report.views.svg import log_ticks, time_ticks
from wattbench.tables import answers, documents, runs, statistics, verdicts
from wattbench.tables.contract import Table


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (68.91, "68.9"),
        (1234567.0, "1,230,000"),
        (0.0123456, "0.0123"),
        (0.9996, "1.00"),
        (999.6, "1,000"),
        (-4.444, "-4.44"),
        (2.5e-6, "2.50e-06"),
    ],
)
def test_figures(value: float, shown: str) -> None:
    assert formats.figures(value) == shown


@given(st.floats(min_value=1e-4, max_value=9e8))
def test_figures_keep_three_digits(value: float) -> None:
    found = float(formats.figures(value).replace(",", ""))
    assert math.isclose(found, value, rel_tol=5.1e-3)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.421, "0.421 s"), (99.96, "1 min 40 s"), (3599.6, "1 h 00 min"), (7380, "2 h 03 min")],
)
def test_seconds(value: float, shown: str) -> None:
    assert formats.seconds(value) == shown


def test_an_open_interval_says_so() -> None:
    assert formats.interval(1.0, None, "figures") == "1.00 to no upper end"


def test_squeezed_names_keep_both_ends() -> None:
    assert formats.squeeze("Qwen2.5 Coder 1.5B Instruct", 15) == "Qwen2.5…nstruct"
    assert formats.squeeze("short", 15) == "short"


@given(st.text())
def test_no_csv_cell_is_a_formula(text: str) -> None:
    cell = safe_cell(text)
    if cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\n", "＝", "＋", "－", "＠")):  # noqa: RUF001
        float(cell)


MARKS = st.text(alphabet="=+-@;\t\r\n \"'a1.,\uff1d\u00a0", max_size=12)


@given(MARKS)
@example("a;=cmd|' /C calc'!A0")
@example('a;"=cmd()"')
@example("-1\n\n@SUM(A1)")
def test_no_csv_cell_is_a_formula_where_semicolons_or_tabs_separate(text: str) -> None:
    written = to_csv(("first", "text", "last"), [("x", text, "y")])
    for separator in ",;\t":
        for row in csv.reader(io.StringIO(written, newline=""), delimiter=separator):
            for cell in row:
                plain = unicodedata.normalize("NFKC", cell).lstrip()
                assert not plain.startswith(("=", "@"))
                if plain.startswith(("+", "-")):
                    float(plain)


def test_an_apostrophe_stands_only_where_a_formula_might_begin() -> None:
    text = "rated 3; the rest-of-it is a=b, -2 and @home\nnext"
    assert safe_cell(text) == text
    assert safe_cell(["a", "=b"]) == "a; '=b"


def test_csv_cells_tell_null_from_figures() -> None:
    assert safe_cell(None) == ""
    assert safe_cell(0.0) == "0.0"
    assert safe_cell(-0.25) == "-0.25"
    assert safe_cell("-5") == "-5"
    assert safe_cell("-5+cmd") == "'-5+cmd"
    assert safe_cell(True) == "true"


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(60, 880), st.floats(20, 380), st.integers(6, 24)),
        min_size=2,
        max_size=20,
    )
)
def test_labels_cover_neither_each_other_nor_leave_the_plot(
    points: list[tuple[float, float, int]],
) -> None:
    bounds = Box(50, 10, 910, 400)
    anchors = [Anchor(x, y, letters * 7.2, 16) for x, y, letters in points]
    boxes = [p.box for p in place(anchors, [], bounds)]
    for i, box in enumerate(boxes):
        assert box.outside(bounds) == 0
        for other in boxes[i + 1 :]:
            assert box.overlap(other) == 0


@given(st.floats(1e-3, 1e6), st.floats(1.05, 1e6))
def test_log_ticks_lie_within_the_axis(low: float, factor: float) -> None:
    ticks = log_ticks(low, low * factor)
    assert 1 <= len(ticks) <= 14
    assert all(low * 0.999 <= t <= low * factor * 1.001 for t in ticks)


def test_time_ticks_are_round() -> None:
    assert [t for _, t in time_ticks(180, 8)][:3] == ["0 s", "30 s", "60 s"]
    assert [t for _, t in time_ticks(4000, 8)][1] == "10 min"


def test_colours_stand_out_on_both_grounds() -> None:
    for position in range(24):
        colour = palette.of_place(position)
        for ground in (palette.LIGHT_GROUND, palette.DARK_GROUND):
            shown = palette.against(colour, ground)
            assert palette.contrast(shown, ground) >= palette.LEAST_CONTRAST
    assert len({palette.of_place(i) for i in range(24)}) == 24


def test_slugs_are_safe_and_different() -> None:
    found = palette.slugs(["demo", "../../etc", "..-..-etc", "a b", "demo"])
    assert len(set(found)) == 5
    assert all("/" not in s and "." not in s for s in found)


def test_the_document_of_outputs_knows_every_table() -> None:
    known = {
        value
        for module in (answers, documents, runs, statistics, verdicts)
        for value in vars(module).values()
        if isinstance(value, Table)
    }
    assert {t.name for t in TABLES} == {t.name for t in known}
    text = document()
    for table in known:
        for column in table.columns:
            assert f"| `{column.name}` |" in text


MARKUP = st.from_regex(r"[-+=>#*0-9.)|`\[\]()!_~$&;<a-z :/]{1,30}", fullmatch=True)


@given(st.text(max_size=60) | MARKUP)
def test_markdown_shows_a_text_as_it_stands(text: str) -> None:
    expected = " ".join(formats.clean(text).split()).replace("@", "\u2060@")
    parser = MarkdownIt("commonmark", {"html": True}).enable("table")
    paragraph = parser.render(plain(text)).strip()
    assert html.unescape(paragraph) == (f"<p>{expected}</p>" if expected else "")
    cell = re.search(r"<th>(.*?)</th>", parser.render(f"| {plain(text)} |\n| --- |"), re.DOTALL)
    assert cell is not None
    assert "<" not in cell.group(1)
    assert html.unescape(cell.group(1)) == expected


@pytest.mark.parametrize(
    "text",
    ["https://a.example", "www.a.example", "WWW.a.example", "a@b.example", "xmpp:a@b.example"],
)
def test_markdown_has_no_address_that_viewers_make_a_link(text: str) -> None:
    """GitHub's rules for links without brackets: `://`, `www.` and an address with `@`."""
    shown = plain(text)
    assert "://" not in shown
    assert "www." not in shown.lower()
    assert "@" not in shown
    assert not re.search(r"\w&#64;", shown)


def test_numbers_carry_no_backslash() -> None:
    assert plain("1.000") == "1.000"


@pytest.mark.parametrize(
    ("column", "name"),
    [
        ("energy_gross_j", "energy gross"),
        ("tokens_per_j", "tokens per joule"),
        ("decode_tokens_per_s", "decode tokens per second"),
        ("energy_per_point_wh", "energy per point in Wh"),
        ("cpu_efficiency_pct", "CPU efficiency in %"),
        ("wall_s", "wall in s"),
    ],
)
def test_a_figure_is_named_for_people(column: str, name: str) -> None:
    assert figure_name(column) == name


@pytest.mark.parametrize(
    ("value", "text"),
    [(6e-16, "< 0.1 %"), (0.0123, "1.2 %"), (0.504, "50 %"), (0.99999, "> 99.9 %")],
)
def test_a_probability_is_no_surer_than_its_draws(value: float, text: str) -> None:
    assert formats.probability(value) == text
