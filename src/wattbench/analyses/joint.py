"""Score, right values and energy of all runs in one set of draws: questions and meters together.

In each draw the questions are resampled, the same ones for all runs, and each meter errs anew, by
a factor. Whatever sets a run's energy against its answers is read off these draws, so it has one
interval or one probability for both (JCGM 101:2008 for the meter's part); `joint_pairs` compares
two runs. docs/decisions/0014 argues it.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wattbench.scoring.intervals import accelerated_intervals
from wattbench.scoring.resamples import Reals
from wattbench.scoring.standing import Standing
from wattbench.study.judgement import Energy, Scoring

Row = Mapping[str, Any]
DRAWS_AT_ONCE = 128


@dataclass(frozen=True)
class Metered:
    """What a run's meters say of its answering.

    Args:
        energy_j: Its energy.
        shared: Standard uncertainty that all runs on the same meters have in common, as a share
            of the energy.
        own: Standard uncertainty of this run alone, as a share of the energy.
        meters: Name of the meters.
        parts: Each question's part of the energy, of shape (questions,), summing to 1; None
            where it is not known.
    """

    energy_j: float
    shared: float
    own: float
    meters: str
    parts: Reals | None


@dataclass(frozen=True)
class Joint:
    """The draws.

    Args:
        standing: The runs' standing, whose resamples of the questions these are.
        energy: Answering energy, of shape (draws, runs); NaN where unknown.
        estimate: Answering energy as measured, of shape (runs,); NaN where unknown.
        parts: Each question's part of it, of shape (questions, runs).
        errors: Log of the factor by which the meters err, of shape (draws, runs); 0 where unknown.
    """

    standing: Standing
    energy: Reals
    estimate: Reals
    parts: Reals
    errors: Reals

    def under(self, standing: Standing) -> Joint:
        """The same draws with the scores of another rule."""
        return replace(self, standing=standing)

    @property
    def score(self) -> Reals:
        """Scores, of shape (draws, runs)."""
        return self.standing.drawn.score

    @property
    def known(self) -> NDArray[np.bool_]:
        """Whether a run's energy is known, of shape (runs,)."""
        return ~np.isnan(self.estimate)


def metered(
    energy: Row, segments: Sequence[Row], settings: Energy, parts: Reals | None, run: str
) -> Metered | None:
    """What a run's meters say; None where its energy is unknown.

    The calibration is what runs on the same devices have in common, and of an estimate all of its
    uncertainty, for the declared watts are one figure for all. The rest is the run's own.

    Args:
        energy: The run's energy columns.
        segments: Its rows of `segments`.
        settings: The study's.
        parts: Each question's part of the energy; see `Metered`.
        run: Name of the run.
    """
    answer, uncertainty = energy["energy_answer_j"], energy["energy_answer_uncertainty_j"]
    if answer is None:
        return None
    total = uncertainty / answer if uncertainty and answer > 0 else 0.0
    if energy["energy_method"] == "estimated":
        return Metered(answer, total, 0.0, "declared watts", parts)
    devices = {uuid for segment in segments for uuid in segment["gpu_uuids"]}
    if energy["energy_scope"] != "device":
        devices = {segment["host"] for segment in segments}
    # Not knowing the device is no reason to take its error for another run's.
    name = " ".join(sorted(devices)) or f"of {run}"
    shared = min(total, settings.calibration_relative_uncertainty)
    if energy["energy_method"] == "mixed":
        shared = 0.0
    return Metered(answer, shared, float(np.sqrt(total**2 - shared**2)), name, parts)


def joint(
    found: Standing,
    meters: Sequence[Metered | None],
    members: Mapping[int, Sequence[int]],
    scoring: Scoring,
) -> Joint:
    """Draw energy for the resamples that a standing has.

    Args:
        found: The runs' standing.
        meters: What each run's meters say; None where unknown and for ensembles.
        members: Places of an ensemble's members by its own place; members come first. An
            ensemble's energy is its members' in every draw.
        scoring: The study's settings.
    """
    questions, count = len(found.clusters.of), len(found.counts)
    even = np.full(questions, 1 / questions)
    # A run's row is written at a stretch, its column would be number by number.
    parts_by_run = np.zeros((len(meters), questions))
    errors_by_run = np.zeros((len(meters), count))
    estimate = np.full(len(meters), np.nan)
    shared: dict[str, Reals] = {}
    for place, one in enumerate(meters):
        if one is None:
            continue
        parts_by_run[place] = even if one.parts is None else one.parts
        estimate[place] = one.energy_j
        if one.meters not in shared:
            shared[one.meters] = _normal(scoring.seed, "meters", one.meters, count)
        own = _normal(scoring.seed, "run", found.runs[place], count)
        errors_by_run[place] = log_sd(one.shared) * shared[one.meters] + log_sd(one.own) * own
    parts, errors = parts_by_run.T.copy(), errors_by_run.T.copy()
    energy = (found.counts @ parts) * estimate * np.exp(errors)
    for place, theirs in members.items():
        own_members = list(theirs)
        energy[:, place] = energy[:, own_members].sum(axis=1)
        estimate[place] = estimate[own_members].sum()
        if estimate[place] > 0:
            weights = estimate[own_members] / estimate[place]
            parts[:, place] = parts[:, own_members] @ weights
            errors[:, place] = np.log(np.exp(errors[:, own_members]) @ weights)
        elif estimate[place] == 0:
            parts[:, place] = even
    return Joint(found, energy, estimate, parts, errors)


def log_sd(relative: float) -> float:
    """Standard deviation of the log of a factor whose relative standard uncertainty is given.

    A meter's error is a factor, log-normal with median 1: energy is above 0 whatever the
    uncertainty, which a normal error is not, and half and double are as likely. To the first
    order both are the same, so for a meter of a few per cent little changes.

    Args:
        relative: Standard uncertainty as a share of the energy.
    """
    return float(np.sqrt(np.log1p(relative**2)))


def _normal(seed: int, kind: str, name: str, count: int) -> Reals:
    """Standard normal draws that belong to a name, whatever other names there are."""
    return np.random.default_rng([seed, zlib.crc32(f"{kind} {name}".encode())]).standard_normal(
        count
    )


@dataclass(frozen=True)
class Ratio:
    """A figure of each run with one interval for questions and meters.

    Args:
        estimate: Of shape (runs,); NaN where unknown or without bound.
        low: Lower ends; NaN where the estimate is; 0 where none can be given.
        high: Upper ends; infinite where none can be given.
    """

    estimate: Reals
    low: Reals
    high: Reals


@dataclass(frozen=True)
class Bought:
    """What energy bought.

    Args:
        amount: What each run bought in all, of shape (runs,).
        drawn: The same in each draw, of shape (draws, runs).
        influence: Influence of the questions on it, over its mean a question: (questions, runs).
        ends: Its interval, of shape (2, runs).
    """

    amount: Reals
    drawn: Reals
    influence: Reals
    ends: Reals


def energy_per(draws: Joint, bought: Bought, level: float) -> Ratio:
    """Answering energy per unit of what it bought, in joules.

    The interval is BCa of E*/Y* over all draws, with the meter's variance in the acceleration. A
    draw that bought nothing counts as infinite. It is never narrower than the energy over the
    ends of the interval of what it bought, for a run that is right everywhere is so in every
    resample.

    Args:
        draws: The draws.
        bought: What it bought.
        level: Confidence level.
    """
    questions = len(bought.influence)
    with np.errstate(invalid="ignore", divide="ignore"):
        paid = (bought.amount > 0) & (draws.estimate > 0)
        estimate = np.where(paid, draws.estimate / bought.amount, np.nan)
        ratios = np.where(bought.drawn > 0, draws.energy / bought.drawn, np.inf)
        # d log(E / Y): a question's part of the energy less its part of what was bought.
        moved = questions * draws.parts - 1 - bought.influence
    good = ~np.isnan(estimate)
    moved = np.where(good, moved, 0.0)
    sums = draws.standing.clusters.sums(moved)
    meter = np.where(good, questions**2 * draws.errors.var(axis=0), 0.0)
    low, high = accelerated_intervals(
        np.where(good, ratios, 0.0), np.where(good, estimate, 0.0), sums, level, meter
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        least, most = draws.estimate / bought.ends[1], draws.estimate / bought.ends[0]
    return Ratio(
        estimate=estimate,
        low=np.where(good, np.fmin(low, least), np.nan),
        high=np.where(good, np.fmax(high, most), np.nan),
    )


def on_frontier(score: Reals, energy: Reals) -> NDArray[np.bool_]:
    """Which runs no other beats on score and energy, in each draw.

    Args:
        score: Scores, of shape (draws, runs); NaN where nothing was judged.
        energy: Energy, of the same shape; NaN where unknown, and then on no frontier.

    Returns:
        Of the same shape. Equal runs do not beat each other, so all of them stay.
    """
    # A few draws at a time stay in the processor's caches: a third of the time.
    parts = [
        _on_frontier(score[first : first + DRAWS_AT_ONCE], energy[first : first + DRAWS_AT_ONCE])
        for first in range(0, len(score), DRAWS_AT_ONCE)
    ]
    return np.concatenate(parts) if parts else np.zeros(score.shape, dtype=np.bool_)


def _on_frontier(score: Reals, energy: Reals) -> NDArray[np.bool_]:
    cost = np.where(np.isnan(energy) | np.isnan(score), np.inf, energy)
    score = np.nan_to_num(score, nan=-1.0)
    order = np.argsort(cost, axis=1)
    costs = np.take_along_axis(cost, order, axis=1)
    known = np.isfinite(costs[:, 1:])
    if (known & (costs[:, 1:] == costs[:, :-1])).any():
        # Equal costs are rare among draws, and a sort by two keys takes three times as long.
        order = np.lexsort((-score, cost), axis=1)
    scores = np.take_along_axis(score, order, axis=1)
    best = np.maximum.accumulate(scores, axis=1)
    on = np.ones(score.shape, dtype=np.bool_)
    on[:, 1:] = scores[:, 1:] > best[:, :-1]
    same = known & (scores[:, 1:] == scores[:, :-1]) & (costs[:, 1:] == costs[:, :-1])
    for place in np.flatnonzero(same.any(axis=0)).tolist():
        on[:, place + 1] |= same[:, place] & on[:, place]
    on &= np.isfinite(costs)
    found = np.empty_like(on)
    np.put_along_axis(found, order, on, axis=1)
    return found


def cheapest(draws: Joint, among: NDArray[np.bool_]) -> Reals:
    """Probability that each run takes the least energy among some, of shape (runs,).

    Args:
        draws: The draws.
        among: The runs that take part, of shape (runs,); those of unknown energy do not.
    """
    taking = among & draws.known
    if not taking.any():
        return np.full(len(among), np.nan)
    energy = np.where(taking, draws.energy, np.inf)
    least = energy == energy.min(axis=1, keepdims=True)
    share: Reals = (least / least.sum(axis=1, keepdims=True)).mean(axis=0)
    return np.where(taking, share, np.nan)
