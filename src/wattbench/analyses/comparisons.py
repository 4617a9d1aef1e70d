"""Rows of the table `comparisons`: every two runs on one question set."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from wattbench.analyses.joint import Joint
from wattbench.analyses.joint_pairs import against
from wattbench.analyses.standing import Pairs
from wattbench.scoring.intervals import tallies
from wattbench.scoring.paired import holm, mcnemar, mcnemar_clustered
from wattbench.scoring.resamples import Reals
from wattbench.scoring.standing import Standing
from wattbench.study.judgement import Scoring
from wattbench.tables.verdicts import COMPARISONS


def comparisons(
    found: Standing,
    pairs: Pairs,
    energies: Callable[[], Mapping[str, pa.Array]],
    scoring: Scoring,
    *,
    environment: str,
    questions: str,
) -> pa.Table:
    """Every pair of runs, as rows of the table `comparisons`.

    Args:
        found: The runs' standing.
        pairs: Their pairs.
        energies: Gives the columns of energy when they are needed; see `energies_of`.
        scoring: The study's settings.
        environment: The machine or cluster.
        questions: Name of the question set.
    """
    first, second = pairs.first, pairs.second
    rows = len(first)
    judged, value = found.verdicts.judged, found.verdicts.value * found.verdicts.judged
    paired = tallies(judged.T, judged)[first, second].astype(np.int64)
    only = tallies(value.T, judged - value)
    only_first = only[first, second].astype(np.int64)
    only_second = only[second, first].astype(np.int64)
    p = mcnemar_p(found, pairs, scoring)
    with np.errstate(invalid="ignore"):
        agreement = 1 - (only_first + only_second) / paired
    names = pa.array(found.runs, pa.string())
    columns: dict[str, Any] = {
        "environment": _repeated(environment, rows),
        "questions": _repeated(questions, rows),
        "rule": _repeated(found.rule, rows),
        "first": names.take(pa.array(first)),
        "second": names.take(pa.array(second)),
        "paired": pa.array(paired),
        "only_first": pa.array(only_first),
        "only_second": pa.array(only_second),
        "both_correct": pa.array(tallies(value.T, value)[first, second].astype(np.int64)),
        "agreement": _known(agreement),
        "p": pa.array(p),
        "p_adjusted": pa.array(holm(p)),
        **_differences(pairs),
        "distinct": pa.array(pairs.apart[first, second]),
        **energies(),
    }
    ordered = [columns[name] for name in COMPARISONS.names()]
    return pa.Table.from_arrays(ordered, schema=COMPARISONS.schema)


def mcnemar_p(found: Standing, pairs: Pairs, scoring: Scoring) -> Reals:
    """McNemar's p of every pair, by questions or by clusters as the study says.

    Args:
        found: The runs' standing.
        pairs: Their pairs.
        scoring: The study's settings.
    """
    judged, value = found.verdicts.judged, found.verdicts.value * found.verdicts.judged
    if scoring.cluster == "document":
        return mcnemar_clustered(value, judged, found.clusters, pairs.first, pairs.second)
    only = tallies(value.T, judged - value)
    return mcnemar(
        only[pairs.first, pairs.second].astype(np.int64),
        only[pairs.second, pairs.first].astype(np.int64),
    )


def _differences(pairs: Pairs) -> dict[str, pa.Array]:
    found = pairs.differences
    unknown = ~np.isfinite(found.estimate)
    return {
        name: pa.array(values, mask=unknown)
        for name, values in (
            ("difference", found.estimate),
            ("difference_low", found.low),
            ("difference_high", found.high),
            ("difference_p", found.p),
            ("difference_p_adjusted", pairs.p_adjusted),
        )
    }


def energies_of(
    pairs: Pairs, draws: Joint, scopes: Sequence[str | None], level: float
) -> dict[str, pa.Array]:
    """The columns of `comparisons` that set energy against energy.

    Args:
        pairs: The pairs.
        draws: Scores and energy of the runs, drawn together.
        scopes: What each run's meters cover; None where the energy is unknown.
        level: Confidence of the intervals.
    """
    first, second = pairs.first, pairs.second
    covers = np.array([scope or "" for scope in scopes])
    alike = covers[first] == covers[second]
    energy = against(draws, pairs.differences, first, second, level)
    return {
        name: _known(np.where(alike, values, np.nan))
        for name, values in (
            ("energy_ratio", energy.ratio),
            ("energy_ratio_low", energy.low),
            ("energy_ratio_high", energy.high),
            ("first_dominates", energy.first_dominates),
            ("second_dominates", energy.second_dominates),
        )
    }


def _known(values: Reals) -> pa.Array:
    """An array in which what is no finite number is null."""
    return pa.array(values, mask=~np.isfinite(values))


def _repeated(text: str, times: int) -> pa.Array:
    return pa.repeat(pa.scalar(text, pa.string()), times)
