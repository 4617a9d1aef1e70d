"""How sure the sum of members' energies is."""

from __future__ import annotations

import math
from typing import Any

import pytest

from wattbench.analyses.ensemble_costs import summed, uncertainty_of_sum
from wattbench.analyses.joint import Metered
from wattbench.tables.contract import unknown


def member(run: str, energy: float | None, uncertainty: float | None) -> dict[str, Any]:
    reasons = [unknown("energy_gross_j", "no meter")] if energy is None else []
    return {
        "run": run, "energy_gross_j": energy, "energy_gross_uncertainty_j": uncertainty,
        "energy_net_j": energy, "energy_load_j": energy, "energy_answer_j": energy,
        "energy_answer_uncertainty_j": uncertainty, "energy_method": "counter",
        "energy_scope": "device", "flags": reasons,
    }  # fmt: skip


def meter(name: str, shared: float, energy: float = 100.0) -> Metered:
    return Metered(energy, shared, 0.0, name, None)


MEMBERS = [member("a", 100.0, 5.0), member("b", 200.0, 10.0)]


@pytest.mark.parametrize(
    ("meters", "correlated", "independent"),
    [
        # All of it calibration of one meter: it adds.
        ([meter("gpu1", 0.05), meter("gpu1", 0.05)], 15.0, 0.0),
        # Of two meters: in quadrature.
        ([meter("gpu1", 0.05), meter("gpu2", 0.05)], math.hypot(5, 10), 0.0),
        # None of it: in quadrature.
        ([meter("gpu1", 0.0), meter("gpu1", 0.0)], 0.0, math.hypot(5, 10)),
        # Three fifths of it.
        ([meter("gpu1", 0.03), meter("gpu1", 0.03)], 9.0, math.hypot(4, 8)),
        # Nothing is known of the meters: the largest it can be.
        ([None, None], 15.0, 0.0),
    ],
)
def test_what_is_common_adds_and_the_rest_does_not(
    meters: list[Metered | None], correlated: float, independent: float
) -> None:
    found = uncertainty_of_sum(MEMBERS, "energy_gross_j", meters)
    assert found is not None
    assert found.correlated_j == pytest.approx(correlated)
    assert found.independent_j == pytest.approx(independent)
    row, flags = summed(MEMBERS, meters)
    assert (row["energy_gross_j"], flags) == (300.0, [])
    assert row["energy_gross_uncertainty_j"] == pytest.approx(math.hypot(correlated, independent))


def test_one_unknown_member_makes_the_sum_unknown() -> None:
    row, flags = summed([MEMBERS[0], member("b", None, None)], [meter("gpu1", 0.05), None])
    assert row["energy_gross_j"] is None
    assert row["energy_gross_uncertainty_j"] is None
    assert row["energy_method"] is None
    reasons = {entry["column"]: entry["detail"] for entry in flags}
    assert reasons["energy_gross_j"] == "of b: no meter"
