"""What a backend is: loads a model, answers one request at a time, says what it used."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

from pydantic import ValidationError

from wattbench.errors import InputError
from wattbench.study.inference import Generation, Requests
from wattbench.study.mistakes import mistakes_of
from wattbench.study.section import Section

S = TypeVar("S", bound=Section)

FAILURES = ("timeout", "http", "backend", "unparsable", "empty", "context_overflow")
"""Kinds of failure, as in `predictions.error`."""


@dataclass(frozen=True)
class Capabilities:
    """What a backend can do.

    Args:
        max_concurrency: Requests it answers at once at most; None: any number.
        deterministic: At temperature 0 the same request gives the same reply, so that asking
            again after an unparsable reply is in vain.
        local_weights: The weights are a file on this machine.
        growing_weights: The file may grow without changing an answer that it gave before, so its
            bytes are no part of an answer's identity.
        gpu: It loads the model onto the GPUs that it is given.
        hub: The weights are a model id of a hub, or a folder or file of this machine.
        prefixes_by_slot: What it has read of a prompt serves only the slot that read it; else a
            prefix that one request has read costs no other anything, or all read all.
        precisions: What the study may give as `precision`, for it decides how weights are loaded;
            None: whatever the weights are.
    """

    max_concurrency: int | None = 1
    deterministic: bool = False
    local_weights: bool = False
    growing_weights: bool = False
    gpu: bool = False
    hub: bool = False
    prefixes_by_slot: bool = False
    precisions: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Setup:
    """What a backend is made with.

    Args:
        model: The study's `weights`: a pinned name, a path or the backend's model id.
        weights: The weight file or folder, or None where the study names none of this machine.
        revision: Revision of the model on its hub.
        options: The study's further settings of the backend.
        generation: How the model generates.
        cpus: Processor threads to use.
        gpus: GPUs given to the job.
        concurrency: Requests in flight at most.
        log: File for what native code prints; a server's log lies beside it.
        requests: How the study wants requests sent.
        precision: Precision of the weights, in the study's word.
    """

    model: str
    weights: Path | None
    revision: str | None
    options: Mapping[str, Any]
    generation: Generation
    cpus: int
    gpus: int
    concurrency: int
    log: Path
    requests: Requests = field(default_factory=Requests)
    precision: str | None = None


@dataclass(frozen=True)
class Message:
    """One message of a chat."""

    role: str
    content: str


@dataclass(frozen=True)
class Request:
    """One question as it is sent.

    Args:
        question_id: Id of the question.
        question: Its text.
        messages: The rendered prompt.
        schema: JSON schema of the reply, or None where it is left free.
        generation: How to generate.
        seed: Seed of this try.
        timeout_s: Seconds that the request may take.
    """

    question_id: str
    question: str
    messages: tuple[Message, ...]
    schema: Mapping[str, Any] | None
    generation: Generation
    seed: int
    timeout_s: float


@dataclass(frozen=True)
class Reply:
    """What came back; None where the backend does not say.

    Args:
        text: The raw reply.
        prompt_tokens: Tokens of the prompt.
        completion_tokens: Tokens generated.
        cached_tokens: Prompt tokens taken from a cache.
        prefill_s: Seconds of reading the prompt.
        decode_s: Seconds of generating.
        first_token_s: Seconds from sending to the first token.
        cut: The reply ended because it reached the token limit.
        logprobs: Per token its text and log-probability.
        served_by: Model and build that answered, in the server's words.
        left_out: What was asked of the server at first and then left out, for it refused it.
    """

    text: str
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    prefill_s: float | None = None
    decode_s: float | None = None
    first_token_s: float | None = None
    cut: bool = False
    logprobs: tuple[tuple[str, float], ...] | None = field(default=None, repr=False)
    served_by: str | None = None
    left_out: tuple[str, ...] = ()


class BackendFailure(Exception):  # noqa: N818 - a failure of one question, not of the program
    """One question was not answered.

    Args:
        kind: One of `FAILURES`.
        detail: What happened, in the backend's words.
        retry_after_s: Wait that the server asked for, or None.
        busy: The server took the request not up for now; asking again costs no retry.
    """

    def __init__(
        self, kind: str, detail: str, *, retry_after_s: float | None = None, busy: bool = False
    ) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind = kind
        self.detail = detail
        self.retry_after_s = retry_after_s
        self.busy = busy


class Abandoned(Exception):  # noqa: N818 - control flow: the asker gave up, nothing went wrong
    """The request was stopped because `stop` was set."""


class Backend(Protocol):
    """What the engine asks of a backend; made with a `Setup`, registered by `@backend(name)`."""

    name: ClassVar[str]
    capabilities: Capabilities
    """Of the class: what it can do. Of an instance: what it can do as it is set."""

    requires: ClassVar[tuple[str, ...]]
    """Modules it imports; all are there in every installation unless `extra` is named."""

    extra: ClassVar[str | None]
    """The optional dependency group that brings `requires`."""

    def __init__(self, setup: Setup) -> None: ...

    @classmethod
    def check(cls, options: Mapping[str, Any]) -> None:
        """Check the study's options without loading anything.

        Raises:
            InputError: An option is unknown or cannot be used; its place begins with 'options'.
        """

    @classmethod
    def elsewhere(cls, options: Mapping[str, Any]) -> bool:
        """Whether the model runs on another machine, which no meter of this one measures."""

    @property
    def version(self) -> str | None:
        """Version of the software that answers, or None where it does not say."""

    def load(self) -> None:
        """Make ready to answer.

        Raises:
            FaultError: The model cannot be loaded.
            InputError: The settings or the weights cannot be used.
        """

    def answer(self, request: Request, stop: threading.Event) -> Reply:
        """Answer one request.

        Args:
            request: What to answer.
            stop: Set when the answer is no longer wanted.

        Raises:
            BackendFailure: The question was not answered.
            Abandoned: `stop` was set.
        """

    def close(self) -> None:
        """Free what `load` took."""


def check_names(name: str, options: Mapping[str, Any], known: Collection[str]) -> None:
    """Refuse options that a backend does not have.

    Raises:
        InputError: There is one.
    """
    surplus = sorted(set(options) - set(known))
    if surplus:
        raise InputError(
            f"the backend '{name}' has no option {', '.join(surplus)}.",
            where="options",
            mend=f"It knows {', '.join(sorted(known))}.",
        )


def read_options(cls: type[S], options: Mapping[str, Any]) -> S:
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


class InProcess:
    """What backends that answer on this node, without a server, have in common."""

    Options: ClassVar[type[Section]]
    """The study's options of the backend."""

    @classmethod
    def check(cls, options: Mapping[str, Any]) -> None:
        """Check the options."""
        read_options(cls.Options, options)

    @classmethod
    def elsewhere(cls, options: Mapping[str, Any]) -> bool:  # noqa: ARG003 - whatever they are
        """Never."""
        return False


REGISTRY: dict[str, type[Backend]] = {}


def backend(name: str) -> Callable[[type[Any]], type[Any]]:
    """Register a class under the name that studies use."""

    def register(cls: type[Any]) -> type[Any]:
        cls.name = name
        REGISTRY[name] = cls
        return cls

    return register
