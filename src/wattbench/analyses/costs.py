"""What a run's answers cost: its energy, site energy, carbon, price."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wattbench.study.judgement import Energy
from wattbench.study.section import Factor
from wattbench.tables.contract import unknown, warning
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


def measured(energy: RunEnergy, job: Mapping[str, Any]) -> tuple[Row, list[dict[str, str]]]:
    """Energy columns of a model's run, and its flags.

    Args:
        energy: What the job's meters say.
        job: Content of the run's job.json.
    """
    if (job.get("backend") or {}).get("elsewhere"):
        # The client's joules beside those of models that ran here would make it the cheapest.
        return dict.fromkeys(FIELDS), [unknown(column, ELSEWHERE) for column in FIELDS]
    flags = [dict(entry) for entry in energy.flags]
    beside = job.get("tries_beside")
    if beside and energy.gross_j is not None:
        text = f"holds {beside} tries of questions or contexts that are none of the set's any more"
        flags.append(warning("energy_gross_j", text))
    return {column: getattr(energy, field) for column, field in FIELDS.items()}, flags


def site(energy: Energy, gross_j: float | None) -> tuple[Row, dict[str, str]]:
    """Site energy, carbon and price, and why one of them is null.

    Args:
        energy: The study's factors.
        gross_j: Gross energy of the run in joules, or None.
    """
    reasons: dict[str, str] = {}

    def times(
        column: str, amount: float | None, lacking: str, factor: Factor | None, key: str
    ) -> float | None:
        if factor is None:
            reasons[column] = f"the study gives no energy.{key}"
        elif amount is None:
            reasons[column] = lacking
        else:
            return amount * factor.value
        return None

    site_j = times("site_energy_j", gross_j, "the run's energy is unknown", energy.pue, "pue")
    kwh = None if site_j is None else site_j / J_PER_KWH
    why = f"the site's energy is unknown: {reasons.get('site_energy_j')}"
    carbon = times("carbon_g", kwh, why, energy.carbon_g_per_kwh, "carbon_g_per_kwh")
    price = times("energy_price", kwh, why, energy.price_per_kwh, "price_per_kwh")
    return {"site_energy_j": site_j, "carbon_g": carbon, "energy_price": price}, reasons
