"""What each backend's server says on the wire, for the contract that all backends keep."""

from __future__ import annotations

import binascii
import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripted_server import (
    Behaviour,
    Exchange,
    ScriptedServer,
    answer_text,
    error,
    good,
    raw,
    status,
    whole,
)

from wattbench.inference.backends.base import Setup
from wattbench.study.inference import Generation, Requests

GOOD, EMPTY, BROKEN, HALF, HANG, RESET, DOWN, BUSY, LONG, FULL = range(10, 20)
"""Numbers of questions, by what the server does with them."""

KINDS: Mapping[int, set[str]] = {
    EMPTY: {"empty"}, BROKEN: {"backend", "http"}, HALF: {"http"}, RESET: {"http"},
    DOWN: {"http"}, BUSY: {"http"}, FULL: {"context_overflow"},
}  # fmt: skip
SSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
NDJSON = SSE.replace(b"text/event-stream", b"application/x-ndjson")
AWS = SSE.replace(b"text/event-stream", b"application/vnd.amazon.eventstream")
PAUSE_S = 0.3


def ollama_good(text: str | None = None) -> Behaviour:
    async def behave(exchange: Exchange) -> None:
        said = answer_text(exchange.number) if text is None else text
        await exchange.head(kind="application/x-ndjson")
        for part in (said[:9], said[9:]):
            line = {"message": {"content": part}, "done": False}
            await exchange.send(json.dumps(line).encode() + b"\n")
        last = {"message": {"content": ""}, "done": True, "done_reason": "stop",
                "prompt_eval_count": 11, "eval_count": 18, "prompt_eval_duration": 13_074_791,
                "eval_duration": 52_479_709}  # fmt: skip
        await exchange.send(json.dumps(last).encode() + b"\n")

    return behave


def aws_event(kind: str, payload: object, message: str = "event") -> bytes:
    """A message of the form application/vnd.amazon.eventstream."""
    names = {
        f":{message}-type": kind,
        ":content-type": "application/json",
        ":message-type": message,
    }
    headers = b""
    for name, value in names.items():
        headers += bytes([len(name)]) + name.encode() + b"\x07"
        headers += struct.pack(">H", len(value)) + value.encode()
    body = json.dumps(payload).encode()
    prelude = struct.pack(">II", 16 + len(headers) + len(body), len(headers))
    start = prelude + struct.pack(">I", binascii.crc32(prelude)) + headers + body
    return start + struct.pack(">I", binascii.crc32(start))


def aws_text(text: str) -> bytes:
    part = {"contentBlockIndex": 0, "delta": {"text": text}}
    return aws_event("contentBlockDelta", part)


def bedrock_good(text: str | None = None) -> Behaviour:
    async def behave(exchange: Exchange) -> None:
        said = answer_text(exchange.number) if text is None else text
        await exchange.send(AWS)
        await exchange.send(aws_event("messageStart", {"role": "assistant"}))
        for part in (said[:9], said[9:]):
            await exchange.send(aws_text(part))
        await exchange.send(aws_event("messageStop", {"stopReason": "end_turn"}))
        usage = {"inputTokens": 11, "outputTokens": 18, "totalTokens": 29,
                 "cacheReadInputTokens": 4}  # fmt: skip
        last = {"usage": usage, "metrics": {"latencyMs": 66}}
        await exchange.send(aws_event("metadata", last))

    return behave


def aws_error(code: int, kind: str, message: str) -> Behaviour:
    return status(code, json.dumps({"message": message}), x_amzn_ErrorType=kind)


@dataclass(frozen=True)
class Dialect:
    """A backend and how its server behaves.

    Args:
        backend: Its name.
        behaviours: By number of the question.
        options: The study's options, given the server.
        others: Behaviours of paths beside that of chats.
        counts: Prompt, completion and cached tokens of the good reply.
        left_out: What it cannot be asked for.
    """

    backend: str
    behaviours: Mapping[int, Behaviour]
    options: Callable[[ScriptedServer], dict[str, Any]]
    counts: tuple[int | None, int | None, int | None]
    others: Mapping[str, Behaviour] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()

    def server(self, **more: Any) -> ScriptedServer:
        script = {number: [behaviour] for number, behaviour in self.behaviours.items()}
        default = self.behaviours[GOOD]
        return ScriptedServer(script=script, default=default, others=self.others, **more)

    def setup(self, server: ScriptedServer, folder: Path, **requests: Any) -> Setup:
        return Setup(
            model="scripted", weights=None, revision=None, options=self.options(server),
            generation=Generation(), cpus=1, gpus=0, concurrency=8,
            log=folder / "backend.log", requests=Requests(**requests),
        )  # fmt: skip


USAGE = {
    "prompt_tokens": 11,
    "completion_tokens": 18,
    "prompt_tokens_details": {"cached_tokens": 4},
}
OPENAI = Dialect(
    "openai",
    {
        GOOD: good(usage=USAGE),
        EMPTY: good(""),
        BROKEN: raw(SSE, b"data: {\n\n"),
        HALF: raw(SSE, b'data: {"choices": [{"delta": {"content": "{"}}]}\n\n'),
        HANG: raw(SSE, b": wait\n\n", then="hang"),
        RESET: raw(then="reset"),
        DOWN: error(500, "down"),
        BUSY: error(429, "slow down", Retry_After="7"),
        LONG: good(pause_s=PAUSE_S),
        FULL: error(400, "maximum context length is 4096"),
    },
    lambda server: {"base_url": server.url},
    (11, 18, 4),
)
OLLAMA = Dialect(
    "ollama",
    {
        GOOD: ollama_good(),
        EMPTY: ollama_good(""),
        BROKEN: raw(NDJSON, b"{\n"),
        HALF: raw(NDJSON, b'{"message": {"content": "{"}, "done": false}\n'),
        HANG: raw(NDJSON, b'{"message": {"content": "{"}, "done": false}\n', then="hang"),
        RESET: raw(then="reset"),
        DOWN: status(500, '{"error": "model runner has unexpectedly stopped"}'),
        BUSY: status(503, '{"error": "server busy, please try again"}', Retry_After="7"),
        LONG: raw(
            NDJSON, *[b'{"message": {"content": "{"}, "done": false}\n'] * 4, every_s=PAUSE_S
        ),
        FULL: status(400, '{"error": "the prompt exceeds the context length"}'),
    },
    lambda server: {"base_url": server.address},
    (11, 18, None),
    {"/api/version": whole('{"version": "0.12.6"}'), "/api/show": whole("{}")},
)
BEDROCK = Dialect(
    "bedrock",
    {
        GOOD: bedrock_good(),
        EMPTY: bedrock_good(""),
        BROKEN: raw(AWS, b"no event of any kind, but long enough to be one"),
        HALF: raw(AWS, aws_text("{")),
        HANG: raw(AWS, aws_text("{"), then="hang"),
        RESET: raw(then="reset"),
        DOWN: aws_error(500, "InternalServerException", "down"),
        BUSY: status(429, '{"message": "slow down"}', x_amzn_ErrorType="ThrottlingException",
                     Retry_After="7"),
        LONG: raw(AWS, *[aws_text("{")] * 4, every_s=PAUSE_S),
        FULL: aws_error(400, "ValidationException", "Input is too long for requested model."),
    },
    lambda server: {"region": "us-east-1"},
    (15, 18, 4),
    left_out=("response_format", "logprobs"),
)  # fmt: skip
DIALECTS = (OPENAI, OLLAMA, BEDROCK)
