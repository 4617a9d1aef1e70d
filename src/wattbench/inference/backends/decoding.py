"""One batch of prompts through a model of transformers, and each reply as soon as it ends."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from wattbench.inference.backends.base import BackendFailure, Reply
from wattbench.inference.backends.desk import Ticket
from wattbench.inference.backends.lexicon import Lexicon
from wattbench.study.inference import Generation

NO_NUMBERS = "the model's scores are not numbers; fp16 overflows where bf16 does not"


@dataclass
class Row:
    """One question of a batch, while it is answered.

    Args:
        ticket: The question.
        limit: Tokens generated at most.
        dice: Random numbers of its own, so that no neighbour changes what is drawn for it.
    """

    ticket: Ticket
    limit: int
    dice: Any = None
    ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    generated: int = 0
    prefill_s: float = 0.0
    decode_s: float = 0.0
    first_token_s: float | None = None
    done: bool = False


class Batch:
    """The hook of `generate`: picks the tokens, keeps the time, and ends rows one by one.

    The seconds of a batch are shared out to its questions, so that their sum is what the model
    worked: those of prefill by the tokens of their prompts, those of each decoding step evenly
    among the questions that still ran.

    Args:
        torch: The library.
        rows: The questions.
        generation: How to generate.
        ends: Tokens that end a reply.
        lexicon: Reads the tokens.
        label: What answers.
    """

    def __init__(
        self,
        torch: Any,
        rows: Sequence[Row],
        *,
        generation: Generation,
        ends: frozenset[int],
        lexicon: Lexicon,
        label: str,
    ) -> None:
        self._torch = torch
        self._rows = rows
        self._generation = generation
        self._ends = ends
        self._lexicon = lexicon
        self._label = label
        self._since = time.monotonic()

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """Pick each row's next token; given back are scores that leave `generate` no choice."""
        del input_ids
        torch = self._torch
        logprobs = torch.log_softmax(scores, dim=-1) if self._generation.logprobs else None
        self._hold_to_grammar(scores)
        picked = self._picked(scores)
        tokens = picked.tolist()
        chances = None
        if logprobs is not None:
            chances = logprobs.gather(1, picked[:, None]).squeeze(1).tolist()
        self._take(tokens, chances)
        return scores.fill_(-math.inf).scatter_(1, picked[:, None], 0.0)

    def ended(self, input_ids: Any, scores: Any, **_: Any) -> Any:
        """Which rows are done: the stopping criterion of `generate`."""
        del scores
        return self._torch.tensor([row.done for row in self._rows], device=input_ids.device)

    def _hold_to_grammar(self, scores: Any) -> None:
        for number, row in enumerate(self._rows):
            if row.ticket.grammar is not None and not row.done:
                row.ticket.grammar.mask(scores[number : number + 1])

    def _picked(self, scores: Any) -> Any:
        torch, generation = self._torch, self._generation
        if generation.temperature == 0:
            return scores.argmax(dim=-1)
        tempered = scores / generation.temperature
        if generation.top_p < 1:
            ordered, places = tempered.sort(dim=-1, descending=True)
            before = ordered.softmax(dim=-1).cumsum(dim=-1) - ordered.softmax(dim=-1)
            ordered[before >= generation.top_p] = -math.inf
            tempered = torch.full_like(tempered, -math.inf).scatter_(1, places, ordered)
        # The largest of scores plus Gumbel noise is a draw from their softmax (Gumbel 1954;
        # Maddison, Tarlow and Minka 2014, A* Sampling, section 2).
        noise = torch.empty_like(tempered)
        for number, row in enumerate(self._rows):
            noise[number].exponential_(generator=row.dice)
        # Of a zero the logarithm would be infinite, and with a ruled-out token's score no number.
        noise.clamp_(min=torch.finfo(noise.dtype).tiny)
        return (tempered - noise.log()).argmax(dim=-1)

    def _take(self, tokens: Sequence[int], chances: Sequence[float] | None) -> None:
        now = time.monotonic()
        running = [row for row in self._rows if not row.done]
        spent, self._since = now - self._since, now
        read = sum(row.ticket.length for row in running)
        for number, row in enumerate(self._rows):
            if row.done:
                continue
            if row.first_token_s is None:
                row.prefill_s = spent * row.ticket.length / read
                row.first_token_s = now - row.ticket.asked
            else:
                row.decode_s += spent / len(running)
            self._add(row, tokens[number], None if chances is None else chances[number])

    def _add(self, row: Row, token: int, chance: float | None) -> None:
        if row.ticket.unwanted:
            row.done = True
            return
        if chance is not None and math.isnan(chance):
            row.done = True
            row.ticket.settle(BackendFailure("backend", NO_NUMBERS))
            return
        row.generated += 1
        ended = token in self._ends
        if not ended:
            row.ids.append(token)
            if chance is not None:
                row.logprobs.append(chance)
            if row.ticket.grammar is not None:
                ended = not row.ticket.grammar.accept(token)
        if ended or len(row.ids) >= row.limit:
            row.done = True
            row.ticket.settle(self._outcome(row, cut=not ended))

    def _outcome(self, row: Row, *, cut: bool) -> Reply | BackendFailure:
        text = self._lexicon.text(row.ids)
        if not text.strip():
            return BackendFailure("empty", "the model ended its reply before its first word")
        logprobs = None
        if row.logprobs:
            logprobs = tuple(zip(self._lexicon.pieces(row.ids), row.logprobs, strict=True))
        return Reply(
            text=text,
            prompt_tokens=row.ticket.length,
            completion_tokens=row.generated,
            cached_tokens=0,
            prefill_s=row.prefill_s,
            decode_s=row.decode_s,
            first_token_s=row.first_token_s,
            cut=cut,
            logprobs=logprobs,
            served_by=self._label,
        )


def answer(
    torch: Any,
    model: Any,
    tickets: Sequence[Ticket],
    *,
    limits: Sequence[int],
    generation: Generation,
    ends: frozenset[int],
    lexicon: Lexicon,
    label: str,
) -> None:
    """Answer a batch; every ticket is settled when its reply ends.

    Args:
        torch: The library.
        model: A causal language model.
        tickets: The questions.
        limits: Tokens generated at most, for each.
        generation: How to generate.
        ends: Tokens that end a reply.
        lexicon: Reads the tokens.
        label: What answers.
    """
    device = model.device
    longest = max(ticket.length for ticket in tickets)
    # Padded on the left, so that every row's next token comes last.
    ids = torch.zeros((len(tickets), longest), dtype=torch.long)
    mask = torch.zeros_like(ids)
    rows = []
    for number, (ticket, limit) in enumerate(zip(tickets, limits, strict=True)):
        ids[number, longest - ticket.length :] = torch.tensor(list(ticket.prompt))
        mask[number, longest - ticket.length :] = 1
        if ticket.grammar is not None:
            # A batch that ran out of memory is begun anew.
            ticket.grammar.begin()
        dice = torch.Generator(device=device).manual_seed(ticket.request.seed)
        rows.append(Row(ticket, limit, dice))
    batch = Batch(
        torch,
        rows,
        generation=generation,
        ends=ends,
        lexicon=lexicon,
        label=label,
    )
    with torch.inference_mode():
        model.generate(
            input_ids=ids.to(device),
            attention_mask=mask.to(device),
            max_new_tokens=max(limits),
            do_sample=False,
            num_beams=1,
            use_cache=True,
            logits_processor=[batch],
            stopping_criteria=[batch.ended],
        )
