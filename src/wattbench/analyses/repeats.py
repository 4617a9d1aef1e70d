"""Rows of the table `repeats`: what varies between runs of one model with other seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from wattbench.scoring.resamples import Reals
from wattbench.scoring.standing import Standing
from wattbench.study.judgement import Scoring

Row = dict[str, Any]
ROUNDING = 1e-9
"""What rounding may leave of a variance that is 0."""


@dataclass(frozen=True)
class Components:
    """What a score varies with: a two-way layout without replication, both factors random.

    S. R. Searle, G. Casella & C. E. McCulloch (1992), Variance Components, ch. 4; negative
    estimates are taken as 0.

    Args:
        mean: Mean over questions and repeats.
        question_sd: Between clusters of questions.
        repeat_sd: Between repeats.
        residual_sd: Between a cluster's scores in different repeats, beyond the two.
        half: Half of the interval of the mean (Satterthwaite 1946, Biometrics 2:110-114).
    """

    mean: float
    question_sd: float
    repeat_sd: float
    residual_sd: float
    half: float


def variance_components(scores: Reals, level: float, effective: float | None = None) -> Components:
    """Split the variance of scores.

    Args:
        scores: Of shape (clusters, repeats), at least two of each.
        level: Confidence level of the interval of the mean.
        effective: How many clusters of one size these are worth; default: all are of one size.
    """
    clusters, repeats = scores.shape
    mean = float(scores.mean())
    by_cluster, by_repeat = scores.mean(axis=1), scores.mean(axis=0)
    rest = scores - by_cluster[:, None] - by_repeat[None, :] + mean
    freedom = np.array([clusters - 1, repeats - 1, (clusters - 1) * (repeats - 1)], dtype=float)
    squares = (
        np.array(
            [
                repeats * ((by_cluster - mean) ** 2).sum(),
                clusters * ((by_repeat - mean) ** 2).sum(),
                (rest**2).sum(),
            ]
        )
        / freedom
    )
    question = max(0.0, (squares[0] - squares[2]) / repeats)
    repeat = max(0.0, (squares[1] - squares[2]) / clusters)
    # Repeats that differ less than chance would have it are taken to differ as chance has it:
    # then the variance is that of the questions, and known no better for it.
    parts = np.array([squares[0], max(squares[1], squares[2]), -squares[2]])
    variance = max(float(parts.sum()), 0.0) / (clusters * repeats)
    known = np.array([max((effective or clusters) - 1, 1.0), *freedom[1:]])
    weight = float((parts**2 / known).sum())
    degrees = float(parts.sum()) ** 2 / weight if weight > 0 else known[0]
    half = float(special.stdtrit(max(degrees, 1.0), 0.5 + level / 2) * np.sqrt(variance))
    return Components(
        mean=mean,
        question_sd=float(np.sqrt(question)),
        repeat_sd=float(np.sqrt(repeat)),
        residual_sd=float(np.sqrt(squares[2])),
        half=half,
    )


def repeats(found: Standing, runs: Sequence[Mapping[str, Any]], scoring: Scoring) -> list[Row]:
    """What varies between the repeats of each model that has some.

    Args:
        found: The runs' standing.
        runs: Their rows of the table `runs`, in the same order.
        scoring: The study's settings.
    """
    groups: dict[str, list[int]] = {}
    for place, row in enumerate(runs):
        # An ensemble's row has no such column before nulls are filled in.
        if row.get("repeat_of") is not None:
            groups.setdefault(row["repeat_of"], []).append(place)
    names = {name: place for place, name in enumerate(found.runs)}
    rows = []
    for base, others in groups.items():
        every = [*([names[base]] if base in names else []), *others]
        # Under a further rule nothing may have been judged of a run, and then it has no score.
        places = [place for place in every if not np.isnan(found.whole.score[0, place])]
        if len(places) > 1:
            rows.append({"run": base, **_row(found, [runs[p] for p in places], places, scoring)})
    return rows


def _row(
    found: Standing, runs: Sequence[Mapping[str, Any]], places: Sequence[int], scoring: Scoring
) -> Row:
    scores = found.whole.score[0, list(places)]
    # A question's score plus what it brings to the recall of abstention: linear, and in the mean
    # over questions the run's score.
    sums = found.clusters.sums(found.influence[:, list(places)])
    size = len(found.clusters.of) / found.clusters.count
    level, effective = scoring.confidence_level, found.clusters.effective
    # One cluster does not tell what varies between questions and what between repeats.
    split = variance_components(scores + sums / size, level, effective) if len(sums) > 1 else None
    single = [found.ends[place] for place in places]
    value = found.verdicts.value[:, list(places)]
    energies = [row["energy_answer_j"] for row in runs]
    known = None not in energies
    if split is None or split.half < ROUNDING:
        # Where no question differs repeats add nothing to what one run says of the others.
        low, high = min(low for low, _ in single), max(high for _, high in single)
    else:
        low, high = split.mean - split.half, split.mean + split.half
    return {
        "rule": found.rule,
        "runs": [row["run"] for row in runs],
        "repeat_count": len(places),
        "score": float(scores.mean()),
        "score_low": max(0.0, low),
        "score_high": min(1.0, high),
        "score_min": float(scores.min()),
        "score_max": float(scores.max()),
        "question_sd": None if split is None else split.question_sd,
        "repeat_sd": None if split is None else split.repeat_sd,
        "residual_sd": None if split is None else split.residual_sd,
        "agreement": float((value == value[:, [0]]).all(axis=1).mean()),
        "energy_answer_mean_j": float(np.mean(energies)) if known else None,
        "energy_answer_sd_j": float(np.std(energies, ddof=1)) if known else None,
    }
