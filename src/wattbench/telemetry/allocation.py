"""The answering energy shared out to questions: an allocation by tokens, no measurement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Row = Mapping[str, Any]
Reals = NDArray[np.float64]

SHARED_BY = ("prompt_tokens", "completion_tokens", "prefill_s", "decode_s", "cached_tokens")
"""Columns of `predictions` that a question's share depends on, in the order of `Asked`."""


@dataclass(frozen=True)
class Asked:
    """What of a run's answers the shares depend on, each of shape (answers,); NaN is unknown.

    Args:
        asked: Whether the model was asked.
        prompt_tokens: Tokens of the prompts.
        completion_tokens: Tokens generated.
        prefill_s: Seconds of reading.
        decode_s: Seconds of generating.
        cached_tokens: Tokens of the prompts that a cache held, so that they were not read again.
    """

    asked: NDArray[np.bool_]
    prompt_tokens: Reals
    completion_tokens: Reals
    prefill_s: Reals
    decode_s: Reals
    cached_tokens: Reals

    @property
    def read_tokens(self) -> Reals:
        """Tokens of the prompts that went through the model."""
        return self.prompt_tokens - np.nan_to_num(self.cached_tokens)


def allocate(predictions: Sequence[Row], answer_j: float) -> list[float]:
    """Each question's share of the answering energy; see `shares`.

    Args:
        predictions: Rows of `predictions` of one run.
        answer_j: Answering energy of the run, joules.
    """

    def column(name: str) -> Reals:
        return np.array([row.get(name) for row in predictions], dtype=np.float64)

    truths = np.array([bool(row.get("asked")) for row in predictions], dtype=np.bool_)
    found: list[float] = shares(Asked(truths, *map(column, SHARED_BY)), answer_j).tolist()
    return found


def shares(answers: Asked, answer_j: float) -> Reals:
    """Each question's share of the answering energy: an allocation, no measurement.

    The share goes by the tokens that were in flight for the question (of the prompt those that
    were read, not those out of a cache), each weighted by what a
    token of its phase takes: seconds of prefill and of decode where the backend says them. Where
    it does not, the other questions' seconds per token stand in, and where nobody's are known all
    tokens count alike; a question of which not even tokens are known gets the mean share of those
    asked. A question that was not asked gets nothing, unless none was.

    Args:
        answers: The run's answers.
        answer_j: Answering energy of the run, joules.

    Returns:
        Joules, of shape (answers,); their sum is `answer_j` to 1e-9 of it.
    """
    if not len(answers.asked):
        return np.empty(0)
    weights = _in_flight(answers)
    total = float(weights.sum())
    if total <= 0:
        weights, total = np.ones(len(weights)), float(len(weights))
    joules: Reals = answer_j * (weights / total)
    joules[np.argmax(np.abs(joules))] += answer_j - float(joules.sum())
    return joules


def _in_flight(answers: Asked) -> Reals:
    prefill_rate = _rate(answers.prefill_s, answers.read_tokens)
    decode_rate = _rate(answers.decode_s, answers.completion_tokens)
    if prefill_rate is None or decode_rate is None:
        # Seconds and tokens do not add: without seconds for all phases only tokens are left.
        seconds = (answers.prefill_s + answers.decode_s)[answers.asked]
        if np.isnan(seconds).any():
            prefill_rate = decode_rate = None
    prefill = _phase(answers.prefill_s, answers.read_tokens, prefill_rate)
    decode = _phase(answers.decode_s, answers.completion_tokens, decode_rate)
    nothing = np.isnan(prefill) & np.isnan(decode)
    weights = np.nan_to_num(prefill) + np.nan_to_num(decode)
    known = answers.asked & ~nothing
    mean = float(weights[known].mean()) if known.any() else 1.0
    found: Reals = np.where(nothing, mean, weights)
    return np.where(answers.asked, found, 0.0)


def _rate(seconds: Reals, tokens: Reals) -> float | None:
    """Seconds a token over the questions whose seconds and tokens are both known."""
    both = ~np.isnan(seconds) & (np.nan_to_num(tokens) > 0)
    count = float(tokens[both].sum())
    return float(seconds[both].sum()) / count if count else None


def _phase(seconds: Reals, tokens: Reals, rate: float | None) -> Reals:
    standing_in: Reals = tokens * (1.0 if rate is None else rate)
    if rate is None:
        return standing_in
    return np.where(np.isnan(seconds), standing_in, seconds)
