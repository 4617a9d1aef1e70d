"""What planning took: beside the runs' own energy, once for each retrieval."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from tests.unit.made_results import RIGHT, make_study, segment, write_run

from wattbench.analyses.aggregate import aggregate
from wattbench.analyses.planning import NO_PLANNER, planning_columns
from wattbench.scoring.stage import score
from wattbench.study.layout import Layout
from wattbench.study.models import Study
from wattbench.tables.answers import SEGMENTS
from wattbench.tables.contract import reason_for
from wattbench.tables.files import read_rows, write_json, write_rows
from wattbench.tables.runs import RUNS


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """Models a and b share a retrieval that p plans; c has another one; d's has no planner."""
    planner = {"planner": {"kind": "model", "model": "p"}}
    made = make_study(tmp_path, ["a", "b", "c", "d", "p"])
    settings = made.model_dump(mode="json")
    settings["retrievals"] = {"shared": planner, "own": planner, "plain": {}}
    for name, retrieval in {
        "a": "shared",
        "b": "shared",
        "c": "own",
        "d": "plain",
        "p": "plain",
    }.items():
        settings["models"][name]["retrieval"] = retrieval
    return Study.model_validate(settings)


def leave(study: Study, retrieval: str, energy_j: float | None, *, elsewhere: bool = False) -> None:
    layout = Layout(Path(study.study.results))
    row: dict[str, Any] = segment("p", energy_j=energy_j)
    write_rows(layout.queries_segments("set", retrieval), SEGMENTS, [row])
    write_json(layout.queries_job("set", retrieval), {"backend": {"elsewhere": elsewhere}})


def test_a_shared_retrieval_was_planned_once(study: Study) -> None:
    leave(study, "shared", 100.0)
    leave(study, "own", 50.0)
    (a, flags), (c, _) = (planning_columns(study, "set", [name]) for name in "ac")
    both, _ = planning_columns(study, "set", ["a", "b", "c", "d"])
    assert flags == []
    assert a["energy_planning_j"] is not None
    assert c["energy_planning_j"] is not None
    assert a["energy_planning_j"] > c["energy_planning_j"] >= 50
    for column in a:
        assert both[column] == pytest.approx(math.fsum([a[column] or 0, c[column] or 0]))


def test_the_table_of_runs_says_it(study: Study) -> None:
    leave(study, "shared", 100.0)
    leave(study, "own", None)
    for model in study.models:
        write_run(study, model, RIGHT)
        score(study, "set", model)
    aggregate(study)
    rows = {
        row["run"]: row for row in read_rows(Layout(Path(study.study.results)).table("runs"), RUNS)
    }
    assert rows["a"]["energy_planning_j"] == rows["b"]["energy_planning_j"] >= 100
    assert rows["c"]["energy_planning_j"] is rows["d"]["energy_planning_j"] is None
    assert reason_for(rows["c"], "energy_planning_j") == "the counter is not offered"
    assert reason_for(rows["d"], "energy_planning_j") == NO_PLANNER


@pytest.mark.parametrize(
    ("model", "reason"),
    [("d", NO_PLANNER), ("c", "left no ledger"), ("a", "not offered"), ("b", "not offered")],
)
def test_what_is_not_known_is_null_with_its_reason(study: Study, model: str, reason: str) -> None:
    leave(study, "shared", None)
    found, flags = planning_columns(study, "set", [model])
    assert set(found.values()) == {None}
    for column in found:
        assert reason in (reason_for({"flags": flags}, column) or "")


def test_a_planner_on_another_machine_is_not_measured(study: Study) -> None:
    leave(study, "shared", 100.0, elsewhere=True)
    found, flags = planning_columns(study, "set", ["a"])
    assert set(found.values()) == {None}
    assert "another machine" in flags[0]["detail"]
