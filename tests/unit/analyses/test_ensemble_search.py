"""Searching ensembles: the best subset, and judging it where it was not chosen."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.unit.made_results import make_study, prediction, segment, write_run
from typer.testing import CliRunner

from wattbench.analyses.ensemble_choice import choose_ensemble
from wattbench.analyses.ensemble_field import Field, Rules, candidates
from wattbench.analyses.ensemble_search import Wanted, ordered, search
from wattbench.cli.app import build
from wattbench.errors import InputError
from wattbench.scoring.stage import score
from wattbench.study.inference import Votes
from wattbench.study.layout import Layout
from wattbench.study.models import Study
from wattbench.study.questions import study_questions
from wattbench.tables.answers import PREDICTIONS, SEGMENTS
from wattbench.tables.files import read_json, write_json, write_rows

COUNT = 30


def question_file(path: Path, numbers: range) -> Path:
    rows = ["id,question,answer_value,answer_unit,ref_id"]
    rows += [f"q{n},What is {n}?,{n},is_blank,a" for n in numbers]
    path.write_text("\n".join(rows) + "\n")
    return path


def searchable(
    folder: Path, right: dict[str, float], energy: dict[str, float | None] | None = None
) -> Study:
    """A study of two sets, and models that are right on a share of either."""
    sets = {"demo": range(COUNT), "full": range(COUNT // 2, 2 * COUNT)}
    files = {name: question_file(folder / f"{name}.csv", ids) for name, ids in sets.items()}
    study = make_study(
        folder, list(right), questions={name: {"file": str(file)} for name, file in files.items()}
    )
    layout = Layout(folder / "results")
    for place, (model, share) in enumerate(right.items()):
        joules = (energy or {}).get(model, 100.0)
        for name, ids in sets.items():
            draw = np.random.default_rng([place, len(name)])
            values = {n: str(n) if draw.random() < share else f"{n}.{place + 1}" for n in ids}
            run = layout.run("local", name, model)
            rows = [
                prediction(model, f"q{n}", n, value, questions=name, segment=f"{model}-{name}")
                for n, value in values.items()
            ]
            write_rows(run.predictions, PREDICTIONS, rows)
            ledger = segment(model, energy_j=joules, questions=name, segment=f"{model}-{name}")
            write_rows(run.segments, SEGMENTS, [ledger])
            write_json(run.job, {"run": model})
    return study


SHARES = {"poor": 0.3, "fair": 0.6, "good": 0.95, "other": 0.75}


def field_of(study: Study, questions: str = "demo", **rules: Any) -> Field:
    runs, _ = candidates(study, questions)
    return ordered(Field(study.scoring, Rules(**rules), study_questions(study, questions), runs))


def test_every_subset_is_tried_and_the_best_is_the_best(tmp_path: Path) -> None:
    study = searchable(tmp_path, SHARES, {"poor": 1.0, "fair": 40.0, "good": 100.0})
    field = field_of(study)
    found = search(field, Wanted(most=4))
    assert (found.method, found.tried) == ("exhaustive", 15)
    subsets = [s for k in range(1, 5) for s in itertools.combinations(range(4), k)]
    best = max(field.score(s) / (field.joules(s) or 1.0) for s in subsets)
    assert found.best.per_joule == pytest.approx(best)
    assert found.best.members == ("poor",)
    assert search(field_of(study), Wanted(most=4)) == found
    by_score = search(field, Wanted(goal="score", most=4))
    assert by_score.best.score == max(field.score(s) for s in subsets)
    # What an ensemble is held against is the best single run that is good enough too.
    assert search(field, Wanted(at_least=0.7, most=4)).single.score >= 0.7
    enough = search(field, Wanted(at_least=0.7, most=4)).best
    assert enough.score >= 0.7
    assert enough.per_joule == max(
        field.score(s) / (field.joules(s) or 1.0) for s in subsets if field.score(s) >= 0.7
    )


def test_a_subset_scores_as_the_stage_would(tmp_path: Path) -> None:
    from wattbench.ensembles.stage import vote
    from wattbench.scoring.stage import score_folder

    study = searchable(tmp_path, SHARES)
    for model in SHARES:
        score(study, "demo", model)
    for strategy in ("majority", "first_non_blank", "answer_priority", "confidence"):
        field = field_of(study, strategy=strategy)
        subset = (0, 1, 3)
        members = [field.runs[place].name for place in subset]
        asked = study.model_dump() | {
            "ensembles": {"e": {"members": members, "strategy": strategy}}
        }
        staged = Study.model_validate(asked)
        vote(staged, "demo", "e")
        files = Layout(tmp_path / "results").ensemble("local", "demo", "e")
        score_folder(files, staged, "demo", "e")
        assert field.score(subset) == pytest.approx(read_json(files.summary)["overall_score"])


@pytest.mark.parametrize("votes", ["canonical", "raw"])
@pytest.mark.parametrize("rule", ["strict", "wattbot-v1"])
def test_no_answers_are_what_the_stage_takes_them_for(
    tmp_path: Path, votes: Votes, rule: str
) -> None:
    from wattbench.ensembles.stage import vote
    from wattbench.scoring.stage import score_folder

    # Nobody says anything to q4, which cannot be answered; on q2 all fail, or some; c was not
    # asked q3.
    answers = {
        "a": {"q1": "21", "q2": None, "q4": ""},
        "b": {"q1": "20", "q2": None, "q4": ""},
        "c": {"q1": "21", "q2": "433", "q4": None},
    }
    pairs = {"ab": ["a", "b"], "ac": ["a", "c"], "bc": ["b", "c"]}
    study = make_study(
        tmp_path, ["a", "b", "c"], scoring={"bootstrap": 200, "rule": rule},
        ensembles={name: {"members": names, "votes": votes} for name, names in pairs.items()},
    )  # fmt: skip
    for run, values in answers.items():
        write_run(study, run, values)
    runs, _ = candidates(study, "set")
    field = Field(study.scoring, Rules(votes=votes), study_questions(study, "set"), runs)
    for name, subset in zip(pairs, ((0, 1), (0, 2), (1, 2)), strict=True):
        vote(study, "set", name)
        files = Layout(tmp_path / "results").ensemble("local", "set", name)
        score_folder(files, study, "set", name)
        assert field.score(subset) == pytest.approx(read_json(files.summary)["overall_score"])


def test_a_beam_search_says_so_and_comes_near(tmp_path: Path) -> None:
    shares = {f"m{n}": 0.4 + 0.05 * n for n in range(8)}
    field = field_of(searchable(tmp_path, shares))
    whole = search(field, Wanted(goal="score", most=5))
    beam = search(field, Wanted(goal="score", most=5, exhaustive=0, beam=4))
    assert (whole.method, beam.method) == ("exhaustive", "beam")
    assert beam.tried < whole.tried
    assert beam.best.score >= 0.95 * whole.best.score


def test_ties_go_to_the_better_member(tmp_path: Path) -> None:
    field = field_of(searchable(tmp_path, {"poor": 0.2, "good": 0.9}))
    assert [run.name for run in field.runs] == ["good", "poor"]
    # With two members that disagree, the first decides: the pair is as good as its first.
    assert field.score((0, 1)) == field.score((0,))


def test_the_report_leaves_out_what_the_choice_was_made_on(tmp_path: Path) -> None:
    study = searchable(tmp_path, SHARES)
    found = choose_ensemble(study, Rules(), Wanted(), on="demo", report_on="full", folds=None)
    assert found.trial.questions == COUNT
    assert found.reported == "on 'full', without the 15 of its questions that are in 'demo' too"
    low, high = found.trial.score_interval
    assert low <= found.trial.score <= high
    assert found.trial.joules is not None
    assert found.trial.per_joule == pytest.approx(found.trial.score / found.trial.joules)
    assert found.trial.per_joule_interval is not None


def test_a_choice_is_not_judged_on_its_own_questions(tmp_path: Path) -> None:
    study = searchable(tmp_path, SHARES)
    twin = study.model_dump()
    twin["questions"]["twin"] = dict(twin["questions"]["demo"])
    for model in SHARES:
        layout = Layout(tmp_path / "results")
        source, copy = (layout.run("local", name, model) for name in ("demo", "twin"))
        copy.folder.mkdir(parents=True)
        for file in ("predictions.parquet", "segments.parquet", "job.json"):
            (copy.folder / file).write_bytes((source.folder / file).read_bytes())
    both = Study.model_validate(twin)
    for report_on, folds, message in [
        ("demo", None, "cannot judge it"),
        ("twin", None, "every question of the set to report on"),
        (None, None, "give either"),
        ("full", 5, "give either"),
        ("nowhere", None, "no question set 'nowhere'"),
    ]:
        with pytest.raises(InputError, match=message):
            choose_ensemble(both, Rules(), Wanted(), on="demo", report_on=report_on, folds=folds)


def test_cross_fitting_takes_the_flattery_out(tmp_path: Path) -> None:
    # Twelve models that guess alike: the best of their subsets is best by luck alone.
    study = searchable(tmp_path, {f"m{n}": 0.4 for n in range(12)})
    wanted = Wanted(goal="score", most=3)
    found = choose_ensemble(study, Rules(), wanted, on="demo", report_on=None, folds=5)
    assert "cross-fitting in 5 folds" in found.reported
    assert len(found.folds) == 5
    assert found.trial.questions == COUNT
    assert found.trial.score < found.search.best.score


def test_the_gain_is_over_the_single_run_or_none(tmp_path: Path) -> None:
    study = searchable(tmp_path, {"a": 0.7, "b": 0.7, "c": 0.7, "d": 0.7, "e": 0.7})

    def chosen(**wanted: Any) -> Any:
        return choose_ensemble(
            study, Rules(), Wanted(**wanted), on="demo", report_on="full", folds=None
        )

    voted = chosen(goal="score")
    assert len(voted.search.best.members) > 2
    low, high = voted.trial.gain_interval
    assert low < voted.trial.gain < high
    alone = chosen()
    assert alone.search.best.members == alone.search.single.members
    assert (alone.trial.gain, alone.trial.gain_interval) == (0.0, None)


def test_a_run_that_is_right_everywhere_may_be_wrong_elsewhere(tmp_path: Path) -> None:
    study = searchable(tmp_path, {"sure": 1.0, "poor": 0.2})
    wanted = Wanted(goal="score", most=1)
    told = choose_ensemble(study, Rules(), wanted, on="demo", report_on="full", folds=None).trial
    assert (told.score, told.members) == (1.0, ("sure",))
    assert told.joules is not None
    assert told.per_joule_interval is not None
    low, high = (end * told.joules for end in told.per_joule_interval)
    assert low <= told.score_interval[0] < told.score_interval[1] <= high


def test_unknown_energy_is_no_joule(tmp_path: Path) -> None:
    study = searchable(tmp_path, SHARES, {"good": None})
    found = choose_ensemble(study, Rules(), Wanted(), on="demo", report_on="full", folds=None)
    assert "good" not in found.search.best.members
    assert found.left_out["good"].startswith("its energy is unknown: ")
    by_score = choose_ensemble(
        study, Rules(), Wanted(goal="score", most=1), on="demo", report_on="full", folds=None
    )
    assert by_score.search.best.members == ("good",)
    assert by_score.trial.joules is None
    assert by_score.why_unknown is not None
    assert by_score.why_unknown.startswith("of good: ")


def test_the_command(tmp_path: Path) -> None:
    study = searchable(tmp_path, SHARES, {"poor": None})
    path = tmp_path / "study.json"
    path.write_text(study.model_dump_json())
    arguments = ["ensemble", "search", "--study", str(path), "--on", "demo"]

    def command(*more: str) -> Any:
        return CliRunner().invoke(build(), [*arguments, *more])

    result = command("--report-on", "full", "--by", "score", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["method"] == "exhaustive"
    assert found["report"]["questions"] == COUNT
    narrow = CliRunner().invoke(
        build(), [*arguments, "--report-on", "full", "--by", "score"], env={"COLUMNS": "64"}
    )
    assert " score   J per question   score per J   chosen   members" in narrow.stdout
    shown = command("--cross-fit", "3", "--at-least", "0.5")
    assert shown.exit_code == 0, shown.output
    assert "by cross-fitting in 3 folds" in shown.stdout
    assert "left out: poor: its energy is unknown" in shown.stdout
    for more, message in [
        (("--report-on", "demo"), "cannot judge it"),
        (("--cross-fit", "3", "--at-least", "1"), "no subset scores 1"),
    ]:
        result = command(*more)
        assert result.exit_code == 2
        assert message in result.stderr
