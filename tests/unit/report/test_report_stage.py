"""The report of a small study, from tables on disk to files on disk."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
import unicodedata
import warnings
from collections import Counter
from collections.abc import Iterable
from html.parser import HTMLParser
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from markdown_it import MarkdownIt
from matplotlib.figure import Figure
from tests.unit.report import packed
from tests.unit.report import report_fixture as made

from wattbench.errors import InputError
from wattbench.report import formats
from wattbench.report.content import Content, content
from wattbench.report.csvs import csv_files
from wattbench.report.data import read_report_data
from wattbench.report.manifest import manifest as manifest_text
from wattbench.report.markdown import report_markdown
from wattbench.report.page import page as html_page
from wattbench.report.stage import render
from wattbench.report.views import registry
from wattbench.study.layout import Layout
from wattbench.tables.answers import PREDICTIONS
from wattbench.tables.documents import CONTEXTS
from wattbench.tables.files import read_rows, write_text
from wattbench.tables.verdicts import NOTHING_JUDGED, SCORES

VOID = {"meta", "link", "input", "br", "img"}


class Page(HTMLParser):
    """A page's elements, and the text in each that matters here."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.raw: dict[str, list[str]] = {"script": [], "style": []}
        self.packed: list[str] = []
        self.text = ""
        self.rows: dict[str, list[list[str]]] = {}
        self._table: str | None = None
        self._inside: str | None = None
        self._cell: list[str] | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.elements.append((tag, found))
        if tag in self.raw:
            self._inside = tag
            if found.get("type") == "text/plain":
                self.packed.append("")
            else:
                self.raw[tag].append("")
        if tag == "table":
            self._table = found["id"] or ""
            self.rows[self._table] = []
        elif tag == "tr" and self._table is not None:
            self.rows[self._table].append([])
        elif tag in {"td", "th"} and self._table is not None:
            self._cell = []

    def handle_endtag(self, tag: str) -> None:
        if tag in self.raw:
            self._inside = None
        elif tag in {"td", "th"} and self._cell is not None and self._table is not None:
            self.rows[self._table][-1].append("".join(self._cell))
            self._cell = None
        elif tag == "table":
            self._table = None

    def handle_data(self, data: str) -> None:
        if self._inside is not None:
            last = dict(self.elements[-1][1])
            if last.get("type") == "text/plain":
                self.packed[-1] += data
            else:
                self.raw[self._inside][-1] += data
            return
        self.text += data
        if self._cell is not None:
            self._cell.append(data)

    def table(self, name: str) -> list[dict[str, str]]:
        """Rows of a table by the text of its heads."""
        heads, *rows = self.rows[name]
        return [dict(zip(heads, row, strict=True)) for row in rows]


def rendered(folder: Path, change: made.Change = lambda _, rows: rows, **study: Any) -> Path:
    made.write_tables(folder, change=change)
    render(made.study(folder, **study))
    return Layout(folder).report


def shown(folder: Path, change: made.Change = lambda _, rows: rows, **study: Any) -> Content:
    """What the report would show, without drawing any figure file."""
    made.write_tables(folder, change=change)
    return content(read_report_data(made.study(folder, **study)))


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rendered(tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="module")
def page(report: Path) -> Page:
    return Page((report / "index.html").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    found = shown(folder, made.hostile, **made.hostile_names(folder / "analysis.md"))
    (folder / "index.html").write_text(html_page(found), encoding="utf-8")
    (folder / "report.md").write_text(report_markdown(found, {}), encoding="utf-8")
    for stem, text in csv_files(found.groups[0].group).items():
        write_text(folder / "csv" / f"{stem}.csv", text)
    return folder


def digests(report: Path) -> dict[str, str]:
    """Of each file; when two differ, the failed test prints no file's content."""
    return {
        p.relative_to(report).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in report.rglob("*")
        if p.is_file()
    }


def test_the_same_tables_give_the_same_bytes(report: Path) -> None:
    before = digests(report)
    (report / "figures" / "gone.png").write_bytes(b"of an earlier report")
    render(made.study(report.parent))
    assert digests(report) == before


def test_the_manifest_holds_every_file_and_its_digest(report: Path) -> None:
    manifest = yaml.safe_load((report / "manifest.yaml").read_text())
    files = digests(report)
    del files["manifest.yaml"]
    assert {k: v["sha256"] for k, v in manifest["outputs"].items()} == files
    runs = report.parent / "tables" / "runs.parquet"
    digest = hashlib.sha256(runs.read_bytes()).hexdigest()
    assert manifest["inputs"]["tables/runs.parquet"]["sha256"] == digest
    assert {s["why"] for s in manifest["skipped"]} == {
        "the report's `which_figures` does not name it"
    }
    assert {s["view"] for s in manifest["skipped"]} == set(registry.VIEWS) - set(made.FIGURES)
    for view in ("frontier", "accuracy_by_type", "comparisons", "power"):
        for suffix in ("png", "svg", "pdf"):
            assert f"figures/{view}.{suffix}" in files


def test_the_page_loads_nothing(page: Page) -> None:
    for tag, attributes in page.elements:
        assert tag not in {"img", "iframe", "object", "embed", "base"}
        assert "src" not in attributes
        assert "style" not in attributes, "the policy forbids style attributes"
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in {"xlink:href", "action"} or (tag, name) == ("link", "href"):
                assert value == "data:,"
            elif name == "href":
                # The study's own words may link somewhere; nothing is fetched until a click.
                assert str(value).startswith(("#", "https://"))


def test_the_policy_allows_exactly_the_pages_own_script_and_style(page: Page) -> None:
    policy = next(a["content"] for t, a in page.elements if "http-equiv" in a)
    assert policy is not None
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    (script,), (style,) = page.raw["script"], page.raw["style"]
    for text, directive in ((script, "script-src"), (style, "style-src")):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}';" in policy


def test_unknown_energy_reads_not_measured_with_its_reason(report: Path, page: Page) -> None:
    rows = page.table("table-models-demo")
    row = next(r for r in rows if r["Model"].startswith("Qwen2.5 Coder 1.5B"))
    assert row["J per correct"] == f"not measured: {made.NO_METER}"
    assert row["Energy"] == f"not measured: {made.NO_METER}"
    titles = [a.get("title") for t, a in page.elements if a.get("class") == "unknown"]
    assert made.NO_METER in titles
    markdown = (report / "report.md").read_text()
    line = next(x for x in markdown.splitlines() if x.startswith("| Qwen2.5 Coder 1.5B"))
    assert line.count(f"not measured: {made.NO_METER}") == 2


def test_an_unknown_figure_sorts_by_nothing(page: Page) -> None:
    unknown = 0
    cells = [(t, a) for t, a in page.elements if t in {"td", "span"}]
    for (tag, attributes), (_, inner) in pairwise(cells):
        if tag == "td" and inner.get("class") == "unknown":
            unknown += 1
            assert "data-sort" not in attributes
    assert unknown > 5


def test_energy_names_its_method_and_scope(page: Page) -> None:
    rows = {r["Model"][:7]: r for r in page.table("table-models-demo")}
    assert rows["SmolLM2"]["J per correct"].startswith("~")
    assert "estimated · process" in rows["SmolLM2"]["J per correct"]
    assert "counter · device" in rows["Qwen2.5"]["J per correct"] or any(
        "counter · device" in r["J per correct"] for r in rows.values()
    )
    assert "mixed · process" in rows["Small p"]["J per correct"]
    assert rows["Small p"]["Energy"].startswith("~")


def test_the_frontier_lists_runs_without_energy_and_marks_estimates(report: Path) -> None:
    html = (report / "index.html").read_text()
    aside = re.search(r'<aside class="legend">.*?</aside>', html, re.DOTALL)
    assert aside is not None
    assert "Qwen2.5 Coder 1.5B" in aside.group()
    assert "Majority of three" in aside.group()
    plot = re.search(r'<svg[^>]*aria-label="Score against energy.*?</svg>', html, re.DOTALL)
    assert plot is not None
    assert ">SmolLM2 135M (estimated), 100 %<" in plot.group()
    assert ">Small pair (partly estimated), 41 %<" in plot.group()
    assert "Qwen2.5 Coder 1.5B" not in plot.group()
    assert plot.group().count("mark hollow") == 2


def test_a_label_changes_the_report_alone(tmp_path: Path) -> None:
    found = shown(tmp_path, models={"qwen-0.5b": {"weights": "q", "label": "The half"}})
    assert "| The half" in report_markdown(found, {})


def test_the_browsers_data_agree_with_the_tables(report: Path) -> None:
    html = (report / "index.html").read_text(encoding="utf-8")
    core, shorts, details = packed.core(html), packed.shorts(html), packed.details(html)
    assert len(core["id"]) == len(shorts) == len(details) == 24
    labels = [run["label"] for run in core["runs"]]
    smol = labels.index("SmolLM2 135M")
    assert core["verdicts"][smol][9] == "f"
    assert shorts[9]["value"][smol] is None
    assert details[9]["answers"][smol]["error"] == "unparsable"
    votes = details[9]["votes"][str(labels.index("Majority of three"))]
    assert [v[2] for v in votes] == [0, 1, 1], "a failed member's vote is not counted"
    unmetered = labels.index("Qwen2.5 Coder 1.5B")
    assert all(d["answers"][unmetered]["j"] is None for d in details.values())
    answers = read_rows(report.parent / "tables" / "predictions.parquet", PREDICTIONS)
    scores = {
        (s["run"], s["question_id"]): s
        for s in read_rows(report.parent / "tables" / "scores.parquet", SCORES)
    }
    for row in answers:
        run = labels.index(made.LABELS[row["run"]])
        place = core["id"].index(row["question_id"])
        right = scores[row["run"], row["question_id"]]["value_correct"]
        letter = "f" if row["error"] else ("R" if row["blank"] else "r") if right else (
            "b" if row["blank"] else "w"
        )  # fmt: skip
        assert core["verdicts"][run][place] == letter
        assert shorts[place]["value"][run] == row["value"]
        assert details[place]["answers"][run]["reply"] == row["reply"]
    found = read_rows(Layout(report.parent).contexts("demo", "default"), CONTEXTS)
    widened = {a["question_id"] for a in answers if a["widened"]}
    assert 0 < len(widened) < len(found)
    for row in found:
        held = details[row["position"]]["contexts"]["default"]
        wider = [w["snippets"] for w in row["wider"]] if row["question_id"] in widened else []
        assert len(held) == 1 + len(wider), "wider contexts only where a run saw them"
        for shown, snippets in zip(held, [row["snippets"], *wider], strict=True):
            assert [s[4] for s in shown] == [s["text"] for s in snippets]
            assert [s[3] for s in shown] == [s["score"] for s in snippets]


def test_a_missing_needed_table_says_what_to_run(tmp_path: Path) -> None:
    made.write_tables(tmp_path)
    Layout(tmp_path).table("scores").unlink()
    with pytest.raises(InputError, match="wattbench aggregate"):
        render(made.study(tmp_path))
    assert not Layout(tmp_path).report.exists()


def test_a_view_without_data_says_why_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("comparisons", "accuracy_by_type"):
        monkeypatch.setitem(registry.VIEWS, name, without_figure(registry.VIEWS[name]))
    made.write_tables(tmp_path)
    Layout(tmp_path).table("samples").unlink()
    render(made.study(tmp_path))
    report = Layout(tmp_path).report
    why = "no run has samples of power or CPU use"
    assert f"left out: {why}" in (report / "index.html").read_text()
    assert why in (report / "report.md").read_text()
    skipped = yaml.safe_load((report / "manifest.yaml").read_text())["skipped"]
    assert {"view": "power", "questions": "demo", "environment": "local", "why": why} in skipped
    assert {"table": "samples", "why": "the file is not there"} in skipped
    assert not (report / "figures" / "power.png").exists()
    assert (report / "figures" / "frontier.png").exists()


def without_figure(view: registry.View) -> registry.View:
    """A view whose figure is left out, for figures take seconds."""

    def figure(*_: object) -> Figure:
        raise registry.CannotDraw("not wanted here")

    return registry.View(view.name, view.title, view.caption, view.svg, figure)


def test_a_view_that_breaks_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Figure:
        raise ZeroDivisionError("of all things")

    whole = registry.VIEWS["power"]
    monkeypatch.setitem(
        registry.VIEWS,
        "power",
        registry.View("power", whole.title, whole.caption, whole.svg, broken),
    )
    found = shown(tmp_path)
    skipped = yaml.safe_load(manifest_text(found, {}, {}))["skipped"]
    assert skipped[0]["why"] == "drawing failed: ZeroDivisionError: of all things"
    assert "left out: drawing failed: ZeroDivisionError: of all things" in html_page(found)


def test_no_energy_at_all_leaves_the_frontier_out_with_the_reason(tmp_path: Path) -> None:
    def none(table: str, rows: list[made.Row]) -> list[made.Row]:
        if table != "runs":
            return rows
        return [
            {**r, **{c: None for c in r if c.startswith("energy_")}, "headline": False}
            for r in rows
        ]

    html = html_page(shown(tmp_path, none))
    assert "left out: no run has a known energy; the reasons" in html
    assert "Reading it" not in html
    assert "no reason recorded" in html


def test_smoke_runs_are_left_out_and_named(tmp_path: Path) -> None:
    def with_smoke(_: str, rows: list[made.Row]) -> list[made.Row]:
        return [*rows, *({**r, "questions": "demo.smoke"} for r in rows if "questions" in r)]

    manifest = yaml.safe_load(manifest_text(shown(tmp_path, with_smoke), {}, {}))
    assert manifest["filters"]["question_sets_left_out"] == ["demo.smoke"]
    assert [q["questions"] for q in manifest["question_sets"]] == ["demo"]


def test_two_question_sets_have_files_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("comparisons", "accuracy_by_type", "power"):
        monkeypatch.setitem(registry.VIEWS, name, without_figure(registry.VIEWS[name]))

    def doubled(_: str, rows: list[made.Row]) -> list[made.Row]:
        return [*rows, *({**r, "questions": "second"} for r in rows if "questions" in r)]

    report = rendered(tmp_path, doubled)
    assert (report / "figures" / "frontier-demo.png").is_file()
    assert (report / "tables" / "models-second.csv").is_file()
    ids = [
        a["id"]
        for t, a in Page((report / "index.html").read_text()).elements
        if a.get("id") is not None
    ]
    assert len(ids) == len(set(ids))


def test_a_nan_is_shown_as_unknown(tmp_path: Path) -> None:
    def nan(table: str, rows: list[made.Row]) -> list[made.Row]:
        if table == "runs":
            rows[1]["energy_per_correct_j"] = float("nan")
        return rows

    assert not re.search(r"\bnan\b", report_markdown(shown(tmp_path, nan), {}), re.IGNORECASE)


@pytest.mark.parametrize("pairs", ["one", "all"])
def test_a_pair_without_a_difference_says_why(tmp_path: Path, pairs: str) -> None:
    def unjudged(table: str, rows: list[made.Row]) -> list[made.Row]:
        if table == "comparisons":
            for row in rows[: 1 if pairs == "one" else None]:
                unknown = [name for name in row if name.startswith("difference")]
                row.update(dict.fromkeys(unknown), distinct=False)
        return rows

    found = shown(tmp_path, unjudged)
    for text in (html_page(found), report_markdown(found, {})):
        assert NOTHING_JUDGED in text
    data = read_report_data(made.study(tmp_path))
    drawn = registry.draw(registry.VIEWS["comparisons"], data, data.groups[0])
    assert (drawn.figure is None) == (pairs == "all")


def test_hostile_text_adds_no_element_and_no_attribute(page: Page, hostile: Path) -> None:
    attacked = Page((hostile / "index.html").read_text(encoding="utf-8"))
    kinds = {tag for tag, _ in page.elements}
    prose = {"p", "em", "strong", "code", "pre", "ul", "li", "h1", "h2", "blockquote", "table",
             "thead", "tbody", "tr", "th", "td", "hr", "br"}  # fmt: skip
    assert {tag for tag, _ in attacked.elements} <= kinds | prose
    names = {name for _, attributes in page.elements for name in attributes}
    assert {name for _, attributes in attacked.elements for name in attributes} <= names
    count = [sum(t == "script" for t, _ in p.elements) for p in (page, attacked)]
    assert count[0] == count[1]
    test_the_page_loads_nothing(attacked)
    test_the_policy_allows_exactly_the_pages_own_script_and_style(attacked)


def test_no_name_and_no_answer_turns_round_the_figures_behind_it(hostile: Path) -> None:
    html = (hostile / "index.html").read_text(encoding="utf-8")
    held = [packed.core(html), *packed.shorts(html).values(), *packed.details(html).values()]
    markdown = (hostile / "report.md").read_text(encoding="utf-8")
    for text in (html, json.dumps(held, ensure_ascii=False), markdown):
        assert "\ufffd" in text
        assert not re.search("[\u202a-\u202e\u2066-\u2069]", text)


def test_every_stop_for_the_tab_key_in_a_plot_has_a_name(page: Page) -> None:
    stops = [a for tag, a in page.elements if tag == "g" and "tabindex" in a]
    assert stops
    for attributes in stops:
        assert attributes["role"] == "img"
        assert attributes["aria-label"]
    roles = {a["role"] for tag, a in page.elements if tag == "svg" and "plot" in a["class"]}
    assert roles == {"img", "group"}


@pytest.mark.filterwarnings("error::UserWarning")
def test_hostile_names_break_no_figure(tmp_path: Path) -> None:
    names = made.hostile_names(tmp_path / "analysis.md")
    found = shown(tmp_path, made.hostile, **names)
    for name, drawn in found.groups[0].views.items():
        assert drawn.figure is not None, (name, drawn.reason)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph .* missing from font")
            drawn.figure.draw_without_rendering()


def lacking(texts: Iterable[str | None]) -> list[str]:
    """Payloads that none of the texts holds."""
    whole = "\n".join(text for text in texts if text is not None)
    return [p for p in made.PAYLOADS if formats.clean(p) not in whole]


def test_every_packed_place_was_attacked_with_every_payload(hostile: Path) -> None:
    html = (hostile / "index.html").read_text(encoding="utf-8")
    for text in Page(html).packed:
        assert re.fullmatch(r"[A-Za-z0-9+/=]+", text)
    core = packed.core(html)
    shorts, details = packed.shorts(html).values(), packed.details(html).values()
    answers = [answer for behind in details for answer in behind["answers"]]
    votes = [vote for behind in details for of in behind["votes"].values() for vote in of]
    snippets = [s for behind in details for shown in behind["contexts"]["default"] for s in shown]
    places: dict[str, Iterable[str | None]] = {
        "question id": core["id"],
        "question type": [kind for kinds in core["kinds"] for kind in kinds],
        "question": [s["text"] for s in shorts],
        "gold answer": [s["gold"] for s in shorts],
        "unit": [s["unit"] for s in shorts],
        "gold documents": [ref for s in shorts for ref in s["refs"]],
        "why": [behind["why"] for behind in details],
        "answer": [value for s in shorts for value in s["value"]],
        "reply": [a["reply"] for a in answers],
        "explanation": [a["said"] for a in answers],
        "failure": [a["error"] for a in answers],
        "failure in its own words": [a["detail"] for a in answers],
        "clause of the verdict": [a["clause"] for a in answers],
        "cited documents": [ref for a in answers for ref in a["refs"]],
        "vote": [vote[1] for vote in votes],
        "document": [s[0] for s in snippets],
        "document title": [s[1] for s in snippets],
        "source": [s[2] for s in snippets],
        "context": [s[4] for s in snippets],
    }
    assert {place: found for place, texts in places.items() if (found := lacking(texts))} == {}
    models = " ".join(run["label"] for run in core["runs"])
    assert lacking([models]) == []


SHOWN_TABLES = {
    "table-compute-demo": ("Job", "State", "Nodes", "Jobstats advises"),
    "table-audit-demo": ("Finding", "What to do"),
    "table-not-measured-demo": ("Why",),
    "table-weights-demo": ("Weights", "Revision or sha256", "Prompt", "CPU"),
    "table-ensembles-demo": ("Weight of a vote",),
    "table-scaling-demo": ("Family",),
    "table-models-demo": ("Model",),
}
"""Columns of free text that stand in the page itself, each with as many texts as rows."""


def test_every_table_of_the_page_was_attacked_with_every_payload(hostile: Path) -> None:
    attacked = Page((hostile / "index.html").read_text(encoding="utf-8"))
    found = {
        (table, head): gaps
        for table, heads in SHOWN_TABLES.items()
        for head in heads
        if (gaps := lacking(row[head] for row in attacked.table(table)))
    }
    assert found == {}


def test_hostile_text_is_plain_in_markdown(hostile: Path) -> None:
    markdown = (hostile / "report.md").read_text(encoding="utf-8")
    # What the study's author wrote may hold links and pictures; what came of a model may not.
    begin = markdown.index("## Analysis & Interpretation")
    markdown = markdown[:begin] + markdown[markdown.index("\n## ", begin + 3) :]
    html = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(
        markdown
    )  # fmt: skip
    read = Page(html.replace("<table>", '<table id="t">'))
    assert {tag for tag, _ in read.elements} <= {
        "h1", "h2", "h3", "p", "ul", "li", "strong", "hr", "pre", "code", "details", "summary",
        "table", "thead", "tbody", "tr", "th", "td",
    }  # fmt: skip
    allowed = {("id", "t"), ("style", "text-align:right"), ("class", "language-yaml")}
    assert {pair for _, attributes in read.elements for pair in attributes.items()} <= allowed
    shown = " ".join(read.text.replace("\u2060@", "@").split())
    assert [p for p in made.PAYLOADS if " ".join(formats.clean(p).split()) not in shown] == []


FORMULAS = (
    "=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1+1", "\r=1+1", "\n=1+1", "  =1+1", "\u00a0=1+1",
    "\uff1d1+1", '"=1+1', "'=1+1", "=cmd|' /C calc'!A0", '=HYPERLINK("https://attacker.example")',
)  # fmt: skip


def test_no_csv_cell_is_a_formula(tmp_path: Path) -> None:
    def formulas(_: str, rows: list[made.Row]) -> list[made.Row]:
        return made.filled(rows, lambda turn, _: FORMULAS[turn % len(FORMULAS)])

    (part,) = shown(tmp_path, formulas).groups
    files = csv_files(part.group)
    defused: Counter[str] = Counter()
    for stem, text in files.items():
        for cell in chain.from_iterable(csv.reader(io.StringIO(text, newline=""))):
            plain = unicodedata.normalize("NFKC", cell).lstrip()
            if plain.startswith(("=", "+", "-", "@")):
                float(cell)
            defused[stem] += plain.startswith("'") and plain.lstrip("' ").startswith("=")
    assert set(files) == set(defused)
    assert {stem for stem, count in defused.items() if not count} <= {
        "question-types", "comparisons",
    }, "every other file holds free text, which was attacked"  # fmt: skip


def test_secrets_in_options_are_hidden(tmp_path: Path) -> None:
    options = {"api_key": "s3cret-word", "base_url": "https://user:hunter2@host.example/v1"}
    found = shown(tmp_path, models={"qwen-0.5b": {"weights": "q", "options": options}})
    for text in (html_page(found), report_markdown(found, {}), manifest_text(found, {}, {})):
        assert "s3cret-word" not in text
        assert "hunter2" not in text
