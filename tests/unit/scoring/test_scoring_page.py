"""Every worked example of docs/scoring.md is what the rules do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from wattbench.scoring.custom import load_rules
from wattbench.scoring.rules import Prediction, Verdict, judge
from wattbench.study.judgement import RULES, Scoring
from wattbench.study.questions import Question, parse_refs

PAGE = Path(__file__).parents[3] / "docs" / "scoring.md"
WORDS = {"right", "wrong", "left out"}


def table(head: str) -> list[list[str]]:
    """Rows of the page's table that begins with a column of that name."""
    rows: list[list[str]] = []
    inside = False
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("| ").split("|")]
        inside = line.startswith("|") and (inside or cells[0] == head)
        if inside and cells[0] != head and not set(cells[0]) <= {"-"}:
            rows.append(cells)
    return rows


def question(value: str, *, unit: str | None = None, refs: str = "") -> Question:
    return Question(
        id="q", position=0, line=2, text="?", unit=unit, value=value, refs=parse_refs(refs),
        raw_refs=refs, kinds=("na",) if value == "is_blank" else (), explanation=None,
    )  # fmt: skip


def word(verdict: Verdict | None) -> str:
    if verdict is None:
        return "left out"
    return "right" if verdict.value_correct else "wrong"


@pytest.mark.parametrize("row", table("case"), ids=lambda row: row[0])
def test_case(row: list[str]) -> None:
    case, gold, answer, *expected = row
    found = re.fullmatch(r"(.*?)(?: \((\w+)\))?", gold)
    assert found is not None
    asked = question(found[1], unit="percent" if "%" in answer else found[2])
    prediction = None
    if not case.startswith("no prediction"):
        failed = answer == "-"
        prediction = Prediction(None if failed else answer, (), "timeout" if failed else None)
    assert set(expected) <= WORDS
    assert [word(judge(rule, asked, prediction)) for rule in RULES] == expected


@pytest.mark.parametrize("row", table("references"), ids=lambda row: row[0])
def test_references(row: list[str]) -> None:
    _, gold, cited, *expected = row
    asked = question("4", refs=gold)
    prediction = Prediction("4", parse_refs(cited))
    verdicts = [judge(rule, asked, prediction) for rule in ("strict", "wattbot-v1")]
    assert [verdict and verdict.ref_overlap for verdict in verdicts] == [*map(float, expected)]


def test_the_page_has_its_examples() -> None:
    assert len(table("case")) > 60
    assert len(table("references")) == 11


def test_the_pages_own_rule_is_one(tmp_path: Path) -> None:
    page = PAGE.read_text(encoding="utf-8")
    code = page[page.index("    # rules/near.py") : page.index("    # the study")]
    (tmp_path / "near.py").write_text(re.sub(r"(?m)^    ", "", code), encoding="utf-8")
    near = load_rules({"near": str(tmp_path / "near.py")})["near"]
    assert word(judge("near", question("100"), Prediction("104"), near)) == "right"
    assert word(judge("near", question("100"), Prediction("106"), near)) == "wrong"
    assert word(judge("near", question("is_blank"), Prediction("106"), near)) == "wrong"


@pytest.mark.parametrize("holds", ["custom:", "judge:"])
def test_the_pages_pieces_of_a_study_are_valid(holds: str) -> None:
    blocks = re.findall(r"(?m)^    scoring:\n(?:      .*\n)+", PAGE.read_text(encoding="utf-8"))
    (found,) = [block for block in blocks if holds in block]
    scoring = Scoring.model_validate(yaml.safe_load(found)["scoring"])
    assert scoring.rule in {*scoring.known_rules()} - {*RULES}
