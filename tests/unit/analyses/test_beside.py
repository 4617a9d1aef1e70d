"""What planning and judging took: beside the runs' own figures, once for all that share it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from tests.unit.made_results import GOLD, RIGHT, make_study, segment, write_run

from wattbench.analyses.aggregate import aggregate
from wattbench.analyses.beside import NOT_COUNTED, SOURCES, Beside
from wattbench.scoring.stage import score
from wattbench.study.layout import Layout
from wattbench.study.models import Study
from wattbench.tables.answers import SEGMENTS
from wattbench.tables.contract import reason_for
from wattbench.tables.files import read_rows, write_json, write_rows
from wattbench.tables.runs import NOT_JUDGED, NOT_PLANNED, RUNS
from wattbench.tables.verdicts import JUDGEMENTS

PLANNING, JUDGING = ([c.format(stage) for c in SOURCES] for stage in ("planning", "judging"))
TOKENS = {"replies": 4, "prompt": 400, "cached": None, "completion": 8, "unanswered_tries": 0}
PRICES = {
    f"{model}.gguf": {"input_per_million": 1.0, "output_per_million": 10.0, "source": "made up"}
    for model in "pj"
}


def made(folder: Path, **scoring: Any) -> Study:
    """Models a and b share a retrieval that p plans; c has another one; d's has no planner."""
    planner = {"planner": {"kind": "model", "model": "p"}}
    settings = make_study(folder, ["a", "b", "c", "d", "p", "j"], prices=PRICES).model_dump(
        mode="json"
    )
    settings["retrievals"] = {"shared": planner, "own": planner, "plain": {}}
    retrievals = {"a": "shared", "b": "shared", "c": "own", "d": "plain", "p": "plain"}
    for name, entry in settings["models"].items():
        entry["retrieval"] = retrievals.get(name, "plain")
    settings["scoring"] |= scoring
    return Study.model_validate(settings)


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return made(tmp_path)


@pytest.fixture
def judged(tmp_path: Path) -> Study:
    return made(tmp_path, judge={"model": "j"}, also=["judge"])


def ledger(paths: tuple[Path, Path], energy_j: float | None, **job: Any) -> None:
    segments, job_file = paths
    write_rows(segments, SEGMENTS, [segment("p", energy_j=energy_j)])
    write_json(job_file, {"backend": {}, "tokens": TOKENS} | job)


def leave(study: Study, retrieval: str, energy_j: float | None, **job: Any) -> None:
    layout = Layout(Path(study.study.results))
    paths = layout.queries_segments("set", retrieval), layout.queries_job("set", retrieval)
    ledger(paths, energy_j, **job)


def judge(study: Study, energy_j: float | None, **job: Any) -> None:
    layout = Layout(Path(study.study.results))
    ledger(
        (layout.judge_segments("local", "set"), layout.judge_job("local", "set")), energy_j, **job
    )
    told = [("q1", GOLD["q1"], True), ("q2", GOLD["q2"], False), ("q3", GOLD["q3"], None)]
    rows = [
        {"question_id": q, "value": value, "gold_value": GOLD[q], "right": right,
         "reply": "", "attempts": 1, "failures": 0, "total_s": 1.0,
         "error": "unparsable" if right is None else None}
        for q, value, right in told
    ]  # fmt: skip
    write_rows(layout.judge_verdicts("local", "set"), JUDGEMENTS, rows)


def runs(study: Study) -> dict[str, dict[str, Any]]:
    for model in study.models:
        write_run(study, model, RIGHT)
        score(study, "set", model)
    aggregate(study)
    path = Layout(Path(study.study.results)).table("runs")
    return {row["run"]: row for row in read_rows(path, RUNS)}


def test_a_shared_retrieval_was_planned_once(study: Study) -> None:
    leave(study, "shared", 100.0)
    leave(study, "own", 50.0)
    beside = Beside(study, "set")
    (a, flags), (c, _), (both, _) = map(beside.columns, ("a", "c", "abcd"))
    assert not [flag for flag in flags if flag["column"] in PLANNING and flag["kind"] == "unknown"]
    assert a["energy_planning_j"] > c["energy_planning_j"] >= 50
    assert a["energy_planning_method"] == "counter"
    assert (a["planning_prompt_tokens"], a["planning_completion_tokens"]) == (400, 8)
    assert a["planning_price"] == pytest.approx(480e-6)
    assert a["planning_price_currency"] == "USD"
    assert a["planning_s"] == 10.0
    for column in PLANNING:
        if isinstance(a[column], float | int):
            assert both[column] == pytest.approx(math.fsum([a[column], c[column]]))


def test_the_table_of_runs_says_what_planning_took(study: Study) -> None:
    leave(study, "shared", 100.0)
    leave(study, "own", None)
    rows = runs(study)
    assert rows["a"]["energy_planning_j"] == rows["b"]["energy_planning_j"] >= 100
    assert rows["c"]["energy_planning_j"] is rows["d"]["energy_planning_j"] is None
    assert reason_for(rows["c"], "energy_planning_j") == "the counter is not offered"
    assert reason_for(rows["c"], "energy_planning_method") == "the counter is not offered"
    assert reason_for(rows["d"], "energy_planning_j") == NOT_PLANNED
    assert rows["c"]["planning_s"] == 10.0


def test_what_judging_took_is_in_every_run_and_in_none_of_its_figures(judged: Study) -> None:
    for retrieval in ("shared", "own"):
        leave(judged, retrieval, 1.0)
    judge(judged, 1000.0)
    rows = runs(judged)
    plain = runs(made(Path(judged.study.results).parent))
    for name, row in rows.items():
        assert row["energy_judging_j"] == 1250.0
        assert row["energy_judging_uncertainty_j"] > 0
        assert row["energy_judging_method"] == "counter"
        assert row["judging_s"] == 10.0
        assert (row["judging_prompt_tokens"], row["judging_completion_tokens"]) == (400, 8)
        assert row["judging_price"] == pytest.approx(480e-6)
        without = {c for c in RUNS.names() if row[c] != plain[name][c]}
        assert without == {*JUDGING, "flags"}
        assert {reason_for(plain[name], column) for column in JUDGING} == {NOT_JUDGED}


def test_what_the_judge_did_not_decide_is_counted(judged: Study) -> None:
    settings = judged.model_dump(mode="json")
    settings["scoring"] |= {"rule": "judge", "also": ["strict"]}
    study = Study.model_validate(settings)
    judge(study, None)
    row = runs(study)["a"]
    assert (row["correct"], row["unjudged"]) == (2, 1)
    assert row["value_accuracy"] == pytest.approx(2 / 3)
    assert row["energy_judging_j"] is None
    assert reason_for(row, "energy_judging_j") == "the counter is not offered"
    assert row["judging_prompt_tokens"] == 400


@pytest.mark.parametrize(
    ("model", "reason"),
    [("d", NOT_PLANNED), ("c", "left no ledger"), ("a", "not offered"), ("b", "not offered")],
)
def test_what_is_not_known_is_null_with_its_reason(study: Study, model: str, reason: str) -> None:
    leave(study, "shared", None, tokens={})
    found, flags = Beside(study, "set").columns([model])
    for column in (c for c in PLANNING if not (model in "ab" and c == "planning_s")):
        assert found[column] is None
        told = reason_for({"flags": flags}, column) or ""
        expected = reason if "energy" in column or model in "cd" else ""
        assert expected in told
        assert told
    if model in "ab":
        assert reason_for({"flags": flags}, "planning_prompt_tokens") == NOT_COUNTED


def test_a_judge_without_a_ledger_is_not_free(judged: Study) -> None:
    found, flags = Beside(judged, "set").columns(["d"])
    for column in JUDGING:
        assert found[column] is None
        assert reason_for({"flags": flags}, column) == "judging left no ledger"


def test_a_planner_on_another_machine_is_not_measured(study: Study) -> None:
    leave(study, "shared", 100.0, backend={"elsewhere": True})
    found, flags = Beside(study, "set").columns(["a"])
    assert found["energy_planning_j"] is None
    assert "another machine" in str(reason_for({"flags": flags}, "energy_planning_j"))
    assert found["planning_price"] is not None


def test_what_was_paid_for_answers_of_before_is_told(judged: Study) -> None:
    judge(judged, 100.0, tries_beside=3)
    _, flags = Beside(judged, "set").columns(["d"])
    told = [
        f["detail"] for f in flags if (f["column"], f["kind"]) == ("energy_judging_j", "warning")
    ]
    assert any("3 tries" in detail for detail in told)
