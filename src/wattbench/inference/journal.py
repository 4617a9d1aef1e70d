"""The journal of a run: what was asked under which key, and what came of it.

A key is the identity of all that decides an answer, so that an unchanged question is never asked
again and a changed one always is. Replies are kept raw and read anew each time: a better parser
makes answers of replies that an earlier one refused, without asking again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from wattbench.inference.backends.base import Reply
from wattbench.inference.prompts import Prompt
from wattbench.inference.replies import Answer, Unparsable, parse_reply
from wattbench.records import Record, mend
from wattbench.study.identity import digest_of
from wattbench.study.inference import Model

ANSWERS = "answers.jsonl"
ANSWERED, FAILED, ABSTAINED = "answer", "failure", "abstained"


def keys_of(
    prompt: Prompt, model: Model, weights_sha256: str | None
) -> Callable[[Mapping[str, Any]], str]:
    """The identity of an answer, as 16 hex digits, by its row of `contexts`.

    The question's id is not in it: an id says nothing to a model, and a renumbered question file
    must not be paid for again.

    Args:
        prompt: The prompt.
        model: The study's model entry.
        weights_sha256: Hash of the weights, or None where they are not a file that cannot grow.
    """
    common = {
        "prompt": [prompt.name, prompt.digest],
        "model": model.model_dump(
            mode="json", include={"backend", "weights", "revision", "precision", "options"}
        ),
        "weights_sha256": weights_sha256,
        "generation": model.generation.model_dump(mode="json"),
    }

    def key(context: Mapping[str, Any]) -> str:
        return digest_of(
            {
                "question": context["question"],
                "unit": context["answer_unit"],
                "contexts": context["contexts_digest"],
                "abstain": context["abstain"],
                **common,
            }
        )

    return key


READ_AT_ONCE = 1 << 16
"""Replies whose answers are remembered: a start reads the journal more than once."""

_answer_of = lru_cache(READ_AT_ONCE)(parse_reply)


@dataclass(frozen=True)
class Outcome:
    """What came of one key.

    Args:
        record: The record that counts: the last answer, else the last failure.
        answer: What the reply says; None for a failure and for an abstention without a call.
        tries: Records of the times that the model was asked.
    """

    record: Record
    answer: Answer | None
    tries: tuple[Record, ...]

    @property
    def done(self) -> bool:
        """Whether the question need not be asked again."""
        return self.answer is not None or self.record["kind"] == ABSTAINED

    @property
    def error(self) -> str | None:
        """Kind of failure, or None where the question was answered."""
        if self.done:
            return None
        return str(self.record.get("error") or "unparsable")


def by_key(records: Sequence[Record]) -> dict[str, list[Record]]:
    """Records of every key, in order."""
    found: dict[str, list[Record]] = {}
    for record in records:
        found.setdefault(record["key"], []).append(record)
    return found


Said = TypeVar("Said")


def last_reply(
    tries: Sequence[Record], parse: Callable[[str], Said | Unparsable]
) -> tuple[Record, Said] | None:
    """The last of some tries whose reply says something, and what; None where none does.

    Args:
        tries: Records of one key, in order.
        parse: Reads a reply.
    """
    for record in reversed(tries):
        if "reply" in record:
            found = parse(record["reply"])
            if not isinstance(found, Unparsable):
                return record, found
    return None


def outcomes(records: Sequence[Record]) -> dict[str, Outcome]:
    """What came of every key."""
    return {key: _outcome(own) for key, own in by_key(records).items()}


def _outcome(own: Sequence[Record]) -> Outcome:
    tries = tuple(record for record in own if record["kind"] != ABSTAINED)
    for record in reversed(own):
        if record["kind"] == ABSTAINED:
            return Outcome(record, None, tries)
        if "reply" in record:
            answer = _answer_of(record["reply"])
            if isinstance(answer, Answer):
                return Outcome(record, answer, tries)
    return Outcome(own[-1], None, tries)


def open_answers(folder: Path) -> tuple[list[Record], list[str]]:
    """Records of a journal after repairing it, and a sentence for each repair.

    Raises:
        FaultError: The journal cannot be read or repaired.
    """
    return mend(folder / ANSWERS)


def reply_fields(reply: Reply) -> dict[str, Any]:
    """A reply as fields of a record."""
    return {
        "reply": reply.text.encode("utf-8", errors="replace").decode("utf-8"),
        "prompt_tokens": reply.prompt_tokens,
        "completion_tokens": reply.completion_tokens,
        "cached_tokens": reply.cached_tokens,
        "prefill_s": reply.prefill_s,
        "decode_s": reply.decode_s,
        "first_token_s": reply.first_token_s,
        "cut": reply.cut,
        "logprobs": None
        if reply.logprobs is None
        else [[token, finite(logprob)] for token, logprob in reply.logprobs],
        "served_by": reply.served_by,
        "left_out": list(reply.left_out),
    }


def finite(number: float) -> float | None:
    """The number, or None where JSON has none for it."""
    return number if math.isfinite(number) else None
