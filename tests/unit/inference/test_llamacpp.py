"""The embedded backend with a real model; skipped where its weights are not on this machine."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from replaying import Bench

from wattbench.errors import FaultError, InputError
from wattbench.inference.backends.base import Abandoned, BackendFailure, Message, Request, Setup
from wattbench.inference.backends.llamacpp import LlamaCpp
from wattbench.inference.confidence import value_confidence
from wattbench.inference.prompts import COMPACT_V1
from wattbench.inference.replies import Answer, parse_reply
from wattbench.inference.stage import infer
from wattbench.records import read
from wattbench.study.inference import Generation
from wattbench.weights import locate

MODEL = "smollm2-135m-instruct-q4_1"
GENERATION = Generation(max_new_tokens=64, context_length=512)


def weights() -> Path:
    try:
        return locate(MODEL)
    except InputError as error:
        pytest.skip(f"needs the model: {error.what} Run `wattbench fetch {MODEL}`.")


def setup_for(path: Path, tmp_path: Path) -> Setup:
    return Setup(MODEL, path, None, {}, GENERATION, 2, 0, 1, tmp_path / "backend.log")


def request(text: str, *, timeout_s: float = 120.0, schema: bool = True) -> Request:
    snippets = [{"document_id": "cats", "text": "Cats have 4 legs."}]
    return Request(
        "q1",
        text,
        COMPACT_V1.messages(text, None, snippets),
        COMPACT_V1.schema(snippets) if schema else None,
        GENERATION,
        0,
        timeout_s,
    )


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LlamaCpp:
    backend = LlamaCpp(setup_for(weights(), tmp_path_factory.mktemp("backend")))
    backend.load()
    return backend


@pytest.mark.slow
def test_a_reply_is_json_with_its_measurements_and_repeats(model: LlamaCpp) -> None:
    stop = threading.Event()
    first = model.answer(request("How many legs do cats have?"), stop)
    assert isinstance(parse_reply(first.text), Answer)
    assert (first.prompt_tokens or 0) > 50
    assert 0 < (first.completion_tokens or 0) <= 64
    assert first.prefill_s is not None
    assert first.decode_s is not None
    assert 0 < (first.first_token_s or 0) < 60
    assert first.cached_tokens == 0
    assert first.logprobs is not None
    assert 0 < (value_confidence(first.text, first.logprobs) or 0) <= 1
    model.answer(request("How many eyes?"), stop)
    again = model.answer(request("How many legs do cats have?"), stop)
    assert (again.text, again.logprobs) == (first.text, first.logprobs)


@pytest.mark.slow
def test_too_long_a_prompt_is_its_own_failure(
    model: LlamaCpp, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(BackendFailure) as failure:
        model.answer(request("word " * 2000), threading.Event())
    assert failure.value.kind == "context_overflow"
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
def test_a_request_ends_at_its_time_limit_and_when_it_is_given_up(model: LlamaCpp) -> None:
    chat = (Message("user", "Count from 1 to 1000."),)
    endless = Request("q", "q", chat, None, GENERATION, 0, 0.05)
    with pytest.raises(BackendFailure) as failure:
        model.answer(endless, threading.Event())
    assert failure.value.kind == "timeout"
    stop = threading.Event()
    stop.set()
    started = time.monotonic()
    with pytest.raises(Abandoned):
        model.answer(request("How many legs do cats have?"), stop)
    assert time.monotonic() - started < 20


@pytest.mark.slow
def test_a_file_that_is_no_model_is_told_without_noise(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"no model" * 100)
    with pytest.raises(FaultError, match="cannot load"):
        LlamaCpp(setup_for(path, tmp_path)).load()
    assert capfd.readouterr() == ("", "")


def test_unknown_options_are_told(tmp_path: Path) -> None:
    setup = Setup("m", None, None, {"layers": 3}, GENERATION, 1, 0, 1, tmp_path / "log")
    with pytest.raises(InputError, match="gpu_layers"):
        LlamaCpp(setup)


@pytest.mark.slow
def test_killed_with_a_real_model_the_answers_are_those_of_a_quiet_run(tmp_path: Path) -> None:
    weights()
    model = {
        "backend": "llamacpp", "weights": MODEL, "options": {},
        "generation": {"max_new_tokens": 64, "context_length": 512},
    }  # fmt: skip
    quiet = Bench(tmp_path / "quiet", count=6, model=model)
    infer(quiet.study, "asked", "replay")
    killed = Bench(tmp_path / "killed", count=6, model=model)
    for number in range(2):
        process = killed.start()
        until = time.monotonic() + 120
        while len(read(killed.answers).records) <= number * 2:
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.02)
        process.kill()
        process.wait()
    infer(killed.study, "asked", "replay")
    assert killed.answers_only() == quiet.answers_only()
    assert [s["ended_by"] for s in killed.segments()] == ["killed", "killed", "finished"]
    records = read(killed.answers).records
    assert len(records) == len({record["question_id"] for record in records}) == 6
