"""Whatever a server sends, reading it ends in a reply or in a failure of a known kind."""

from __future__ import annotations

import itertools
import json
import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from wattbench.inference.backends.base import FAILURES, BackendFailure, Reply
from wattbench.inference.backends.completions import Completion
from wattbench.inference.backends.web import retry_after_s, whole_characters
from wattbench.inference.journal import reply_fields
from wattbench.records import encode

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=60)
"""Lone surrogates included, as escapes in JSON can make them."""

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=12,
)
CHOICE = st.fixed_dictionaries(
    {},
    optional={
        "delta": st.fixed_dictionaries({}, optional={"content": ANY_JSON, "reasoning": ANY_JSON})
        | ANY_JSON,
        "message": ANY_JSON,
        "finish_reason": st.sampled_from(["stop", "length", None]) | ANY_JSON,
        "logprobs": st.fixed_dictionaries(
            {"content": st.lists(st.fixed_dictionaries({"token": ANY_JSON, "logprob": ANY_JSON}))}
        )
        | ANY_JSON,
    },
)
PART = st.fixed_dictionaries(
    {},
    optional={
        "choices": st.lists(CHOICE, max_size=3) | ANY_JSON,
        "usage": st.fixed_dictionaries(
            {},
            optional={
                "prompt_tokens": ANY_JSON,
                "completion_tokens": ANY_JSON,
                "prompt_tokens_details": st.dictionaries(st.just("cached_tokens"), ANY_JSON)
                | ANY_JSON,
            },
        )
        | ANY_JSON,
        "timings": st.dictionaries(
            st.sampled_from(["prompt_ms", "predicted_ms", "cache_n"]), ANY_JSON
        )
        | ANY_JSON,
        "model": ANY_JSON,
        "error": ANY_JSON,
    },
)
KEY = "sk-0123456789"


class Hiding:
    """What a completion asks of its server."""

    @staticmethod
    def hide(text: str) -> str:
        return whole_characters(text).replace(KEY, "[api key]")


def read(pieces: list[bytes], kind: str) -> Reply | str:
    """The reply, or the kind of failure."""
    completion = Completion(Hiding())  # type: ignore[arg-type]
    try:
        completion.open(kind)
        for piece in pieces:
            if completion.feed(piece):
                break
        return completion.reply()
    except BackendFailure as failure:
        encode({"detail": failure.detail})
        return failure.kind


def check(found: Reply | str) -> None:
    if isinstance(found, str):
        assert found in FAILURES
        return
    assert found.text.strip()
    # The journal takes it, and so does a table of 64-bit integers.
    encode(reply_fields(found))
    for tokens in (found.prompt_tokens, found.completion_tokens, found.cached_tokens):
        assert tokens is None or 0 <= tokens < 2**53
    for seconds in (found.prefill_s, found.decode_s):
        assert seconds is None or (math.isfinite(seconds) and seconds >= 0)


def stream(parts: list[Any], *, done: bool) -> bytes:
    events = [f"data: {json.dumps(part)}\n\n" for part in parts]
    return "".join([*events, "data: [DONE]\n\n" if done else ""]).encode()


@given(st.lists(PART | ANY_JSON, max_size=5), st.booleans())
def test_any_events_are_a_reply_or_a_failure(parts: list[Any], done: bool) -> None:
    check(read([stream(parts, done=done)], "text/event-stream"))


@given(PART | ANY_JSON)
def test_any_body_is_a_reply_or_a_failure(part: Any) -> None:
    check(read([json.dumps(part).encode()], "application/json"))


@given(
    st.lists(st.binary(max_size=80), max_size=6), st.sampled_from(["", "text/event-stream; a=b"])
)
def test_any_bytes_are_a_reply_or_a_failure(pieces: list[bytes], kind: str) -> None:
    check(read(pieces, kind or "application/json"))


@given(st.lists(ANY_TEXT, min_size=1, max_size=4), st.data())
def test_where_the_bytes_are_cut_changes_nothing(texts: list[str], data: st.DataObject) -> None:
    parts: list[Any] = [{"choices": [{"delta": {"content": text}}]} for text in texts]
    whole = stream(parts, done=True).replace(b"\n", data.draw(st.sampled_from([b"\n", b"\r\n"])))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    ends = [0, *cuts, len(whole)]
    pieces = [whole[a:b] for a, b in itertools.pairwise(ends)]
    one, many = read([whole], "text/event-stream"), read(pieces, "text/event-stream")
    if isinstance(one, Reply) and isinstance(many, Reply):
        assert one.text == many.text == Hiding.hide("".join(texts))
    else:
        assert one == many == "empty"


@given(st.dictionaries(st.sampled_from(["retry-after", "retry-after-ms"]), ANY_TEXT))
def test_any_wait_is_none_or_a_time(headers: dict[str, str]) -> None:
    found = retry_after_s(headers)
    assert found is None or (math.isfinite(found) and found >= 0)


def test_waits_are_read_in_every_form() -> None:
    assert retry_after_s({"retry-after": "7"}) == 7
    assert retry_after_s({"retry-after-ms": "250", "retry-after": "7"}) == 0.25
    assert retry_after_s({"retry-after": "Thu, 01 Jan 1970 00:00:30 GMT"}, now=10.0) == 20
    assert retry_after_s({"retry-after": "Thu, 01 Jan 1970 00:00:30 GMT"}, now=99.0) == 0
    assert retry_after_s({}) is None


def test_halves_of_a_character_are_joined_and_lone_ones_do_no_harm_to_the_journal() -> None:
    def part(text: str) -> dict[str, Any]:
        token = {"token": text, "logprob": -0.5}
        return {"choices": [{"delta": {"content": text}, "logprobs": {"content": [token]}}]}

    found = read([stream([part("a\ud83d"), part("\ude00b\ud800")], done=True)], "text/event-stream")
    assert isinstance(found, Reply)
    assert found.text == "a\N{GRINNING FACE}b\ufffd"
    assert found.logprobs is not None
    check(found)
