"""What the engine may rely on of every backend that answers in this process, in batches."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from wattbench.inference.backends.base import (
    Abandoned,
    Backend,
    BackendFailure,
    Message,
    Reply,
    Request,
)
from wattbench.inference.confidence import value_confidence
from wattbench.inference.prompts import COMPACT_V1
from wattbench.inference.replies import Answer, parse_reply
from wattbench.study.inference import Generation

AT_ONCE = 8
PROMPT_S = 1.0
SHORT = Generation(max_new_tokens=160, context_length=1_024)
LONG = Generation(max_new_tokens=8_000, context_length=8_192)

Make = Callable[..., Backend]


def request(
    number: int = 3, *, generation: Generation = SHORT, seed: int = 0, timeout_s: float = 120.0,
    text: str | None = None,
) -> Request:  # fmt: skip
    question = text or f"What is {number}?"
    snippets = [{"document_id": "doc", "text": "So it is. " * (1 + number % 5)}]
    schema = COMPACT_V1.schema(snippets) if generation.constrain else None
    messages = COMPACT_V1.messages(question, None, snippets)
    return Request(f"q{number}", question, messages, schema, generation, seed, timeout_s)


def endless(*, timeout_s: float = 30.0) -> Request:
    chat = (Message("user", "Count upwards forever and never stop: 1 2 3"),)
    return Request("long", "count", chat, None, LONG, 0, timeout_s)


def all_at_once(backend: Backend, asked: list[Request]) -> list[Reply]:
    with ThreadPoolExecutor(len(asked)) as pool:
        return list(pool.map(lambda one: backend.answer(one, threading.Event()), asked))


class InProcess:
    """The contract; `make` builds and loads a backend, `backend` is one for `SHORT`."""

    @pytest.fixture
    def backend(self, make: Make) -> Backend:
        return make(SHORT)

    def test_an_answer_comes_with_its_counts_and_times(self, backend: Backend) -> None:
        started = time.monotonic()
        reply = backend.answer(request(), threading.Event())
        spent = time.monotonic() - started
        assert isinstance(parse_reply(reply.text), Answer)
        assert reply.left_out == ()
        assert not reply.cut
        assert (reply.prompt_tokens or 0) > 30
        assert 0 < (reply.completion_tokens or 0) <= SHORT.max_new_tokens
        assert reply.prefill_s is not None
        assert reply.decode_s is not None
        assert 0 < reply.prefill_s < spent
        assert 0 < reply.decode_s < spent
        assert 0 < (reply.first_token_s or 0) < spent
        assert reply.served_by
        assert reply.logprobs is not None
        assert "".join(piece for piece, _ in reply.logprobs) == reply.text
        assert all(chance <= 0 for _, chance in reply.logprobs)
        assert 0 < (value_confidence(reply.text, reply.logprobs) or 0) <= 1

    def test_each_of_many_gets_its_own_reply_and_the_same_again(self, backend: Backend) -> None:
        asked = [request(number) for number in range(2 * AT_ONCE)]
        first, second = all_at_once(backend, asked), all_at_once(backend, asked)
        assert [one.text for one in first] == [one.text for one in second]
        alone = backend.answer(asked[5], threading.Event())
        assert (alone.text, alone.prompt_tokens) == (first[5].text, first[5].prompt_tokens)

    def test_without_a_schema_and_log_probabilities_neither_is_there(self, make: Make) -> None:
        plain = SHORT.model_copy(
            update={"constrain": False, "logprobs": False, "max_new_tokens": 4}
        )
        reply = make(plain).answer(request(generation=plain), threading.Event())
        assert reply.text
        assert reply.logprobs is None
        assert reply.left_out == ()

    def test_a_reply_at_its_token_limit_is_cut(self, make: Make) -> None:
        few = SHORT.model_copy(update={"max_new_tokens": 5})
        reply = make(few).answer(request(generation=few), threading.Event())
        assert reply.cut
        assert reply.completion_tokens == 5

    def test_a_reply_never_leaves_the_context(self, make: Make) -> None:
        usual = make(SHORT).answer(request(), threading.Event()).prompt_tokens or 0
        context = max(256, usual + 20)
        narrow = SHORT.model_copy(update={"context_length": context, "max_new_tokens": 256})
        backend = make(narrow)
        with pytest.raises(BackendFailure) as failure:
            backend.answer(request(generation=narrow, text="Why? " * 400), threading.Event())
        assert failure.value.kind == "context_overflow"
        assert f"room for {context}" in failure.value.detail
        reply = backend.answer(request(generation=narrow), threading.Event())
        assert reply.prompt_tokens == usual
        assert 0 < (reply.completion_tokens or 0) <= context - usual

    def test_a_seed_decides_what_is_drawn_whoever_else_is_there(self, make: Make) -> None:
        warm = SHORT.model_copy(update={"temperature": 1.0, "top_p": 0.95})
        backend = make(warm)
        asked = [request(number, generation=warm, seed=number % 3) for number in range(AT_ONCE)]
        together = all_at_once(backend, asked)
        alone = backend.answer(asked[1], threading.Event())
        other = backend.answer(request(1, generation=warm, seed=77), threading.Event())
        assert alone.text == together[1].text
        assert other.text != alone.text

    def test_a_request_ends_at_its_time_limit_and_spares_the_others(self, make: Make) -> None:
        backend = make(LONG)
        with ThreadPoolExecutor(2) as pool:
            other: Any = pool.submit(backend.answer, request(generation=LONG), threading.Event())
            started = time.monotonic()
            with pytest.raises(BackendFailure) as failure:
                backend.answer(endless(timeout_s=1.0), threading.Event())
            assert failure.value.kind == "timeout"
            assert 0.9 < time.monotonic() - started < 1.0 + PROMPT_S
            assert isinstance(parse_reply(other.result(60).text), Answer)

    def test_a_request_that_is_given_up_ends_promptly(self, make: Make) -> None:
        backend, stop = make(LONG), threading.Event()
        threading.Timer(0.5, stop.set).start()
        started = time.monotonic()
        with pytest.raises(Abandoned):
            backend.answer(endless(), stop)
        assert time.monotonic() - started < 0.5 + PROMPT_S

    def test_what_is_given_up_before_it_is_asked_is_not_asked(self, backend: Backend) -> None:
        stop = threading.Event()
        stop.set()
        with pytest.raises(Abandoned):
            backend.answer(request(), stop)

    def test_closing_gives_up_what_runs_and_may_be_said_twice(self, make: Make) -> None:
        backend = make(LONG)
        with ThreadPoolExecutor(1) as pool:
            running: Any = pool.submit(backend.answer, endless(), threading.Event())
            time.sleep(0.5)
            started = time.monotonic()
            backend.close()
            assert time.monotonic() - started < 10
            with pytest.raises(Abandoned):
                running.result(10)
        with pytest.raises(Abandoned):
            backend.answer(request(), threading.Event())
        backend.close()
