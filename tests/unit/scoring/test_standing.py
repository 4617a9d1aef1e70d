"""Where runs stand: intervals of all components, on data that say little."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from wattbench.analyses.standing import pairs_of
from wattbench.scoring.intervals import Verdicts
from wattbench.scoring.resamples import Clusters
from wattbench.scoring.standing import Standing, standing_of
from wattbench.study.judgement import RuleName, Scoring

SETTINGS = Scoring(bootstrap=400)
QUESTIONS = 12
CASES = {
    "all right": (np.ones((QUESTIONS, 3)), 0),
    "all wrong": (np.zeros((QUESTIONS, 3)), 0),
    "all blank": (np.ones((QUESTIONS, 3)), QUESTIONS),
    "one unanswerable": (np.eye(QUESTIONS)[:, :3], 1),
    "alike": (np.repeat(np.eye(QUESTIONS)[:, :1], 3, axis=1), 0),
    "one question": (np.array([[1.0, 0.0, 1.0]]), 0),
    "two questions": (np.array([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]]), 0),
}
CLUSTERS = {"single": 1, "two": QUESTIONS // 2, "one": QUESTIONS}


def standing(
    value: np.ndarray, unanswerable: int, size: int, rule: RuleName = "strict"
) -> Standing:
    """Runs with these right values on questions in clusters of that size."""
    blank = (np.arange(len(value)) < unanswerable).astype(float)
    verdicts = Verdicts(value, value, value, np.ones_like(value), blank)
    numbers = np.arange(len(value)) // size
    clusters = Clusters(numbers, int(numbers[-1]) + 1)
    return standing_of(SETTINGS, rule, ["a", "b", "c"], verdicts, clusters)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("case", "clusters", "rule"),
    list(itertools.product(CASES, CLUSTERS, ("strict", "wattbot-v1"))),
)
def test_nothing_is_certain_and_nothing_is_missing(
    case: str, clusters: str, rule: RuleName
) -> None:
    found = standing(*CASES[case], CLUSTERS[clusters], rule)
    pairs = pairs_of(found, SETTINGS)
    for run in range(3):
        shares = [(found.ends[run], found.whole.score[0, run])]
        for ends, value in (
            (found.shares[run], found.whole.value[0, run]),
            (found.ref_ends[run], found.whole.ref[0, run]),
            (found.na_shares[run], found.whole.na[0, run]),
        ):
            assert (ends is None) == np.isnan(value)
            if ends is not None:
                shares.append((ends, value))
        for (low, high), value in shares:
            assert 0 <= low <= value <= high <= 1
            assert high - low > 0.05
    differences = pairs.differences
    assert (differences.low <= differences.estimate).all()
    assert (differences.estimate <= differences.high).all()
    assert (differences.high - differences.low > 0.05).all()
    assert not pairs.apart.any()
    assert pairs.ranks.group.tolist() == [1, 1, 1]


@pytest.mark.parametrize("weighed", ["value", "ref", "na"])
def test_a_score_of_one_part_is_no_surer_than_that_part(weighed: str) -> None:
    weights = {"value": 0.0, "ref": 0.0, "na": 0.0} | {weighed: 1.0}
    settings = Scoring.model_validate({"bootstrap": 400, "weights": weights})
    perfect = np.ones((6, 1))
    blank = np.array([1.0, 1.0, 0.0, 0.0, 0.0, 0.0])
    verdicts = Verdicts(perfect, perfect, perfect, perfect, blank)
    found = standing_of(settings, "strict", ["m"], verdicts, Clusters(np.arange(6), 6))
    parts = {"value": found.shares, "ref": found.ref_ends, "na": found.na_shares}
    own = parts[weighed][0]
    assert own is not None
    assert found.ends[0] == pytest.approx(own)
    assert own[1] - own[0] > 0.3


@pytest.mark.parametrize("case", ["abstention", "numeric"])
def test_where_few_questions_say_most_equal_runs_are_no_more_told_apart(case: str) -> None:
    generator = np.random.default_rng(5)
    few, count, runs, wins = 8, 60, 12, 0
    weights = {"value": 0.0, "ref": 0.0, "na": 1.0} if case == "abstention" else {}
    settings = Scoring.model_validate(
        {"bootstrap": 100} | ({"weights": weights} if weights else {})
    )
    first = (np.arange(count) < few).astype(float)
    clusters = Clusters(np.arange(count), count)
    names = [f"m{n}" for n in range(runs)]
    for _ in range(100):
        right = (generator.random((count, runs)) < 0.5).astype(float)
        judged = np.ones_like(right) if weights else np.repeat(first[:, None], runs, axis=1)
        blank = first if weights else np.zeros(count)
        verdicts = Verdicts(right, right, right, judged, blank)
        found = standing_of(settings, "strict", names, verdicts, clusters)
        assert found.reach.mean() == pytest.approx(1)
        wins += bool(pairs_of(found, settings).apart.any())
    assert wins <= 8


@pytest.mark.parametrize("chances", [(0.95, 0.04, 0.01), (0.7, 0.2, 0.1), (0.02, 0.02, 0.96)])
def test_the_reference_overlap_is_covered(chances: tuple[float, float, float]) -> None:
    generator = np.random.default_rng(1)
    ref = generator.choice([1.0, 0.5, 0.0], p=chances, size=(40, 400))
    ones = np.ones_like(ref)
    verdicts = Verdicts(ones, ref, ones, ones, np.zeros(40))
    clusters = Clusters(np.arange(40), 40)
    found = standing_of(SETTINGS, "strict", [f"m{n}" for n in range(400)], verdicts, clusters)
    truth = chances[0] + chances[1] / 2
    covered = [low <= truth <= high for low, high in filter(None, found.ref_ends)]
    assert len(covered) == 400
    assert np.mean(covered) > 0.93
