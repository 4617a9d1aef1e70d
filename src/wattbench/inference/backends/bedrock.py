"""Models of Amazon Bedrock, by its Converse interface.

The credentials are boto3's own business: environment, profile or role; none is in the study.
Options: `region`, `profile` (name of an AWS profile).
"""

from __future__ import annotations

import contextlib
import importlib
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from wattbench.errors import InputError
from wattbench.inference.backends.base import (
    Abandoned,
    BackendFailure,
    Capabilities,
    Reply,
    Request,
    Setup,
    backend,
    read_options,
)
from wattbench.study.section import Section, Text

BUSY = frozenset({"ThrottlingException", "ServiceUnavailableException", "ModelNotReadyException"})
DETAIL_CHARS = 500
CONNECT_S = 30.0
POLL_S = 0.05


class Options(Section):
    """The study's options of this backend."""

    region: Text | None = None
    profile: Text | None = None


@backend("bedrock")
class Bedrock:
    """A model of Bedrock; `weights` is its model id or inference profile."""

    name: ClassVar[str]
    capabilities: ClassVar = Capabilities(max_concurrency=None)
    requires: ClassVar[tuple[str, ...]] = ("boto3",)
    extra: ClassVar[str | None] = "bedrock"

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._options = read_options(Options, setup.options)
        self._client: Any = None

    @classmethod
    def check(cls, options: Mapping[str, Any]) -> None:
        """Check the options."""
        read_options(Options, options)

    @classmethod
    def elsewhere(cls, options: Mapping[str, Any]) -> bool:  # noqa: ARG003 - whatever they are
        """Always: in Amazon's data centres."""
        return True

    @property
    def version(self) -> str | None:
        """None: Bedrock does not say what runs its models."""
        return None

    def load(self) -> None:
        """Make the client.

        Raises:
            InputError: There is no region, no such profile, or no credentials.
        """
        boto3 = importlib.import_module("boto3")
        config = importlib.import_module("botocore.config")
        errors = importlib.import_module("botocore.exceptions")
        try:
            session = boto3.Session(
                profile_name=self._options.profile, region_name=self._options.region
            )
            if session.get_credentials() is None:
                raise InputError(
                    "boto3 finds no credentials for Bedrock.",
                    where="models.<name>.options",
                    mend="Set AWS_PROFILE or the AWS_... variables in the shell that starts the "
                    "workflow, or name 'options.profile'.",
                )
            self._client = session.client(
                "bedrock-runtime",
                config=config.Config(
                    connect_timeout=CONNECT_S,
                    read_timeout=self._setup.requests.timeout_s,
                    max_pool_connections=self._setup.concurrency,
                    # Every try is the engine's, so that every try is in the journal.
                    retries={"total_max_attempts": 1, "mode": "standard"},
                ),
            )
        except errors.BotoCoreError as error:
            raise InputError(f"boto3: {error}", where="models.<name>.options") from None

    def answer(self, request: Request, stop: threading.Event) -> Reply:
        """Ask the model; the reply is streamed."""
        if stop.is_set() or self._client is None:
            raise Abandoned
        stream = _Stream(stop)
        failed: list[BaseException] = []
        client, body = self._client, self._body(request)

        def read() -> None:
            try:
                stream.read(client, body)
            # Raised again below.
            except BaseException as error:  # noqa: BLE001
                failed.append(error)

        # A thread of its own: nothing else gets boto3 out of waiting for the next byte. Given up,
        # it ends with its connection's time limit.
        reader = threading.Thread(target=read, name="bedrock", daemon=True)
        reader.start()
        until = time.monotonic() + request.timeout_s
        while reader.is_alive():
            reader.join(POLL_S)
            if stop.is_set():
                raise Abandoned
            if time.monotonic() > until:
                stream.given_up.set()
                raise BackendFailure("timeout", f"no answer within {request.timeout_s:g} s")
        if failed:
            raise failed[0]
        asked = {
            "response_format": request.schema is not None,
            "logprobs": request.generation.logprobs,
        }
        return replace(stream.reply(), left_out=tuple(name for name in asked if asked[name]))

    def _body(self, request: Request) -> dict[str, Any]:
        generation = request.generation
        inference: dict[str, Any] = {
            "maxTokens": generation.max_new_tokens,
            "temperature": generation.temperature,
        }
        if generation.top_p < 1:
            inference["topP"] = generation.top_p
        said = [(m.role, [{"text": m.content}]) for m in request.messages]
        body: dict[str, Any] = {
            "modelId": self._setup.model,
            "messages": [{"role": r, "content": c} for r, c in said if r != "system"],
            "inferenceConfig": inference,
        }
        if system := [part for role, content in said if role == "system" for part in content]:
            body["system"] = system
        return body

    def close(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            client.close()


def _failure(error: Any) -> BackendFailure:
    web = importlib.import_module("wattbench.inference.backends.web")
    told = error.response.get("Error", {})
    code, said = str(told.get("Code")), str(told.get("Message"))
    answer = error.response.get("ResponseMetadata", {})
    detail = web.whole_characters(f"{code}: {said}")[:DETAIL_CHARS]
    if code == "ValidationException" and web.is_overflow(said):
        return BackendFailure("context_overflow", detail)
    if code in {"ModelTimeoutException", "RequestTimeout"}:
        return BackendFailure("timeout", detail)
    after = web.retry_after_s(answer.get("HTTPHeaders", {}))
    return BackendFailure("http", detail, retry_after_s=after, busy=code in BUSY)


class _Stream:
    """Collects the events of a converse stream."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self.given_up = threading.Event()
        self._sent = time.monotonic()
        self._first: float | None = None
        self._text: list[str] = []
        self._finish: str | None = None
        self._usage: Mapping[str, Any] = {}

    def read(self, client: Any, body: Mapping[str, Any]) -> None:
        """Ask, and read the stream to its end or until it is given up.

        Raises:
            BackendFailure: Bedrock or the connection failed.
        """
        errors = importlib.import_module("botocore.exceptions")
        try:
            events = client.converse_stream(**body)["stream"]
            with contextlib.closing(events):
                for event in events:
                    if self._stop.is_set() or self.given_up.is_set():
                        return
                    self._take(event)
        except errors.ClientError as error:
            raise _failure(error) from None
        except (errors.ReadTimeoutError, errors.ConnectTimeoutError) as error:
            raise BackendFailure("timeout", str(error)[:DETAIL_CHARS]) from None
        # What botocore raises of a broken stream is of many families: of urllib3, of its parser.
        except Exception as error:  # noqa: BLE001
            said = f"{type(error).__name__}: {error}"
            raise BackendFailure("http", said[:DETAIL_CHARS]) from None

    def _take(self, event: Mapping[str, Any]) -> None:
        if "contentBlockDelta" in event:
            text = event["contentBlockDelta"].get("delta", {}).get("text", "")
            if text and self._first is None:
                self._first = time.monotonic() - self._sent
            self._text.append(text)
        elif "messageStop" in event:
            self._finish = event["messageStop"].get("stopReason")
        elif "metadata" in event:
            self._usage = event["metadata"].get("usage", {})

    def reply(self) -> Reply:
        """The whole reply.

        Raises:
            BackendFailure: It broke off or holds no text.
        """
        web = importlib.import_module("wattbench.inference.backends.web")
        completions = importlib.import_module("wattbench.inference.backends.completions")
        if self._finish is None:
            raise BackendFailure("http", "the reply broke off before its end")
        if self._finish == "model_context_window_exceeded":
            raise BackendFailure("context_overflow", "the context window is full")
        text = web.whole_characters("".join(self._text))
        if not text.strip():
            reason = json.dumps(self._finish)
            raise BackendFailure("empty", f"the model said nothing (finish reason: {reason})")
        count = completions.count
        cached = count(self._usage.get("cacheReadInputTokens"))
        read = count(self._usage.get("inputTokens"))
        return Reply(
            text=text,
            # Bedrock counts what came from its cache apart.
            prompt_tokens=None if read is None else read + (cached or 0),
            completion_tokens=count(self._usage.get("outputTokens")),
            cached_tokens=cached,
            first_token_s=self._first,
            cut=self._finish == "max_tokens",
        )
