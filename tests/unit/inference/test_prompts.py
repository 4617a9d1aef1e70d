"""What the prompts say and which replies their schemas allow."""

from __future__ import annotations

import typing

import pytest

from wattbench.inference.ordering import shared_length
from wattbench.inference.prompts import COMPACT_V1, COMPACT_V2, GUIDE_V1, GUIDE_V2, PROMPTS
from wattbench.study.inference import PromptName

SNIPPETS = [
    {"document_id": "a", "text": "One\n  line."},
    {"document_id": "b", "text": "Braces {x}."},
    {"document_id": "a", "text": "More."},
]


def test_every_prompt_a_study_may_name_is_there() -> None:
    assert set(PROMPTS) == set(typing.get_args(PromptName))
    assert all(name == prompt.name for name, prompt in PROMPTS.items())


@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=list(PROMPTS))
def test_question_unit_and_context_stand_in_the_prompt(prompt: typing.Any) -> None:
    system, user = prompt.messages("How {much}?", "kW", SNIPPETS)
    assert (system.role, user.role) == ("system", "user")
    marks = ("[1]", "[2]") if prompt.numbered else ("[ref_id=a]", "[ref_id=b]")
    shown = "{0} One line.\n---\n{1} Braces {{x}}.\n---\n{0} More.".format(*marks)
    assert shown in user.content
    assert "How {much}?" in user.content
    assert "kW" in user.content
    assert "is_blank" in prompt.messages("How?", None, [])[1].content


def test_references_are_held_to_the_context() -> None:
    schema = COMPACT_V1.schema(SNIPPETS)
    assert schema["properties"]["refs"]["items"]["enum"] == [1, 2]
    assert list(schema["properties"]) == ["explanation", "answer_value", "refs"]
    assert COMPACT_V1.schema([])["properties"]["refs"]["maxItems"] == 0
    assert GUIDE_V1.schema(SNIPPETS)["properties"]["ref_id"]["items"]["enum"] == ["a", "b"]
    assert list(GUIDE_V1.schema(SNIPPETS)["properties"]) == [
        "explanation", "answer", "answer_value", "ref_id", "ref_url", "supporting_materials"
    ]  # fmt: skip


def test_numbers_stand_for_documents_and_what_is_none_stays() -> None:
    assert COMPACT_V1.cited(("2", "1", "2"), SNIPPETS) == ("b", "a")
    assert COMPACT_V1.cited(("3", "a", "0"), SNIPPETS) == ("3", "a", "0")
    assert GUIDE_V1.cited(("2", "a"), SNIPPETS) == ("2", "a")


def test_another_wording_is_another_digest() -> None:
    import dataclasses

    assert COMPACT_V1.digest != GUIDE_V1.digest
    assert COMPACT_V1.digest == dataclasses.replace(COMPACT_V1).digest
    assert dataclasses.replace(COMPACT_V1, system="Answer.").digest != COMPACT_V1.digest


def test_the_compact_prompt_is_short() -> None:
    words = sum(len(m.content.split()) for m in COMPACT_V1.messages("Q?", "kW", []))
    assert words < 100


@pytest.mark.parametrize("prompt", [GUIDE_V2, COMPACT_V2], ids=["guide-v2", "compact-v2"])
def test_what_questions_on_the_same_texts_share_stands_first(prompt: typing.Any) -> None:
    def text(question: str, unit: str | None) -> str:
        return "".join(m.content for m in prompt.messages(question, unit, SNIPPETS))

    one, two = text("How much?", "kW"), text("Since when?", None)
    shared = shared_length(one, two)
    assert one.index("More.") < shared
    assert len(one) - shared < 60


@pytest.mark.parametrize(("old", "new"), [(GUIDE_V1, GUIDE_V2), (COMPACT_V1, COMPACT_V2)])
def test_another_order_asks_for_the_same(old: typing.Any, new: typing.Any) -> None:
    assert (old.fields, old.refs, old.numbered) == (new.fields, new.refs, new.numbered)
    assert old.digest != new.digest
