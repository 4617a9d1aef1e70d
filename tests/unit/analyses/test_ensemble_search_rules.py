"""Subsets of runs under rules that are not built in: a judging model's, and a study's own."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from tests.unit.made_results import GOLD, RIGHT, make_study, write_run

from wattbench.analyses.ensemble_choice import choose_ensemble
from wattbench.analyses.ensemble_field import Field, Rules, candidates, own_rule
from wattbench.analyses.ensemble_search import Wanted
from wattbench.ensembles.stage import vote
from wattbench.errors import InputError
from wattbench.scoring.stage import score_folder
from wattbench.study.layout import Layout
from wattbench.study.models import Study
from wattbench.study.questions import study_questions
from wattbench.tables.files import read_json, write_rows
from wattbench.tables.verdicts import JUDGEMENTS

ANSWERS: dict[str, dict[str, str | None]] = {
    "a": {**RIGHT, "q1": "20", "q2": "is_blank"},
    "b": {**RIGHT, "q1": "20.0", "q2": None, "q3": "85"},
    "j": {**RIGHT, "q1": "22", "q3": "is_blank", "q4": "9"},
}
SUBSETS = [s for count in (2, 3) for s in itertools.combinations(ANSWERS, count)]
SHORT = """from wattbench.scoring.custom import rule
@rule("short")
def short(question, answer):
    return len(answer) < 3, "short"
"""


@pytest.fixture(params=["judge", "short"])
def study(request: pytest.FixtureRequest, tmp_path: Path) -> Study:
    """Three runs under a judging model that leaves '85' undecided, or under a rule of its own."""
    (tmp_path / "mine.py").write_text(SHORT)
    made = make_study(
        tmp_path,
        list(ANSWERS),
        scoring={
            "rule": request.param,
            "judge": {"model": "j"},
            "custom": {"short": str(tmp_path / "mine.py")},
            "bootstrap": 200,
        },
        ensembles={f"e{n}": {"members": list(s)} for n, s in enumerate(SUBSETS)},
    )
    for name, values in ANSWERS.items():
        write_run(made, name, values)
    if request.param == "judge":
        said = {(q, v) for run in ANSWERS.values() for q, v in run.items() if v is not None}
        rows = [
            {"question_id": q, "value": v, "gold_value": GOLD[q], "attempts": 1, "failures": 0,
             "right": None if v == "85" else v in {"20", "433", "[80,90]"}, "total_s": 1.0}
            for q, v in sorted(said)
            if GOLD[q] != "is_blank" and v != "is_blank"
        ]  # fmt: skip
        write_rows(Layout(tmp_path / "results").judge_verdicts("local", "set"), JUDGEMENTS, rows)
    return made


def test_a_subset_scores_as_the_ensemble_would(study: Study, tmp_path: Path) -> None:
    runs, _ = candidates(study, "set")
    gold = study_questions(study, "set")
    field = Field(study.scoring, Rules(), gold, runs, own_rule(study, "set"))
    for number, members in enumerate(SUBSETS):
        vote(study, "set", f"e{number}")
        files = Layout(tmp_path / "results").ensemble("local", "set", f"e{number}")
        score_folder(files, study, "set", f"e{number}")
        places = tuple(place for place, run in enumerate(runs) if run.name in members)
        found = field.score(places)
        assert found == pytest.approx(read_json(files.summary)["overall_score"]), members


def test_the_best_subset_is_chosen_under_such_a_rule(study: Study) -> None:
    wanted = Wanted(goal="score", most=2)
    found = choose_ensemble(study, Rules(), wanted, on="set", report_on=None, folds=2)
    assert found.search.tried == 6


def test_a_set_that_the_model_has_not_judged_is_refused(study: Study, tmp_path: Path) -> None:
    path = Layout(tmp_path / "results").judge_verdicts("local", "set")
    if study.scoring.rule == "judge":
        path.unlink()
        with pytest.raises(InputError, match="wattbench judge --questions set"):
            own_rule(study, "set")
    else:
        assert own_rule(study, "set") is not None
