"""The answering energy shared out to questions: an allocation by tokens, no measurement."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]


def allocate(predictions: Sequence[Row], answer_j: float) -> list[float]:
    """Each question's share of the answering energy: an allocation, no measurement.

    The share goes by the tokens that were in flight for the question, each weighted by what a
    token of its phase takes: seconds of prefill and of decode where the backend says them. Where
    it does not, the other questions' seconds per token stand in, and where nobody's are known all
    tokens count alike; a question of which not even tokens are known gets the mean share of those
    asked. A question that was not asked gets nothing, unless none was.

    Args:
        predictions: Rows of `predictions` of one run.
        answer_j: Answering energy of the run, joules.

    Returns:
        Joules, in the order of `predictions`; their sum is `answer_j` to 1e-9 of it.
    """
    if not predictions:
        return []
    weights = _in_flight(predictions)
    total = math.fsum(weights)
    if total <= 0:
        weights, total = [1.0] * len(predictions), float(len(predictions))
    shares = [answer_j * (weight / total) for weight in weights]
    largest = max(range(len(shares)), key=lambda place: abs(shares[place]))
    shares[largest] += answer_j - math.fsum(shares)
    return shares


def _in_flight(predictions: Sequence[Row]) -> list[float]:
    prefill_rate = _rate(predictions, "prefill_s", "prompt_tokens")
    decode_rate = _rate(predictions, "decode_s", "completion_tokens")
    if prefill_rate is None or decode_rate is None:
        # Seconds and tokens do not add: without seconds for all phases only tokens are left.
        timed = all(r.get("prefill_s") is not None for r in predictions if r.get("asked"))
        timed = timed and all(r.get("decode_s") is not None for r in predictions if r.get("asked"))
        if not timed:
            prefill_rate = decode_rate = None
    weights = [_weight(row, prefill_rate, decode_rate) for row in predictions]
    known = [weight for weight in weights if weight is not None]
    mean = math.fsum(known) / len(known) if known else 1.0
    return [
        0.0 if not row.get("asked") else mean if weight is None else weight
        for row, weight in zip(predictions, weights, strict=True)
    ]


def _rate(predictions: Sequence[Row], seconds: str, tokens: str) -> float | None:
    """Seconds a token over the questions whose seconds and tokens are both known."""
    both = [(r[seconds], r[tokens]) for r in predictions if _known(r, seconds) and r.get(tokens)]
    count = math.fsum(token for _, token in both)
    return math.fsum(second for second, _ in both) / count if count else None


def _known(row: Row, name: str) -> bool:
    return row.get(name) is not None


def _weight(row: Row, prefill_rate: float | None, decode_rate: float | None) -> float | None:
    if not row.get("asked"):
        return None
    prefill = _phase(row, "prefill_s", "prompt_tokens", prefill_rate)
    decode = _phase(row, "decode_s", "completion_tokens", decode_rate)
    known = [part for part in (prefill, decode) if part is not None]
    return math.fsum(known) if known else None


def _phase(row: Row, seconds: str, tokens: str, rate: float | None) -> float | None:
    if rate is not None and _known(row, seconds):
        return float(row[seconds])
    if not _known(row, tokens):
        return None
    return float(row[tokens]) * (1.0 if rate is None else rate)
