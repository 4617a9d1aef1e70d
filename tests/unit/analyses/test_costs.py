"""Energy of a run whose model is on another machine; what the site's factors make of energy."""

from __future__ import annotations

from wattbench.analyses.costs import ELSEWHERE, FIELDS, measured, site
from wattbench.study.judgement import Energy
from wattbench.telemetry.energy import run_energy


def test_the_clients_joules_are_not_the_models() -> None:
    energy = run_energy([], Energy())
    row, flags = measured(energy, {"backend": {"elsewhere": True}})
    assert row == dict.fromkeys(FIELDS)
    assert {flag["column"] for flag in flags} == set(FIELDS)
    assert {flag["detail"] for flag in flags} == {ELSEWHERE}
    here, told = measured(energy, {"backend": {"elsewhere": False}})
    assert set(here) == set(FIELDS)
    assert ELSEWHERE not in {flag["detail"] for flag in told}


def test_what_the_sites_energy_lacks_is_why_there_is_no_carbon() -> None:
    carbon = {"value": 120, "source": "the grid operator"}
    row, reasons = site(Energy.model_validate({"carbon_g_per_kwh": carbon}), 3600.0)
    assert row["carbon_g"] is None
    assert reasons["carbon_g"] == "the site's energy is unknown: the study gives no energy.pue"
    pue = {"value": 1.2, "source": "the site's report"}
    both = Energy.model_validate({"carbon_g_per_kwh": carbon, "pue": pue})
    assert site(both, 3.6e6)[0]["carbon_g"] == 144.0
    unknown_energy = "the site's energy is unknown: the run's energy is unknown"
    assert site(both, None)[1]["carbon_g"] == unknown_energy
