"""The embedded default: llama.cpp inside this process, through xllamacpp."""

from __future__ import annotations

import contextlib
import importlib
import os
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from wattbench.errors import FaultError
from wattbench.inference.backends.base import (
    Abandoned,
    BackendFailure,
    Capabilities,
    InProcess,
    Reply,
    Request,
    Setup,
    backend,
    read_options,
)
from wattbench.inference.backends.common_params import (
    ALL_LAYERS,
    Loading,
    common_params,
    spin_briefly,
)
from wattbench.study.section import Section

SILENT, ALL = -1, 3
STDERR = 2
LOG_TAIL_LINES = 4


class Options(Section):
    """The study's options of this backend."""

    gpu_layers: int | None = Field(default=None, ge=ALL_LAYERS)
    """Layers on the GPU; default: all where the job has one."""

    batch: int | None = Field(default=None, ge=1)
    """Prompt tokens read at once; default: llama.cpp's own."""


@backend("llamacpp")
class LlamaCpp(InProcess):
    """One GGUF model; as many questions are answered in one batch as `requests.concurrency` says.

    A batch changes the order of sums, and so does a prefix out of the cache; either changes, now
    and then, a greedy answer. One at a time and without the cache, answers repeat.
    """

    name: ClassVar[str]
    Options: ClassVar = Options
    capabilities: Capabilities = Capabilities(
        max_concurrency=None, deterministic=True, local_weights=True, gpu=True
    )
    requires: ClassVar[tuple[str, ...]] = ("xllamacpp",)
    extra: ClassVar[str | None] = None

    def __init__(self, setup: Setup) -> None:
        self._options = read_options(Options, setup.options)
        self._setup = setup
        keeps = setup.generation.cache_prompt
        self.capabilities = replace(
            self.capabilities,
            deterministic=setup.concurrency == 1 and not keeps,
            prefixes_by_slot=keeps,
        )
        self._server: Any = None

    @property
    def version(self) -> str | None:
        """Version of xllamacpp, which pins its llama.cpp."""
        return f"xllamacpp {version('xllamacpp')}"

    def load(self) -> None:
        """Load the weights."""
        spin_briefly(os.environ)
        # Imported here: the library is large, and a study is checked without it.
        xllamacpp = importlib.import_module("xllamacpp")
        try:
            with native_stderr_to(self._setup.log):
                self._server = xllamacpp.Server(self._parameters(xllamacpp, SILENT))
        except (RuntimeError, ValueError) as error:
            raise FaultError(
                f"llama.cpp cannot load the model: {self._cause(xllamacpp) or error}",
                where=str(self._setup.weights),
                mend="Is it a whole GGUF file, and is there memory for it and for "
                "'generation.context_length'?",
            ) from error

    def _parameters(self, xllamacpp: Any, verbosity: int) -> Any:
        setup, options = self._setup, self._options
        layers = options.gpu_layers
        if layers is None:
            layers = ALL_LAYERS if setup.gpus else 0
        loading = Loading(
            model=str(setup.weights),
            context_length=setup.generation.context_length,
            slots=setup.concurrency,
            cpus=setup.cpus,
            gpu_layers=layers,
            batch=options.batch,
            cache_prompt=setup.generation.cache_prompt,
        )
        return common_params(xllamacpp, loading, verbosity=verbosity)

    def _cause(self, xllamacpp: Any) -> str | None:
        """Load once more with all messages on, for the silent try does not say why."""
        with contextlib.suppress(RuntimeError, ValueError), native_stderr_to(self._setup.log):
            xllamacpp.Server(self._parameters(xllamacpp, ALL))
        try:
            lines = self._setup.log.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return None
        errors = [line.split("E ", 1)[-1].strip() for line in lines if " E " in line]
        return "; ".join(errors[:LOG_TAIL_LINES]) or None

    def answer(self, request: Request, stop: threading.Event) -> Reply:
        """Ask the model; the reply is streamed so that it can be stopped between two tokens."""
        stream = _Stream(deadline=time.monotonic() + request.timeout_s, stop=stop)
        try:
            self._server.handle_chat_completions(_body(request), stream)
        except ValueError as error:
            raise BackendFailure("backend", str(error)) from error
        return stream.reply(request)

    def close(self) -> None:
        """Free the weights."""
        self._server = None


def _body(request: Request) -> dict[str, Any]:
    generation = request.generation
    body: dict[str, Any] = {
        "messages": [{"role": m.role, "content": m.content} for m in request.messages],
        "max_tokens": generation.max_new_tokens,
        "temperature": generation.temperature,
        "top_p": generation.top_p,
        "seed": request.seed,
        "cache_prompt": generation.cache_prompt,
        "stream": True,
        "stream_options": {"include_usage": True},
        "return_progress": True,
    }
    if generation.logprobs:
        body |= {"logprobs": True, "top_logprobs": 1}
    if request.schema is not None:
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "answer", "strict": True, "schema": dict(request.schema)},
        }
    return body


class _Stream:
    """Collects the pieces of a streamed reply; called by llama.cpp with each."""

    def __init__(self, *, deadline: float, stop: threading.Event) -> None:
        self._deadline = deadline
        self._stop = stop
        self._started = time.monotonic()
        self._first: float | None = None
        self._text: list[str] = []
        self._logprobs: list[tuple[str, float]] = []
        self._last: Mapping[str, Any] = {}
        self._finish: str | None = None
        self._error: Mapping[str, Any] | None = None
        self._late = False

    def __call__(self, piece: Mapping[str, Any] | list[Mapping[str, Any]]) -> bool:
        """Take a piece; true tells llama.cpp to stop."""
        for part in piece if isinstance(piece, list) else [piece]:
            self._take(part)
        self._late = time.monotonic() > self._deadline
        return self._late or self._stop.is_set()

    def _take(self, part: Mapping[str, Any]) -> None:
        if "error" in part:
            self._error = part["error"]
            return
        for choice in part.get("choices", ()):
            if content := choice.get("delta", {}).get("content"):
                if self._first is None:
                    self._first = time.monotonic() - self._started
                self._text.append(content)
            for token in (choice.get("logprobs") or {}).get("content") or ():
                self._logprobs.append((token["token"], float(token["logprob"])))
            self._finish = choice.get("finish_reason") or self._finish
        if "timings" in part:
            self._last = part

    def reply(self, request: Request) -> Reply:
        """The whole reply.

        Raises:
            BackendFailure: The model did not answer.
            Abandoned: The asker gave up.
        """
        if self._error is not None:
            overflow = self._error.get("type") == "exceed_context_size_error"
            kind = "context_overflow" if overflow else "backend"
            raise BackendFailure(kind, str(self._error.get("message")))
        if self._finish is None:
            if self._late:
                raise BackendFailure("timeout", f"no answer within {request.timeout_s:g} s")
            if self._stop.is_set():
                raise Abandoned
            raise BackendFailure("backend", "the reply broke off")
        text = "".join(self._text)
        if not text.strip():
            raise BackendFailure("empty", "the model ended its reply before its first word")
        timings = self._last.get("timings", {})
        usage = self._last.get("usage", {})
        return Reply(
            text=text,
            prompt_tokens=usage.get("prompt_tokens"),
            completion_tokens=usage.get("completion_tokens"),
            cached_tokens=timings.get("cache_n"),
            prefill_s=_seconds(timings.get("prompt_ms")),
            decode_s=_seconds(timings.get("predicted_ms")),
            first_token_s=self._first,
            cut=self._finish == "length",
            logprobs=tuple(self._logprobs) or None,
        )


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


@contextlib.contextmanager
def native_stderr_to(path: Path) -> Iterator[None]:
    """Send what native code prints to stderr into a file, and spare the terminal."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = os.dup(STDERR)
    try:
        with path.open("ab") as log:
            os.dup2(log.fileno(), STDERR)
            yield
    finally:
        os.dup2(kept, STDERR)
        os.close(kept)
