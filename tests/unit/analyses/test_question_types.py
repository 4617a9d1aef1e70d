"""Accuracy by type of question."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.made_results import RIGHT, make_study, write_run

import wattbench
from wattbench.analyses.aggregate import aggregate
from wattbench.scoring.intervals import wilson
from wattbench.scoring.stage import score


@pytest.mark.parametrize("rule", ["strict", "wattbot-v1"])
def test_types_of_a_study(tmp_path: Path, rule: str) -> None:
    study = make_study(tmp_path, ["m"], scoring={"rule": rule, "bootstrap": 200})
    path = tmp_path / "questions.csv"
    head, *rows = path.read_text().splitlines()
    kinds = ("1,0", "1,1", "0,0", "0,0")
    path.write_text(
        "\n".join([f"{head},Table,Figure", *(f"{r},{k}" for r, k in zip(rows, kinds, strict=True))])
    )
    write_run(study, "m", RIGHT | {"q2": "7", "q4": "7"})
    score(study, "set", "m")
    aggregate(study)
    found = wattbench.load(tmp_path / "results").question_types
    shown = {row["kind"]: (row["count"], row["correct"]) for row in found.to_dict("records")}
    # The guide's rule calls any value of an unanswerable question right; left blank it was not.
    assert shown == {
        "table": (2, 1), "figure": (1, 0), "na": (1, 0), "other": (1, 1), "all": (4, 2),
    }  # fmt: skip
    table = found[found.kind == "table"].iloc[0]
    assert (table.accuracy_low, table.accuracy_high) == pytest.approx(wilson(1, 2, 0.95))
    assert found.few.all()
