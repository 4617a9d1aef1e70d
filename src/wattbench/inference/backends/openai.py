"""Any OpenAI-compatible server: vLLM, SGLang, TGI, llama.cpp, Ollama, OpenRouter, OpenAI.

Options: `base_url` (up to and including the version, such as http://localhost:8000/v1),
`base_url_env` (environment variable that holds it, where the address changes from job to job),
`server` (one that the job starts; see `servers.ServerOptions`), `extra_body` (further fields of
the request, such as {top_k: 20}). One of the first three is needed.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from pydantic import Field, JsonValue, field_validator

from wattbench.inference.backends.base import (
    Abandoned,
    BackendFailure,
    Reply,
    Request,
    Setup,
    backend,
)
from wattbench.inference.backends.remote import Address, Served, adds_only

CHECK_S = 30.0
REFUSALS = frozenset({400, 422, 501})
"""States by which servers refuse a field of the request."""

NAMES: Mapping[str, tuple[str, ...]] = {
    "response_format": ("response_format", "json_schema", "schema", "guided", "structured"),
    "logprobs": ("logprobs",),
    "stream_options": ("stream_options", "include_usage"),
    "seed": ("seed",),
}
"""What may be left out where a server refuses it, and the words by which servers name it."""

NEW_LIMIT = "max_completion_tokens"
OWN = frozenset(
    {"model", "messages", "max_tokens", NEW_LIMIT, "temperature", "top_p", "seed", "stream",
     "stream_options", "logprobs", "top_logprobs", "response_format", "n"}
)  # fmt: skip
"""Fields that the study says in other places."""


class Options(Address):
    """The study's options of this backend."""

    extra_body: dict[str, JsonValue] = Field(default_factory=dict)

    @field_validator("extra_body")
    @classmethod
    def _adds_only(cls, fields: dict[str, JsonValue]) -> dict[str, JsonValue]:
        return adds_only(fields, OWN)


@backend("openai")
class OpenAi(Served[Options]):
    """A model behind `<address>/chat/completions`."""

    name: ClassVar[str]
    Options: ClassVar = Options
    path: ClassVar[str] = "/v1"

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self._lock = threading.Lock()
        self._left_out: tuple[str, ...] = ()
        self._new_limit = False
        self._taken: set[str] = set()

    def load(self) -> None:
        """Start the server where the job has its own, and see that the key is taken.

        Raises:
            InputError: The key, the address or the server's program cannot be used.
            FaultError: The server does not start.
        """
        web = importlib.import_module("wattbench.inference.backends.web")
        opened = self._remote.open()
        # One small request, for a wrong key would fail every question of the run.
        try:
            opened.get("/models", web.Small(), timeout_s=CHECK_S)
        except web.Refused as refused:
            if refused.status in {401, 403}:
                self.close()
                raise self._remote.refused_key(refused.status, refused.text) from None
        except BackendFailure:
            # Not every server lists its models, and one that is away now may be back: the
            # questions are asked, and fail each with its reason.
            return

    def answer(self, request: Request, stop: threading.Event) -> Reply:
        """Ask the server; what it refuses of the request is left out from then on."""
        web = importlib.import_module("wattbench.inference.backends.web")
        completions = importlib.import_module("wattbench.inference.backends.completions")
        opened = self._remote.web
        if opened is None:
            raise Abandoned
        while True:
            left_out, new_limit = self._left_out, self._new_limit
            body = self._body(request, left_out, new_limit=new_limit)
            completion = completions.Completion(opened)
            try:
                opened.post(
                    "/chat/completions", body, completion, timeout_s=request.timeout_s, stop=stop
                )
                reply: Reply = completion.reply()
            except web.Refused as refused:
                if not self._asks_otherwise(refused, body):
                    raise self._remote.failure(refused.failure()) from None
            except BackendFailure as failure:
                raise self._remote.failure(failure) from None
            else:
                self._taken |= body.keys()
                return replace(reply, left_out=left_out)

    def _asks_otherwise(self, refused: Any, body: Mapping[str, Any]) -> bool:
        """Whether the same question may be asked with less; remembers what to leave out."""
        if refused.status not in REFUSALS or refused.failure().kind == "context_overflow":
            return False
        said = refused.text.casefold()
        with self._lock:
            if NEW_LIMIT in said and "max_tokens" in body:
                self._new_limit = True
                return True
            named = [
                field
                for field, words in NAMES.items()
                if field in body and any(word in said for word in words)
            ]
            # A server that says nothing of the cause most likely means the schema, unless it
            # took one before.
            if not named and "response_format" in body and "response_format" not in self._taken:
                named = ["response_format"]
            self._left_out = tuple(sorted({*self._left_out, *named[:1]}))
            return bool(named)

    def _body(
        self, request: Request, left_out: tuple[str, ...], *, new_limit: bool
    ) -> dict[str, Any]:
        generation = request.generation
        body: dict[str, Any] = {
            "model": self._setup.model,
            "messages": [{"role": m.role, "content": m.content} for m in request.messages],
            NEW_LIMIT if new_limit else "max_tokens": generation.max_new_tokens,
            "temperature": generation.temperature,
            "seed": request.seed,
            "stream": True,
            "stream_options": {"include_usage": True},
            **self._options.extra_body,
        }
        if generation.top_p < 1:
            body["top_p"] = generation.top_p
        if generation.logprobs:
            body |= {"logprobs": True, "top_logprobs": 1}
        if self._options.server is not None and self._options.server.runs_llamacpp:
            body["cache_prompt"] = generation.cache_prompt
        if request.schema is not None:
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "answer", "strict": True, "schema": dict(request.schema)},
            }
        gone = {*left_out, *(("top_logprobs",) if "logprobs" in left_out else ())}
        return {name: value for name, value in body.items() if name not in gone}
