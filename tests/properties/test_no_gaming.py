"""No part of a submission beats the whole one under `strict`, and no hedged answer is right."""

from __future__ import annotations

import random

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as some

from wattbench.errors import InputError
from wattbench.scoring import strict
from wattbench.scoring.gold import Gold
from wattbench.scoring.intervals import components
from wattbench.scoring.judging import by_question, judge_runs, verdict_arrays
from wattbench.study.judgement import Scoring, Weights
from wattbench.study.questions import Question
from wattbench.tables.values import BLANK

TRIES = 10_000
WHOLE = 100
QUESTIONS = 12
PLACE = {"environment": "local", "questions": "set"}
ANSWERS = ("4", "4.0 GB", "[80,90]", "85", "GPT-3", "the gpt 3", BLANK, "", "5", "NA")


def question(place: int, rng: random.Random) -> Question:
    value = rng.choice(("4", "[80,90]", "GPT-3", BLANK))
    return Question(
        id=f"q{place}", position=place, line=2, text="?", unit=rng.choice(("GB", None)),
        value=value, refs=() if value == BLANK else ("a",), raw_refs="",
        kinds=("na",) if value == BLANK else (), explanation=None,
    )  # fmt: skip


def table(rows: list[dict[str, object]]) -> pa.Table:
    return pa.Table.from_pylist(
        rows,
        schema=pa.schema(
            [("question_id", pa.string()), ("value", pa.string()),
             ("refs", pa.list_(pa.string())), ("error", pa.string())]
        ),
    )  # fmt: skip


@pytest.mark.parametrize("weights", [Weights(), Weights(value=0.2, ref=0.2, na=0.6)])
def test_no_part_beats_the_whole(weights: Weights) -> None:
    rng = random.Random(0)
    questions = [question(place, rng) for place in range(QUESTIONS)]
    scoring, gold = Scoring(weights=weights), Gold(questions)
    runs: dict[str, pa.Table] = {}
    wholes = {}
    for number in range(WHOLE):
        rows = [
            {
                "question_id": one.id,
                "value": rng.choice((one.value, *ANSWERS)),
                "refs": rng.sample(["a", "b", "A"], rng.randrange(3)),
                "error": None,
            }
            for one in questions
        ]
        runs[f"w{number}"] = table(rows)
        for attempt in range(TRIES // WHOLE):
            part = rng.sample(rows, rng.randrange(QUESTIONS))
            runs[f"w{number}-{attempt}"] = table(part)
            wholes[f"w{number}-{attempt}"] = f"w{number}"
            if part:
                with pytest.raises(InputError, match="more than one answer"):
                    by_question([*rows, rng.choice(part)], where="it")
    scores = judge_runs(scoring, gold, runs, PLACE, {})
    verdicts = verdict_arrays("strict", questions, list(runs), scores)
    found = dict(zip(runs, components("strict", weights, verdicts).score[0], strict=True))
    better = [name for name, whole in wholes.items() if found[name] > found[whole]]
    assert len(wholes) == TRIES
    assert better == []
    assert any(found[name] < found[whole] for name, whole in wholes.items())


JOINERS = (
    " or ", "/", " / ", ", ", ",", " and ", "; ", " (", " [", "-", " - ", " to ", "\n", " ", "  ",
    " | ", "|", " vs ", " \u2013 ", " \u00b1 ", " +/- ", " if not ", " = ", " ~", " maybe ", ":",
    " possibly $", " ... ", " not ", " but ", " at most ", " versus ", " x ", " alternatively ",
    " & ", "\u00a0",
)  # fmt: skip
UNITS = (
    "",
    "%",
    " %",
    " GB",
    "GB",
    "x",
    " days",
    "K",
    " million",
    "\u00b0",
    " percent",
    " samples",
)
NUMBERS = some.one_of(
    some.integers(0, 10**7).map(str),
    some.decimals(0, 1000, places=2).map(str),
    some.sampled_from(["1e5", "1,000", "5", "6", "0", "1"]),
)


@given(
    numbers=some.lists(
        NUMBERS, min_size=2, max_size=3, unique_by=lambda one: float(one.replace(",", ""))
    ),
    joiner=some.sampled_from(JOINERS),
    unit=some.sampled_from(UNITS),
    asked=some.sampled_from([None, "GB", "percent", "days", "samples", "multiplier"]),
)
def test_who_states_several_numbers_states_none(
    numbers: list[str], joiner: str, unit: str, asked: str | None
) -> None:
    hedged = joiner.join(f"{number}{unit}" for number in numbers)
    right = [one for one in numbers if strict.value_correct(one, hedged, asked)[0]]
    assert right == [], hedged
    listed = f"[{', '.join(numbers)}]"
    assert not any(strict.value_correct(one, listed, asked)[0] for one in numbers)


@pytest.mark.parametrize("joiner", JOINERS)
@pytest.mark.parametrize("words", [("true", "false"), ("Yes", "No"), ("1", "0"), ("False", "1")])
def test_who_says_both_says_neither(words: tuple[str, str], joiner: str) -> None:
    for gold in ("1", "0", "True", "False"):
        for said in (words, words[::-1]):
            assert not strict.value_correct(gold, joiner.join(said), None)[0]


@given(
    ends=some.lists(some.integers(0, 1000), min_size=2, max_size=2, unique=True).map(sorted),
    wide=some.lists(some.integers(1, 1000), min_size=2, max_size=2),
)
def test_a_wider_range_is_another_range(ends: list[int], wide: list[int]) -> None:
    wider = f"{ends[0] - wide[0] - 1}-{ends[1] + wide[1] + 1}"
    assert not strict.value_correct(f"[{ends[0]},{ends[1]}]", wider, None)[0]
    assert not strict.value_correct(str(ends[0]), wider, None)[0]
    assert not strict.value_correct(f"[{ends[0]},{ends[1]}]", "-inf to inf", None)[0]
