"""Files read as columns are scored as their rows are one by one, whatever stands in their cells."""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from wattbench.scoring import wattbot
from wattbench.scoring.gold_cells import GoldCells, strict_refs, wattbot_refs
from wattbench.scoring.rules import WATTBOT, Prediction, judge
from wattbench.scoring.submission import score_files
from wattbench.scoring.submission_files import PANDAS_NAN, EmptyCells, read_gold
from wattbench.study.judgement import RULES, RuleName, Scoring
from wattbench.study.questions import Question, parse_refs, question_of
from wattbench.tables.values import canonical_refs

REF_CELLS = some.one_of(
    some.sampled_from(
        ["['a','b']", '["a", "B"]', "['a']", "[]", "", "is_blank", " a ", "['a',]", "[a]",
         '["is_blank"]', '["a", "a"]', "[' a ', \"'b\"]", "['a\\\\n']", "['é', 'a']", "[1, null]",
         "nan", "['', 'a']", "{'a'}", "[['a']]", " ['a', 'b'] ", "NA", "['a';'b']"]
    ),
    some.text("[]'\", ab\\", max_size=12),
)  # fmt: skip
VALUES = some.sampled_from(
    ["4", "4.0", "4 GB", "is_blank", "", "NA", "nan", " IS_BLANK ", "GPT-3", "gpt 3", "[80,90]",
     "80-90", "{a,b}", "b and a", "\u00a04\u00a0", "4\n", "True", "1", "None", "1.234,5"]
)  # fmt: skip
CELLS = {
    "answer_value": VALUES,
    "answer_unit": some.sampled_from(["GB", "is_blank", "", " Is_Blank", "percent", "\t"]),
    "ref_id": REF_CELLS,
    "is_NA": some.sampled_from(["", "1", "0", "True", " yes ", "no"]),
}
GOLD = some.lists(some.fixed_dictionaries(CELLS), min_size=1, max_size=5)
GIVEN = some.lists(
    some.fixed_dictionaries(
        {
            "id": some.integers(0, 5).map(lambda number: f" q{number}"),
            "answer_value": VALUES,
            "ref_id": REF_CELLS,
            "explanation": some.sampled_from(["so", "", "Error: timeout", " Error: no"]),
        }
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda row: row["id"],
)
Rows = list[dict[str, str]]


def write(path: Path, rows: Rows) -> Path:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def as_read(cell: str, empty: EmptyCells) -> str:
    return "nan" if empty == "nan" and cell in PANDAS_NAN.to_pylist() else cell


def questions_of(rows: Rows, empty: EmptyCells) -> list[Question]:
    return [
        question_of(
            {
                "id": f"q{place}",
                "question": "",
                **{
                    name: (
                        as_read(cell, empty) if name in {"answer_value", "ref_id"} else cell
                    ).strip()
                    for name, cell in row.items()
                },
            },
            position=place,
            line=place + 2,
        )
        for place, row in enumerate(rows)
    ]


@settings(deadline=None, max_examples=500)
@given(cells=some.lists(REF_CELLS, max_size=6))
def test_reference_cells_are_read_as_one_by_one(cells: list[str]) -> None:
    column = pa.array(cells, pa.string())
    for found, cell in zip(strict_refs(column).to_pylist(), cells, strict=True):
        assert canonical_refs(found) == canonical_refs(parse_refs(cell))
    for found, cell in zip(wattbot_refs(column).to_pylist(), cells, strict=True):
        assert frozenset(found) == wattbot.references(cell)


@settings(deadline=None)
@given(rows=GOLD, empty=some.sampled_from(["kept", "nan"]))
def test_a_gold_file_is_its_questions(rows: Rows, empty: EmptyCells) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = write(
            Path(folder) / "g.csv", [{"id": f"q{at}"} | row for at, row in enumerate(rows)]
        )
        gold = read_gold(file, empty)
    expected = questions_of(rows, empty)
    assert list(gold.questions) == expected
    columns = GoldCells.of(expected)
    for name in ("id", "value", "unit", "raw_refs"):
        assert getattr(gold.cells, name).equals(getattr(columns, name)), name
    assert np.array_equal(gold.cells.answerable, columns.answerable)


@pytest.mark.parametrize("rule", RULES)
@settings(deadline=None, max_examples=60)
@given(rows=GOLD, given_rows=GIVEN, empty=some.sampled_from(["kept", "nan"]))
def test_files_are_scored_as_their_rows(
    rule: RuleName, rows: Rows, given_rows: Rows, empty: EmptyCells
) -> None:
    questions = questions_of(rows, empty)
    answers = {}
    for row in given_rows:
        value, cell = (as_read(row[name], empty) for name in ("answer_value", "ref_id"))
        failed = rule not in WATTBOT and row["explanation"].startswith("Error:")
        answers[row["id"].strip()] = (
            Prediction(
                None if failed else value.strip(), parse_refs(cell), "failed" if failed else None
            ),
            cell,
        )
    verdicts = []
    for one in questions:
        prediction, cell = answers.get(one.id, (None, ""))
        verdict = judge(rule, one, prediction)
        if verdict is not None:
            ref = verdict.ref_overlap
            if rule in WATTBOT:
                ref = wattbot.ref_overlap(one.raw_refs, cell)
            verdicts.append((verdict.value_correct, ref))
    if not verdicts or not answers.keys() & {one.id for one in questions}:
        return
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        found = score_files(
            write(place / "g.csv", [{"id": f"q{at}"} | row for at, row in enumerate(rows)]),
            write(place / "s.csv", given_rows),
            Scoring(rule=rule, bootstrap=100),
            empty=empty,
        )
    assert (found["correct"], found["judged"]) == (sum(one for one, _ in verdicts), len(verdicts))
    assert found["ref_overlap"] == pytest.approx(sum(ref for _, ref in verdicts) / len(verdicts))
