"""Whatever a model writes, reading it gives an answer or says why not."""

from __future__ import annotations

import json
import math

from hypothesis import given
from hypothesis import strategies as st

from wattbench.inference.confidence import value_confidence
from wattbench.inference.replies import (
    Answer,
    Unparsable,
    normal_refs,
    normal_value,
    parse_reply,
    value_span,
)

ANY_TEXT = st.text(st.characters(codec=None), max_size=300)
PIECES = st.lists(
    st.one_of(
        ANY_TEXT,
        st.sampled_from(
            ["{", "}", '"answer_value"', ":", "[", "]", ",", "NaN", "- answer_value  ", "\n",
             '{"answer_value": ', '"ref_id": ["a"]', "```json", "\\ud800", "1e999", "is_blank"]
        ),
    ),
    max_size=12,
).map("".join)  # fmt: skip
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), ANY_TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(ANY_TEXT, inner)),
    max_leaves=8,
)


@given(PIECES)
def test_any_text_is_read_without_an_error(text: str) -> None:
    found = parse_reply(text)
    assert isinstance(found, Answer | Unparsable)
    if isinstance(found, Answer):
        for part in (found.value, *found.refs, found.answer or "", found.explanation or ""):
            part.encode("utf-8")
            assert "\0" not in part
        assert found.blank == (found.value == "is_blank")
        assert not (found.blank and found.refs)
    span = value_span(text)
    assert span is None or 0 <= span[0] < span[1] <= len(text)


@given(JSON, JSON)
def test_any_json_value_is_read(value: object, refs: object) -> None:
    text = json.dumps({"answer_value": value, "ref_id": refs, "explanation": value})
    found = parse_reply(f"Sure!\n```json\n{text}\n```")
    if value is not None:
        assert isinstance(found, Answer | Unparsable)
    json.dumps(normal_value(value), ensure_ascii=False)
    assert all(isinstance(ref, str) and ref for ref in normal_refs(refs))


@given(st.integers(-(10**15), 10**15))
def test_whole_numbers_are_kept(number: int) -> None:
    for written in (number, str(number), float(number)):
        assert normal_value(written) == str(number)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_kept_to_the_last_bit(number: float) -> None:
    assert float(normal_value(number)) == number


DASHES = st.sampled_from([" to ", "-", "\u2013", " - "])


@given(st.integers(0, 10**6), st.integers(0, 10**6), DASHES)
def test_ranges_are_ordered_pairs(first: int, second: int, between: str) -> None:
    low, high = sorted((first, second))
    assert normal_value(f"{first}{between}{second}") == f"[{low},{high}]"


@given(
    st.text("0123456789.", min_size=1, max_size=8),
    st.lists(st.floats(-20, 0), min_size=1, max_size=60),
)
def test_confidence_is_a_probability(value: str, logprobs: list[float]) -> None:
    text = json.dumps({"explanation": "because", "answer_value": value, "ref_id": []})
    size = max(1, math.ceil(len(text) / len(logprobs)))
    tokens = [text[start : start + size] for start in range(0, len(text), size)]
    found = value_confidence(text, list(zip(tokens, logprobs, strict=False)))
    if len(tokens) <= len(logprobs):
        assert found is not None
        assert math.exp(min(logprobs)) - 1e-12 <= found <= 1
