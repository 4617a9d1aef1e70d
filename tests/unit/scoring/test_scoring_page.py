"""Every worked example of docs/scoring.md is what the rules do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from wattbench.scoring.rules import Prediction, judge
from wattbench.study.questions import Question

PAGE = Path(__file__).parents[3] / "docs" / "scoring.md"


def examples() -> list[list[str]]:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("| ").split("|")] for line in lines]
    return [row for row in cells if len(row) == 6 and row[3] in {"right", "wrong"}]


@pytest.mark.parametrize("row", examples(), ids=lambda row: row[0])
def test_example(row: list[str]) -> None:
    case, gold, answer, *expected = row
    found = re.fullmatch(r"(.*?)(?: \((\w+)\))?", gold)
    assert found is not None
    blank = found[1] == "is_blank"
    question = Question(
        id="q", position=0, line=2, text="?", unit="percent" if "%" in answer else found[2],
        value=found[1], refs=(), raw_refs="", kinds=("na",) if blank else (), explanation=None,
    )  # fmt: skip
    if case.startswith("no prediction"):
        prediction = None
    else:
        failed = answer == "-"
        prediction = Prediction(None if failed else answer, (), "timeout" if failed else None)
    verdicts = [
        judge(rule, question, prediction) for rule in ("strict", "wattbot-v1", "wattbot-v2")
    ]
    assert [
        "left out" if verdict is None else "right" if verdict.value_correct else "wrong"
        for verdict in verdicts
    ] == expected


def test_the_page_has_examples() -> None:
    assert len(examples()) > 20
