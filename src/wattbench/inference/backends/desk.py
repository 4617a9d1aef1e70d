"""Where an engine in this process finds its questions: askers wait, one worker thread answers.

An engine that reads many prompts in one batch is asked by many threads at once, one question
each. Their questions meet here. The worker takes what waits, settles each question as soon as it
is answered, and never holds an asker longer than its time limit or its patience.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from wattbench.errors import FaultError
from wattbench.inference.backends.base import Abandoned, BackendFailure, Reply, Request

POLL_S = 0.05
LINGER_S = 0.05
"""Seconds without a newcomer after which a batch goes without those who may still come. Askers
write the last batch's answers to disk one after the other, some milliseconds each."""

FILLED = 0.75
"""Least share of a batch's longest prompt that every prompt in it has, so that at most a quarter
of what is read is padding."""

CLOSE_S = 30.0


@dataclass(eq=False)
class Ticket:
    """One question that waits or is being answered.

    Args:
        request: The question.
        prompt: Its token ids.
        stop: Set when the answer is no longer wanted.
        asked: When it came, on the monotonic clock.
    """

    request: Request
    prompt: Sequence[int]
    stop: threading.Event
    asked: float = field(default_factory=time.monotonic)
    settled: threading.Event = field(default_factory=threading.Event)
    outcome: Reply | Exception | None = None
    grammar: Any = None
    """What holds the reply to its schema, in the engine's own form."""

    @property
    def length(self) -> int:
        """Tokens of the prompt."""
        return len(self.prompt)

    @property
    def late(self) -> bool:
        """Whether its time is up."""
        return time.monotonic() - self.asked > self.request.timeout_s

    @property
    def unwanted(self) -> bool:
        """Whether nobody waits for the answer any more."""
        return self.settled.is_set() or self.stop.is_set() or self.late

    def settle(self, outcome: Reply | Exception) -> None:
        """Hand the answer, or why there is none, to who asked; the first counts."""
        if not self.settled.is_set():
            self.outcome = outcome
            self.settled.set()

    def let_go(self, otherwise: str) -> None:
        """Settle without an answer: nobody wants it, or the time is up, or else as is said."""
        if self.stop.is_set():
            self.settle(Abandoned())
        elif self.late:
            limit = self.request.timeout_s
            self.settle(BackendFailure("timeout", f"no answer within {limit:g} s"))
        else:
            self.settle(BackendFailure("backend", otherwise))

    def wait(self) -> Reply:
        """Wait for the answer.

        Raises:
            BackendFailure: There is none, or not in time.
            Abandoned: It is no longer wanted.
            FaultError: The engine died.
        """
        while not self.settled.wait(POLL_S):
            if self.unwanted:
                self.let_go("the engine is busy")
        if isinstance(self.outcome, Reply):
            return self.outcome
        raise self.outcome or Abandoned()


def batch_of(waiting: Sequence[Ticket], most: int) -> list[Ticket]:
    """The tickets of the next batch: the longest waiting one, and those of like length.

    Args:
        waiting: Tickets in the order they came; at least one.
        most: Tickets of a batch at most.

    Returns:
        The batch with the most tickets in which the longest waiting one is and every prompt has at
        least `FILLED` of the longest one's tokens; among equals the one with the longest prompts.
    """
    ordered = sorted(waiting, key=lambda ticket: ticket.length)
    oldest = ordered.index(waiting[0])
    first, best = 0, (0, 0)
    for last in range(oldest, len(ordered)):
        while ordered[first].length < FILLED * ordered[last].length:
            first += 1
        start = max(first, last - most + 1)
        if start > oldest:
            break
        if last + 1 - start >= best[1] - best[0]:
            best = (start, last + 1)
    return ordered[slice(*best)]


class Desk:
    """Brings askers and a worker together.

    Args:
        askers: Threads that ask at most; a batch goes at once when all of them wait.
    """

    def __init__(self, askers: int) -> None:
        self._askers = askers
        self._waiting: list[Ticket] = []
        self._open: set[Ticket] = set()
        self._changed = threading.Condition()
        self._closed = False
        self._fault: FaultError | None = None
        self._newest = 0.0
        self._thread: threading.Thread | None = None

    @property
    def closed(self) -> bool:
        """Whether the worker is to end."""
        return self._closed

    def start(self, work: Callable[[], None], name: str) -> None:
        """Start the worker; whatever it raises ends the asking, in its words."""

        def run() -> None:
            try:
                work()
            except FaultError as fault:
                self._fail(fault)
            # Told to whoever asks; a thread's exception would reach nobody.
            except Exception as error:  # noqa: BLE001
                self._fail(FaultError(f"the engine died: {type(error).__name__}: {error}"))

        self._thread = threading.Thread(target=run, name=name, daemon=True)
        self._thread.start()

    def _fail(self, fault: FaultError) -> None:
        with self._changed:
            self._fault = fault
            self._settle_all(fault)

    def _settle_all(self, outcome: Exception) -> None:
        """Settle all that waits or is being answered."""
        self._waiting.clear()
        for ticket in self._open:
            ticket.settle(outcome)

    def ask(self, ticket: Ticket) -> Reply:
        """Ask, and wait for the answer.

        Raises:
            BackendFailure: There is none, or not in time.
            Abandoned: It is no longer wanted, or the desk is closed.
            FaultError: The engine died.
        """
        with self._changed:
            if self._fault is not None:
                raise self._fault
            if self._closed or ticket.stop.is_set():
                raise Abandoned
            self._waiting.append(ticket)
            self._open.add(ticket)
            self._newest = time.monotonic()
            self._changed.notify_all()
        try:
            return ticket.wait()
        finally:
            with self._changed:
                self._open.discard(ticket)

    def batch(self, most: int) -> list[Ticket]:
        """Wait for questions and take the next batch, by length; empty when closed.

        Args:
            most: Questions of a batch at most.
        """
        with self._changed:
            while not self._closed:
                self._waiting = [one for one in self._waiting if not one.unwanted]
                quiet = time.monotonic() - self._newest
                if len(self._waiting) >= self._askers or (self._waiting and quiet >= LINGER_S):
                    taken = batch_of(self._waiting, most)
                    self._waiting = [one for one in self._waiting if one not in taken]
                    return taken
                self._changed.wait(LINGER_S if self._waiting else POLL_S)
            return []

    def newcomers(self, *, wait: bool) -> list[Ticket]:
        """Take all that wait, in the order they came.

        Args:
            wait: Wait until there is one, or the desk is closed.
        """
        with self._changed:
            while wait and not self._closed and not self._waiting:
                self._changed.wait(POLL_S)
            taken, self._waiting = self._waiting, []
        return [one for one in taken if not one.unwanted]

    def back(self, tickets: Sequence[Ticket]) -> None:
        """Put tickets back that were taken and not begun; they are the longest waiting ones."""
        with self._changed:
            self._waiting = [*tickets, *self._waiting]

    def close(self) -> bool:
        """Give up what waits and what is being answered, and wait for the worker to end.

        Returns:
            Whether it ended: what it may still use must not be freed.
        """
        with self._changed:
            self._closed = True
            self._settle_all(Abandoned())
            self._changed.notify_all()
        thread = self._thread
        if thread is None:
            return True
        thread.join(CLOSE_S)
        return not thread.is_alive()
