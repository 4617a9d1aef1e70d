"""What the report says of ensembles: how they vote, and what their members take together."""

from __future__ import annotations

import pytest
from tests.unit.report import report_fixture as made

from wattbench.report import ensembles
from wattbench.report.data import Group, read_report_data
from wattbench.report.grids import Cell, Grid


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> Group:
    folder = tmp_path_factory.mktemp("ensembles")
    made.write_tables(folder)
    (found,) = read_report_data(made.study(folder)).groups
    return found


def row_of(grid: Grid, name: str) -> dict[str, Cell]:
    row = next(r for r in grid.rows if r[0].text == made.LABELS[name])
    return dict(zip((h.text for h in grid.heads), row, strict=True))


def test_how_an_ensemble_votes(group: Group) -> None:
    row = row_of(ensembles.votes(group), "vote-small")
    known = next(e for e in group.ensembles if e["run"] == "vote-small")
    assert row["Strategy"].detail == "blanks dropped, canonical votes"
    assert row["Weight of a vote"].text == known["weighed_by"]
    assert row["Members"].text == "Qwen2.5 Coder 0.5B, SmolLM2 135M"
    assert row["Gain"].sort == known["score"] - known["best_member_score"]


def test_costs_are_sums_with_their_uncertainty(group: Group) -> None:
    row = row_of(ensembles.costs(group), "vote-small")
    known = next(e for e in group.ensembles if e["run"] == "vote-small")
    watt_hours = known["energy_gross_j"] / 3600
    assert row["Energy"].text == f"~{watt_hours:.3f} Wh"
    assert row["Energy"].detail == f"± {known['energy_gross_uncertainty_j'] / 3600:.3f} Wh"
    assert row["Uncertainty in common"].text == "± 0.042 Wh"
    assert row["Uncertainty of their own"].text == "± 0.031 Wh"
    assert row["Answering energy"].sort == known["energy_answer_j"]
    assert row["Wall time"].sort == known["wall_s"]
    assert row["Tokens read"].sort == known["prompt_tokens"]
    assert row["Tokens generated"].sort == known["completion_tokens"]
    assert row["Price of tokens"].text == "0.0310 EUR"
    assert row["Time a question, in turn"].text == "9.40 s"
    assert row["Side by side"].text == "5.10 s"


def test_what_is_unknown_of_an_ensemble_has_its_reason(group: Group) -> None:
    row = row_of(ensembles.costs(group), "vote-all")
    assert row["Energy"].missing == "the energy of member qwen-1.5b is unknown"
    unknown = [h for h, cell in row.items() if cell.missing is not None]
    assert unknown == [
        "Energy", "Uncertainty in common", "Uncertainty of their own", "Answering energy",
        "Price of tokens", "Side by side",
    ]  # fmt: skip
    assert {row[h].text for h in unknown} == {"not measured"}
