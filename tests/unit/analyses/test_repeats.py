"""Variance components of repeats, and the study's key that declares them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from tests.unit.made_results import RIGHT, make_study, write_run

import wattbench
from wattbench.analyses.aggregate import aggregate
from wattbench.analyses.repeats import repeats, variance_components
from wattbench.scoring.intervals import Verdicts
from wattbench.scoring.resamples import Clusters
from wattbench.scoring.stage import score
from wattbench.scoring.standing import standing_of
from wattbench.study.judgement import RuleName, Scoring


def test_components_are_found_again() -> None:
    generator = np.random.default_rng(0)
    found = [
        variance_components(
            0.5
            + generator.normal(0, 0.3, (200, 1))
            + generator.normal(0, 0.1, (1, 6))
            + generator.normal(0, 0.2, (200, 6)),
            0.95,
        )
        for _ in range(40)
    ]
    assert np.mean([one.question_sd for one in found]) == pytest.approx(0.3, rel=0.05)
    assert np.mean([one.repeat_sd**2 for one in found]) == pytest.approx(0.01, rel=0.3)
    assert np.mean([one.residual_sd for one in found]) == pytest.approx(0.2, rel=0.05)


def test_components_by_hand() -> None:
    found = variance_components(np.array([[1.0, 0.0], [0.0, 0.0], [1.0, 1.0]]), 0.95)
    assert found.mean == 0.5
    # Mean squares: questions 0.5, repeats 1/6, rest 1/6.
    assert found.question_sd == pytest.approx(np.sqrt((0.5 - 1 / 6) / 2))
    assert found.repeat_sd == 0.0
    assert found.residual_sd == pytest.approx(np.sqrt(1 / 6))


def test_a_few_large_clusters_say_less_of_the_mean() -> None:
    # Repeats that agree leave the questions alone: then it is the interval of a mean.
    each = np.random.default_rng(1).random(12)
    scores = np.repeat(each[:, None], 3, axis=1)
    for effective, degrees in ((None, 11), (12.0, 11), (4.5, 3.5)):
        found = variance_components(scores, 0.95, effective)
        error = each.std(ddof=1) / np.sqrt(12)
        assert found.half == pytest.approx(stats.t.ppf(0.975, degrees) * error)


def test_repeats_of_a_study(tmp_path: Path) -> None:
    models = {
        name: {"weights": "m.gguf", "generation": {"seed": seed, "temperature": 0.7}}
        | ({} if seed == 0 else {"repeat_of": "first"})
        for seed, name in enumerate(("first", "second", "third"))
    }
    study = make_study(tmp_path, models)
    write_run(study, "first", RIGHT, energy_j=100.0)
    write_run(study, "second", {**RIGHT, "q1": "7"}, energy_j=110.0)
    write_run(study, "third", RIGHT, energy_j=120.0)
    for run in models:
        score(study, "set", run)
    aggregate(study)
    results = wattbench.load(tmp_path / "results")
    assert results.runs.repeat_of.tolist()[1:] == ["first", "first"]
    (row,) = results.repeats.to_dict("records")
    assert list(row["runs"]) == ["first", "second", "third"]
    assert row["score"] == pytest.approx(results.runs.score.mean())
    assert row["score_low"] < row["score_min"] < row["score"] < row["score_max"] <= 1
    assert row["agreement"] == 0.75
    assert (row["energy_answer_mean_j"], row["energy_answer_sd_j"]) == (110.0, 10.0)


@pytest.mark.parametrize("clusters", [1, 4], ids=["single", "by document"])
@pytest.mark.parametrize("rule", ["strict", "wattbot-v1"])
@pytest.mark.parametrize("right", [0.0, 1.0])
def test_repeats_that_are_all_alike_are_no_surer_than_one(
    clusters: int, rule: RuleName, right: float
) -> None:
    value = np.full((12, 3), right)
    verdicts = Verdicts(value, value, value, np.ones_like(value), np.zeros(12))
    groups = Clusters(np.arange(12) // clusters, 12 // clusters)
    settings = Scoring(bootstrap=200)
    found = standing_of(settings, rule, ["a", "b", "c"], verdicts, groups)
    rows = [{"run": run, "repeat_of": None, "energy_answer_j": None} for run in "abc"]
    (row,) = repeats(found, [rows[0]] + [one | {"repeat_of": "a"} for one in rows[1:]], settings)
    assert (row["score_low"], row["score_high"]) == pytest.approx(found.ends[0])
    assert row["score_high"] - row["score_low"] > 0.1


def test_repeats_on_one_cluster_are_there_without_what_it_cannot_tell() -> None:
    value = np.array([[1.0, 1.0], [0.0, 1.0], [1.0, 1.0]])
    verdicts = Verdicts(value, value, value, np.ones_like(value), np.zeros(3))
    settings = Scoring(bootstrap=200)
    one = Clusters(np.zeros(3, dtype=np.intp), 1)
    found = standing_of(settings, "strict", ["a", "b"], verdicts, one)
    rows = [
        {"run": run, "repeat_of": base, "energy_answer_j": 5.0}
        for run, base in (("a", None), ("b", "a"))
    ]
    (row,) = repeats(found, rows, settings)
    assert row["score"] == pytest.approx(found.whole.score[0].mean())
    assert row["score_low"] <= found.ends[0][0] < found.ends[1][1] <= row["score_high"]
    assert [row[f"{what}_sd"] for what in ("question", "repeat", "residual")] == [None] * 3
    assert row["agreement"] == pytest.approx(2 / 3)


def test_a_repeat_of_which_nothing_was_judged_is_none() -> None:
    value = np.tile([[1.0], [0.0], [1.0], [1.0]], 3)
    judged = np.ones_like(value)
    judged[:, 1] = 0
    verdicts = Verdicts(value, value, value, judged, np.zeros(4))
    settings = Scoring(bootstrap=200)
    singles = Clusters(np.arange(4), 4)
    found = standing_of(settings, "strict", ["a", "b", "c"], verdicts, singles)
    rows = [
        {"run": run, "repeat_of": base, "energy_answer_j": 5.0}
        for run, base in (("a", None), ("b", "a"), ("c", "a"))
    ]
    (row,) = repeats(found, rows, settings)
    assert row["runs"] == ["a", "c"]
    assert row["score"] == pytest.approx(found.whole.score[0, 0])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"weights": "other.gguf"}, "'weights' differs"),
        ({"generation": {"temperature": 0.5, "seed": 3}}, "'generation' differs"),
        ({"repeat_of": "nobody"}, "there is no model named 'nobody'"),
        ({"repeat_of": "again"}, "which 'again' repeats itself"),
    ],
)
def test_what_is_no_repeat_is_refused(tmp_path: Path, change: dict[str, object], said: str) -> None:
    models = {
        "first": {"weights": "m.gguf"},
        "again": {"weights": "m.gguf", "generation": {"seed": 1}, "repeat_of": "first"},
        "third": {"weights": "m.gguf", "generation": {"seed": 2}, "repeat_of": "first"} | change,
    }
    with pytest.raises(ValueError, match=said):
        make_study(tmp_path, models)
