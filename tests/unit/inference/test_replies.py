"""What models write, read as they mean it."""

from __future__ import annotations

import time

import pytest

from wattbench.inference.confidence import value_confidence
from wattbench.inference.replies import Answer, Unparsable, normal_refs, normal_value, parse_reply


def answer(text: str) -> Answer:
    found = parse_reply(text)
    assert isinstance(found, Answer), found
    return found


@pytest.mark.parametrize(
    "text",
    [
        '{"answer_value": "42", "ref_id": ["a"]}',
        'Here you go:\n```json\n{"answer_value": 42, "ref_id": "a",}\n```\nHope it helps!',
        '{"answer_value": 42.0, "ref_id": ["[ref_id=a]"],\n "explanation": "line\nbreak"}',
        '{"Answer_Value": 42, "REF_ID": "ref_id=a"}',
        '{"explanation": NaN, "answer_value": 42, "ref_id": ["a", "a", "is_blank"]}',
        '{"answer_value": 42, "ref_id": ["a"], "explanation": "cut in the mid',
        '{"answer_value": 42, "ref_id": ["a"]} and {more braces}',
        "- explanation  it says so\n- answer_value  42\n- ref_id  a",
        "answer_value: 42\nref_id: a\n",
        '{"answer_value": [42], "ref_id": ["a"]}',
    ],
)
def test_many_ways_of_saying_42(text: str) -> None:
    found = answer(text)
    assert (found.value, found.refs, found.blank) == ("42", ("a",), False)


@pytest.mark.parametrize("value", ["is_blank", "", "N/A", "none", "Unable to answer with it"])
def test_an_abstention_cites_nothing(value: str) -> None:
    found = answer(f'{{"answer_value": "{value}", "ref_id": ["a"]}}')
    assert (found.value, found.blank, found.refs) == ("is_blank", True, ())


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("True", "1"), ("yes", "1"), (True, "1"), ("No", "0"), (False, "0"), ("80-90", "[80,90]"),
        ("4.2 to 6.6", "[4.2,6.6]"), ([4.2, 6.6], "[4.2,6.6]"), (["Alpaca", "GSM8K"],
        '["Alpaca","GSM8K"]'), (1287.0, "1287"), (1e300, "1e+300"), ("1,287", "1,287"),
        ("Jean Zay", "Jean Zay"), ("GPT-3", "GPT-3"), (None, "null"), ({"a": 1}, '{"a":1}'),
    ],
)  # fmt: skip
def test_values(written: object, expected: str) -> None:
    assert normal_value(written) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("a, b", ("a", "b")), ("['a','b']", ("a", "b")), ("[ref_id=a] [ref_id=b]", ("a", "b")),
        (["a", None, "N/A", "a"], ("a",)), ("is_blank", ()), (None, ()), (["[a]"], ("a",)),
        (7, ("7",)),
    ],
)  # fmt: skip
def test_refs(written: object, expected: tuple[str, ...]) -> None:
    assert normal_refs(written) == expected


@pytest.mark.parametrize("text", ["", "no idea", "{}", '{"ref_id": "a"}', "[1, 2]", "{" * 5000])
def test_what_cannot_be_read_says_why(text: str) -> None:
    found = parse_reply(text)
    assert isinstance(found, Unparsable)
    assert found.reason


def test_a_value_that_was_cut_is_no_answer() -> None:
    assert isinstance(parse_reply('{"explanation": "so", "answer_value": "12'), Unparsable)


def test_lone_surrogates_become_storable() -> None:
    found = answer(
        '{"answer_value": "\\ud800x", "explanation": "a\\u0000b", "ref_id": ["\\udfff"]}'
    )
    assert found.value == "?x"
    assert found.explanation == "ab"


def test_a_runaway_reply_costs_no_time() -> None:
    started = time.process_time()
    for text in ("{" * 10**7, '{"a": "' + "x" * 10**7, "- answer" + " " * 10**7, "[" * 10**7):
        assert isinstance(parse_reply(text), Unparsable)
    assert time.process_time() - started < 5


def test_confidence_is_of_the_values_tokens_alone() -> None:
    tokens = [('{"answer_value": "', -9.0), ("12", -0.1), ("87", -0.3), ('", "ref_id": []}', -9.0)]
    text = "".join(token for token, _ in tokens)
    assert value_confidence(text, tokens) == pytest.approx(2.718281828**-0.2)
    assert value_confidence(text, None) is None
    fenced = [("```json\n", -7.0), *tokens, ("\n```", -7.0)]
    assert value_confidence(text, fenced) == value_confidence(text, tokens)
    assert value_confidence(text + " ", tokens) is None
