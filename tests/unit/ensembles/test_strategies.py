"""Voting on one question, and the recorded majority ensemble."""

from __future__ import annotations

import csv
import itertools
import json
from pathlib import Path

import pytest

from wattbench.ensembles.strategies import Ballot, decide
from wattbench.study.inference import Strategy, Votes
from wattbench.tables.values import canonical_value

RECORDED = Path(__file__).parents[3] / ".." / "shared" / "reference" / "data" / "wattbot"
ARCHIVE = RECORDED / "train" / "archive"


def ballots(*values: str | None, weights: tuple[float, ...] = ()) -> list[Ballot]:
    given = weights or (1.0,) * len(values)
    return [
        Ballot(f"m{i}", value, (f"ref{i}",), weight)
        for i, (value, weight) in enumerate(zip(values, given, strict=True))
    ]


@pytest.mark.parametrize(
    ("values", "strategy", "ignore_blank", "expected"),
    [
        (("0.5", "7", ".50"), "majority", False, "0.5"),
        (("7", "0.5", "5e-1"), "majority", False, "0.5"),
        (("80-90", "1", "[90, 80]"), "majority", False, "80-90"),
        (("is_blank", "NA", "4"), "majority", False, "is_blank"),
        (("is_blank", "NA", "4"), "majority", True, "4"),
        (("is_blank", "NA", "4"), "answer_priority", False, "4"),
        (("a", "b"), "majority", False, "a"),
        ((None, "b"), "majority", False, "b"),
        (("", "5", "6", "6"), "first_non_blank", False, "5"),
        (("is_blank", None), "first_non_blank", False, "is_blank"),
        ((None, None), "majority", True, None),
    ],
)
def test_winner(
    values: tuple[str | None, ...], strategy: Strategy, ignore_blank: bool, expected: str | None
) -> None:
    assert decide(ballots(*values), strategy, ignore_blank=ignore_blank).value == expected


def test_only_winners_references_are_kept() -> None:
    outcome = decide(ballots("4", "5", "4.0"), "majority", ignore_blank=False)
    assert outcome.refs == ("ref0", "ref2")
    assert outcome.won == (True, False, True)
    assert not outcome.unanimous


def test_confidence_weighs_votes() -> None:
    outcome = decide(
        ballots("4", "5", "5", weights=(0.9, 0.4, 0.4)), "confidence", ignore_blank=False
    )
    assert outcome.value == "4"
    assert not outcome.by_order


def test_ties_are_decided_by_order_and_said_so() -> None:
    for order in itertools.permutations(["x", "y", "z"]):
        outcome = decide(ballots(*order), "majority", ignore_blank=False)
        assert outcome.value == order[0]
        assert outcome.by_order
    # 0.1 + 0.2 is not 0.3 to a computer, but it is a tie.
    votes = ballots("b", "a", "a", weights=(0.3, 0.1, 0.2))
    tie = decide(votes, "confidence", ignore_blank=False)
    assert (tie.value, tie.by_order) == ("b", True)


@pytest.mark.parametrize(
    ("values", "ignore_blank", "expected"),
    [
        (("0.5", "7", ".50"), False, "0.5"),
        (("7", "4.0", "4.0"), False, "4.0"),
        (("A", "a", "a"), False, "a"),
        (("is_blank", "NA", "4"), False, "is_blank"),
        (("NA", "is_blank", "4"), True, "4"),
        (("", " ", "4"), False, "4"),
        (("", "is_blank"), True, "is_blank"),
        (("", " "), False, "is_blank"),
        (("none", "none", "4"), True, "none"),
    ],
)
def test_raw_votes_are_texts(values: tuple[str, ...], ignore_blank: bool, expected: str) -> None:
    found = decide(ballots(*values), "majority", ignore_blank=ignore_blank, votes="raw")
    assert found.value == expected


def test_units_ranges_and_lists_are_one_vote() -> None:
    for one, other, unit in [
        ("1500 W", "1.5 kW", "W"),
        ("80 to 90", "[80, 90]", None),
        ("{b, a}", "['a', 'b']", None),
        ("13,900", "13900", None),
        ("yes", "1", None),
        ("The ML.ENERGY Benchmark", "ml.energy benchmark", None),
    ]:
        cast = ballots("x", one, other)
        assert decide(cast, "majority", ignore_blank=False, unit=unit).value == one


@pytest.mark.skipif(not ARCHIVE.is_dir(), reason=f"no recorded ensemble at {ARCHIVE}")
@pytest.mark.parametrize("votes", ["raw", "canonical"])
def test_the_recorded_majority_is_reproduced(votes: Votes) -> None:
    folder = ARCHIVE / "ensemble-top3-majority"
    summary = json.loads((folder / "summary.json").read_text())
    members = {}
    for name in summary["models"]:
        with (ARCHIVE / name / "submission.csv").open(newline="", encoding="utf-8-sig") as stream:
            members[name] = {row["id"]: row for row in csv.DictReader(stream)}
    recorded = json.loads((folder / "results.json").read_text())
    for entry in recorded:
        cast = [
            Ballot(name, rows[entry["id"]]["answer_value"], json.loads(_listed(rows[entry["id"]])))
            for name, rows in members.items()
        ]
        ignore_blank = summary["ignore_blank"]
        outcome = decide(cast, "majority", ignore_blank=ignore_blank, votes=votes)
        if votes == "raw":
            assert outcome.value == entry["pred_value"], entry["id"]
            assert list(outcome.refs) == json.loads(entry["pred_ref"]), entry["id"]
        else:
            found = canonical_value(outcome.value)
            assert found == canonical_value(entry["pred_value"]), entry["id"]
    assert len(recorded) == 41


def _listed(row: dict[str, str]) -> str:
    cell = row["ref_id"]
    return cell if cell.startswith("[") else json.dumps([cell])
