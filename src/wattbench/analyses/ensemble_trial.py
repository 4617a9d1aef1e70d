"""Ensembles on questions that they were not chosen on.

A choice among many subsets fits the questions it is made on: its score on them is too good.
docs/decisions/0015 argues it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from wattbench.analyses.ensemble_costs import uncertainty_of
from wattbench.analyses.ensemble_field import Candidate, Field
from wattbench.analyses.ensemble_search import Search, Wanted, ordered, search
from wattbench.analyses.joint import log_sd
from wattbench.ensembles.weights import fold_of, text_key
from wattbench.errors import InputError
from wattbench.scoring.intervals import Interval, percentile_interval
from wattbench.scoring.paired import differences
from wattbench.scoring.resamples import clusters_of
from wattbench.scoring.standing import standing_of
from wattbench.study.questions import Question

FIRST, SECOND = np.array([0]), np.array([1])
"""Place of the ensemble, and of the single run beside it."""


@dataclass(frozen=True)
class Trial:
    """An ensemble on questions that it was not chosen on.

    Args:
        members: Its members; of a cross-fitted choice, None.
        questions: Number of questions.
        score: Its score.
        score_interval: Interval of it.
        joules: Answering energy a question; None where unknown.
        uncertainty_j: Standard uncertainty of it; None where unknown.
        per_joule: Score per joule of a question; None where the energy is unknown.
        per_joule_interval: Interval for questions and meters together; None where one is unknown.
        gain: Score less that of the single run.
        gain_interval: Interval of it, paired by question; None where it is that single run.
    """

    members: tuple[str, ...] | None
    questions: int
    score: float
    score_interval: Interval
    joules: float | None
    uncertainty_j: float | None
    per_joule: float | None
    per_joule_interval: Interval | None
    gain: float
    gain_interval: Interval | None


def unseen(gold: Sequence[Question], chosen_on: Sequence[Question]) -> list[Question]:
    """Questions that a choice was not made on, by their words: sets may share questions.

    Raises:
        InputError: None is left.
    """
    seen = {text_key(question.text) for question in chosen_on}
    left = [question for question in gold if text_key(question.text) not in seen]
    if not left:
        raise InputError(
            "every question of the set to report on is one that the choice is made on.",
            mend="Report on another set, or give --cross-fit 5: each part of the questions is then "
            "answered by the subset that the other parts choose.",
        )
    return left


def trial(field: Field, members: Sequence[str], single: Sequence[str]) -> Trial:
    """An ensemble, and what it gains over a single run, on a field's questions.

    Args:
        field: The questions to report on, with all candidates.
        members: Names of the members, in the order that decides ties.
        single: Name of the single run it is compared with.
    """
    ours, other = of_members(field, members), of_members(field, single)
    return _tried(
        field,
        [ours.grades(ours.all), other.grades(other.all)],
        joules=ours.joules(ours.all),
        uncertainty=_uncertainty(ours.runs),
        members=tuple(members),
        alone=tuple(members) == tuple(single),
    )


def of_members(field: Field, names: Sequence[str]) -> Field:
    """The same questions with these candidates alone, in this order."""
    runs = {run.name: run for run in field.runs}
    return replace(field, runs=[runs[name] for name in names])


def _uncertainty(runs: Sequence[Candidate]) -> float | None:
    parts = [
        None
        if run.meters is None or run.joules is None
        else (run.joules, run.meters.shared, run.meters.own, run.meters.meters)
        for run in runs
    ]
    known = [part for part in parts if part is not None]
    return None if len(known) < len(parts) else uncertainty_of(known).total_j


def _tried(
    field: Field,
    grades: Sequence[NDArray[np.float64]],
    *,
    joules: float | None,
    uncertainty: float | None,
    members: tuple[str, ...] | None,
    alone: bool,
) -> Trial:
    scoring = field.scoring
    level = scoring.confidence_level
    found = standing_of(
        scoring,
        scoring.rule,
        ("ensemble", "single"),
        field.verdicts(grades),
        clusters_of(field.gold, scoring.cluster),
    )
    score, other = (float(found.whole.score[0, column]) for column in (0, 1))
    gain = differences(
        found.whole.score[0], found.influence, found.clusters, (FIRST, SECOND), level
    )
    per_joule = None
    if joules and uncertainty is not None:
        # The meters err by a factor (docs/decisions/0014), and questions alone tell no less.
        z = np.random.default_rng([scoring.seed, 15]).standard_normal(len(found.counts))
        energy = joules * np.exp(log_sd(uncertainty / joules) * z)
        ends = percentile_interval(found.drawn.score[:, 0] / energy, level)
        if ends is not None:
            least, most = (end / joules for end in found.ends[0])
            per_joule = (min(ends[0], least), max(ends[1], most))
    return Trial(
        members=members,
        questions=len(field.gold),
        score=score,
        score_interval=found.ends[0],
        joules=joules,
        uncertainty_j=uncertainty,
        per_joule=score / joules if joules else None,
        per_joule_interval=per_joule,
        gain=score - other,
        gain_interval=None if alone else (float(gain.low[0]), float(gain.high[0])),
    )


@dataclass(frozen=True)
class CrossFit:
    """A search that was judged on its own set, each fold by what the others choose.

    Args:
        folds: What the other folds chose for each fold.
        trial: The folds' answers together.
    """

    folds: tuple[Search, ...]
    trial: Trial


def cross_fit(
    field: Field, wanted: Wanted, folds: int, advance: Callable[[int], None] = lambda _: None
) -> CrossFit:
    """Choose for each fold on the others, and judge all folds' answers together.

    Args:
        field: The questions, with all candidates.
        wanted: What is searched for.
        folds: Number of folds; a question's fold is by its words.
        advance: Called with the number of subsets tried since.

    Raises:
        InputError: All questions fall into one fold.
    """
    gold = field.gold
    numbers = [fold_of(question.text, folds) for question in gold]
    used = sorted(set(numbers))
    if len(used) < 2:
        raise InputError(
            f"{len(gold)} questions cannot be cut into {folds} folds.",
            mend="Give fewer folds, or another set with --report-on.",
        )
    chosen = np.zeros((2, len(gold), 4))
    searches: list[Search] = []
    energy: list[float | None] = []
    spread: list[float | None] = []
    for fold in used:
        others = [q for q, n in zip(gold, numbers, strict=True) if n != fold]
        found = search(ordered(replace(field, gold=others)), wanted, advance)
        searches.append(found)
        share = numbers.count(fold) / len(gold)
        ours, other = (of_members(field, one.members) for one in (found.best, found.single))
        joules, uncertainty = ours.joules(ours.all), _uncertainty(ours.runs)
        energy.append(None if joules is None else share * joules)
        spread.append(None if uncertainty is None else share * uncertainty)
        here = np.array(numbers) == fold
        for one, which in zip(chosen, (ours, other), strict=True):
            one[here] = which.grades(which.all)[here]
    return CrossFit(
        folds=tuple(searches),
        trial=_tried(
            field,
            list(chosen),
            joules=None if None in energy else math.fsum(one or 0.0 for one in energy),
            # The folds' ensembles share members and meters: their uncertainties add.
            uncertainty=None if None in spread else math.fsum(one or 0.0 for one in spread),
            members=None,
            alone=all(one.best.members == one.single.members for one in searches),
        ),
    )
