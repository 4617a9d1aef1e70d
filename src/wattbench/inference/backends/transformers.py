"""Models of the Hugging Face hub in this process, through transformers."""

from __future__ import annotations

import gc
import importlib
import os
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import Any, ClassVar, Literal

from wattbench.errors import FaultError
from wattbench.inference.backends import decoding
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
from wattbench.inference.backends.common_params import spin_briefly
from wattbench.inference.backends.desk import Desk, Ticket
from wattbench.inference.backends.grammar import Grammar, Grammars
from wattbench.inference.backends.lexicon import Lexicon, Rendering
from wattbench.inference.backends.llamacpp import native_stderr_to
from wattbench.inference.backends.loading import PRECISIONS, Loaded, load

DETAIL_CHARS = 500


class Options(Rendering):
    """The study's options of this backend."""

    attention: Literal["eager", "sdpa", "flash_attention_2", "flash_attention_3"] | None = None
    """Implementation of attention; default: the library's choice."""


@backend("transformers")
class Transformers(InProcess):
    """A causal language model, several questions in one batch.

    `weights` is a hub id, a local folder, a GGUF file or a pinned name. As many questions as
    `requests.concurrency` says are answered at once, in batches of prompts of like length.
    """

    name: ClassVar[str]
    Options: ClassVar = Options
    capabilities: Capabilities = Capabilities(
        max_concurrency=None, deterministic=True, hub=True, gpu=True, precisions=PRECISIONS
    )
    requires: ClassVar[tuple[str, ...]] = (
        "torch", "transformers", "accelerate", "bitsandbytes", "gguf", "xgrammar",
    )  # fmt: skip
    extra: ClassVar[str | None] = "transformers"

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._options = read_options(Options, setup.options)
        # Those who share a batch change the order of sums, and now and then a greedy answer.
        self.capabilities = replace(self.capabilities, deterministic=setup.concurrency == 1)
        self._desk = Desk(setup.concurrency)
        self._loaded: Loaded | None = None
        self._torch: Any = None
        self._grammars: Grammars | None = None
        self._most = setup.concurrency

    @property
    def version(self) -> str | None:
        """Versions of transformers and torch."""
        return f"transformers {version('transformers')}, torch {version('torch')}"

    def load(self) -> None:
        """Load the weights and start the thread that answers."""
        spin_briefly(os.environ)
        self._torch = importlib.import_module("torch")
        options = self._options
        with native_stderr_to(self._setup.log):
            loaded = load(
                self._setup, remote_code=options.trust_remote_code, attention=options.attention
            )
        self._lexicon = Lexicon(loaded.tokenizer, options, self._setup.model)
        if self._setup.generation.constrain:
            self._grammars = self._grammars_of(loaded)
        self._loaded = loaded
        self._desk.start(lambda: self._work(loaded), "transformers")

    def _grammars_of(self, loaded: Loaded) -> Grammars | None:
        vocabulary = loaded.model.get_output_embeddings().weight.shape[0]
        try:
            return Grammars(loaded.tokenizer, vocabulary=vocabulary, ends=loaded.ends)
        # It reads most tokenizers; a reply then says that its schema was left out.
        except Exception as error:  # noqa: BLE001
            print(  # noqa: T201
                f"wattbench: replies are not held to their schema, for xgrammar cannot read the "
                f"tokenizer of '{self._setup.model}': {str(error)[:DETAIL_CHARS]}",
                file=sys.stderr,
                flush=True,
            )
            return None

    def answer(self, request: Request, stop: threading.Event) -> Reply:
        """Put the question to those that wait, and wait for its reply."""
        if stop.is_set() or self._loaded is None:
            raise Abandoned
        ticket = Ticket(request, self._lexicon.prompt(request.messages), stop)
        room = self._room
        if ticket.length >= room:
            detail = f"the prompt has {ticket.length} tokens, there is room for {room}"
            raise BackendFailure("context_overflow", detail)
        left_out: tuple[str, ...] = ()
        if request.schema is not None:
            # Made by the thread that asks, so that the model need not wait for it.
            ticket.grammar = self._grammar(request.schema)
            left_out = () if ticket.grammar is not None else ("response_format",)
        reply = self._desk.ask(ticket)
        return reply if not left_out else replace(reply, left_out=left_out)

    def _grammar(self, schema: Mapping[str, Any]) -> Grammar | None:
        return None if self._grammars is None else self._grammars.of(schema)

    @property
    def _room(self) -> int:
        """Tokens of prompt and reply together."""
        asked = self._setup.generation.context_length
        made = self._loaded.context if self._loaded is not None else None
        return asked if made is None else min(asked, made)

    def _work(self, loaded: Loaded) -> None:
        while tickets := self._desk.batch(self._most):
            try:
                self._answer(loaded, tickets)
            except self._torch.OutOfMemoryError:
                self._make_smaller(tickets)
            # What a batch fails of is of many families: of torch, of the model's own code.
            except Exception as error:
                said = f"{type(error).__name__}: {error}"[:DETAIL_CHARS]
                _give_up(tickets, said)
                if "CUDA error" in said:
                    # From then on every call of this process fails.
                    raise FaultError(f"the GPU failed: {said}") from error

    def _answer(self, loaded: Loaded, tickets: list[Ticket]) -> None:
        generation = self._setup.generation
        decoding.answer(
            self._torch,
            loaded.model,
            tickets,
            limits=[min(generation.max_new_tokens, self._room - t.length) for t in tickets],
            generation=generation,
            ends=loaded.ends,
            lexicon=self._lexicon,
            label=loaded.label,
        )
        _give_up(tickets, "the batch ended without a reply")

    def _make_smaller(self, tickets: list[Ticket]) -> None:
        """Take half as many questions at once from here on; those of this batch come again."""
        self._torch.cuda.empty_cache()
        if len(tickets) == 1:
            _give_up(tickets, f"no memory for a prompt of {tickets[0].length} tokens")
            return
        self._most = len(tickets) // 2
        print(  # noqa: T201
            f"wattbench: no memory for {len(tickets)} questions at once, {self._most} from here on",
            file=sys.stderr,
            flush=True,
        )
        self._desk.back(tickets)

    def close(self) -> None:
        """End the thread and free the weights; a second time does nothing."""
        if not self._desk.close():
            # Freeing what native code still uses would end the process in a crash.
            return
        loaded, self._loaded = self._loaded, None
        if loaded is not None:
            del loaded
            gc.collect()
            if self._torch.cuda.is_available():
                self._torch.cuda.empty_cache()


def _give_up(tickets: Sequence[Ticket], detail: str) -> None:
    for ticket in tickets:
        ticket.let_go(detail)
