"""The WattBot rules against recorded judgements of the original."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from wattbench.scoring import wattbot

RECORDED = Path(__file__).parents[3] / ".." / "shared" / "reference" / "data" / "wattbot"

needs_recorded = pytest.mark.skipif(
    not RECORDED.is_dir(), reason=f"recorded WattBot results are not at {RECORDED}"
)


@needs_recorded
def test_recorded_cases() -> None:
    cases = json.loads((RECORDED / "edge_cases.json").read_text())
    wrong = [
        (version, case)
        for case in cases["value_cases"]
        for version in (1, 2)
        if (
            wattbot.value_correct(case["sol"], case["sub"], version)[0],
            wattbot.na_correct(case["sol"], case["sub"]),
        )
        != (case[f"v{version}_val"], case[f"v{version}_na"])
    ]
    wrong += [
        (0, case)
        for case in cases["ref_cases"]
        if wattbot.ref_overlap(case["sol"], case["sub"]) != case["v1"]
    ]
    assert wrong == []
    assert (len(cases["value_cases"]), len(cases["ref_cases"])) == (45, 11)


@pytest.mark.parametrize(
    ("gold", "predicted", "v1", "v2"),
    [
        ("4", "4.003", True, True),
        ("0", "0.001", True, True),
        ("13900", "13,900", False, True),
        ("10000", "~10,000", False, True),
        ("2000000000", "2b", False, True),
        ("1", "TRUE", False, True),
        ("[80,90]", "85", True, True),
        ("[80,90]", "90.002", False, False),
        ("[80,90]", "80-90", False, True),
        ("[-5,-3]", "-5 to -3", False, True),
        ("80-90", "80-90", True, False),
        ("[80,90]", "{80,90}", False, False),
        ("{a,b,b}", "{b, a}", True, True),
        ("GPT-3", "GPT 3", False, False),
        ("is_blank", "4", True, True),
        ("nan", "nan", False, False),
        ("5", "about about 5", False, False),
        ("5.439e6", "5.439 million", False, False),
    ],
)
def test_value(gold: str, predicted: str, v1: bool, v2: bool) -> None:
    assert wattbot.value_correct(gold, predicted, 1)[0] is v1
    assert wattbot.value_correct(gold, predicted, 2)[0] is v2


@pytest.mark.parametrize(
    ("gold", "predicted", "overlap"),
    [
        ("['a','b']", "['b','c']", 1 / 3),
        ("is_blank", "is_blank", 1.0),
        ("is_blank", "[]", 0.0),
        ("", "[]", 1.0),
        ("['a', 'b']", "a, b", 0.0),
        ("['a']", "['a',]", 0.0),
        ("['a']", "['A', 'a']", 1.0),
    ],
)
def test_references(gold: str, predicted: str, overlap: float) -> None:
    assert wattbot.ref_overlap(gold, predicted) == overlap


def test_nan_is_no_abstention_so_reading_empty_cells_matters() -> None:
    assert wattbot.na_correct("is_blank", "")
    assert not wattbot.na_correct("is_blank", "nan")
