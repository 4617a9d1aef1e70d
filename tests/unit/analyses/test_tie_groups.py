"""The headline's run and its tie group, from result files to the sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.unit.made_results import ENVIRONMENT, RIGHT, make_study, segment, write_run

from wattbench.analyses.aggregate import aggregate
from wattbench.analyses.headline import headline
from wattbench.errors import InputError
from wattbench.scoring.stage import score
from wattbench.study.layout import Layout
from wattbench.tables.answers import SEGMENTS
from wattbench.tables.files import read_rows, write_rows
from wattbench.tables.runs import RUNS
from wattbench.tables.verdicts import COMPARISONS, SCORES

WRONG = dict.fromkeys(RIGHT, "7")


def tables(folder: Path, energies: dict[str, float | None]) -> list[dict[str, Any]]:
    """Rows of `runs` of a study; all runs but one named 'wrong' are right."""
    study = make_study(folder, list(energies))
    for name, energy in energies.items():
        write_run(study, name, WRONG if name == "wrong" else RIGHT, energy_j=energy)
        score(study, "set", name)
    aggregate(study)
    return read_rows(Layout(folder / "results").table("runs"), RUNS)


def said(rows: list[dict[str, Any]]) -> str:
    return headline(rows).sentence


def test_the_cheapest_of_the_top_group_is_named_with_its_probability(tmp_path: Path) -> None:
    rows = tables(tmp_path, {"dear": 300.0, "cheap": 100.0, "middling": 110.0})
    assert {row["tie_group"] for row in rows} == {1}
    assert [row["run"] for row in rows if row["headline"]] == ["cheap"]
    chances = [row["cheapest_probability"] for row in rows]
    assert sum(chances) == pytest.approx(1)
    assert chances[1] == max(chances)


def test_a_run_of_unknown_energy_never_wins_silently(tmp_path: Path) -> None:
    rows = tables(tmp_path, {"dark": None, "cheap": 100.0, "dear": 300.0})
    assert [row["run"] for row in rows if row["headline"]] == ["cheap"]
    dark, cheap, _ = rows
    assert dark["cheapest_probability"] is None
    assert dark["frontier"] is None
    assert any(
        flag["column"] == "cheapest_probability" and "dark" in flag["detail"]
        for flag in cheap["flags"]
    )
    assert "DARK" in said(rows).upper()


def test_where_no_energy_is_known_the_best_is_named_as_the_best(tmp_path: Path) -> None:
    rows = tables(tmp_path, {"wrong": None, "good": None})
    assert [row["run"] for row in rows if row["headline"]] == ["good"]
    assert "cheapest cannot be named" in said(rows)


@pytest.mark.parametrize("relative", [0.5, 2.0])
def test_an_estimate_however_unsure_costs_more_than_nothing(
    tmp_path: Path, relative: float
) -> None:
    estimate = {"watts_per_core": 10.0, "relative_uncertainty": relative, "source": "a guess"}
    study = make_study(tmp_path, ["good"], energy={"estimate": estimate})
    write_run(study, "good", RIGHT)
    layout = Layout(tmp_path / "results")
    without_meter = segment("good") | {"gpu_uuids": [], "gpu_names": []}
    for phase in without_meter["phases"]:
        phase["devices"] = []
    write_rows(layout.run(ENVIRONMENT, "set", "good").segments, SEGMENTS, [without_meter])
    score(study, "set", "good")
    aggregate(study)
    (row,) = read_rows(layout.table("runs"), RUNS)
    assert row["energy_method"] == "estimated"
    for name, unit in (("energy_per_correct", "j"), ("energy_per_point", "wh")):
        low, middle = row[f"{name}_low_{unit}"], row[f"{name}_{unit}"]
        assert 0 < low < middle / (1 + relative)
        high = row[f"{name}_high_{unit}"]
        assert high is None or high > middle * (1 + relative)


def test_a_run_of_which_nothing_was_judged_is_named(tmp_path: Path) -> None:
    study = make_study(tmp_path, ["good", "open"])
    layout = Layout(tmp_path / "results")
    for name in ("good", "open"):
        write_run(study, name, RIGHT)
        score(study, "set", name)
    # As where the judge gave no verdict on any of its answers.
    write_rows(layout.run(ENVIRONMENT, "set", "open").scores, SCORES, [])
    with pytest.raises(InputError, match="None of its answers was judged") as raised:
        aggregate(study)
    assert raised.value.where == "run 'open'"


def test_of_a_run_without_verdicts_no_difference_is_known(tmp_path: Path) -> None:
    study = make_study(tmp_path, ["good", "open"], scoring={"also": ["exact"]})
    layout = Layout(tmp_path / "results")
    for name in ("good", "open"):
        write_run(study, name, RIGHT)
        score(study, "set", name)
    file = layout.run(ENVIRONMENT, "set", "open").scores
    kept = [row for row in read_rows(file, SCORES) if row["rule"] != "exact"]
    write_rows(file, SCORES, kept)
    aggregate(study)
    pairs = {row["rule"]: row for row in read_rows(layout.table("comparisons"), COMPARISONS)}
    unknown = [name for name in COMPARISONS.names() if name.startswith("difference")]
    assert {pairs["exact"][name] for name in unknown} == {None}
    assert None not in {pairs["strict"][name] for name in unknown}
