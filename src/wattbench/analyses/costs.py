"""What a run's answers cost: energy per question and per correct answer, site energy, carbon."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wattbench.scoring.intervals import Reals
from wattbench.study.judgement import Energy, Scoring
from wattbench.study.section import Factor
from wattbench.tables.contract import reason_for, unknown, warning
from wattbench.telemetry.energy import RunEnergy

Row = dict[str, Any]
J_PER_KWH = 3.6e6

FIELDS = {
    "energy_method": "method",
    "energy_scope": "scope",
    "energy_gross_j": "gross_j",
    "energy_gross_uncertainty_j": "gross_uncertainty_j",
    "energy_net_j": "net_j",
    "energy_load_j": "load_j",
    "energy_answer_j": "answer_j",
    "energy_answer_uncertainty_j": "answer_uncertainty_j",
}
"""Columns of the table `runs` by field of `RunEnergy`."""

ELSEWHERE = "the model runs on another machine, which no meter of the job measures"

SUMMED = ("energy_gross_j", "energy_net_j", "energy_load_j", "energy_answer_j")
CORRELATED = ("energy_gross_uncertainty_j", "energy_answer_uncertainty_j")


def measured(energy: RunEnergy, job: Mapping[str, Any]) -> tuple[Row, list[dict[str, str]]]:
    """Energy columns of a model's run, and its flags.

    Args:
        energy: What the job's meters say.
        job: Content of the run's job.json.
    """
    if (job.get("backend") or {}).get("elsewhere"):
        # The client's joules beside those of models that ran here would make it the cheapest.
        return dict.fromkeys(FIELDS), [unknown(column, ELSEWHERE) for column in FIELDS]
    return (
        {column: getattr(energy, field) for column, field in FIELDS.items()},
        [dict(entry) for entry in energy.flags],
    )


def summed(members: Sequence[Mapping[str, Any]]) -> tuple[Row, list[dict[str, str]]]:
    """Energy columns of an ensemble: what all its members took, and its flags.

    The sum is unknown where one member's is. Uncertainties are added, not squared: the members
    are read by meters of one kind, so their errors of calibration go one way.

    Args:
        members: The members' rows of the table `runs`.
    """
    row: Row = {}
    flags = []
    for column in (*SUMMED, *CORRELATED):
        lacking = [member for member in members if member[column] is None]
        if lacking:
            row[column] = None
            reason = reason_for(lacking[0], column) or "no reason recorded"
            names = ", ".join(member["run"] for member in lacking)
            flags.append(unknown(column, f"of {names}: {reason}"))
        else:
            row[column] = sum(member[column] for member in members)
    for column in ("energy_method", "energy_scope"):
        kinds = {member[column] for member in members}
        known = row["energy_gross_j"] is not None and None not in kinds
        row[column] = None if not known else kinds.pop() if len(kinds) == 1 else "mixed"
    return row, flags


@dataclass(frozen=True)
class Draws:
    """What each resample of the questions takes and gives.

    Args:
        hits: Right values in each resample, of shape (resamples,).
        energy: The resample's answering energy as a multiple of the run's, of the same shape;
            None where the questions' shares are not known.
    """

    hits: Reals
    energy: Reals | None


def energy_per_correct(
    row: Mapping[str, Any], draws: Draws, scoring: Scoring
) -> tuple[Row, list[dict[str, str]]]:
    """Answering energy per right value with one interval for questions and meter together.

    With E the answering energy, u its standard uncertainty, a_i a question's share of E and c_i
    whether its value is right, a resample w of the questions and a standard normal z give

        E* = E (sum w_i a_i / sum a_i) (1 + z u / E)      K* = sum w_i c_i      E* / K*

    and the interval is the percentiles of E* / K* over all resamples (JCGM 101:2008 for the
    meter's part). A resample without a right value counts as infinite. A run that is right
    everywhere is so in every resample; so the interval is never narrower than E over the ends of
    Wilson's interval of the right values.

    Args:
        row: The run's row so far, its energy columns among it.
        draws: K* and sum w_i a_i / sum a_i of every resample.
        scoring: The study's interval settings.

    Returns:
        The columns energy_per_correct_j, its low and its high, and flags.
    """
    names = ("energy_per_correct_j", "energy_per_correct_low_j", "energy_per_correct_high_j")
    empty: Row = dict.fromkeys(names)
    total, uncertainty = row["energy_answer_j"], row["energy_answer_uncertainty_j"]
    if total is None:
        reason = reason_for(row, "energy_answer_j") or "the answering energy is unknown"
        return empty, [unknown(name, reason) for name in names]
    if not row["correct"]:
        return empty, [unknown(name, "no value is right") for name in names]
    flags = []
    if uncertainty is None:
        flags.append(
            warning(names[1], "the meter's uncertainty is unknown: the interval is too narrow")
        )
    count = len(draws.hits)
    energy = total * (np.ones(count) if draws.energy is None else draws.energy)
    # One z for all runs: a meter that reads high does so for each of them.
    z = np.random.default_rng([scoring.seed, 1]).standard_normal(count)
    if uncertainty and total > 0:
        energy *= np.maximum(0.0, 1 + z * uncertainty / total)
    hits = draws.hits
    ordered = np.sort(np.where(hits > 0, energy / np.maximum(hits, 1), np.inf))
    low = int(np.floor((1 - scoring.confidence_level) / 2 * (count - 1) + 1e-9))
    each = float(total) / row["correct"]
    least, most = each, each
    if row["value_accuracy_low"]:
        least = each * row["value_accuracy"] / row["value_accuracy_high"]
        most = each * row["value_accuracy"] / row["value_accuracy_low"]
    ends = min(least, float(ordered[low])), max(most, float(ordered[count - 1 - low]))
    high = ends[1] if np.isfinite(ends[1]) else None
    if high is None:
        flags.append(unknown(names[2], "a sample without a right value is likely"))
    return dict(zip(names, (each, ends[0], high), strict=True)), flags


def site(energy: Energy, gross_j: float | None) -> tuple[Row, dict[str, str]]:
    """Site energy, carbon and price, and why one of them is null.

    Args:
        energy: The study's factors.
        gross_j: Gross energy of the run in joules, or None.
    """
    reasons: dict[str, str] = {}

    def times(column: str, amount: float | None, factor: Factor | None, key: str) -> float | None:
        if factor is None:
            reasons[column] = f"the study gives no energy.{key}"
        elif amount is None:
            reasons[column] = "the energy it is made of is unknown"
        else:
            return amount * factor.value
        return None

    site_j = times("site_energy_j", gross_j, energy.pue, "pue")
    kwh = None if site_j is None else site_j / J_PER_KWH
    carbon = times("carbon_g", kwh, energy.carbon_g_per_kwh, "carbon_g_per_kwh")
    price = times("energy_price", kwh, energy.price_per_kwh, "price_per_kwh")
    return {"site_energy_j": site_j, "carbon_g": carbon, "energy_price": price}, reasons
