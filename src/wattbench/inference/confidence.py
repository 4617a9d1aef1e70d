"""How sure a model was of its value, from the log-probabilities of the value's tokens."""

from __future__ import annotations

import math
from collections.abc import Sequence

from wattbench.inference.replies import value_span


def value_confidence(text: str, logprobs: Sequence[tuple[str, float]] | None) -> float | None:
    """Confidence, 0 to 1: exp of the mean log-probability of the answer value's tokens.

    Args:
        text: The raw reply.
        logprobs: Per token its text and natural-log probability, or None.

    Returns:
        None where there are no log-probabilities, the tokens do not spell the reply, or the value
        cannot be found in it.
    """
    span = value_span(text) if logprobs else None
    if span is None or logprobs is None:
        return None
    # A server may cut what stands around the reply, such as a code fence, off the tokens' text. A
    # character split over two tokens makes the two differ for good.
    offset = "".join(token for token, _ in logprobs).find(text)
    if offset < 0:
        return None
    start, end = span
    taken: list[float] = []
    position = -offset
    for token, logprob in logprobs:
        after = position + len(token)
        if position < end and after > start:
            taken.append(logprob)
        position = after
    if not taken or not all(math.isfinite(logprob) for logprob in taken):
        return None
    return min(1.0, math.exp(math.fsum(taken) / len(taken)))
