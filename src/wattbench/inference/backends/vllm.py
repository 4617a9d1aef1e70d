"""Models of the Hugging Face hub in this process, through vLLM's offline engine."""

from __future__ import annotations

import copy
import importlib
import itertools
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from typing import Any, ClassVar, Literal

from pydantic import Field, JsonValue

from wattbench.errors import FaultError, InputError
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
from wattbench.inference.backends.desk import Desk, Ticket
from wattbench.inference.backends.lexicon import Lexicon, Rendering
from wattbench.inference.backends.llamacpp import native_stderr_to
from wattbench.inference.stopping import SIGNALS

REASON_CHARS = 600
DTYPES: Mapping[str, str] = {
    "auto": "auto",
    "bf16": "bfloat16",
    "fp16": "float16",
    "fp32": "float32",
}
PACKED = (
    "8bit", "4bit", "fp8", "int8", "awq", "gptq", "w4a16", "w8a8", "w8a16", "mxfp4", "nvfp4",
)  # fmt: skip
"""Precisions of weights that are quantised already, or while they are loaded where the option
`quantization` says how; the engine is told no other type."""

PRECISIONS = (*DTYPES, *PACKED)


class Options(Rendering):
    """The study's options of this backend: arguments of vLLM's engine, by their names."""

    attention_backend: str | None = None
    block_size: int | None = Field(default=None, ge=1)
    config_format: str | None = None
    distributed_executor_backend: Literal["mp", "ray", "uni"] | None = None
    enable_chunked_prefill: bool | None = None
    enable_expert_parallel: bool | None = None
    enforce_eager: bool | None = None
    gpu_memory_utilization: float | None = Field(default=None, gt=0, le=1)
    hf_overrides: dict[str, JsonValue] | None = None
    kv_cache_dtype: str | None = None
    load_format: str | None = None
    max_num_batched_tokens: int | None = Field(default=None, ge=1)
    model_impl: Literal["auto", "vllm", "transformers"] | None = None
    pipeline_parallel_size: int = Field(default=1, ge=1)
    quantization: str | None = None
    speculative_config: dict[str, JsonValue] | None = None


@backend("vllm")
class Vllm(InProcess):
    """A language model, as many questions at once as `requests.concurrency` says.

    `weights` is a hub id or a local folder. The engine takes up a question as soon as there is room
    for it, and reads a prefix that questions share once where `generation.cache_prompt` says so.
    """

    name: ClassVar[str]
    Options: ClassVar = Options
    capabilities: Capabilities = Capabilities(
        max_concurrency=None,
        deterministic=True,
        hub=True,
        gpu=True,
        precisions=PRECISIONS,
    )
    requires: ClassVar[tuple[str, ...]] = ("vllm",)
    extra: ClassVar[str | None] = "vllm"

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._options = read_options(Options, setup.options)
        # Those who share a step, or a prefix, change the order of sums, and now and then an answer.
        alone = setup.concurrency == 1 and not setup.generation.cache_prompt
        self.capabilities = replace(self.capabilities, deterministic=alone)
        self._desk = Desk(setup.concurrency)
        self._engine: Any = None
        self._parameters: Any = None
        self._label = setup.model

    @property
    def version(self) -> str | None:
        """Version of vLLM."""
        return f"vllm {version('vllm')}"

    def load(self) -> None:
        """Start the engine and the thread that feeds it.

        Raises:
            InputError: The model or an option cannot be used.
            FaultError: The engine does not start.
        """
        # It would tell its makers about this machine.
        os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
        os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")
        library = importlib.import_module("vllm")
        self._parameters = importlib.import_module("vllm.sampling_params")
        given = self._arguments()
        try:
            arguments = library.EngineArgs(**given)
            with signals_held(), native_stderr_to(self._setup.log):
                engine = library.LLMEngine.from_engine_args(arguments)
            # The engine reads its replies with its own while others render prompts.
            tokenizer = copy.deepcopy(engine.get_tokenizer())
        # Its parts have errors of many families, and words of their own.
        except Exception as error:
            raise self._mistake(error) from error
        self._engine = engine
        try:
            self._label = self._answering(engine)
            self._lexicon = Lexicon(tokenizer, self._options, self._setup.model)
        except InputError:
            self.close()
            raise
        self._desk.start(self._work, "vllm")

    def _mistake(self, error: Exception) -> FaultError | InputError:
        said = f"{type(error).__name__}: {error}".strip()[:REASON_CHARS]
        what = f"vLLM cannot load the model: {said}"
        if isinstance(error, (OSError, ValueError, TypeError, KeyError)):
            return InputError(
                what,
                where=self._setup.model,
                mend="Are 'weights', 'revision', 'precision' and 'options' right? Where compute "
                "nodes are offline, run `hf download` on the login node, with HF_HOME on the "
                "shared file system.",
            )
        return FaultError(
            what,
            where=self._setup.model,
            mend="Has the job the GPUs, and do they hold the model and its context?",
        )

    def _arguments(self) -> dict[str, Any]:
        """Arguments of the engine: the study's options, and what else the study says."""
        setup, generation = self._setup, self._setup.generation
        given = self._options.model_dump(
            exclude_none=True, exclude=set(Rendering.model_fields), mode="json"
        )
        stages = self._options.pipeline_parallel_size
        if setup.gpus % stages:
            raise InputError(
                f"{setup.gpus} GPUs do not make {stages} stages of a pipeline.",
                where="models.<name>.options.pipeline_parallel_size",
                mend="Ask for a multiple of it in 'resources.gpus'.",
            )
        pinned = setup.revision and setup.weights is None
        revision = {"revision": setup.revision, "tokenizer_revision": setup.revision}
        if self._options.trust_remote_code:
            revision["code_revision"] = setup.revision
        return {
            "model": str(setup.weights or setup.model),
            **(revision if pinned else {}),
            "dtype": DTYPES.get(self._precision, "auto"),
            "trust_remote_code": self._options.trust_remote_code,
            "max_model_len": generation.context_length,
            "max_num_seqs": setup.concurrency,
            "tensor_parallel_size": max(1, setup.gpus // stages),
            "seed": generation.seed,
            "enable_prefix_caching": generation.cache_prompt,
            # The times of each question come with its statistics.
            "disable_log_stats": False,
            **given,
        }

    @property
    def _precision(self) -> str:
        return (self._setup.precision or "auto").lower()

    def _answering(self, engine: Any) -> str:
        """What answers: name, revision and number format.

        Raises:
            InputError: The study says another precision than the weights have.
        """
        packed = engine.model_config.quantization
        if self._precision != "auto" and (packed is not None) != (self._precision in PACKED):
            found = f"quantised: {packed}" if packed else "not quantised"
            raise InputError(
                f"the study says '{self._precision}', and the weights are {found}.",
                where="models.<name>.precision",
                mend="Say what they are, or how to quantise them while they are loaded in "
                "'options.quantization', such as fp8_per_tensor.",
            )
        numbers = packed or str(engine.model_config.dtype).removeprefix("torch.")
        revision = f"@{self._setup.revision}" if self._setup.revision else ""
        return f"{self._setup.model}{revision} in {numbers}"

    def answer(self, request: Request, stop: threading.Event) -> Reply:
        """Give the question to the engine's thread, and wait for its reply."""
        if stop.is_set() or self._engine is None:
            raise Abandoned
        ticket = Ticket(request, self._lexicon.prompt(request.messages), stop)
        room = request.generation.context_length
        if ticket.length >= room:
            detail = f"the prompt has {ticket.length} tokens, there is room for {room}"
            raise BackendFailure("context_overflow", detail)
        return self._desk.ask(ticket)

    def _work(self) -> None:
        running: dict[str, Ticket] = {}
        numbers = itertools.count()
        while not self._desk.closed:
            for ticket in self._desk.newcomers(wait=not running):
                self._begin(f"q{next(numbers)}", ticket, running)
            self._drop(running)
            if running:
                self._step(running)
        self._drop(running)

    def _begin(self, name: str, ticket: Ticket, running: dict[str, Ticket]) -> None:
        prompt = {"prompt_token_ids": list(ticket.prompt)}
        try:
            self._engine.add_request(name, prompt, self._sampling(ticket))
        # What the engine refuses is that question's alone: a schema it cannot read, say.
        except (ValueError, TypeError) as error:
            detail = f"vLLM refuses the request: {error}"[:REASON_CHARS]
            ticket.settle(BackendFailure("backend", detail))
        else:
            running[name] = ticket

    def _step(self, running: dict[str, Ticket]) -> None:
        for output in self._engine.step():
            if output.request_id in running:
                ticket = running.pop(output.request_id)
                ticket.settle(self._outcome(ticket, output))

    def _drop(self, running: dict[str, Ticket]) -> None:
        """Take what nobody waits for any more from the engine."""
        gone = [name for name, ticket in running.items() if ticket.unwanted]
        if gone:
            self._engine.abort_request(gone)
        for name in gone:
            del running[name]

    def _sampling(self, ticket: Ticket) -> Any:
        """All that decides a reply is said, so that no recommendation of the model's steps in."""
        request, generation = ticket.request, ticket.request.generation
        held = None
        if request.schema is not None:
            held = self._parameters.StructuredOutputsParams(json=dict(request.schema))
        room = generation.context_length - ticket.length
        return self._parameters.SamplingParams(
            n=1,
            temperature=generation.temperature,
            top_p=generation.top_p,
            top_k=0,
            min_p=0.0,
            presence_penalty=0.0,
            frequency_penalty=0.0,
            repetition_penalty=1.0,
            # Greedy replies need none, and a generator for each question costs time.
            seed=request.seed if generation.temperature > 0 else None,
            max_tokens=min(generation.max_new_tokens, room),
            logprobs=0 if generation.logprobs else None,
            structured_outputs=held,
            output_kind=self._parameters.RequestOutputKind.FINAL_ONLY,
        )

    def _outcome(self, ticket: Ticket, output: Any) -> Reply | BackendFailure:
        said = output.outputs[0]
        if said.finish_reason not in {"stop", "length"}:
            return BackendFailure("backend", f"the reply ended with: {said.finish_reason}")
        if not said.text.strip():
            return BackendFailure("empty", f"the model said nothing ({said.finish_reason})")
        times = _times(output.metrics)
        return Reply(
            text=said.text,
            prompt_tokens=ticket.length,
            completion_tokens=len(said.token_ids),
            cached_tokens=output.num_cached_tokens,
            prefill_s=times.get("prefill_s"),
            decode_s=times.get("decode_s"),
            first_token_s=times.get("first_token_s"),
            cut=said.finish_reason == "length",
            logprobs=self._logprobs(said),
            served_by=self._label,
        )

    def _logprobs(self, said: Any) -> tuple[tuple[str, float], ...] | None:
        if said.logprobs is None:
            return None
        ids = list(said.token_ids)
        chances = [float(at[token].logprob) for token, at in zip(ids, said.logprobs, strict=True)]
        return tuple(zip(self._lexicon.pieces(ids), chances, strict=True))

    def close(self) -> None:
        """End the thread and the engine; a second time does nothing."""
        if not self._desk.close():
            return
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.engine_core.shutdown()


def _times(metrics: Any) -> dict[str, float]:
    """Seconds of prefill and decode of one question, as vLLM's own documentation reckons them.

    Questions overlap: the seconds of those that ran together add up to more than passed.
    """
    if metrics is None:
        return {}
    scheduled, first, last = metrics.scheduled_ts, metrics.first_token_ts, metrics.last_token_ts
    if not 0 < scheduled <= first <= last:
        return {}
    found = {"prefill_s": first - scheduled, "decode_s": last - first}
    if metrics.queued_ts > 0:
        found["first_token_s"] = first - metrics.queued_ts
    return found


@contextmanager
def signals_held() -> Iterator[None]:
    """Start processes that do not hear the job's signals: this one answers them.

    Slurm signals every process of a job step, and an engine that ends by itself would take the
    questions that run with it. Blocked signals are inherited; killing stays possible.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
