"""Ollama by its own interface, which counts tokens and times prompt and answer apart.

Options: one of `base_url` (such as http://localhost:11434), `base_url_env` and `server`
({kind: ollama}), and `parameters` (further ones of Ollama's options, such as {num_gpu: 20}).
"""

from __future__ import annotations

import importlib
import json
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, JsonValue, field_validator

from wattbench.errors import InputError
from wattbench.inference.backends.base import (
    Abandoned,
    BackendFailure,
    Reply,
    Request,
    Setup,
    backend,
)
from wattbench.inference.backends.remote import Address, Served, adds_only

if TYPE_CHECKING:
    from wattbench.inference.backends.web import Web

CHECK_S = 60.0
NANOSECOND = 1e-9
OWN = frozenset({"temperature", "top_p", "seed", "num_predict", "num_ctx"})
LINES = "application/x-ndjson"
LONGEST_BODY = 64 * 2**20
LONGEST_TEXT = 1_000_000
DETAIL_CHARS = 500


class Options(Address):
    """The study's options of this backend."""

    parameters: dict[str, JsonValue] = Field(default_factory=dict)

    @field_validator("parameters")
    @classmethod
    def _adds_only(cls, fields: dict[str, JsonValue]) -> dict[str, JsonValue]:
        return adds_only(fields, OWN)


@backend("ollama")
class Ollama(Served[Options]):
    """A model behind `<address>/api/chat`."""

    name: ClassVar[str]
    Options: ClassVar = Options

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self._served_by = "ollama"

    def load(self) -> None:
        """Connect, see that the model is there, and let Ollama load it.

        Raises:
            InputError: The server does not have the model, or refuses the key.
            FaultError: The job's own server does not start.
        """
        web = importlib.import_module("wattbench.inference.backends.web")
        opened = self._remote.open()
        found, shown = web.Small(), web.Small()
        try:
            opened.get("/api/version", found, timeout_s=CHECK_S)
            opened.post(
                "/api/show",
                {"model": self._setup.model},
                shown,
                timeout_s=CHECK_S,
                stop=threading.Event(),
            )
            # A request without messages loads the model and says nothing.
            opened.post(
                "/api/chat",
                {**self._base(), "messages": [], "stream": False},
                web.Small(),
                timeout_s=self._setup.requests.ready_s,
                stop=threading.Event(),
            )
        except web.Refused as refused:
            if refused.status in {401, 403, 404}:
                self.close()
            if refused.status in {401, 403}:
                raise self._remote.refused_key(refused.status, refused.text) from None
            if refused.status == 404:
                raise InputError(
                    f"Ollama does not have the model '{self._setup.model}': {refused.text}",
                    where="models.<name>.weights",
                    mend=f"Run `ollama pull {self._setup.model}` where the server runs.",
                ) from None
        except BackendFailure:
            # As for any server: one that is away now may be back.
            return
        told = found.json()
        version = told.get("version") if isinstance(told, dict) else None
        if isinstance(version, str):
            self._served_by = opened.hide(f"ollama {version}")[:DETAIL_CHARS]

    def _base(self) -> dict[str, Any]:
        return {
            "model": self._setup.model,
            "options": {
                **self._options.parameters,
                "num_ctx": self._setup.generation.context_length,
            },
        }

    def answer(self, request: Request, stop: threading.Event) -> Reply:
        """Ask the model; the reply is streamed."""
        web = importlib.import_module("wattbench.inference.backends.web")
        opened = self._remote.web
        if opened is None:
            raise Abandoned
        chat = _Chat(opened, self._served_by)
        body = self._body(request)
        try:
            opened.post("/api/chat", body, chat, timeout_s=request.timeout_s, stop=stop)
            return chat.reply()
        except web.Refused as refused:
            raise self._remote.failure(refused.failure()) from None
        except BackendFailure as failure:
            raise self._remote.failure(failure) from None

    def _body(self, request: Request) -> dict[str, Any]:
        generation, base = request.generation, self._base()
        body: dict[str, Any] = {
            **base,
            "messages": [{"role": m.role, "content": m.content} for m in request.messages],
            "stream": True,
            # Else a prompt that is too long loses its beginning in silence.
            "truncate": False,
            "shift": False,
            "options": {
                **base["options"],
                "temperature": generation.temperature,
                "top_p": generation.top_p,
                "seed": request.seed,
                "num_predict": generation.max_new_tokens,
            },
        }
        if generation.logprobs:
            body["logprobs"] = True
        if request.schema is not None:
            body["format"] = dict(request.schema)
        return body


class _Chat:
    """Collects a reply: one JSON object a line, the last with counts and durations."""

    def __init__(self, web: Web, served_by: str) -> None:
        self._web = web
        self._served_by = served_by
        self._sent = time.monotonic()
        self._first: float | None = None
        self._buffer = bytearray()
        self._bytes = 0
        self._text: list[str] = []
        self._chars = 0
        self._thought = False
        self._logprobs: list[tuple[str, float]] | None = []
        self._last: Mapping[str, Any] | None = None

    def open(self, content_type: str) -> None:
        """Check that it is Ollama that answers."""
        kind = content_type.partition(";")[0].strip().casefold()
        if kind not in {LINES, "application/json"}:
            told = self._web.hide(content_type)[:DETAIL_CHARS] or "no content type"
            raise BackendFailure("backend", f"the server sent {told}, no reply of Ollama's")

    def feed(self, piece: bytes) -> bool:
        """Take bytes; true after the last line."""
        self._bytes += len(piece)
        if self._bytes > LONGEST_BODY:
            raise BackendFailure("backend", f"the reply is longer than {LONGEST_BODY} bytes")
        *lines, rest = (bytes(self._buffer) + piece).split(b"\n")
        self._buffer = bytearray(rest)
        for line in lines:
            if line.strip():
                self._take(line)
        return self._last is not None

    def _take(self, line: bytes) -> None:
        try:
            part = json.loads(line.decode("utf-8", "replace"))
        except (ValueError, RecursionError) as error:
            raise BackendFailure("backend", "the server sent broken JSON") from error
        if not isinstance(part, dict):
            raise BackendFailure("backend", "the server sent JSON that is no object")
        if part.get("error"):
            self._raise(str(part["error"]))
        message = part.get("message")
        said = message if isinstance(message, dict) else {}
        content = said.get("content")
        content = content if isinstance(content, str) else ""
        self._thought = self._thought or bool(said.get("thinking"))
        if self._first is None and (content or said.get("thinking")):
            self._first = time.monotonic() - self._sent
        self._chars += len(content)
        if self._chars > LONGEST_TEXT:
            raise BackendFailure("backend", f"the reply is longer than {LONGEST_TEXT} characters")
        self._text.append(content)
        self._take_logprobs(part.get("logprobs"))
        if part.get("done") is True:
            self._last = part

    def _take_logprobs(self, found: object) -> None:
        web = importlib.import_module("wattbench.inference.backends.web")
        for token in found if isinstance(found, list) else ():
            try:
                pair = (web.whole_characters(str(token["token"])), float(token["logprob"]))
            except (KeyError, TypeError, ValueError, OverflowError):
                self._logprobs = None
                return
            if self._logprobs is not None:
                self._logprobs.append(pair)

    def _raise(self, error: str) -> None:
        web = importlib.import_module("wattbench.inference.backends.web")
        said = self._web.hide(error)[:DETAIL_CHARS]
        raise BackendFailure("context_overflow" if web.is_overflow(said) else "backend", said)

    def reply(self) -> Reply:
        """The whole reply.

        Raises:
            BackendFailure: It broke off or holds no text.
        """
        completions = importlib.import_module("wattbench.inference.backends.completions")
        if self._buffer.strip() and self._last is None:
            self._take(bytes(self._buffer))
        last = self._last
        if last is None:
            raise BackendFailure("http", "the reply broke off before its end")
        reason = self._web.hide(str(last.get("done_reason")))[:DETAIL_CHARS]
        text = self._web.hide("".join(self._text))
        if not text.strip():
            what = "thought and then said nothing" if self._thought else "said nothing"
            raise BackendFailure("empty", f"the model {what} (finish reason: {reason})")
        spelled = "".join(token for token, _ in self._logprobs or ())
        return Reply(
            text=text,
            prompt_tokens=completions.count(last.get("prompt_eval_count")),
            completion_tokens=completions.count(last.get("eval_count")),
            prefill_s=completions.seconds(last.get("prompt_eval_duration"), NANOSECOND),
            decode_s=completions.seconds(last.get("eval_duration"), NANOSECOND),
            first_token_s=self._first,
            cut=reason == "length",
            logprobs=tuple(self._logprobs or ())
            if spelled and self._web.hide(spelled) == spelled
            else None,
            served_by=self._served_by,
        )
