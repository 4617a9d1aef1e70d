from __future__ import annotations

import pytest

from wattbench.retrieval.planner import plan_question, plan_rules, plan_with


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        ("How much did BLOOM use?", []),
        (
            "How much more did training GPT-3 consume than training GLaM?",
            ["How much more did training GPT-3 consume", "training GLaM"],
        ),
        (
            "What is the power of the H100 compared to the A100?",
            ["What is the power of the H100", "the A100"],
        ),
        (
            "How often do the A100 and the H100 sample their power?",
            [
                "How often do the A100 sample their power",
                "How often do the H100 sample their power",
            ],
        ),
        (
            "What is the difference between T5 and Meena in energy?",
            ["What is the difference T5 in energy", "What is the difference Meena in energy"],
        ),
        (
            "Who trained BLOOM, and how much did it use?",
            ["Who trained BLOOM", "how much did it use"],
        ),
        ("Is it more than half of the total?", []),
        ("How did it change between 2010 and 2018?", []),
        ("What do Li and co-authors find?", []),
    ],
)
def test_rules_split_a_question_into_parts(question: str, parts: list[str]) -> None:
    assert plan_rules(question, 16) == [question, *parts]


def test_at_most_so_many_queries() -> None:
    question = "Do the A100, the H100 and the T4 draw more power than the P100 or the V100?"
    assert plan_rules(question, 16)[0] == question
    assert len(plan_rules(question, 16)) > 3
    assert plan_rules(question, 2) == plan_rules(question, 16)[:2]
    assert plan_rules(question, 1) == plan_question(question, 5) == [question]


@pytest.mark.parametrize(
    ("queries", "expected"),
    [
        (["energy of T5", "energy of Meena"], ["Q x?", "energy of T5", "energy of Meena"]),
        (["q x", "energy of T5", "energy of T5 "], ["Q x?", "energy of T5"]),
        (["T5"], ["Q x?"]),
        ([], ["Q x?"]),
        ([f"query number {n}" for n in range(9)], ["Q x?", "query number 0", "query number 1"]),
    ],
)
def test_a_models_queries_follow_the_question(queries: list[str], expected: list[str]) -> None:
    assert plan_with(queries, "Q x?", 3) == expected
