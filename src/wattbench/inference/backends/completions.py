"""Reading a chat completion of an OpenAI-compatible server, streamed or whole."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from typing import Any

from wattbench.inference.backends.base import BackendFailure, Reply
from wattbench.inference.backends.web import (
    BUSY,
    DETAIL_CHARS,
    Web,
    error_words,
    is_overflow,
    whole_characters,
)

LONGEST_TEXT = 1_000_000
"""Characters of a reply's text; a server that sends more has run away."""

LONGEST_BODY = 64 * 2**20
EVENTS, JSON = "text/event-stream", "application/json"
DONE = "[DONE]"
LARGEST_COUNT = 2**53


class Completion:
    """Collects one chat completion.

    Args:
        web: The server, which knows what to hide.
    """

    def __init__(self, web: Web) -> None:
        self._web = web
        self._sent = time.monotonic()
        self._first: float | None = None
        self._content_type = ""
        self._buffer = bytearray()
        self._event: list[bytes] = []
        self._bytes = 0
        self._chars = 0
        self._text: list[str] = []
        self._thought = False
        self._logprobs: list[tuple[str, float]] | None = []
        self._usage: Mapping[str, Any] = {}
        self._timings: Mapping[str, Any] = {}
        self._finish: str | None = None
        self._done = False
        self._served: dict[str, str] = {}

    def open(self, content_type: str) -> None:
        """Check that it is a completion that comes."""
        self._content_type = content_type.partition(";")[0].strip().casefold()
        if self._content_type not in {EVENTS, JSON}:
            kind = self._web.hide(content_type)[:DETAIL_CHARS] or "no content type"
            raise BackendFailure("backend", f"the server sent {kind}, no chat completion")

    def feed(self, piece: bytes) -> bool:
        """Take bytes of the body; true after its end mark."""
        self._bytes += len(piece)
        if self._bytes > LONGEST_BODY:
            raise BackendFailure("backend", f"the reply is longer than {LONGEST_BODY} bytes")
        if self._content_type == JSON:
            self._buffer += piece
            return False
        start = len(self._buffer)
        self._buffer += piece
        if self._buffer.find(b"\n", start) < 0:
            return False
        *lines, rest = bytes(self._buffer).split(b"\n")
        self._buffer = bytearray(rest)
        for line in lines:
            self._line(line.removesuffix(b"\r"))
            if self._done:
                return True
        return False

    def _line(self, line: bytes) -> None:
        """A line of an event stream; an empty one ends an event."""
        if line.startswith(b"data:"):
            self._event.append(line[5:].removeprefix(b" "))
        elif not line and self._event:
            data = b"\n".join(self._event).decode("utf-8", "replace")
            self._event.clear()
            if data.strip() == DONE:
                self._done = True
            else:
                self._take(_object(data))

    def _take(self, part: Mapping[str, Any]) -> None:
        if part.get("error"):
            raise self._error(part["error"])
        for name in ("model", "system_fingerprint"):
            if isinstance(part.get(name), str):
                self._served[name] = part[name]
        choices = part.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, Mapping):
                self._choice(choice)
        if isinstance(part.get("usage"), Mapping):
            self._usage = part["usage"]
        if isinstance(part.get("timings"), Mapping):
            self._timings = part["timings"]

    def _choice(self, choice: Mapping[str, Any]) -> None:
        said = choice.get("delta") or choice.get("message") or {}
        if not isinstance(said, Mapping):
            raise BackendFailure("backend", "a choice of the reply holds no message")
        content = _content(said.get("content"))
        thought = said.get("reasoning_content") or said.get("reasoning")
        self._thought = self._thought or bool(thought)
        if (content or thought) and self._first is None and self._content_type == EVENTS:
            self._first = time.monotonic() - self._sent
        self._chars += len(content)
        if self._chars > LONGEST_TEXT:
            raise BackendFailure("backend", f"the reply is longer than {LONGEST_TEXT} characters")
        self._text.append(content)
        self._take_logprobs(choice.get("logprobs"))
        if isinstance(choice.get("finish_reason"), str):
            self._finish = choice["finish_reason"]

    def _take_logprobs(self, found: object) -> None:
        tokens = found.get("content") if isinstance(found, Mapping) else None
        for token in tokens if isinstance(tokens, list) else ():
            try:
                pair = (whole_characters(str(token["token"])), float(token["logprob"]))
            except (KeyError, TypeError, ValueError, OverflowError):
                self._logprobs = None
                return
            if self._logprobs is not None:
                self._logprobs.append(pair)

    def _error(self, error: object) -> BackendFailure:
        said = self._web.hide(error_words(error))[:DETAIL_CHARS]
        code = error.get("code") if isinstance(error, Mapping) else None
        if is_overflow(said):
            return BackendFailure("context_overflow", said)
        busy = code in BUSY if isinstance(code, int) else False
        return BackendFailure("http" if busy else "backend", said, busy=busy)

    def reply(self) -> Reply:
        """The whole reply.

        Raises:
            BackendFailure: It broke off, holds no text or is no completion.
        """
        if self._content_type == JSON:
            found = _object(bytes(self._buffer).decode("utf-8", "replace"))
            if not found.get("choices") and not found.get("error"):
                raise BackendFailure("backend", "the reply is JSON, but no chat completion")
            self._take(found)
        elif not self._done and self._finish is None:
            raise BackendFailure("http", "the reply broke off before its end")
        text = self._web.hide("".join(self._text))
        if not text.strip():
            what = "thought and then said nothing" if self._thought else "said nothing"
            ended = self._web.hide(str(self._finish))[:DETAIL_CHARS]
            raise BackendFailure("empty", f"the model {what} (finish reason: {ended})")
        details = self._usage.get("prompt_tokens_details")
        cached = count((details if isinstance(details, Mapping) else {}).get("cached_tokens"))
        if cached is None:
            cached = count(self._timings.get("cache_n"))
        return Reply(
            text=text,
            prompt_tokens=count(self._usage.get("prompt_tokens")),
            completion_tokens=count(self._usage.get("completion_tokens")),
            cached_tokens=cached,
            prefill_s=seconds(self._timings.get("prompt_ms"), 1e-3),
            decode_s=seconds(self._timings.get("predicted_ms"), 1e-3),
            first_token_s=self._first,
            cut=self._finish == "length",
            logprobs=self._pairs(),
            served_by=self._web.hide(" ".join(self._served.values()))[:DETAIL_CHARS] or None,
        )

    def _pairs(self) -> tuple[tuple[str, float], ...] | None:
        if not self._logprobs:
            return None
        spelled = "".join(token for token, _ in self._logprobs)
        # Tokens that spell the key would give it away.
        return tuple(self._logprobs) if self._web.hide(spelled) == spelled else None


def _object(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BackendFailure("backend", "the server sent broken JSON") from error
    if not isinstance(found, dict):
        raise BackendFailure("backend", "the server sent JSON that is no object")
    return found


def _content(value: object) -> str:
    """Text of a message's content, which some servers give in parts."""
    if isinstance(value, str):
        return value
    parts = value if isinstance(value, list) else []
    texts = (part.get("text") for part in parts if isinstance(part, Mapping))
    return "".join(text for text in texts if isinstance(text, str))


def count(value: object) -> int | None:
    """A number of tokens, or None where the value is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not math.isfinite(value) or value != int(value) or not 0 <= value < LARGEST_COUNT:
        return None
    return int(value)


def seconds(value: object, unit_s: float) -> float | None:
    """A duration in seconds, or None where the value is none.

    Args:
        value: What the server gave.
        unit_s: Seconds of its unit.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e18:
        return None
    return value * unit_s
