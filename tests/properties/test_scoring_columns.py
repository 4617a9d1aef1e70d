"""Answers judged as columns are judged as one by one, to the last bit."""

from __future__ import annotations

import random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as some

from wattbench.scoring.columns import judge_columns
from wattbench.scoring.gold import Gold
from wattbench.scoring.plain_columns import AT_ONCE
from wattbench.scoring.rules import Prediction, judge
from wattbench.study.judgement import RULES
from wattbench.study.questions import Question, parse_refs

UNITS = (None, "GB", "percent", "MWh", "days", "500 mL bottles")
NUMBERS = some.one_of(
    some.decimals(-10_000, 10_000, places=3).map(str),
    some.integers(-(10**20), 10**20).map(str),
    some.integers(0, 10**8).map(lambda number: f"{number:,}"),
    some.floats(allow_nan=True).map(repr),
    some.sampled_from(
        ["0", "1", "-0", "+5", "5.", ".5", "1e5", "1e400", "1.8 x 10^5", "1_000", "inf", "nan",
         "3.14 \u00d7 10\u00b2\u00b3", "$2.51", "\u22125", "1\u202f287", "0.0004", "80", "90",
         "1.234,5", "1.234.567", "1 234 567", "1 234,5", "12 345", "1 2345", "5*10^3", "5x10**3"]
    ),
)  # fmt: skip
TAILS = some.sampled_from(
    ["", "", "", " GB", "GB", " MB", "%", " percent", "K", " million", " m", "t", " days", " of 5",
     " kWh per day", "x", ".", "..", " GB.", " bottles", " or 5",
     "% or 6%", "x 7x", " (6)", " GB / 6 GB", " CO2", " m^2", " hours", " min", " dozen",
     " hundred", " \u00bd", " at least", " GB or so"]
)  # fmt: skip
HEADS = some.sampled_from(
    ["", "", "", "~", "about ", "More than ", "up to ", "$", "'", '"', " ", "from "]
)
NUMBER_TEXTS = some.tuples(HEADS, NUMBERS, TAILS).map("".join)
SPANS = some.tuples(
    some.sampled_from(["", "[", "from ", "between "]), NUMBERS, some.sampled_from(["", "%", " W"]),
    some.sampled_from(["-", " - ", "\u2013", " to ", " and ", ",", ", "]), NUMBERS,
    some.sampled_from(["", "]", "%", " W", " million"]),
).map("".join)  # fmt: skip
WORDS = some.sampled_from(
    ["GPT-3", "gpt 3", "the GPT-3", "The  ML.ENERGY benchmark", "an", "a b", "C++", "C#", "yes",
     "True.", "no", "is_blank", "NA", "n/a", "none", "", " ", "unable to answer", "not available",
     "unable to answer with confidence based on the provided documents", "water consumption",
     "Stra\u00dfe", "\ufb01ne", "inf", "nan", "i,nf", "Norway", "[a, b]", "{b,a}", "b and a",
     "[GPT-3, Meena]", "Meena, gpt 3", "x" * 250, "9" * 250, "a\tb", "...", "'", "_x_",
     "5 .", "5 ,", "1,000e5", "1.5k", "-12 M", "+3b", "5-3", "5 to 3", "From 3 to 5.0", "3-5-7",
     "[the GPT-3, Meena]", "[true, GPT-3]", "[tRue, 4.0]", "[nan, a]", "[a,nan]", "{Meena}",
     "1/2", "1.2", "10:1", "Llama 3.1", "llama-3.1.", "3.1", "a.1", "1.", ".5 x", "2,5-b", "a/b",
     "-5 x", "5 x", "(-.5 x)", "x -$5 y", "$.5 x y", "..5 x", "5 x -6", "A, B", "A", "B", "a bb"]
)  # fmt: skip
ITEMS = some.one_of(
    some.sampled_from(["GPT-3", "gpt 3", "Meena", "the Meena", "A", "b", " ", "4", "4.0", "5 GB"]),
    NUMBER_TEXTS,
)
LISTS = some.tuples(
    some.sampled_from(["[", "{", " ["]), some.lists(ITEMS, max_size=3).map(", ".join),
    some.sampled_from(["]", "}", "] "]),
).map("".join)  # fmt: skip
TEXTS = some.one_of(NUMBER_TEXTS, SPANS, LISTS, LISTS, WORDS, some.text(max_size=12))
REFS = some.lists(
    some.sampled_from(["a", "A", "ref_id=b", "[b]", " c ", "is_blank", "d'e", 'f"g', "", "h\\i"]),
    max_size=3,
)  # fmt: skip
ANSWERS = some.one_of(
    some.none(),
    some.builds(Prediction, some.none(), REFS.map(tuple), some.sampled_from(["timeout", None])),
    some.builds(Prediction, TEXTS, REFS.map(tuple), some.none()),
    some.builds(Prediction, TEXTS, REFS.map(tuple), some.none()),
)
CELLS = some.sampled_from(["['a','b']", "a", "is_blank", "", "[]", "['B', 'c']", '["d\'e"]'])


def question(value: str, unit: str | None, cell: str, *, na: bool) -> Question:
    return Question(
        id="q", position=0, line=2, text="?", unit=unit, value=value, refs=parse_refs(cell),
        raw_refs=cell, kinds=("na",) if na else (), explanation=None,
    )  # fmt: skip


QUESTIONS = some.builds(question, TEXTS, some.sampled_from(UNITS), CELLS, na=some.booleans())


SIGNED_SPANS = ("0- +0", "+1-2", "from 3 to +4", "12345678901234567-2")


def columns_of(answers: list[Prediction | None]) -> pa.Table:
    return pa.table(
        {
            "value": pa.array([None if a is None else a.value for a in answers], pa.string()),
            "refs": pa.array(
                [None if a is None else list(a.refs) for a in answers], pa.list_(pa.string())
            ),
            "error": pa.array([None if a is None else a.error for a in answers], pa.string()),
            "there": pa.array([a is not None for a in answers], pa.bool_()),
        }
    )


@pytest.mark.parametrize("rule", RULES)
@settings(deadline=None, max_examples=300)
@example(
    questions=[question("4", "GB", "a", na=False)],
    asked=[(0, Prediction("4 GB", ("a",))), (0, Prediction("4", ("a", "b"))), (0, None)],
)
@example(  # Ranges to wattbot-v2 whose ends are left to Python.
    questions=[question(value, None, "a", na=False) for value in SIGNED_SPANS],
    asked=[(place, Prediction(value, ())) for place, value in enumerate(SIGNED_SPANS)],
)
@given(
    questions=some.lists(QUESTIONS, min_size=1, max_size=4),
    asked=some.lists(some.tuples(some.integers(0, 3), ANSWERS), max_size=12),
)
def test_columns_and_rows_agree(
    rule: str, questions: list[Question], asked: list[tuple[int, Prediction | None]]
) -> None:
    places = [place % len(questions) for place, _ in asked]
    # Half of the answers repeat the gold text, or nothing would ever be right.
    answers = [
        Prediction(questions[place].value, answer.refs)
        if answer is not None and number % 3 == 0
        else answer
        for number, (place, (_, answer)) in enumerate(zip(places, asked, strict=True))
    ]
    found = judge_columns(
        rule, Gold(questions), np.array(places, dtype=np.intp), columns_of(answers)
    )
    for row, (place, answer) in enumerate(zip(places, answers, strict=True)):
        verdict = judge(rule, questions[place], answer)
        assert bool(found.judged[row]) is (verdict is not None)
        if verdict is None:
            continue
        got = (
            bool(found.value[row]), float(found.ref[row]), bool(found.na[row]),
            found.reasons[found.why[row]],
        )  # fmt: skip
        expected = (
            verdict.value_correct, verdict.ref_overlap, verdict.na_correct, verdict.why,
        )  # fmt: skip
        assert got == expected, (questions[place], answer)


ODD_NUMBERS = ("i,nf", "inf", "1e400", "-inf", "n,an", "in,f", "nan", "infinity", "1,e5", ",1")


@pytest.mark.parametrize("rule", RULES)
def test_numbers_without_an_end_agree(rule: str) -> None:
    gold = [question(value, "GB", "a", na=False) for value in ODD_NUMBERS]
    for place, asked in enumerate(gold):
        for value in (*ODD_NUMBERS, "-INF", "about i,nf", "1,"):
            answer = Prediction(value, ("a",))
            found = judge_columns(
                rule, Gold(gold), np.array([place], dtype=np.intp), columns_of([answer])
            )
            verdict = judge(rule, asked, answer)
            assert bool(found.judged[0]) is (verdict is not None)
            if verdict is not None:
                got = bool(found.value[0]), found.reasons[found.why[0]]
                assert got == (verdict.value_correct, verdict.why), (asked.value, value)


def test_contains_agrees_wherever_an_answer_lies_among_many() -> None:
    rng = random.Random(0)
    words = ("GPT-3", "gpt", "4", "4.5", "-4", "GB", "of", "model_4", "a", "Stra\u00dfe")
    gold = [
        question(value, None, "a", na=False)
        for value in ("GPT-3", "4", "[a, 4]", "{GB,of,gpt}", "-4", "model")
    ]
    places = np.array([rng.randrange(len(gold)) for _ in range(4_000)], dtype=np.intp)
    answers = [
        Prediction(" ".join(rng.choices(words, k=rng.choice((0, 5, 30, 900)))), ()) for _ in places
    ]
    assert sum(len(one.value or "") for one in answers) > 8 * AT_ONCE
    found = judge_columns("contains", Gold(gold), places, columns_of([*answers]))
    verdicts = [
        judge("contains", gold[place], one) for place, one in zip(places, answers, strict=True)
    ]
    right = [verdict is not None and verdict.value_correct for verdict in verdicts]
    assert found.value.tolist() == right
    assert 0 < sum(right) < len(right)
