"""Every case of the strict rule, with why it was decided so."""

from __future__ import annotations

import time

import pytest

from wattbench.scoring.rules import Prediction, Verdict, judge, overall
from wattbench.study.judgement import RuleName, Weights
from wattbench.study.questions import Question


def question(
    value: str, *, unit: str | None = None, refs: tuple[str, ...] = ("a",), na: bool = False
) -> Question:
    return Question(
        id="q1", position=0, line=2, text="?", unit=unit, value=value, refs=refs,
        raw_refs="", kinds=("na",) if na else (), explanation=None,
    )  # fmt: skip


def judged(gold: Question, prediction: Prediction | None) -> Verdict:
    verdict = judge("strict", gold, prediction)
    assert verdict is not None
    return verdict


RIGHT = [
    ("13900", "13,900", None),
    ("13.2", "13.20%", "percent"),
    ("5439000", "5.439 million liters", "liters"),
    ("5439000", "5.439M", "liters"),
    ("2000000000", "2b", None),
    ("64.7", "64.7 GB", "GB"),
    ("64.7", "64700 MB", "GB"),
    ("64.7", "64.7 gigabytes", "GB"),
    ("1287", "1.287 GWh", "MWh"),
    ("28", "28 samples per batch", "samples"),
    ("2510000", "$2.51 million", "USD"),
    ("0.00018", "1.8e-4", None),
    ("180000", "1.8 x 10^5", None),
    ("13", "~13 days", "days"),
    ("6.7", "6.7x", "multiplier"),
    ("1", "True", None),
    ("0", "no.", None),
    ("TRUE", "1", None),
    ("1000", "1000.9", None),
    ("-5", "\u22125", None),
    ("3.14e23", "3.14 \u00d7 10\u00b2\u00b3", None),
    ("1287", "1\u202f287 MWh", "MWh"),
    ("[80,90]", "80-90%", "percent"),
    ("[80,90]", "between 80 and 90", None),
    ("[80,90]", "[90, 80]", None),
    ("80-90", "[80,90]", None),
    ("[1000000,2000000]", "1-2 million", None),
    ("[0.02,0.1]", "0.02 to 0.1 bottles", "500 mL bottles"),
    ("[-5,-3]", "-5 to -3", None),
    ("{a,b}", "[B, a]", None),
    ("[GPT-3, Meena]", "Meena and gpt 3", None),
    ("[0.06,3,426]", "[426,3,0.06]", None),
    ("ML.ENERGY Benchmark", "the ML.ENERGY  benchmark", None),
    ("GPT-3", "gpt 3", None),
    ("GPT-3", "a GPT-3", None),
    ("-5 dollars", "\u22125 dollars", None),
    ("B", "the B", None),
    ("None", "none", None),
]  # fmt: skip

WRONG = [
    ("0", "0.001", None),
    ("0.0004", "0.0012", None),
    ("1000", "1001.1", None),
    ("64.7", "64.7 MB", "GB"),
    ("4", "4 or 5", None),
    ("10000", "more than 10000", None),
    ("[80,90]", "85", None),
    ("[80,90]", "80-91", None),
    ("85", "80-90", None),
    ("[0.06,3,426]", "[0.06,3]", None),
    ("GPT-3", "GPT-4", None),
    ("Llama 3.1", "Llama 31", None),
    ("3D printing", "3", None),
    ("C++", "C", None),
    ("B", "A, B", None),
    ("B", "A B", None),
    ("5 dollars", "-5 dollars", None),
    ("-5 dollars", "5 dollars", None),
    ("5 dollars", ".5 dollars", None),
    ("5 dollars", "(\u20135 dollars)", None),
    ("$5 in cash", "-$5 in cash", None),
    ("1/2", "-1/2", None),
    ("4", "is_blank", None),
    ("4", "", None),
    ("4", "inf", None),
    ("2", "2x100", None),
    ("-5", "5", None),
    ("1.5", "1 5", None),
    ("[80,90]", "80 90", None),
    ("5", "5m", None),
]


@pytest.mark.parametrize(("gold", "predicted", "unit"), RIGHT)
def test_right(gold: str, predicted: str, unit: str | None) -> None:
    verdict = judged(question(gold, unit=unit), Prediction(predicted, ("a",)))
    assert verdict.value_correct, verdict.why
    assert verdict.na_correct


@pytest.mark.parametrize(("gold", "predicted", "unit"), WRONG)
def test_wrong(gold: str, predicted: str, unit: str | None) -> None:
    verdict = judged(question(gold, unit=unit), Prediction(predicted, ("a",)))
    assert not verdict.value_correct, verdict.why
    assert verdict.na_correct


def test_missing_and_failed_answers_are_wrong_on_every_kind_of_question() -> None:
    for prediction in (None, Prediction(None, (), "timeout")):
        answerable = judged(question("4"), prediction)
        assert (answerable.value_correct, answerable.ref_overlap) == (False, 0.0)
        unanswerable = judged(question("is_blank", refs=(), na=True), prediction)
        assert (unanswerable.value_correct, unanswerable.na_correct) == (False, False)
        assert unanswerable.ref_overlap == 0.0
    assert judged(question("4"), Prediction(None, (), "timeout")).why == "failed: timeout"


def test_unanswerable_questions() -> None:
    gold = question("is_blank", refs=(), na=True)
    assert judged(gold, Prediction("is_blank")) == Verdict(
        value_correct=True, ref_overlap=1.0, na_correct=True, why="abstained as it should"
    )
    answered = judged(gold, Prediction("4", ("a",)))
    assert (answered.value_correct, answered.na_correct) == (False, False)


@pytest.mark.parametrize(
    ("cited", "overlap"),
    [(("ref_id=A",), 0.5), (("[b]", " a "), 1.0), (("a", "c"), 1 / 3), ((), 0.0)],
)
def test_references_are_normalised(cited: tuple[str, ...], overlap: float) -> None:
    gold = question("4", refs=("a", "b"))
    assert judged(gold, Prediction("4", cited)).ref_overlap == pytest.approx(overlap)


def test_without_unanswerable_questions_their_weight_goes_to_the_rest() -> None:
    weights = Weights(value=0.75, ref=0.15, na=0.10)
    assert overall("strict", weights, value=0.5, ref=1.0, na=None) == pytest.approx(
        (0.75 * 0.5 + 0.15) / 0.9
    )
    assert overall("wattbot-v1", weights, value=0.5, ref=1.0, na=None) == pytest.approx(0.625)


@pytest.mark.parametrize("rule", ["strict", "wattbot-v1", "wattbot-v2"])
@pytest.mark.parametrize(
    "value",
    [
        "[" * 100_000, "1 " * 50_000, " " * 100_000 + "-", "9" * 100_000, "[" + "1," * 50_000,
        f"[{'9' * 1000}]", "[" * 600 + "]" * 600, "[" * 20_000 + "a" + "]" * 20_000,
    ],
)  # fmt: skip
def test_a_model_that_loops_does_not_stop_the_scoring(rule: RuleName, value: str) -> None:
    started = time.monotonic()
    verdict = judge(rule, question("[80,90]"), Prediction(value, (value,)))
    assert verdict is not None
    assert not verdict.value_correct
    assert time.monotonic() - started < 5
