"""Fifty planted keys: a server tells them in every way it can, and no file of the run has one."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from dialects import OPENAI
from replaying import Bench
from scripted_server import (
    Behaviour,
    ScriptedServer,
    delta,
    error,
    events,
    good,
    status,
    whole,
)

from wattbench.inference.backends.base import Message
from wattbench.inference.backends.openai import OpenAi
from wattbench.inference.engine import Engine, Task
from wattbench.inference.replies import parse_reply
from wattbench.inference.stage import infer
from wattbench.inference.stopping import Stop
from wattbench.records import Appender
from wattbench.study.inference import Requests

END = {"choices": [{"delta": {}, "finish_reason": "stop"}]}
KEY = "{key}"
TOLD = '{"answer_value": 30, "refs": [1], "explanation": "' + KEY + '"}'


def halves(text: str, logprobs: bool = True) -> list[dict[str, object]]:
    """A reply in pieces that split the key's place, token by token."""
    cut = text.index(KEY) + len(KEY)
    tokens = [text[:cut], text[cut:]]
    return [
        delta(t, **({"logprobs": {"content": [{"token": t, "logprob": -0.1}]}} if logprobs else {}))
        for t in tokens
    ]


LEAKS: Mapping[str, Behaviour] = {
    "error message": error(401, f"Incorrect API key provided: {KEY}."),
    "error code": status(400, json.dumps({"error": {"code": KEY, "message": "no"}})),
    "error as text": status(500, f"Bearer {KEY} failed", kind="text/plain"),
    "web page": status(502, f"<html>{KEY}</html>", kind="text/html"),
    "busy": status(429, json.dumps({"error": f"too many for {KEY}"})),
    "overflow": error(400, f"{KEY}: maximum context length is 4096"),
    "error in the stream": events({"error": {"message": f"bad {KEY}"}}),
    "reply": events(*halves(TOLD), END),
    "reply without answer": events(delta(f"my key is {KEY}"), END),
    "model name": events({**delta(TOLD.replace(KEY, "so")), "model": KEY}, END),
    "fingerprint": events({**delta(TOLD.replace(KEY, "so")), "system_fingerprint": KEY}, END),
    "finish reason": events({"choices": [{"delta": {}, "finish_reason": KEY}]}),
    "whole reply": whole(
        json.dumps({"choices": [{"message": {"content": TOLD}, "finish_reason": "stop"}]})
    ),
    "content type": status(200, "x", kind=f"text/{KEY}"),
    "header": status(500, "no", X_Key=KEY),
    "no echo": good(),
}
RUNS = 16
SHAPES = (
    lambda: "sk-" + secrets.token_urlsafe(40),
    lambda: "hf_" + secrets.token_hex(18),
    lambda: secrets.token_hex(32),
    lambda: base64.b64encode(secrets.token_bytes(33)).decode(),
    lambda: 'sk-"quoted\\' + secrets.token_hex(8),
)


def everything(folder: Path) -> bytes:
    """Every byte of every file, and every text of every table."""
    found = b""
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        found += path.read_bytes()
        if path.suffix == ".parquet":
            found += json.dumps(pq.read_table(path).to_pylist(), default=str).encode()
    return found


def holds(held: bytes, key: str) -> bool:
    """Whether the key, or the greater part of it, is in there in any of the ways of writing it."""
    shapes = (key, json.dumps(key)[1:-1], base64.b64encode(key.encode()).decode())
    return any(shape.encode() in held for shape in (*shapes, key[: len(key) * 2 // 3]))


def planted(number: int, monkeypatch: pytest.MonkeyPatch) -> tuple[str, Behaviour]:
    key = SHAPES[number % len(SHAPES)]()
    monkeypatch.setenv("PLANTED_KEY", key)
    return key, list(LEAKS.values())[number % len(LEAKS)]


@pytest.mark.parametrize("number", range(RUNS))
def test_no_file_of_a_run_holds_the_key(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    key, leak = planted(number, monkeypatch)
    with ScriptedServer(key=key, script={0: [leak]}) as server:
        model = {
            "backend": "openai", "weights": "scripted", "options": {"base_url": server.url},
            "requests": {"retries": 0, "budget_s": 0.1, "api_key_env": "PLANTED_KEY"},
        }  # fmt: skip
        bench = Bench(tmp_path, count=2, model=model)
        infer(bench.study, "asked", "replay")
        assert {exchange.key for exchange in server.asked} == {key}
    # The server took the key, so the run did use it.
    assert bench.predictions()[1]["value"] == "10"
    said = capfd.readouterr()
    assert not holds(everything(tmp_path) + (said.out + said.err).encode(), key)


@pytest.mark.parametrize("number", range(RUNS, 50))
def test_no_record_holds_the_key(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, leak = planted(number, monkeypatch)
    with ScriptedServer(key=key, default=leak) as server:
        setup = OPENAI.setup(server, tmp_path, api_key_env="PLANTED_KEY")
        backend = OpenAi(setup)
        backend.load()
        with Appender(tmp_path / "answers.jsonl") as journal:
            engine = Engine(
                backend,
                generation=setup.generation,
                requests=Requests(retries=0, budget_s=0.1),
                parse=parse_reply,
                record=journal.append,
                settled=lambda: None,
            )
            chat = (Message("user", "What is 0?"),)
            engine.ask([Task("k", "q0", "What is 0?", chat, None)], Stop(), lambda: None)
        backend.close()
        assert [exchange.key for exchange in server.asked][:1] == [key]
    held = everything(tmp_path)
    assert b'"question_id":"q0"' in held
    assert not holds(held, key)
