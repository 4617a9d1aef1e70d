"""What the engine may rely on of every backend, over all that can run here."""

from __future__ import annotations

import importlib.util
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from dialects import (
    BUSY,
    DIALECTS,
    FULL,
    GOOD,
    HANG,
    KINDS,
    LONG,
    OPENAI,
    Dialect,
)
from scripted_server import ScriptedServer, answer_text

from wattbench.errors import InputError
from wattbench.inference import backends
from wattbench.inference.backends import availability, backend_class, known_backends
from wattbench.inference.backends.base import Abandoned, Backend, BackendFailure, Message, Request
from wattbench.inference.prompts import COMPACT_V1
from wattbench.inference.replies import Answer, parse_reply
from wattbench.study.inference import Generation, Model, Requests

SECRET = "sk-contract-0123456789abcdef"
PROMPT_S = 1.0


def ask(number: int, *, timeout_s: float = 20.0) -> Request:
    question = f"What is {number}?"
    snippets = [{"document_id": "doc", "text": "So it is."}]
    return Request(
        f"q{number}", question, COMPACT_V1.messages(question, None, snippets),
        COMPACT_V1.schema(snippets), Generation(), 0, timeout_s,
    )  # fmt: skip


def usable(name: str) -> None:
    found, reason, _ = availability(name)
    if not found:
        pytest.skip(f"backend {name}: {reason}")


@pytest.fixture(params=DIALECTS, ids=lambda dialect: dialect.backend)
def dialect(request: pytest.FixtureRequest) -> Dialect:
    chosen: Dialect = request.param
    usable(chosen.backend)
    return chosen


@pytest.fixture
def server(dialect: Dialect, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    with dialect.server() as running:
        for name, value in (
            ("AWS_ACCESS_KEY_ID", "AKIA0"), ("AWS_SECRET_ACCESS_KEY", SECRET),
            ("AWS_ENDPOINT_URL", running.address), ("AWS_EC2_METADATA_DISABLED", "true"),
        ):  # fmt: skip
            monkeypatch.setenv(name, value)
        yield running


@pytest.fixture
def backend(dialect: Dialect, server: ScriptedServer, tmp_path: Path) -> Iterator[Backend]:
    made = backend_class(dialect.backend)(dialect.setup(server, tmp_path))
    made.load()
    yield made
    made.close()
    made.close()


def test_an_answer_comes_with_what_the_server_counts(backend: Backend, dialect: Dialect) -> None:
    reply = backend.answer(ask(GOOD), threading.Event())
    assert reply.text == answer_text(GOOD)
    assert isinstance(parse_reply(reply.text), Answer)
    assert (reply.prompt_tokens, reply.completion_tokens, reply.cached_tokens) == dialect.counts
    assert 0 < (reply.first_token_s or 0) < 20
    assert not reply.cut
    assert reply.left_out == dialect.left_out


@pytest.mark.parametrize("number", list(KINDS))
def test_each_failure_is_of_its_kind(backend: Backend, number: int) -> None:
    with pytest.raises(BackendFailure) as failure:
        backend.answer(ask(number), threading.Event())
    assert failure.value.kind in KINDS[number]
    assert failure.value.detail
    assert failure.value.busy == (number == BUSY)
    assert failure.value.retry_after_s == (7.0 if number == BUSY else None)
    if number == FULL:
        assert "con" in failure.value.detail or "long" in failure.value.detail
    # What one question did to the connection is not the next one's trouble.
    assert backend.answer(ask(GOOD), threading.Event()).text == answer_text(GOOD)


@pytest.mark.parametrize("number", [HANG, LONG])
def test_a_request_ends_at_its_time_limit(backend: Backend, number: int) -> None:
    started = time.monotonic()
    with pytest.raises(BackendFailure) as failure:
        backend.answer(ask(number, timeout_s=0.4), threading.Event())
    assert failure.value.kind == "timeout"
    assert 0.35 < time.monotonic() - started < 0.4 + PROMPT_S


@pytest.mark.parametrize("number", [HANG, LONG])
def test_a_request_that_is_given_up_ends_promptly(backend: Backend, number: int) -> None:
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()
    started = time.monotonic()
    with pytest.raises(Abandoned):
        backend.answer(ask(number), stop)
    assert time.monotonic() - started < 0.2 + PROMPT_S


def test_what_is_given_up_before_it_is_sent_is_not_sent(
    backend: Backend, server: ScriptedServer
) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(Abandoned):
        backend.answer(ask(GOOD), stop)
    assert server.asked == []


def test_several_are_answered_at_once_each_its_own(
    backend: Backend, server: ScriptedServer
) -> None:
    with ThreadPoolExecutor(8) as pool:
        stop = threading.Event()
        replies = list(pool.map(lambda n: backend.answer(ask(n), stop), range(100, 132)))
    assert [reply.text for reply in replies] == [answer_text(n) for n in range(100, 132)]
    assert server.most_at_once <= 8


def test_closing_gives_up_what_runs(backend: Backend) -> None:
    with ThreadPoolExecutor(1) as pool:
        stop = threading.Event()
        running = pool.submit(backend.answer, ask(HANG, timeout_s=3.0), stop)
        time.sleep(0.2)
        backend.close()
        stop.set()
        with pytest.raises((Abandoned, BackendFailure)):
            running.result(10)
    with pytest.raises(Abandoned):
        backend.answer(ask(GOOD), threading.Event())


def test_a_server_that_is_away_is_a_failure_and_may_come_back(
    dialect: Dialect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with dialect.server() as gone:
        address = gone.address
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "AKIA0"), ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_ENDPOINT_URL", address), ("AWS_EC2_METADATA_DISABLED", "true"),
    ):  # fmt: skip
        monkeypatch.setenv(name, value)
    made = backend_class(dialect.backend)(dialect.setup(gone, tmp_path))
    made.load()
    with pytest.raises(BackendFailure) as failure:
        made.answer(ask(GOOD), threading.Event())
    assert failure.value.kind == "http"
    made.close()


@pytest.mark.parametrize("name", [n for n in known_backends() if n != "recorded"])
def test_unknown_options_are_told_and_no_value_is_shown(name: str) -> None:
    with pytest.raises(InputError) as error:
        backend_class(name).check({"api_key": SECRET})
    assert "api_key" in str(error.value)
    assert SECRET not in str(error.value)


@pytest.mark.parametrize("name", known_backends())
def test_every_backend_says_what_it_needs(name: str) -> None:
    found = backend_class(name)
    assert found.name == name
    # What every installation brings needs no extra, and all else names one.
    base = {"xllamacpp", "httpx2"}
    assert (found.extra is None) == (set(found.requires) <= base)


def test_a_backend_that_is_not_installed_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    known = importlib.util.find_spec

    def without(name: str, *more: Any) -> Any:
        return None if name == "boto3" else known(name, *more)

    monkeypatch.setattr(backends.importlib.util, "find_spec", without)
    assert availability("bedrock") == (
        False, "Python module boto3 is not installed", "bedrock"
    )  # fmt: skip


def test_what_a_server_refuses_is_left_out_from_then_on_and_said(tmp_path: Path) -> None:
    from scripted_server import Exchange, error, good

    async def picky(exchange: Exchange) -> None:
        for name in ("response_format", "logprobs", "stream_options"):
            if name in exchange.body:
                said = f"Unrecognized argument: {name}" if name != "response_format" else "bad"
                await error(400, said)(exchange)
                return
        await good()(exchange)

    with ScriptedServer(default=picky) as server:
        made = backend_class("openai")(OPENAI.setup(server, tmp_path))
        made.load()
        first = made.answer(ask(1), threading.Event())
        second = made.answer(ask(2), threading.Event())
        made.close()
        asked = len(server.asked)
    assert first.left_out == second.left_out == ("logprobs", "response_format", "stream_options")
    assert (first.text, second.text) == (answer_text(1), answer_text(2))
    assert asked == 3 + 2
    assert first.prompt_tokens is None


def test_the_newer_name_of_the_token_limit_is_used_where_asked_for(tmp_path: Path) -> None:
    from scripted_server import Exchange, error, good

    async def newer(exchange: Exchange) -> None:
        if "max_tokens" in exchange.body:
            said = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
            await error(400, said)(exchange)
        else:
            await good()(exchange)

    with ScriptedServer(default=newer) as server:
        made = backend_class("openai")(OPENAI.setup(server, tmp_path))
        made.load()
        assert made.answer(ask(1), threading.Event()).left_out == ()
        assert server.asked[-1].body["max_completion_tokens"] == 256
        made.close()


def test_a_schema_that_was_taken_once_is_not_given_up_for_a_bad_request(tmp_path: Path) -> None:
    from scripted_server import error, good

    script = {2: [error(400, "bad")]}
    with ScriptedServer(script=script, default=good()) as server:
        made = backend_class("openai")(OPENAI.setup(server, tmp_path))
        made.load()
        made.answer(ask(1), threading.Event())
        with pytest.raises(BackendFailure, match="HTTP 400"):
            made.answer(ask(2), threading.Event())
        assert made.answer(ask(3), threading.Event()).left_out == ()
        made.close()


def test_a_wrong_key_stops_before_the_first_question(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", SECRET)
    with ScriptedServer(key="another") as server:
        made = backend_class("openai")(OPENAI.setup(server, tmp_path, api_key_env="MY_KEY"))
        with pytest.raises(InputError, match="MY_KEY") as error:
            made.load()
        made.close()
    assert SECRET not in str(error.value)


@pytest.mark.parametrize("key", ["", "with space", "line\nbreak", "\u20ac"])
def test_a_variable_without_a_usable_key_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("MY_KEY", key)
    with ScriptedServer() as server:
        made = backend_class("openai")(OPENAI.setup(server, tmp_path, api_key_env="MY_KEY"))
        with pytest.raises(InputError, match="MY_KEY") as error:
            made.load()
    assert not key or key not in str(error.value)


@pytest.mark.parametrize(
    "url",
    [f"https://user:{SECRET}@host/v1", f"https://host/v1?key={SECRET}", SECRET, f"ftp://{SECRET}"],
)
def test_an_address_with_a_key_in_it_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(InputError, match="base_url") as error:
        backend_class("openai").check({"base_url": url})
    assert SECRET not in str(error.value)


@pytest.mark.parametrize("name", [SECRET, "hf_abcDEF", "lower", "A" * 65])
def test_a_key_in_place_of_its_variable_is_refused_without_showing_it(name: str) -> None:
    from wattbench.errors import InputError as Mistake
    from wattbench.study.load import study_from_mapping

    study = {
        "study": {"name": "s"}, "corpora": {"d": {"documents": "d"}},
        "questions": {"q": {"file": "q.csv"}},
        "models": {"m": {"weights": "w", "requests": {"api_key_env": name}}},
    }  # fmt: skip
    with pytest.raises(Mistake, match="never the key itself") as error:
        study_from_mapping(study)
    assert name not in str(error.value)


def test_the_address_may_come_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ScriptedServer() as server:
        monkeypatch.setenv("MY_SERVER", server.url)
        setup = replace(OPENAI.setup(server, tmp_path), options={"base_url_env": "MY_SERVER"})
        made = backend_class("openai")(setup)
        made.load()
        assert made.answer(ask(3), threading.Event()).text == answer_text(3)
        made.close()


def test_ollama_reads_its_documented_exchange(tmp_path: Path) -> None:
    from scripted_server import whole

    exchange = Path(__file__).parents[2] / "fixtures" / "ollama" / "chat.ndjson"
    others = {"/api/version": whole('{"version": "0.12.6"}'), "/api/show": whole("{}")}
    answer = whole(exchange.read_bytes(), kind="application/x-ndjson; charset=utf-8")
    with ScriptedServer(default=answer, others=others) as server:
        setup = replace(OPENAI.setup(server, tmp_path), options={"base_url": server.address})
        made = backend_class("ollama")(setup)
        made.load()
        reply = made.answer(ask(3), threading.Event())
        made.close()
        sent = server.asked[-1].body
    assert json.loads(reply.text)["answer_value"] == 30
    assert (reply.prompt_tokens, reply.completion_tokens) == (11, 18)
    assert reply.prefill_s == pytest.approx(0.013074791)
    assert reply.decode_s == pytest.approx(0.052479709)
    assert reply.logprobs is not None
    assert [logprob for _, logprob in reply.logprobs] == [-0.25, -0.5, -0.125]
    assert reply.served_by == "ollama 0.12.6"
    assert sent["options"]["num_ctx"] == 4096
    assert sent["truncate"] is False
    assert sent["format"]["type"] == "object"


def test_a_model_that_ollama_lacks_is_told(tmp_path: Path) -> None:
    from scripted_server import status, whole

    others = {"/api/version": whole("{}"), "/api/show": status(404, '{"error": "not found"}')}
    with ScriptedServer(others=others) as server:
        setup = replace(OPENAI.setup(server, tmp_path), options={"base_url": server.address})
        made = backend_class("ollama")(setup)
        with pytest.raises(InputError, match="ollama pull scripted"):
            made.load()
        made.close()


def test_messages_keep_their_roles_on_the_wire(tmp_path: Path) -> None:
    chat = (Message("system", "Be short."), Message("user", "What is 1?"))
    with ScriptedServer() as server:
        made = backend_class("openai")(OPENAI.setup(server, tmp_path))
        made.load()
        made.answer(replace(ask(1), messages=chat, schema=None), threading.Event())
        made.close()
        body = server.asked[-1].body
    assert [m["role"] for m in body["messages"]] == ["system", "user"]
    assert "response_format" not in body


def test_requests_and_budget_are_no_part_of_an_answers_identity() -> None:
    from wattbench.inference.journal import keys_of

    context = {"question": "q", "answer_unit": None, "contexts_digest": "c", "abstain": False}
    keys = {
        keys_of(
            COMPACT_V1,
            Model(weights="m", requests=Requests(budget_s=budget, api_key_env=name)),
            None,
        )(context)
        for budget, name in ((None, None), (5.0, "A_KEY"))
    }
    assert len(keys) == 1


@pytest.mark.parametrize(
    ("name", "options", "elsewhere"),
    [
        ("openai", {"base_url": "https://api.example.org/v1"}, True),
        ("openai", {"base_url": "http://node17:8000/v1"}, True),
        ("openai", {"base_url": "http://localhost:8000/v1"}, False),
        ("openai", {"base_url": "http://127.0.0.1:8000/v1"}, False),
        ("openai", {"base_url": "http://[::1]:8000/v1"}, False),
        ("openai", {"base_url_env": "NOT_SET_ANYWHERE"}, True),
        ("ollama", {"server": {"kind": "ollama"}}, False),
        ("bedrock", {}, True),
        ("llamacpp", {}, False),
    ],
)
def test_a_model_that_runs_on_another_machine_is_known_as_such(
    name: str, options: dict[str, Any], elsewhere: bool
) -> None:
    assert backend_class(name).elsewhere(options) is elsewhere


def test_a_recording_keeps_the_contract_too(tmp_path: Path) -> None:
    path = tmp_path / "recording.jsonl"
    path.write_text(json.dumps({"question_id": "q10", "reply": answer_text(10)}) + "\n")
    with ScriptedServer() as server:
        setup = OPENAI.setup(server, tmp_path)
    options: dict[str, Any] = {"sleep_s": 0.3, "fail_always": {"q11": "http"}}
    made = backend_class("recorded")(replace(setup, weights=path, options=options))
    made.load()
    stop = threading.Event()
    assert made.answer(ask(GOOD), stop).text == answer_text(GOOD)
    with pytest.raises(BackendFailure, match="timeout"):
        made.answer(ask(GOOD, timeout_s=0.05), stop)
    with pytest.raises(BackendFailure, match="http"):
        made.answer(ask(11), stop)
    with ThreadPoolExecutor(8) as pool:
        started = time.monotonic()
        assert len(list(pool.map(lambda _: made.answer(ask(GOOD), stop), range(8)))) == 8
        assert time.monotonic() - started < 8 * 0.3
    threading.Timer(0.05, stop.set).start()
    with pytest.raises(Abandoned):
        made.answer(ask(GOOD), stop)
    made.close()
    made.close()
