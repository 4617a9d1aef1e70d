"""Whether the intervals cover as they say, and how often equal models are called different.

Benchmarks are simulated whose truth is known: questions of differing difficulty, models of
differing skill that find the same questions hard, references and abstentions that go with right
values, energy that varies by question, meters with an error of calibration. In half of the
benchmarks questions come in clusters by document, and the study says so. Each is judged by the
very functions that the tables are made with. On as many further benchmarks all models are equal:
any pair that is told apart is a false win.

    python benchmarks/statistics [--simulations 1000] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

# More threads than this would fight over the two processes' cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray
from scipy import special

from wattbench.analyses.comparisons import mcnemar_p
from wattbench.analyses.joint import Metered, energy_ratios, joint
from wattbench.analyses.joint_columns import per_correct, per_point
from wattbench.analyses.repeats import variance_components
from wattbench.analyses.standing import pairs_of
from wattbench.scoring.intervals import Verdicts
from wattbench.scoring.paired import holm
from wattbench.scoring.resamples import Clusters
from wattbench.scoring.standing import Standing, standing_of
from wattbench.study.judgement import Scoring

Reals = NDArray[np.float64]
MODELS = 6
QUESTIONS = (40, 100, 300)
DIFFICULTY_SD = 1.5
DOCUMENT_SD = 1.0
"""Of the difficulty that questions on one document share, in clustered benchmarks."""
A_DOCUMENT = 4
"""Questions a document."""
UNANSWERABLE = 0.1
REFS = {True: (1.0, 0.5, 0.0, 0.7, 0.2, 0.1), False: (1.0, 0.5, 0.0, 0.2, 0.2, 0.6)}
"""Jaccard indexes and their probabilities where the value is right and where it is wrong."""
ENERGY_SD = 0.5
"""Of the log of a question's joules."""
CALIBRATION, OWN_ERROR = 0.05, 0.01
REPEATS = 4
REPEAT_SD = 0.15
"""Of the skill of one model between its repeats."""
WEIGHTS = Scoring().weights
LEVEL = 0.95
COVER = (0.93, 0.97)
FALSE_WINS = 0.05


@dataclass(frozen=True)
class Truth:
    """What endless questions would show, each of shape (models,)."""

    value: Reals
    score: Reals
    joules: Reals


@dataclass(frozen=True)
class Simulated:
    """One benchmark."""

    verdicts: Verdicts
    clusters: Clusters
    joules: Reals
    truth: Truth


def expected(skill: Reals, spread: float) -> Reals:
    """Mean of the logistic of skill less a difficulty of that spread."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    chances = special.expit(skill[:, None] - spread * nodes)
    mean: Reals = chances @ weights / weights.sum()
    return mean


def simulate(
    rng: np.random.Generator, questions: int, skill: Reals, *, clustered: bool
) -> Simulated:
    """A benchmark of models of that skill."""
    models = len(skill)
    unanswerable = rng.random(questions) < UNANSWERABLE
    difficulty = rng.normal(0, DIFFICULTY_SD, questions)
    clusters = Clusters(np.arange(questions), questions)
    spread = DIFFICULTY_SD
    if clustered:
        numbers = np.arange(questions) // A_DOCUMENT
        clusters = Clusters(numbers, int(numbers[-1]) + 1)
        difficulty += rng.normal(0, DOCUMENT_SD, clusters.count)[numbers]
        spread = float(np.hypot(DIFFICULTY_SD, DOCUMENT_SD))
    abstains = special.expit(skill - 0.3)
    chances = np.where(unanswerable[:, None], abstains, special.expit(skill - difficulty[:, None]))
    value = (rng.random((questions, models)) < chances).astype(np.float64)
    good, bad = (
        rng.choice(REFS[right][:3], p=REFS[right][3:], size=value.shape) for right in (True, False)
    )
    cited = np.where(unanswerable[:, None], value, np.where(value > 0, good, bad))
    verdicts = Verdicts(value, cited, value, np.ones_like(value), unanswerable.astype(np.float64))
    means = 20.0 * 2.0 ** np.arange(models)
    joules = means * rng.lognormal(-(ENERGY_SD**2) / 2, ENERGY_SD, value.shape)
    right = expected(skill, spread)
    mean_ref = [np.dot(REFS[r][:3], REFS[r][3:]) for r in (True, False)]
    true_value = (1 - UNANSWERABLE) * right + UNANSWERABLE * abstains
    true_ref = (1 - UNANSWERABLE) * (right * mean_ref[0] + (1 - right) * mean_ref[1])
    true_ref += UNANSWERABLE * abstains
    score = WEIGHTS.value * true_value + WEIGHTS.ref * true_ref + WEIGHTS.na * abstains
    return Simulated(verdicts, clusters, joules, Truth(true_value, score, means))


def covered(low: Any, high: Any, truth: Reals) -> list[bool]:
    """Whether each interval holds its truth; one without an upper end does from there on."""
    return ((np.asarray(low) <= truth) & (truth <= np.asarray(high))).tolist()


def judged(made: Simulated, settings: Scoring) -> Standing:
    """A benchmark as the tables would judge it."""
    names = [f"m{n}" for n in range(made.verdicts.value.shape[1])]
    return standing_of(settings, "strict", names, made.verdicts, made.clusters)


def coverage(seed: int, resamples: int) -> dict[str, list[bool]]:
    """Which intervals of one benchmark hold the truth, by figure."""
    rng = np.random.default_rng([seed, 1])
    questions, clustered = QUESTIONS[seed % len(QUESTIONS)], seed % 2 == 1
    settings = Scoring(
        bootstrap=resamples, seed=seed, cluster="document" if clustered else "question"
    )
    skill = rng.normal(1.2, 1.0, MODELS)
    made = simulate(rng, questions, skill, clustered=clustered)
    found, truth = judged(made, settings), made.truth
    pairs = pairs_of(found, settings)
    first, second = pairs.first, pairs.second
    common = rng.normal()
    errors = 1 + CALIBRATION * common + OWN_ERROR * rng.normal(size=MODELS)
    totals = made.joules.sum(axis=0)
    meters = [
        Metered(totals[m] * errors[m], CALIBRATION, OWN_ERROR, "gpu", made.joules[:, m] / totals[m])
        for m in range(MODELS)
    ]
    draws = joint(found, meters, {}, settings)
    each, point = per_correct(draws, LEVEL), per_point(draws, LEVEL)
    ratio = energy_ratios(draws, first, second, LEVEL)
    return {
        "score": covered(*np.array(found.ends).T, truth.score),
        "proportion": covered(*np.array(found.shares, dtype=np.float64).T, truth.value),
        "difference of scores": covered(
            pairs.differences.low, pairs.differences.high, truth.score[first] - truth.score[second]
        ),
        "J per correct answer": covered(each.low, each.high, truth.joules / truth.value),
        "Wh per point": covered(
            point.low, point.high, questions * truth.joules / truth.score / 360_000
        ),
        "ratio of energies": covered(
            ratio.low, ratio.high, truth.joules[first] / truth.joules[second]
        ),
        "mean of repeats": _repeated(rng, questions),
    }


def _repeated(rng: np.random.Generator, questions: int) -> list[bool]:
    """One model run several times, whose skill is another each time."""
    skill = rng.normal(0.5, 0.7)
    runs = skill + rng.normal(0, REPEAT_SD, REPEATS)
    chances = special.expit(runs - rng.normal(0, DIFFICULTY_SD, questions)[:, None])
    scores = (rng.random(chances.shape) < chances).astype(np.float64)
    truth = expected(np.array([skill]), float(np.hypot(DIFFICULTY_SD, REPEAT_SD)))
    split = variance_components(scores, LEVEL)
    return covered(split.mean - split.half, split.mean + split.half, truth)


def false_wins(seed: int, resamples: int) -> dict[str, bool]:
    """Whether any two of equal models are told apart, by test."""
    rng = np.random.default_rng([seed, 2])
    questions, clustered = QUESTIONS[seed % len(QUESTIONS)], seed % 2 == 1
    settings = Scoring(
        bootstrap=resamples, seed=seed, cluster="document" if clustered else "question"
    )
    skill = np.full(MODELS, rng.normal(1.0, 0.7))
    made = simulate(rng, questions, skill, clustered=clustered)
    found = judged(made, settings)
    pairs = pairs_of(found, settings)
    p = mcnemar_p(found, pairs, settings)
    return {
        "difference of scores": bool(pairs.apart.any()),
        "McNemar": bool((holm(p) < 1 - LEVEL).any()),
        "outside of the top group": bool((pairs.ranks.group > 1).any()),
        "(without adjusting)": bool((pairs.differences.p < 1 - LEVEL).any()),
    }


def _one(task: tuple[int, int]) -> tuple[dict[str, list[bool]], dict[str, bool]]:
    return coverage(*task), false_wins(*task)


def run(simulations: int, resamples: int, processes: int) -> dict[str, Any]:
    """All figures."""
    tasks = [(seed, resamples) for seed in range(simulations)]
    with ProcessPoolExecutor(processes) as pool:
        results = list(pool.map(_one, tasks, chunksize=max(1, simulations // 50)))
    by_size: dict[str, Any] = {}
    for size in QUESTIONS:
        mine = [hits for seed, (hits, _) in enumerate(results) if QUESTIONS[seed % 3] == size]
        by_size[str(size)] = {name: _share([one[name] for one in mine]) for name in mine[0]}
    by_clustering = {}
    for clustered in (False, True):
        mine = [hits for seed, (hits, _) in enumerate(results) if (seed % 2 == 1) == clustered]
        by_clustering["document" if clustered else "question"] = {
            name: _share([one[name] for one in mine]) for name in mine[0]
        }
    cover = {name: _share([hits[name] for hits, _ in results]) for name in results[0][0]}
    wins = {name: float(np.mean([won[name] for _, won in results])) for name in results[0][1]}
    good = all(COVER[0] <= share <= COVER[1] for share in cover.values())
    good &= all(share <= FALSE_WINS for name, share in wins.items() if "without" not in name)
    return {
        "simulations": simulations,
        "resamples": resamples,
        "models": MODELS,
        "level": LEVEL,
        "coverage": cover,
        "coverage_by_questions": by_size,
        "coverage_by_cluster": by_clustering,
        "false_wins": wins,
        "good": bool(good),
    }


def _share(parts: Sequence[list[bool]]) -> float:
    return float(np.mean([hit for part in parts for hit in part]))


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the figures; fails where an interval or a test does not keep its word."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--simulations", type=int, default=1000)
    parser.add_argument("--resamples", type=int, default=Scoring().bootstrap)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    if options.simulations < 2 * len(QUESTIONS):
        parser.error(f"--simulations must be at least {2 * len(QUESTIONS)}")
    found = run(options.simulations, options.resamples, options.processes)
    if options.json:
        print(json.dumps(found, indent=2))
        return 0 if found["good"] else 1
    sizes = list(found["coverage_by_questions"])
    print(f"{found['simulations']} benchmarks of {MODELS} models: share of 95 % intervals that "
          "hold the truth, in %")  # fmt: skip
    print(f"{'':24}{'all':>7}" + "".join(f"{f'n={size}':>8}" for size in sizes)
          + f"{'single':>9}{'by document':>13}")  # fmt: skip
    for name, share in found["coverage"].items():
        cells = [found["coverage_by_questions"][size][name] for size in sizes]
        groups = [found["coverage_by_cluster"][kind][name] for kind in ("question", "document")]
        print(f"{name:24}{share:7.1%}" + "".join(f"{cell:8.1%}" for cell in cells)
              + f"{groups[0]:9.1%}{groups[1]:13.1%}")  # fmt: skip
    print("\nbenchmarks of equal models in which any two are told apart")
    for name, share in found["false_wins"].items():
        print(f"{name:28}{share:7.1%}")
    limits = f"{COVER[0]:.0%} to {COVER[1]:.0%} covered, at most {FALSE_WINS:.0%} false wins"
    print(f"\n{'holds' if found['good'] else 'DOES NOT HOLD'}: {limits}")
    return 0 if found["good"] else 1


if __name__ == "__main__":
    sys.exit(main())
