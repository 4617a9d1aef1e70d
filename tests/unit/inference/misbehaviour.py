"""300 ways in which a server misbehaves, each with the kind of failure that it is."""

from __future__ import annotations

import json
from dataclasses import dataclass

from scripted_server import (
    Behaviour,
    answer_text,
    delta,
    endless,
    error,
    events,
    good,
    large,
    raw,
    status,
    whole,
)

SSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
)
TEN_MB = 10_000_000
END = {"choices": [{"delta": {}, "finish_reason": "stop"}]}


@dataclass(frozen=True)
class Case:
    """One misbehaviour.

    Args:
        name: What it is.
        kind: Kind of failure that is to be recorded.
        behaviour: What the server does.
    """

    name: str
    kind: str
    behaviour: Behaviour


def event(part: object) -> bytes:
    return b"data: " + json.dumps(part).encode() + b"\n\n"


def chat(content: object) -> str:
    return json.dumps({"choices": [{"message": {"content": content}, "finish_reason": "stop"}]})


def _empty() -> list[Case]:
    texts = ["", " ", "\n", "\t \n", "\u00a0", "\u3000", " " * 1000, "\r\n" * 5]
    found = [Case(f"streamed {t[:4]!r}", "empty", good(t)) for t in texts]
    found += [Case(f"whole {t[:4]!r}", "empty", whole(chat(t))) for t in texts]
    odd: list[object] = [None, 3, True, [], {}, [{"type": "image"}], [{"text": 4}], [None]]
    found += [Case(f"content {c!r}", "empty", whole(chat(c))) for c in odd]
    found += [Case(f"delta {c!r}", "empty", events(delta(c), END)) for c in odd]
    found += [
        Case("nothing but the end mark", "empty", events()),
        Case("no choices", "empty", events({"choices": []}, END)),
        Case("choices null", "empty", events({"choices": None}, END)),
        Case("choices text", "empty", events({"choices": "x"}, END)),
        Case("choices of numbers", "empty", events({"choices": [1, 2]}, END)),
        Case("thoughts alone", "empty", events({"choices": [{"delta": {"reasoning": "h"}}]}, END)),
        Case("filtered", "empty", good("", finish="content_filter")),
        Case("comments alone", "empty", raw(SSE, b": hello\n\n" * 9, b"data: [DONE]\n\n")),
    ]
    return found


def _unparsable() -> list[Case]:
    value = '{"answer_value": NaN}'
    texts = [
        "NaN", "nan", "null", "Infinity", value, '{"answer_value": null}', "I do not know it",
        "{", "}", "{}", "[]", "[1, 2", '{"answer_va', '{"explanation": "so"}', '"', "\\",
        "\ud83d", "\udc00\ud800", "\ud800" * 500, "a\ud800b", "\ufffe\uffff", "\x00", "\x1b[31m",
        "42", "true", "<html>", "```json\n```", "{" * 5000, "[" * 5000, "x" * 190_000, "\u202e",
        "{'a': 1}", "answer", "data: [DONE]", "event: error", "\N{PILE OF POO}" * 3,
    ]  # fmt: skip
    found = [Case(f"streamed {t[:20]!a}", "unparsable", good(t)) for t in texts]
    safe = [t for t in texts if t != "data: [DONE]"]
    found += [Case(f"whole {t[:20]!a}", "unparsable", whole(chat(t))) for t in safe]
    found.append(
        Case("bytes that are no UTF-8", "unparsable",
             raw(SSE, b'data: {"choices":[{"delta":{"content":"\xff\xfe\x80"}}]}\n\n',
                 event(END), b"data: [DONE]\n\n"))
    )  # fmt: skip
    return found


def _large() -> list[Case]:
    piece = event(delta("a" * 60_000))
    return [
        Case("10 MB streamed", "backend", large(piece, TEN_MB, "text/event-stream")),
        Case("10 MB whole", "backend", whole(chat("a" * TEN_MB))),
        Case("10 MB of one line", "http", large(b"a" * 65_536, TEN_MB, "text/event-stream")),
        Case("10 MB of web page", "backend", large(b"<p>" * 20_000, TEN_MB, "text/html")),
        Case("10 MB that is no JSON", "backend", large(b"[" * 65_536, TEN_MB, "application/json")),
        Case("an answer in 10 MB", "backend", whole(chat(answer_text(1) + " " * TEN_MB))),
    ]


def _broken_json() -> list[Case]:
    texts = [
        "{", "{]", '{"choices": [', "nonsense", "{'choices': []}", "\x00", "NaN", "[]", "3", '"x"',
        "null", "[" * 4000, "{" * 4000, '{"a": 01}', "{,}", "undefined",
    ]  # fmt: skip
    found = [
        Case(f"event {t[:12]!r}", "backend",
             raw(SSE, b"data: " + t.encode() + b"\n\n", b"data: [DONE]\n\n"))
        for t in texts
    ]  # fmt: skip
    found += [Case(f"body {t[:12]!r}", "backend", whole(t)) for t in texts]
    found += [Case(f"no completion {t}", "backend", whole(t)) for t in ("{}", '{"choices": []}')]
    found += [
        Case(f"a choice without message {m!r}", "backend", events({"choices": [{"delta": m}]}))
        for m in ("x", [1], 7)
    ]
    return found


def _half_streams() -> list[Case]:
    text = answer_text(1)
    found = []
    for cut in range(0, len(text), 2):
        start = event(delta(text[: cut + 1]))
        found.append(Case(f"closed after {cut}", "http", raw(SSE, start)))
    for cut in (1, 20, 40):
        part = event(delta(text))[:cut]
        found.append(Case(f"closed within an event at {cut}", "http", raw(SSE, part)))
        size = f"{len(part) + 50:x}\r\n".encode()
        found.append(Case(f"chunk cut at {cut}", "http", raw(CHUNKED, size, part)))
    whole_event = event(delta(text))
    size = f"{len(whole_event):x}\r\n".encode()
    long = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n{"
    found += [
        Case("no last chunk", "http", raw(CHUNKED, size, whole_event + b"\r\n")),
        Case("a chunk size that is none", "http", raw(CHUNKED, b"zz\r\n")),
        Case("shorter than it says", "http", raw(long)),
    ]
    return found


def _refusals() -> list[Case]:
    codes = (400, 402, 403, 404, 405, 408, 409, 410, 411, 415, 418, 422, 451, 500, 501, 502, 504)
    found = [Case(f"HTTP {code}", "http", error(code, "no")) for code in codes]
    found += [
        Case(f"HTTP {code} as a web page", "http", status(code, "<h1>no</h1>", kind="text/html"))
        for code in (400, 403, 500, 502)
    ]
    found += [Case(f"HTTP {code}", "http", status(code, "")) for code in (201, 204, 206, 301, 307)]
    overflow = (
        "This model's maximum context length is 4096 tokens",
        "prompt is too long: 9000 tokens > 4096 maximum",
        "the request exceeds the available context size (context window)",
    )
    found += [Case(said[:20], "context_overflow", error(400, said)) for said in overflow]
    found += [
        Case("an error in the stream", "backend", events({"error": {"message": "CUDA error"}})),
        Case("an error as text", "backend", events({"error": "broken"})),
        Case("an error with 200", "backend", whole('{"error": {"message": "broken"}}')),
        Case("overflow in the stream", "context_overflow",
             events({"error": {"type": "exceed_context_size_error", "message": "too long"}})),
    ]  # fmt: skip
    return found


def _hangs() -> list[Case]:
    start = event(delta('{"explanation": "'))
    found = [
        Case("no head", "timeout", raw(then="hang")),
        Case("half a head", "timeout", raw(SSE[:20], then="hang")),
        Case("no body", "timeout", raw(SSE, then="hang")),
        Case("after the first word", "timeout", raw(SSE, start, then="hang")),
        Case("within an event", "timeout", raw(SSE, start[:12], then="hang")),
        Case("an error without end", "timeout",
             raw(b"HTTP/1.1 400 Bad\r\nContent-Length: 50\r\n\r\nno", then="hang")),
    ]  # fmt: skip
    for every in (0.01, 0.05, 0.2):
        found += [
            Case(f"a byte each {every} s", "timeout", endless(SSE, b" ", every)),
            Case(f"a comment each {every} s", "timeout", endless(SSE, b": wait\n\n", every)),
            Case(f"a word each {every} s", "timeout", endless(SSE, event(delta("so ")), every)),
            Case(f"a header each {every} s", "timeout", endless(SSE[:17], b"X-A: b\r\n", every)),
        ]
    return found


def _kinds() -> list[Case]:
    kinds = (
        "text/html", "text/plain", "image/png", "application/octet-stream", "application/xml",
        "text/event-streams", "x", "application/jsonl", None,
    )  # fmt: skip
    return [
        Case(f"of type {kind}", "backend", whole(chat(answer_text(1)), kind=kind)) for kind in kinds
    ]


def _resets() -> list[Case]:
    found = [
        Case("reset at once", "http", raw(then="reset")),
        Case("closed at once", "http", raw()),
        Case("no HTTP", "http", raw(b"SSH-2.0-OpenSSH_9.6\r\n")),
        Case("HTTP/9.9", "backend", raw(b"HTTP/9.9 200 OK\r\n\r\n")),
        Case("status 99", "http", raw(b"HTTP/1.1 99 Odd\r\n\r\n")),
        Case("no header", "http", raw(b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n")),
        Case("a header of 1 MB", "http", raw(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 1_000_000)),
        Case("bytes at random", "http", raw(bytes(range(256)) * 8)),
    ]
    body = event(delta(answer_text(1)))
    cuts = range(5, len(SSE) + len(body), 11)
    sent = SSE + body
    return found + [Case(f"reset after {c}", "http", raw(sent[:c], then="reset")) for c in cuts]


CASES: tuple[Case, ...] = tuple(
    case
    for group in (_empty, _unparsable, _large, _broken_json, _half_streams, _refusals, _hangs,
                  _kinds, _resets)
    for case in group()
)  # fmt: skip

STORMS: tuple[Case, ...] = (
    *tuple(
        Case(f"HTTP {code}, Retry-After {after!r}", "http", error(code, "slow down", **more))
        for code in (429, 503, 529)
        for after in (
            None,
            "0",
            "0.01",
            "-1",
            "NaN",
            "soon",
            "Wed, 21 Oct 2015 07:28:00 GMT",
            "86400",
        )
        for more in [{} if after is None else {"Retry_After": after}]
    ),
    Case("429 in the stream", "http", events({"error": {"message": "slow", "code": 429}})),
)
"""Busy for as long as it is asked."""
