"""No part of a submission, and none with repetitions, beats the whole one under `strict`."""

from __future__ import annotations

import random

import pyarrow as pa
import pytest

from wattbench.errors import InputError
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
