"""Columns of `runs` that set energy against answers, with one interval for both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wattbench.analyses.joint import Bought, Joint, Ratio, cheapest, energy_per, on_frontier
from wattbench.analyses.joint_pairs import half_width
from wattbench.scoring.intervals import tallies
from wattbench.study.judgement import Scoring
from wattbench.tables.contract import reason_for, unknown, warning

Row = dict[str, Any]
J_PER_WH = 3600.0
TIE = 1e-9
"""Far below what a question can change a score by."""
POINTS = 100
"""Points of a score of 1."""


@dataclass(frozen=True)
class Figure:
    """A figure of `runs` with an interval, and why it may be null.

    Args:
        names: Its columns: the figure, the lower and the upper end.
        no_low: Why the interval has no lower end.
        no_high: Why it has no upper end.
        nothing: Why there is no figure though the energy is known.
    """

    names: tuple[str, str, str]
    no_low: str = "a sample of questions that take no energy is likely"
    no_high: str = "a sample without any is likely"
    nothing: str = ""


ONE_CLUSTER = "one cluster of questions says nothing of others"
QUESTION = Figure(
    ("energy_per_question_j", "energy_per_question_low_j", "energy_per_question_high_j"),
    no_low=ONE_CLUSTER,
    no_high=ONE_CLUSTER,
)
CORRECT = Figure(
    ("energy_per_correct_j", "energy_per_correct_low_j", "energy_per_correct_high_j"),
    nothing="no value is right",
)
POINT = Figure(
    ("energy_per_point_wh", "energy_per_point_low_wh", "energy_per_point_high_wh"),
    nothing="the score is 0",
)


def joint_columns(
    draws: Joint, rows: Sequence[Mapping[str, Any]], scoring: Scoring
) -> list[tuple[Row, list[dict[str, str]]]]:
    """Energy per question, right value and point of score, and places by score and energy.

    Args:
        draws: Scores and energy of the runs, drawn together.
        rows: Their rows of the table `runs` so far.
        scoring: The study's interval settings.

    Returns:
        Columns and flags of each run.
    """
    asked = per_question(draws, scoring.confidence_level)
    each = per_correct(draws, scoring.confidence_level)
    point = per_point(draws, scoring.confidence_level)
    # Scores of few questions tie as true ones do not: each of two may be the better one.
    broken = np.random.default_rng([scoring.seed, len(rows)]).random(draws.score.shape)
    on = on_frontier(draws.score + TIE * broken, draws.energy).mean(axis=0)
    top = np.array([row["top_group"] for row in rows], dtype=np.bool_)
    least = cheapest(draws, top)
    dark = [row["run"] for row, known in zip(rows, draws.known | ~top, strict=True) if not known]
    found = []
    for place, row in enumerate(rows):
        flags = _flags(row)
        columns: Row = {}
        for figure, ratio in ((QUESTION, asked), (CORRECT, each), (POINT, point)):
            values = (ratio.estimate[place], ratio.low[place], ratio.high[place])
            why = _energy_reason(row) if not row["energy_answer_j"] else figure.nothing
            columns |= _columns(figure, values, why, flags)
        known = bool(draws.known[place])
        columns["frontier_probability"] = float(on[place]) if known else None
        columns["cheapest_probability"] = float(least[place]) if known and top[place] else None
        if columns["cheapest_probability"] is None:
            why = _energy_reason(row) if top[place] else "it is not in the top group"
            flags.append(unknown("cheapest_probability", why))
        elif dark:
            others = ", ".join(dark)
            among = f"of those whose energy is known; unknown is that of {others}"
            flags.append(warning("cheapest_probability", among))
        found.append((columns, flags))
    return found


def per_question(draws: Joint, level: float) -> Ratio:
    """Answering energy per question, in joules; in closed form, as ratios of energies are."""
    clusters = draws.standing.clusters
    questions = len(clusters.of)
    moved = clusters.sums(draws.parts) - clusters.sizes[:, None] / questions
    half = half_width((moved**2).sum(axis=0), draws.errors.var(axis=0), clusters, level)
    estimate = np.where(draws.estimate > 0, draws.estimate / questions, np.nan)
    return Ratio(estimate, estimate * np.exp(-half), estimate * np.exp(half))


def per_correct(draws: Joint, level: float) -> Ratio:
    """Answering energy per right value, in joules."""
    found = draws.standing
    hits = found.verdicts.value * found.verdicts.judged
    mean = np.maximum(hits.mean(axis=0), 1 / len(hits) ** 2)
    judged = found.verdicts.judged.sum(axis=0)
    ends = np.array([share or (np.nan, np.nan) for share in found.shares]).T
    bought = Bought(hits.sum(axis=0), tallies(found.counts, hits), hits / mean - 1, ends * judged)
    return energy_per(draws, bought, level)


def per_point(draws: Joint, level: float) -> Ratio:
    """Answering energy per point of score, in watt-hours."""
    found = draws.standing
    score = found.whole.score[0]
    asked = found.counts.sum(axis=1, keepdims=True) / len(found.clusters.of)
    # Where clusters differ in size a resample may hold more questions than there are.
    drawn = draws.score * asked
    moved = found.influence / np.maximum(score, 1e-9)
    ratio = energy_per(draws, Bought(score, drawn, moved, np.array(found.ends).T), level)
    unit = POINTS * J_PER_WH
    return Ratio(ratio.estimate / unit, ratio.low / unit, ratio.high / unit)


def _columns(
    figure: Figure,
    values: tuple[float, float, float],
    why: str,
    flags: list[dict[str, str]],
) -> Row:
    names = figure.names
    if np.isnan(values[0]):
        flags += [unknown(name, why) for name in names]
        return dict.fromkeys(names)
    if not values[1] > 0:
        flags.append(unknown(names[1], figure.no_low))
    if not np.isfinite(values[2]):
        flags.append(unknown(names[2], figure.no_high))
    return {
        name: float(value) if 0 < value < np.inf else None
        for name, value in zip(names, values, strict=True)
    }


def _flags(row: Mapping[str, Any]) -> list[dict[str, str]]:
    if row["energy_answer_j"] is None or row["energy_answer_uncertainty_j"] is not None:
        return []
    narrow = "the meter's uncertainty is unknown: the interval is too narrow"
    return [warning(figure.names[1], narrow) for figure in (QUESTION, CORRECT, POINT)]


def _energy_reason(row: Mapping[str, Any]) -> str:
    if row["energy_answer_j"] == 0:
        return "the answering energy came out as 0 J, which no answer takes"
    return reason_for(row, "energy_answer_j") or "the answering energy is unknown"
