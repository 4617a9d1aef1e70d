"""The report page in a real browser: nothing hostile runs, it can be used, it fits a phone."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import pytest
from tests.unit.report import many, packed
from tests.unit.report import report_fixture as made

from wattbench.report.content import content
from wattbench.report.data import read_report_data
from wattbench.report.page import page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--virtual-time-budget=4000", "--dump-dom",
)  # fmt: skip

POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')


def dom(file: Path, profile: Path) -> str:
    """The page's elements after its scripts have run."""
    assert CHROMIUM is not None
    done = subprocess.run(
        [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", file.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert "<html" in done.stdout
    return done.stdout


def with_script(html: str, script: str) -> str:
    """The page without its policy, and a script at its end that leaves JSON in data-found."""
    assert POLICY.search(html)
    bare = POLICY.sub("", html, count=1)
    end = bare.rindex("</body>")
    return (
        f"{bare[:end]}<script>(async () => {{ const wait = (ms) => new Promise((go) => "
        "setTimeout(go, ms)); const until = async (ready) => { while (!ready()) await wait(20); "
        "}; await until(() => /of [0-9,]+ questions/.test(document.querySelector('.found')"
        ".textContent)); const found = await (async () => {"
        f"{script}}})(); document.documentElement.dataset.found = JSON.stringify(found);"
        f"}})();</script>{bare[end:]}"
    )


def found(text: str) -> object:
    match = re.search(r'data-found="([^"]*)"', text)
    assert match is not None, "the script did not run to its end"
    return json.loads(unescape(match.group(1)))


@pytest.fixture(scope="module")
def benign(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("benign")
    made.write_tables(folder)
    return page(content(read_report_data(made.study(folder))))


@pytest.fixture(scope="module")
def twenty(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("twenty")
    made.write_tables(folder, change=many.grown)
    return page(content(read_report_data(made.study(folder, models=many.models()))))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("hostile")
    made.write_tables(folder, change=made.hostile)
    names = made.hostile_names(folder / "analysis.md")
    return page(content(read_report_data(made.study(folder, **names))))


OPEN_ALL = """
    document.querySelectorAll("button.line").forEach((b) => b.click());
    document.querySelectorAll("details").forEach((d) => { d.open = true; });
    document.querySelectorAll("table.sortable thead button").forEach((b) => b.click());
    const count = (what) => document.querySelectorAll(what).length;
    await until(() => count(".open-question") === count("button.line"));
    return [count(".card"), count("img, iframe")];
"""


def test_the_pages_own_script_runs_under_its_policy(benign: str, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(benign, encoding="utf-8")
    shown = dom(file, tmp_path / "profile")
    assert 'class="no-script"' not in shown
    assert "24 of 24 questions" in shown
    assert "Theme: auto" in shown


def test_nothing_hostile_runs_with_the_policy(hostile: str, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(hostile, encoding="utf-8")
    shown = dom(file, tmp_path / "profile")
    assert "24 of 24 questions" in shown
    assert "data-pwned" not in shown[: shown.index("<body")]


def test_nothing_hostile_runs_even_without_the_policy(hostile: str, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(with_script(hostile, OPEN_ALL), encoding="utf-8")
    shown = dom(file, tmp_path / "profile")
    answers, loaders = found(shown)  # type: ignore[misc]
    assert answers == 24 * 5
    assert loaders == 0
    assert "data-pwned" not in shown[: shown.index("<body")]


def test_the_payloads_would_run_were_they_not_escaped(tmp_path: Path) -> None:
    for payload in (made.PAYLOADS[0], made.PAYLOADS[6], made.PAYLOADS[15], made.PAYLOADS[47]):
        file = tmp_path / "page.html"
        file.write_text(f"<!doctype html><html><body>{payload}</body></html>", encoding="utf-8")
        shown = dom(file, tmp_path / "profile")
        assert "data-pwned" in shown[: shown.index("<body")], payload


def test_columns_sort_both_ways_with_the_unknown_last(benign: str, tmp_path: Path) -> None:
    script = """
        const table = document.getElementById("table-models-demo");
        const heads = [...table.tHead.rows[0].cells];
        const column = heads.findIndex((h) => h.textContent === "J per correct");
        const body = table.tBodies[0];
        const read = () => [...body.rows].map((r) => r.cells[column].dataset.sort ?? null);
        const button = heads[column].querySelector("button");
        button.click(); const down = [read(), heads[column].getAttribute("aria-sort")];
        button.click(); const up = [read(), heads[column].getAttribute("aria-sort")];
        return {down, up};
    """
    file = tmp_path / "page.html"
    file.write_text(with_script(benign, script), encoding="utf-8")
    sorted_rows = found(dom(file, tmp_path / "profile"))
    assert isinstance(sorted_rows, dict)
    down, direction = sorted_rows["down"]
    assert direction == "descending"
    assert down[3:] == [None, None]
    assert [float(v) for v in down[:3]] == sorted((float(v) for v in down[:3]), reverse=True)
    up, direction = sorted_rows["up"]
    assert direction == "ascending"
    assert up == [*reversed(down[:3]), None, None]


def test_the_browser_filters_and_answers_to_keys(benign: str, tmp_path: Path) -> None:
    script = """
        const form = document.querySelector("form.filters");
        const list = document.querySelector("ol.questions");
        const set = (changes) => {
          form.reset();
          for (const [name, value] of Object.entries(changes)) form.elements[name].value = value;
          form.dispatchEvent(new Event("input"));
          return list.children.length;
        };
        const failed = set({verdict: "failed"});
        const id = list.querySelector(".id").textContent;
        const na = set({kind: "na"});
        const words = set({words: "moon (variant 2)"});
        const disagree = set({verdict: "disagree"});
        const none = set({words: "no such words anywhere"});
        const all = set({});
        const openers = list.querySelectorAll("button.line");
        openers[0].focus();
        list.dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowDown"}));
        const moved = document.activeElement === openers[1];
        openers[1].click();
        await until(() => list.querySelector(".open-question"));
        return {failed, id, na, words, disagree, none, all, moved,
          expanded: openers[1].getAttribute("aria-expanded"),
          gold: openers[1].parentElement.querySelector(".gold").textContent,
          votes: openers[1].parentElement.querySelectorAll(".votes li").length};
    """
    file = tmp_path / "page.html"
    file.write_text(with_script(benign, script), encoding="utf-8")
    seen = found(dom(file, tmp_path / "profile"))
    assert isinstance(seen, dict)
    assert seen["failed"] == 1
    assert seen["id"] == "q010"
    assert seen["na"] == 4
    assert seen["words"] == 1
    assert 0 < seen["disagree"] < 24
    assert seen["none"] == 0
    assert seen["all"] == 24
    assert seen["moved"] is True
    assert seen["expanded"] == "true"
    assert "1022362" in seen["gold"]
    assert seen["votes"] == 5


def framed(html: str, width: int, script: str) -> str:
    """The page in a frame of that width, for a headless window is at least 500 pixels wide.

    `script` is an expression of `inner`, the page's document after its own script has ended.
    """
    quoted = json.dumps(html).replace("<", "\\u003c")
    return f"""<!doctype html><html><body><script>
        const frame = document.createElement("iframe");
        frame.width = {width}; frame.height = 812;
        frame.onload = () => setInterval(() => {{
          const inner = frame.contentDocument;
          if (inner.documentElement.dataset.found === undefined) return;
          document.documentElement.dataset.found = JSON.stringify({script});
        }}, 300);
        frame.srcdoc = {quoted};
        document.body.append(frame);
        </script></body></html>"""


PHONE = """[inner.documentElement.scrollWidth, inner.querySelectorAll(".card").length,
    getComputedStyle(inner.querySelector(".wide")).display]"""


@pytest.mark.parametrize("which", ["benign", "hostile"])
def test_the_page_fits_a_phone(which: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    html = with_script(request.getfixturevalue(which), OPEN_ALL)
    file = tmp_path / "phone.html"
    file.write_text(framed(html, 375, PHONE), encoding="utf-8")
    width, answers, wide = found(dom(file, tmp_path / "profile"))  # type: ignore[misc]
    assert width <= 375
    assert answers == 24 * 5
    assert wide == "none"


TABLE = """[...inner.querySelectorAll(".models > .scroll")].map((box) =>
    [box.scrollWidth, box.clientWidth, inner.documentElement.scrollWidth])"""


BOX = """(() => {
    const box = inner.querySelector(".models > .scroll");
    return [box.classList.contains("more-right"), box.getAttribute("tabindex")];
})()"""


@pytest.mark.parametrize(("width", "expected"), [(375, [True, "0"]), (1360, [False, None])])
def test_a_table_stops_the_tab_key_only_where_it_scrolls(
    width: int, expected: list[object], benign: str, tmp_path: Path
) -> None:
    file = tmp_path / "boxes.html"
    file.write_text(framed(with_script(benign, "return 1;"), width, BOX), encoding="utf-8")
    assert found(dom(file, tmp_path / "profile")) == expected


def test_a_touch_tells_why_a_figure_is_unknown(benign: str, tmp_path: Path) -> None:
    script = """
        const cell = document.querySelector("#table-models-demo .unknown");
        const wide = () => cell.querySelector(".hidden-text").getBoundingClientRect().width > 9;
        const before = wide();
        cell.click();
        return [before, wide(), cell.innerText];
    """
    file = tmp_path / "page.html"
    file.write_text(with_script(benign, script), encoding="utf-8")
    before, after, said = found(dom(file, tmp_path / "profile"))  # type: ignore[misc]
    assert (before, after) == (False, True)
    assert said == f"not measured: {made.NO_METER}"


@pytest.mark.parametrize("which", ["benign", "twenty"])
def test_the_first_table_fits_a_laptop(
    which: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    html = with_script(request.getfixturevalue(which), "return 1;")
    file = tmp_path / "laptop.html"
    file.write_text(framed(html, 1360, TABLE), encoding="utf-8")
    ((needed, there, whole),) = found(dom(file, tmp_path / "profile"))  # type: ignore[misc]
    assert needed <= there
    assert whole <= 1360


OPENED = "document.querySelectorAll('details').forEach((d) => { d.open = true; });"
TABLES = """[...inner.querySelectorAll("table")].map((table) =>
    [table.id, Math.round(table.getBoundingClientRect().right)])"""
PAPER = 703
"""Pixels between the margins of an A4 page; a browser shrinks what is wider to one half at most."""


@pytest.mark.parametrize("which", ["benign", "twenty"])
def test_printed_tables_lose_no_column(
    which: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    html = with_script(request.getfixturevalue(which), f"{OPENED} return 1;")
    file = tmp_path / "paper.html"
    printed = html.replace("@media print", "@media all")
    file.write_text(framed(printed, PAPER, TABLES), encoding="utf-8")
    edges = found(dom(file, tmp_path / "profile"))
    assert isinstance(edges, list)
    assert "table-every-figure-demo" in {name for name, _ in edges}
    assert {name: edge for name, edge in edges if edge > 1.6 * PAPER} == {}


def test_an_opened_question_shows_what_was_retrieved(benign: str, tmp_path: Path) -> None:
    script = """
        const form = document.querySelector("form.filters");
        form.elements.words.value = "LLaMA 65B take?";
        form.dispatchEvent(new Event("input"));
        document.querySelector("button.line").click();
        await until(() => document.querySelector(".open-question"));
        const box = document.querySelector(".contexts");
        return {said: box.querySelector("summary").textContent,
          snippets: box.querySelectorAll(".snippets li").length,
          gold: [...box.querySelectorAll(".gold-source .small")].map((p) => p.textContent),
          raw: document.querySelectorAll(".card details pre").length,
          reply: document.querySelector(".card details pre").textContent};
    """
    file = tmp_path / "page.html"
    file.write_text(with_script(benign, script), encoding="utf-8")
    seen = found(dom(file, tmp_path / "profile"))
    assert isinstance(seen, dict)
    assert seen["said"] == "Contexts retrieved (default): 3, the gold documents among them"
    assert seen["snippets"] == 3
    assert seen["gold"] == ["touvron2023 · Touvron2023 · dense 0.8 · gold document"]
    assert seen["raw"] == 3
    assert json.loads(seen["reply"])["ref_id"] == ["touvron2023"]


def test_contexts_shown_after_an_abstention_stand_beside_the_first(
    benign: str, tmp_path: Path
) -> None:
    script = """
        document.querySelectorAll("button.line").forEach((b) => b.click());
        await until(() => document.querySelectorAll(".open-question").length === 24);
        return [...document.querySelectorAll(".open-question")].map((box) => [
          [...box.querySelectorAll(".contexts > summary")].map((s) => s.textContent),
          [...box.querySelectorAll(".card")].filter((c) => /asked again/.test(c.textContent))
            .map((c) => c.querySelector("h4 bdi").textContent),
        ]);
    """
    file = tmp_path / "page.html"
    file.write_text(with_script(benign, script), encoding="utf-8")
    opened = found(dom(file, tmp_path / "profile"))
    assert isinstance(opened, list)
    assert {len(summaries) for summaries, _ in opened} == {1, 2}
    for (first, *more), asked_again in opened:
        assert first.startswith("Contexts retrieved (default): ")
        assert bool(more) == bool(asked_again)
        for summary in more:
            who = ", ".join(asked_again)
            assert summary.startswith(f"More contexts, for {who} after leaving it blank: ")


def test_verdicts_filter_by_model_and_order_by_disagreement(benign: str, tmp_path: Path) -> None:
    script = """
        const form = document.querySelector("form.filters");
        const list = document.querySelector("ol.questions");
        const set = (changes) => {
          form.reset();
          for (const [name, value] of Object.entries(changes)) form.elements[name].value = value;
          form.dispatchEvent(new Event("input"));
          return [...list.querySelectorAll(".id")].map((e) => e.textContent);
        };
        const shown = {};
        [...form.elements.run.options].filter((o) => /^[0-9]+$/.test(o.value)).forEach((o) => {
          shown[o.textContent] = ["right", "wrong", "blank", "failed"].map(
            (verdict) => set({verdict, run: o.value}).length);
        });
        const first = set({order: "split"})[0];
        const split = set({verdict: "split"});
        return {shown, first, split, everyone: set({verdict: "right", run: "all"}).length};
    """
    file = tmp_path / "page.html"
    file.write_text(with_script(benign, script), encoding="utf-8")
    seen = found(dom(file, tmp_path / "profile"))
    assert isinstance(seen, dict)
    core = packed.core(benign)
    for run, letters in zip(core["runs"], core["verdicts"], strict=True):
        counted = [sum(c in of for c in letters) for of in ("rR", "wb", "bRB", "f")]
        assert seen["shown"][run["label"]] == counted
        assert sum(counted[:2]) + counted[3] == 24
    assert seen["first"] == core["id"][core["order"][0]]
    assert seen["split"] == [
        i for i, d in zip(core["id"], core["disagree"], strict=True) if d == "2"
    ]
    everyone = sum(all(v[q] in "rR" for v in core["verdicts"]) for q in range(24))
    assert seen["everyone"] == everyone


def test_the_theme_switches(benign: str, tmp_path: Path) -> None:
    script = """
        const button = document.getElementById("theme");
        const look = () => [button.textContent, getComputedStyle(document.body).backgroundColor,
          getComputedStyle(document.body).color];
        const seen = [];
        for (let i = 0; i < 3; i += 1) { button.click(); seen.push(look()); }
        return seen;
    """
    file = tmp_path / "page.html"
    file.write_text(with_script(benign, script), encoding="utf-8")
    light, dark, auto = found(dom(file, tmp_path / "profile"))  # type: ignore[misc]
    assert light == ["Theme: light", "rgb(255, 255, 255)", "rgb(27, 29, 31)"]
    assert dark == ["Theme: dark", "rgb(22, 24, 27)", "rgb(233, 234, 235)"]
    assert auto[0] == "Theme: auto"


def test_a_browser_that_cannot_unpack_says_where_the_answers_are(
    benign: str, tmp_path: Path
) -> None:
    html = POLICY.sub("", benign, count=1).replace(
        "<body>", "<body><script>delete globalThis.DecompressionStream</script>", 1
    )
    file = tmp_path / "page.html"
    file.write_text(html, encoding="utf-8")
    shown = dom(file, tmp_path / "profile")
    assert "cannot unpack the answers" in shown
    assert "tables/answers.csv" in shown
