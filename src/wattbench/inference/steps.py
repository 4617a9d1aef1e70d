"""How far each question has come: a question may be asked in several steps.

The first step shows the retrieval's snippets. Where the model abstains and the retrieval's
`abstention_retries` allow it, the next step shows more of them. Each step has a key of its own in
the journal, so a changed setting asks again only what it affects.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wattbench.inference.journal import Outcome
from wattbench.records import Record

OVERFLOW = "context_overflow"
"""The failure of a step that shows more than the model can read: asking again gives the same."""

SUMMED = ("prompt_tokens", "completion_tokens", "cached_tokens", "prefill_s", "decode_s")


@dataclass(frozen=True)
class Step:
    """One way of asking a question.

    Args:
        key: Its key in the journal.
        place: How often the question was asked with fewer snippets before.
        row: The question's row of `contexts`, with the snippets that are shown.
    """

    key: str
    place: int
    row: Mapping[str, Any]


@dataclass(frozen=True)
class Course:
    """How far a question has come.

    Args:
        steps: All its steps.
        outcomes: What came of those that were asked, in order.
        counts: Place of the outcome that counts, or None where none was asked.
        left: Steps that are still open, the next one first; none where the question is settled.
    """

    steps: Sequence[Step]
    outcomes: Sequence[Outcome]
    counts: int | None
    left: Sequence[Step]

    @property
    def step(self) -> Step:
        """The step that counts, or the first where none was asked."""
        return self.steps[self.counts or 0]

    @property
    def outcome(self) -> Outcome | None:
        """What counts, or None where no step was asked."""
        return None if self.counts is None else self.outcomes[self.counts]

    @property
    def tries(self) -> tuple[Record, ...]:
        """Records of all times that the model was asked."""
        return tuple(record for outcome in self.outcomes for record in outcome.tries)

    @property
    def total_s(self) -> float | None:
        """Seconds of all tries, or None where the model was not asked."""
        return math.fsum(record["total_s"] for record in self.tries) if self.tries else None

    def sums(self) -> dict[str, Any]:
        """Tokens and seconds of all replies; None where one reply's are not known."""
        return {name: reply_sum(self.tries, name) for name in SUMMED}


def reply_sum(tries: Sequence[Record], name: str) -> Any:
    """Sum over the replies of some tries; None where one reply's is not known, or none came."""
    values = [record.get(name) for record in tries if "reply" in record]
    known = [value for value in values if value is not None]
    return sum(known) if values and len(known) == len(values) else None


def course(steps: Sequence[Step], known: Mapping[str, Outcome]) -> Course:
    """How far a question has come.

    Args:
        steps: Its steps.
        known: What came of every key of the journal.
    """
    found: list[Outcome] = []
    for step in steps:
        outcome = known.get(step.key)
        if outcome is None:
            return Course(steps, found, step.place - 1 if step.place else None, steps[step.place :])
        found.append(outcome)
        if not outcome.done:
            if outcome.error == OVERFLOW and step.place:
                # What it said of fewer snippets stands.
                return Course(steps, found, step.place - 1, ())
            return Course(steps, found, step.place, steps[step.place :])
        if outcome.answer is None or not outcome.answer.blank:
            return Course(steps, found, step.place, ())
    return Course(steps, found, len(found) - 1, ())
