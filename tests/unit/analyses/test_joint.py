"""Scores and energy drawn together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from wattbench.analyses.frontier import frontier
from wattbench.analyses.joint import (
    Joint,
    Metered,
    cheapest,
    joint,
    log_sd,
    metered,
    on_frontier,
)
from wattbench.analyses.joint_columns import joint_columns, per_correct, per_point, per_question
from wattbench.scoring.intervals import Verdicts
from wattbench.scoring.resamples import Clusters
from wattbench.scoring.standing import Standing, standing_of
from wattbench.study.judgement import Energy, Scoring

SETTINGS = Scoring(bootstrap=2000)
QUESTIONS = 60


def standing(*shares: float, seed: int = 0) -> Standing:
    """Runs with these shares of right values."""
    value = (np.random.default_rng(seed).random((QUESTIONS, len(shares))) < shares).astype(float)
    verdicts = Verdicts(value, value, np.ones_like(value), np.ones_like(value), np.zeros(QUESTIONS))
    clusters = Clusters(np.arange(QUESTIONS), QUESTIONS)
    return standing_of(
        SETTINGS, "strict", [f"m{n}" for n in range(len(shares))], verdicts, clusters
    )


def meter(joules: float, *, shared: float = 0.05, own: float = 0.0, name: str = "gpu") -> Metered:
    return Metered(joules, shared, own, name, None)


def test_runs_on_one_gpu_share_its_error_of_calibration() -> None:
    found = standing(0.5, 0.5)
    same = joint(found, [meter(100.0), meter(104.0)], {}, SETTINGS)
    assert same.energy[:, 1] / same.energy[:, 0] == pytest.approx(1.04)
    other = joint(found, [meter(100.0), meter(104.0, name="another")], {}, SETTINGS)
    assert np.std(other.energy[:, 1] / other.energy[:, 0]) > 0.05
    assert np.std(same.energy[:, 0]) / 100 == pytest.approx(0.05, rel=0.1)


@pytest.mark.parametrize("relative", [0.05, 0.5, 2.0])
def test_a_meter_errs_by_a_factor_of_that_uncertainty(relative: float) -> None:
    settings = Scoring(bootstrap=20_000)
    value = np.ones((4, 1))
    verdicts = Verdicts(value, value, value, value, np.zeros(4))
    found = standing_of(settings, "strict", ["m"], verdicts, Clusters(np.arange(4), 4))
    drawn = joint(found, [meter(100.0, shared=relative)], {}, settings).energy[:, 0]
    assert drawn.min() > 0
    assert np.median(drawn) == pytest.approx(100, rel=0.06)
    assert np.std(drawn) / np.mean(drawn) == pytest.approx(relative, rel=0.12)


def test_an_unsure_meter_does_not_make_answers_free() -> None:
    found = standing(0.6)
    for relative in (0.5, 1.0, 2.0):
        draws = joint(found, [meter(100.0, shared=relative)], {}, SETTINGS)
        ratio = per_correct(draws, 0.95)
        low, high = ratio.low[0] / ratio.estimate[0], ratio.high[0] / ratio.estimate[0]
        assert 0 < low < np.exp(-1.75 * log_sd(relative))
        assert np.exp(1.75 * log_sd(relative)) < high < np.inf
        assert per_point(draws, 0.95).low[0] > 0


def test_an_ensembles_energy_is_its_members_in_every_draw() -> None:
    found = standing(0.5, 0.5, 0.6)
    draws = joint(found, [meter(100.0), meter(50.0, name="b"), None], {2: [0, 1]}, SETTINGS)
    assert draws.estimate[2] == 150.0
    assert draws.energy[:, 2] == pytest.approx(draws.energy[:, 0] + draws.energy[:, 1])
    expected = np.hypot(5.0, 2.5) / 150
    assert draws.errors[:, 2].std() == pytest.approx(expected, rel=0.1)
    unknown = joint(found, [meter(100.0), None, None], {2: [0, 1]}, SETTINGS)
    assert unknown.known.tolist() == [True, False, False]


def test_intervals_hold_questions_and_meter() -> None:
    found = standing(0.6)
    sure = per_correct(joint(found, [meter(100.0, shared=0.0)], {}, SETTINGS), 0.95)
    unsure = per_correct(joint(found, [meter(100.0, shared=0.3)], {}, SETTINGS), 0.95)
    correct = found.verdicts.value.sum()
    assert sure.estimate[0] == unsure.estimate[0] == pytest.approx(100 / correct)
    assert unsure.low[0] < sure.low[0] < sure.estimate[0] < sure.high[0] < unsure.high[0]
    point = per_point(joint(found, [meter(3600.0)], {}, SETTINGS), 0.95)
    assert point.estimate[0] == pytest.approx(1 / (100 * found.whole.score[0, 0]))
    assert point.low[0] < point.estimate[0] < point.high[0]


def test_energy_per_question_is_what_the_draws_say() -> None:
    found = standing(0.6, 0.3)
    parts = np.random.default_rng(3).lognormal(0, 0.8, QUESTIONS)
    meters = [Metered(120.0, 0.05, 0.02, "gpu", parts / parts.sum()), meter(60.0, shared=0.2)]
    draws = joint(found, meters, {}, SETTINGS)
    asked = per_question(draws, 0.95)
    assert asked.estimate.tolist() == [2.0, 1.0]
    drawn = np.quantile(draws.energy / QUESTIONS, [0.025, 0.975], axis=0)
    assert asked.low == pytest.approx(drawn[0], rel=0.04)
    assert asked.high == pytest.approx(drawn[1], rel=0.04)


def test_one_cluster_of_questions_gives_no_interval_of_energy_per_question() -> None:
    value = np.ones((3, 1))
    verdicts = Verdicts(value, value, value, value, np.zeros(3))
    whole = Clusters(np.zeros(3, dtype=np.intp), 1)
    draws = joint(
        standing_of(SETTINGS, "strict", ["m"], verdicts, whole), [meter(9.0)], {}, SETTINGS
    )
    row = {
        "run": "m", "top_group": True, "energy_answer_j": 9.0,
        "energy_answer_uncertainty_j": 0.5, "flags": [],
    }  # fmt: skip
    ((told, flags),) = joint_columns(draws, [row], SETTINGS)
    assert told["energy_per_question_j"] == 3.0
    for name in ("energy_per_question_low_j", "energy_per_question_high_j"):
        assert told[name] is None
        assert [f["detail"] for f in flags if f["column"] == name] == [
            "one cluster of questions says nothing of others"
        ]


def test_nothing_right_has_no_price() -> None:
    found = standing(0.0, 1.0)
    ratio = per_correct(joint(found, [meter(1.0), meter(1.0)], {}, SETTINGS), 0.95)
    assert np.isnan(ratio.estimate[0])
    assert np.isnan(ratio.low[0])
    # All right in every resample, and yet not certain.
    assert ratio.high[1] > ratio.estimate[1] * 1.05


def test_the_frontier_of_each_draw_is_the_plain_one() -> None:
    generator = np.random.default_rng(0)
    score = generator.integers(0, 4, (300, 6)).astype(float)
    energy = generator.integers(1, 5, (300, 6)).astype(float)
    energy[generator.random((300, 6)) < 0.15] = np.nan
    found = on_frontier(score, energy)
    for draw in range(300):
        points = [
            (score[draw, run], None if np.isnan(energy[draw, run]) else energy[draw, run])
            for run in range(6)
        ]
        assert found[draw].tolist() == frontier(points)


def test_a_run_without_a_score_hides_no_other() -> None:
    score = np.array([[np.nan, 0.5, 0.9]])
    assert on_frontier(score, np.array([[1.0, 2.0, 3.0]])).tolist() == [[False, True, True]]


def columns(*shares: float, energies: tuple[float, ...]) -> list[dict[str, Any]]:
    found = standing(*shares)
    draws = joint(found, [meter(joules, name=f"g{joules}") for joules in energies], {}, SETTINGS)
    rows = [
        {
            "run": run, "top_group": True, "energy_answer_j": joules,
            "energy_answer_uncertainty_j": joules / 20, "flags": [],
        }
        for run, joules in zip(found.runs, energies, strict=True)
    ]  # fmt: skip
    return [row for row, _ in joint_columns(draws, rows, SETTINGS)]


def test_a_dearer_run_that_answers_alike_may_be_the_better_one() -> None:
    # No question told them apart, so each of two may be better on the next.
    cheap, dear = columns(1.0, 1.0, energies=(10.0, 100.0))
    assert cheap["frontier_probability"] == 1
    assert dear["frontier_probability"] == pytest.approx(0.5, abs=0.05)


def test_answers_that_took_nothing_have_no_price() -> None:
    found = standing(0.6)
    draws = joint(found, [meter(0.0)], {}, SETTINGS)
    row = {
        "run": "m0", "top_group": True, "energy_answer_j": 0.0,
        "energy_answer_uncertainty_j": 0.0, "flags": [],
    }  # fmt: skip
    ((priced, flags),) = joint_columns(draws, [row], SETTINGS)
    assert priced["energy_per_correct_j"] is None
    assert priced["energy_per_correct_low_j"] is None
    assert {f["column"]: "0 J" in f["detail"] for f in flags}["energy_per_correct_low_j"]


def test_a_lower_end_of_0_is_no_lower_end() -> None:
    # All energy went to one question of two: every other sample would take none.
    value = np.ones((2, 1))
    verdicts = Verdicts(value, value, value, value, np.zeros(2))
    found = standing_of(SETTINGS, "strict", ["m"], verdicts, Clusters(np.arange(2), 2))
    draws = joint(found, [Metered(9.0, 0.0, 0.0, "gpu", np.array([1.0, 0.0]))], {}, SETTINGS)
    row = {
        "run": "m", "top_group": True, "energy_answer_j": 9.0,
        "energy_answer_uncertainty_j": 0.0, "flags": [],
    }  # fmt: skip
    ((priced, flags),) = joint_columns(draws, [row], SETTINGS)
    assert priced["energy_per_correct_low_j"] is None
    assert "energy_per_correct_low_j" in {flag["column"] for flag in flags}


def test_who_is_cheapest_sums_to_one() -> None:
    found = standing(0.5, 0.5, 0.5, 0.5)
    meters = [meter(100.0), meter(103.0, name="b"), meter(50.0), None]
    draws: Joint = joint(found, meters, {}, SETTINGS)
    share = cheapest(draws, np.array([True, True, False, True]))
    assert np.nansum(share) == pytest.approx(1)
    assert share[0] > share[1] > 0.2
    assert np.isnan(share[2:]).all()


def test_what_meters_have_in_common() -> None:
    settings = Energy(calibration_relative_uncertainty=0.05)
    row = {
        "energy_answer_j": 100.0, "energy_answer_uncertainty_j": 13.0, "energy_method": "counter",
        "energy_scope": "device",
    }  # fmt: skip
    segments = [{"gpu_uuids": ["b", "a"], "host": "h"}, {"gpu_uuids": ["a"], "host": "i"}]
    found = metered(row, segments, settings, None, "m")
    assert found is not None
    assert (found.shared, found.own, found.meters) == (0.05, pytest.approx(0.12), "a b")
    node = metered(row | {"energy_scope": "node"}, segments, settings, None, "m")
    assert node is not None
    assert node.meters == "h i"
    guess = metered(row | {"energy_method": "estimated"}, segments, settings, None, "m")
    assert guess is not None
    assert (guess.shared, guess.own) == (0.13, 0.0)
    assert metered(row | {"energy_answer_j": None}, segments, settings, None, "m") is None


def test_where_a_sample_with_nothing_right_is_likely_the_high_end_is_open() -> None:
    value = np.zeros((QUESTIONS, 2))
    value[0] = 1
    value[:30, 1] = 1
    verdicts = Verdicts(value, value, np.ones_like(value), np.ones_like(value), np.zeros(QUESTIONS))
    clusters = Clusters(np.arange(QUESTIONS), QUESTIONS)
    found = standing_of(SETTINGS, "strict", ["hardly", "often"], verdicts, clusters)
    draws = joint(found, [meter(100.0), meter(100.0)], {}, SETTINGS)
    for ratio in (per_correct(draws, 0.95), per_point(draws, 0.95)):
        assert 0 < ratio.low[0] < ratio.estimate[0]
        assert np.isinf(ratio.high[0])
        assert np.isfinite(ratio.high[1])
