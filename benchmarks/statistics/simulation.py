"""Benchmarks whose truth is known.

Questions of differing difficulty, models of differing skill that find the same questions hard,
references and abstentions that go with right values, energy that varies by question and is more
for hard ones, meters with errors of their own and in common. In half of the benchmarks questions
come in clusters by document, large and small, and the study says so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from wattbench.analyses.joint import Metered, log_sd
from wattbench.scoring.intervals import Verdicts
from wattbench.scoring.resamples import Clusters
from wattbench.study.judgement import Scoring

Reals = NDArray[np.float64]
MODELS = 6
QUESTIONS = (40, 100, 300)
DIFFICULTY_SD = 1.5
DOCUMENT_SD = 1.0
"""Of the difficulty that questions on one document share, in clustered benchmarks."""
OWN_DOCUMENT_SD = 0.7
"""Of how much harder a document is for one model than for the others."""
A_DOCUMENT = 4
"""Questions a document in the mean; geometrically distributed."""
UNANSWERABLE = 0.1
REFS = {True: (1.0, 0.5, 0.0, 0.7, 0.2, 0.1), False: (1.0, 0.5, 0.0, 0.2, 0.2, 0.6)}
"""Jaccard indexes and their probabilities where the value is right and where it is wrong."""
MODEL_ENERGY_SD = 0.7
"""Of the log of models' joules a question: a factor of two between one model and the next."""
ENERGY_SD = 0.5
"""Of the log of a question's joules."""
HARD_COSTS = 0.2
"""How much the log of a question's joules grows with its difficulty."""
REPEAT_SD = 0.15
"""Of the skill of one model between its repeats."""
WEIGHTS = Scoring().weights


@dataclass(frozen=True)
class Sensor:
    """How energy is measured.

    Args:
        shared: Relative standard uncertainty that runs on the same device have in common.
        own: The same of a run alone.
        one_device: Whether all runs were on one device.
    """

    shared: float
    own: float
    one_device: bool


SENSORS = {
    "one GPU": Sensor(0.05, 0.01, one_device=True),
    "a GPU each": Sensor(0.05, 0.02, one_device=False),
    "a poor meter each": Sensor(0.05, 0.3, one_device=False),
    "declared watts": Sensor(0.5, 0.0, one_device=True),
}


@dataclass(frozen=True)
class Truth:
    """What endless questions and a perfect meter would show, each of shape (models,)."""

    value: Reals
    ref: Reals
    score: Reals
    joules: Reals


@dataclass(frozen=True)
class Simulated:
    """One benchmark.

    Args:
        verdicts: Judgements of the models' answers.
        clusters: Which questions share a document.
        joules: What each answer really took, of shape (questions, models).
        truth: What is true of the models.
    """

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


def documents(rng: np.random.Generator, questions: int) -> Clusters:
    """Questions that stand together by document, at least two documents."""
    sizes = rng.geometric(1 / A_DOCUMENT, questions)
    numbers = np.repeat(np.arange(questions), sizes)[:questions]
    if numbers[-1] == 0:
        numbers[questions // 2 :] = 1
    return Clusters(numbers.astype(np.intp), int(numbers[-1]) + 1)


def simulate(
    rng: np.random.Generator,
    questions: int,
    skill: Reals,
    *,
    clustered: bool,
    repeat_sd: float = 0.0,
) -> Simulated:
    """A benchmark.

    Args:
        rng: Where chance comes from.
        questions: Number of questions.
        skill: Skill of each model.
        clustered: Whether questions share documents.
        repeat_sd: How much the skill of this run of a model differs from the model's; the truth
            is then the model's.
    """
    models = len(skill)
    unanswerable = rng.random(questions) < UNANSWERABLE
    difficulty = rng.normal(0, DIFFICULTY_SD, (questions, 1))
    clusters, spread = Clusters(np.arange(questions), questions), DIFFICULTY_SD
    if clustered:
        clusters = documents(rng, questions)
        difficulty = difficulty + rng.normal(0, DOCUMENT_SD, (clusters.count, 1))[clusters.of]
        # Repeats are one model.
        kinds = 1 if repeat_sd else models
        own = rng.normal(0, OWN_DOCUMENT_SD, (clusters.count, kinds))[clusters.of]
        difficulty = difficulty + own
        spread = float(np.sqrt(DIFFICULTY_SD**2 + DOCUMENT_SD**2 + OWN_DOCUMENT_SD**2))
    shown = skill + rng.normal(0, repeat_sd, models)
    chances = special.expit(shown - difficulty)
    chances = np.where(unanswerable[:, None], special.expit(shown - 0.3), chances)
    value = (rng.random((questions, models)) < chances).astype(np.float64)
    good, bad = (
        rng.choice(REFS[right][:3], p=REFS[right][3:], size=value.shape) for right in (True, False)
    )
    cited = np.where(unanswerable[:, None], value, np.where(value > 0, good, bad))
    verdicts = Verdicts(value, cited, value, np.ones_like(value), unanswerable.astype(np.float64))
    means = 20.0 * np.exp(rng.normal(0, MODEL_ENERGY_SD, models))
    log_sds = np.hypot(ENERGY_SD, HARD_COSTS * spread)
    joules = rng.normal(-(log_sds**2) / 2, ENERGY_SD, value.shape) + HARD_COSTS * difficulty
    joules = means * np.exp(joules)
    right = expected(skill, float(np.hypot(spread, repeat_sd)))
    abstains = expected(skill - 0.3, repeat_sd)
    mean_ref = [np.dot(REFS[r][:3], REFS[r][3:]) for r in (True, False)]
    true_value = (1 - UNANSWERABLE) * right + UNANSWERABLE * abstains
    true_ref = (1 - UNANSWERABLE) * (right * mean_ref[0] + (1 - right) * mean_ref[1])
    true_ref += UNANSWERABLE * abstains
    score = WEIGHTS.value * true_value + WEIGHTS.ref * true_ref + WEIGHTS.na * abstains
    return Simulated(verdicts, clusters, joules, Truth(true_value, true_ref, score, means))


def measured(rng: np.random.Generator, made: Simulated, sensor: Sensor) -> list[Metered]:
    """What the meters say of a benchmark's models.

    A good meter errs by a normal share of the energy; one that may be wrong by half errs by a
    log-normal factor, for no meter shows less than nothing.
    """
    totals = made.joules.sum(axis=0)
    models = len(totals)
    common = np.full(models, rng.normal()) if sensor.one_device else rng.normal(size=models)
    own = rng.normal(size=models)
    if max(sensor.shared, sensor.own) < 0.1:
        factors = 1 + sensor.shared * common + sensor.own * own
    else:
        factors = np.exp(log_sd(sensor.shared) * common + log_sd(sensor.own) * own)
    return [
        Metered(
            totals[m] * factors[m],
            sensor.shared,
            sensor.own,
            "gpu" if sensor.one_device else f"gpu {m}",
            made.joules[:, m] / totals[m],
        )
        for m in range(models)
    ]
