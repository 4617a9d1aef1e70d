"""Energy of a run whose model is on another machine."""

from __future__ import annotations

from wattbench.analyses.costs import ELSEWHERE, FIELDS, measured
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
