"""The headline's sentence says what the data say, and what they do not."""

from __future__ import annotations

import math
from typing import Any

import pytest

from wattbench.analyses.headline import choose, headline, joules
from wattbench.tables.contract import unknown


def run(name: str, score: float, answer_j: float | None, **more: Any) -> dict[str, Any]:
    known = answer_j is not None
    row = {
        "run": name, "label": name.upper(), "score": score, "score_low": score - 0.1,
        "score_high": score + 0.1, "question_count": 50, "top_group": True, "headline": False,
        "energy_method": "counter" if known else None, "energy_scope": "device" if known else None,
        "energy_answer_j": answer_j,
        "energy_answer_uncertainty_j": 0.05 * answer_j if answer_j else None,
        "cheapest_probability": None,
        "energy_per_correct_j": answer_j / 20 if answer_j else None,
        "energy_per_correct_low_j": answer_j / 25 if answer_j else None,
        "energy_per_correct_high_j": answer_j / 15 if answer_j else None,
        "flags": [] if known else [unknown("energy_answer_j", "no GPU meter")],
    }  # fmt: skip
    return row | more


def said(*rows: dict[str, Any]) -> str:
    chosen = choose(rows)
    assert chosen is not None
    rows[chosen]["headline"] = True
    return headline(rows).sentence


def test_questions_are_counted_as_people_write_them() -> None:
    assert "on 10,000 questions;" in said(run("a", 0.9, 10.0, question_count=10_000))
    assert "on 1 question;" in said(run("a", 0.9, 10.0, question_count=1))


def test_the_cheapest_of_the_top_group_is_chosen() -> None:
    rows = [
        run("big", 0.9, 1000.0),
        run("small", 0.85, 100.0),
        run("tiny", 0.4, 10.0, top_group=False),
    ]
    assert choose(rows) == 1
    sentence = said(*rows)
    assert sentence == (
        "SMALL is the cheapest of the best: it scores 0.85 [0.75\u20130.95] on 50 questions, "
        "where the data cannot tell 2 of 3 runs apart. A correct answer costs "
        "5 J [4 J\u20136.67 J], measured by an energy counter. It answers with 90 % less energy "
        "than BIG, which scores highest (0.90)."
    )


def test_a_run_without_energy_is_not_the_cheapest_but_is_named() -> None:
    rows = [run("dark", 0.9, None), run("small", 0.85, 100.0)]
    assert choose(rows) == 1
    sentence = said(*rows)
    assert sentence.startswith("SMALL is the one run of the best whose energy is known: it scores")
    assert "Of DARK the energy is unknown; it may be cheaper." in sentence
    more = said(*(row | {"headline": False} for row in rows), run("big", 0.9, 1000.0))
    assert more.startswith("SMALL is the cheapest of the best whose energy is known: it scores")


def test_without_any_energy_the_best_is_named_and_the_reason_given() -> None:
    rows = [run("a", 0.8, None), run("b", 0.9, None)]
    sentence = said(*rows)
    assert sentence.startswith("B scores highest of the runs")
    assert "the data cannot tell the 2 runs apart" in sentence
    assert sentence.endswith("No energy is known (no GPU meter), so the cheapest cannot be named.")
    assert not headline(rows).energy_known


def test_an_estimate_is_called_one() -> None:
    rows = [run("a", 0.9, 100.0, energy_method="estimated"), run("b", 0.85, 500.0)]
    sentence = said(*rows)
    assert "an estimate from CPU time, no measurement" in sentence
    assert "not all measured in one way" in sentence
    assert headline(rows).estimated


def test_a_winner_that_stands_alone() -> None:
    rows = [run("a", 0.9, 100.0), run("b", 0.3, 10.0, top_group=False)]
    assert "the data tell it apart from every other of the 2 runs" in said(*rows)
    assert "only run" in said(run("a", 0.9, 100.0))


@pytest.mark.parametrize(
    ("probability", "text"),
    [(0.634, "63 %"), (0.99, "99 %"), (1.0, "above 99 %"), (0.002, "below 1 %")],
)
def test_how_sure_it_is_that_it_is_the_cheapest(probability: float, text: str) -> None:
    rows = [run("a", 0.9, 100.0, cheapest_probability=probability), run("b", 0.9, 105.0)]
    assert f"The probability that it is the cheapest of these 2 is {text}." in said(*rows)


def test_unknown_energies_take_no_part_in_how_sure_it_is() -> None:
    rows = [
        run("a", 0.9, 100.0, cheapest_probability=0.8),
        run("b", 0.9, 105.0),
        run("dark", 0.9, None),
    ]
    assert "the cheapest of the 2 whose energy is known is 80 %." in said(*rows)
    assert "probability" not in said(rows[0] | {"headline": False}, rows[2])


def test_a_probability_that_is_not_known_is_not_said() -> None:
    assert "probability" not in said(run("a", 0.9, 100.0), run("b", 0.9, 105.0))


def test_nothing_right_and_open_intervals() -> None:
    nothing = run("a", 0.1, 100.0, energy_per_correct_j=None)
    assert "got nothing right" in said(nothing)
    open_ended = run("a", 0.1, 100.0, energy_per_correct_high_j=None)
    assert "[at least 4 J]" in said(open_ended)


def test_energy_that_came_out_as_nothing_is_not_taken_for_no_right_answer() -> None:
    nothing = run("a", 0.9, 0.0, energy_per_correct_j=None)
    sentence = said(nothing, run("b", 0.9, 100.0))
    assert "came out as 0 J (measured by an energy counter), which no answer takes" in sentence
    assert "nothing right" not in sentence
    assert "less energy" not in sentence


def test_of_equal_scores_no_other_run_is_said_to_score_highest() -> None:
    sentence = said(run("dear", 0.1 + 0.2, 100.0), run("cheap", 0.3, 50.0))
    assert "50 % less energy than DEAR, the most expensive of them" in sentence
    assert "highest" not in sentence


@pytest.mark.parametrize(
    ("joules", "text"),
    [(60.0, "40 %"), (0.5, "99.50 %"), (1e-4, "over 99.99 %"), (100.0, "no")],
)
def test_how_much_less(joules: float, text: str) -> None:
    assert f"answers with {text} less energy" in said(run("a", 0.9, joules), run("b", 0.9, 100.0))


def test_labels_for_people_replace_names() -> None:
    rows = [run("a", 0.9, 100.0, headline=True)]
    assert headline(rows, {"a": "Model A"}).sentence.startswith("Model A scores")


def test_a_run_of_which_nothing_was_judged_is_never_chosen() -> None:
    rows = [run("dark", math.nan, 1.0), run("good", 0.5, 10.0)]
    assert "GOOD" in said(*rows)
    assert "nan" not in said(*rows)
    assert choose(rows[:1]) is None


def test_no_run_at_all() -> None:
    assert headline([]).run is None
    assert choose([]) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.523, "0.523 J"), (12.34, "12.3 J"), (999.9, "1000 J"), (1234.0, "1.23 kJ"), (5e6, "5 MJ")],
)
def test_joules(value: float, text: str) -> None:
    assert joules(value) == text
