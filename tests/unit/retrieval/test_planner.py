from __future__ import annotations

import json

import pytest

from wattbench.retrieval.planner import plan_question, plan_rules, plan_with_model


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
    ("reply", "expected"),
    [
        ('["energy of T5", "energy of Meena"]', ["Q x?", "energy of T5", "energy of Meena"]),
        ('Sure:\n```json\n["energy of T5"]\n```', ["Q x?", "energy of T5"]),
        ('["q x", "energy of T5", "energy of T5 "]', ["Q x?", "energy of T5"]),
        ("no list", ["Q x?"]),
        ('["a b", 3]', ["Q x?"]),
        ('{"a": 1}', ["Q x?"]),
        ("][", ["Q x?"]),
        ("[" * 100_000 + "]" * 100_000, ["Q x?"]),
        ("", ["Q x?"]),
    ],
)
def test_a_models_plan_or_the_question_alone(reply: str, expected: list[str]) -> None:
    prompts: list[str] = []

    def ask(prompt: str) -> str:
        prompts.append(prompt)
        return reply

    assert plan_with_model(ask, "Q x?", 3) == expected
    assert "Q x?" in prompts[0]


def test_a_models_plan_is_cut() -> None:
    reply = json.dumps([f"query number {n}" for n in range(9)])
    assert len(plan_with_model(lambda _: reply, "Q?", 3)) == 3
