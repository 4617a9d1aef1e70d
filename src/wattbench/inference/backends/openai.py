"""Any OpenAI-compatible server: vLLM, SGLang, TGI, llama.cpp, Ollama, OpenRouter, OpenAI.

Options: `base_url` (up to and including the version, such as http://localhost:8000/v1),
`base_url_env` (environment variable that holds it, where the address changes from job to job),
`server` (one that the job starts; see `servers.ServerOptions`), `extra_body` (further fields of
the request, such as {top_k: 20}). One of the first three is needed.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import threading
import urllib.parse
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, JsonValue, ValidationError, field_validator, model_validator

from wattbench.errors import InputError
from wattbench.inference.backends.base import (
    Abandoned,
    BackendFailure,
    Capabilities,
    Reply,
    Request,
    Setup,
    backend,
)
from wattbench.study.mistakes import mistakes_of
from wattbench.study.section import Section
from wattbench.study.server import ServerOptions

if TYPE_CHECKING:
    from wattbench.inference.backends.servers import OwnServer
    from wattbench.inference.backends.web import Web

ROOM = "wattbench.inference.backends"
CHECK_S = 30.0
LOCAL_PATH = "/v1"
KEY = re.compile(r"[\x21-\x7e]+")
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


class Options(Section):
    """The study's options of this backend."""

    base_url: str | None = None
    base_url_env: str | None = Field(default=None, pattern=r"^[A-Z_][A-Z0-9_]*$")
    server: ServerOptions | None = None
    extra_body: dict[str, JsonValue] = Field(default_factory=dict)

    @field_validator("base_url")
    @classmethod
    def _is_an_address(cls, url: str | None) -> str | None:
        if url is not None:
            check_address(url)
        return url

    @field_validator("extra_body")
    @classmethod
    def _adds_only(cls, fields: dict[str, JsonValue]) -> dict[str, JsonValue]:
        twice = sorted(OWN & set(fields))
        if twice:
            raise ValueError(f"{', '.join(twice)}: set by the study's 'generation' and 'weights'")
        return fields

    @model_validator(mode="after")
    def _one_server(self) -> Options:
        given = [self.base_url, self.base_url_env, self.server]
        if sum(one is not None for one in given) != 1:
            raise ValueError("give one of 'base_url', 'base_url_env' and 'server'")
        return self


def check_address(url: str) -> None:
    """Refuse what is no plain http address; the words hold nothing of it, for it may hold a key."""
    try:
        parts = urllib.parse.urlsplit(url)
        plain = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        plain = False
    if not plain:
        raise ValueError("give an http or https address, such as http://localhost:8000/v1")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError(
            "the address may hold no user, password or query; name the variable that holds the "
            "key in 'requests.api_key_env'"
        )


def read_options(cls: type[Section], options: Mapping[str, Any]) -> Any:
    """A backend's options, checked.

    Raises:
        InputError: They have mistakes; each is named with its key.
    """
    try:
        return cls.model_validate_json(json.dumps(dict(options)), strict=True)
    except ValidationError as error:
        found = [
            one
            for detail in error.errors(include_url=False)
            for one in mistakes_of(detail, {}, root=cls)
        ]
    words = "; ".join(one.sentence().rstrip(".") for one in found)
    raise InputError(f"{words}.", where="options")


def key_of(setup: Setup) -> str | None:
    """The server's key out of the environment, or None where the study names none.

    Raises:
        InputError: The variable is empty, or holds what cannot be sent.
    """
    name = setup.requests.api_key_env
    if name is None:
        return None
    key = os.environ.get(name, "").strip()
    if not KEY.fullmatch(key):
        what = "holds characters that no key has" if key else "holds no key"
        raise InputError(
            f"the environment variable {name} {what}.",
            where="models.<name>.requests.api_key_env",
            mend=f"Run `export {name}=...` in the shell that starts the workflow.",
        )
    return key


@backend("openai")
class OpenAi:
    """A model behind `<address>/chat/completions`."""

    name: ClassVar[str]
    capabilities: ClassVar = Capabilities(max_concurrency=None)
    requires: ClassVar[tuple[str, ...]] = ("httpx2",)
    extra: ClassVar[str | None] = None

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._options: Options = read_options(Options, setup.options)
        self._web: Web | None = None
        self._server: OwnServer | None = None
        self._lock = threading.Lock()
        self._left_out: tuple[str, ...] = ()
        self._new_limit = False
        self._taken: set[str] = set()

    @classmethod
    def check(cls, options: Mapping[str, Any]) -> None:
        """Check the options."""
        read_options(Options, options)

    @property
    def version(self) -> str | None:
        """Version of a server of the job's own; others name theirs in their replies, if at all."""
        if self._options.server is None:
            return None
        servers = importlib.import_module(f"{ROOM}.servers")
        found: str | None = servers.OwnServer(self._options.server, self._setup).version
        return found

    def load(self) -> None:
        """Start the server where the job has its own, and see that the key is taken.

        Raises:
            InputError: The key, the address or the server's program cannot be used.
            FaultError: The server does not start.
        """
        web = importlib.import_module(f"{ROOM}.web")
        if self._options.server is not None:
            servers = importlib.import_module(f"{ROOM}.servers")
            self._server = servers.OwnServer(self._options.server, self._setup)
            self._server.start()
            address, key = self._server.address + LOCAL_PATH, self._server.key
        else:
            address, key = self._address(), key_of(self._setup)
        self._web = web.Web(
            address,
            key=key,
            connections=self._setup.concurrency,
            proxies=self._server is None,
        )
        self._see_that_the_key_is_taken(web)

    def _address(self) -> str:
        name = self._options.base_url_env
        if name is None:
            return str(self._options.base_url)
        url = os.environ.get(name, "").strip()
        try:
            check_address(url)
        except ValueError as wrong:
            raise InputError(
                f"the environment variable {name} holds no usable address: {wrong}.",
                where="models.<name>.options.base_url_env",
            ) from None
        return url

    def _see_that_the_key_is_taken(self, web: Any) -> None:
        """One small request, for a wrong key would fail every question of the run."""
        assert self._web is not None  # noqa: S101 - called by load
        try:
            self._web.get("/models", web.Small(), timeout_s=CHECK_S)
        except web.Refused as refused:
            if refused.status in {401, 403}:
                name = self._setup.requests.api_key_env
                raise InputError(
                    f"the server refuses the key: HTTP {refused.status} {refused.text}",
                    where="models.<name>.requests.api_key_env",
                    mend=f"See what {name} holds." if name else "Name the variable that holds it.",
                ) from None
        except BackendFailure:
            # Not every server lists its models, and one that is away now may be back: the
            # questions are asked, and fail each with its reason.
            return

    def answer(self, request: Request, stop: threading.Event) -> Reply:
        """Ask the server; what it refuses of the request is left out from then on."""
        web = importlib.import_module(f"{ROOM}.web")
        completions = importlib.import_module(f"{ROOM}.completions")
        if self._web is None:
            raise Abandoned
        while True:
            left_out, new_limit = self._left_out, self._new_limit
            body = self._body(request, left_out, new_limit=new_limit)
            completion = completions.Completion(self._web)
            try:
                self._web.post(
                    "/chat/completions", body, completion, timeout_s=request.timeout_s, stop=stop
                )
                reply: Reply = completion.reply()
            except web.Refused as refused:
                if not self._asks_otherwise(refused, body):
                    raise self._failure(refused.failure()) from None
            except BackendFailure as failure:
                raise self._failure(failure) from None
            else:
                self._taken |= body.keys()
                return replace(reply, left_out=left_out)

    def _failure(self, failure: BackendFailure) -> BackendFailure:
        ended = None if self._server is None else self._server.ended
        return failure if ended is None else BackendFailure("backend", ended)

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

    def close(self) -> None:
        """Close the connections and end the job's own server."""
        web, self._web = self._web, None
        if web is not None:
            web.close()
        server, self._server = self._server, None
        if server is not None:
            server.close()
