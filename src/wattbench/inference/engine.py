"""The engine: asks each question until it is answered or its budget is spent."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wattbench.inference.backends.base import (
    Abandoned,
    Backend,
    BackendFailure,
    Capabilities,
    Message,
    Request,
)
from wattbench.inference.journal import ANSWERED, FAILED, reply_fields
from wattbench.inference.ordering import WORTH_READING_AGAIN, Lanes, prefix_groups
from wattbench.inference.pacing import Gate, pause_s
from wattbench.inference.replies import Answer, Unparsable
from wattbench.inference.stopping import Stop
from wattbench.study.inference import Generation, Requests

ASKER = "asker"
"""Name of the threads that ask."""

SPOILED = frozenset({"unparsable", "empty"})
"""Failures whose reply cost tokens and was of no use."""


@dataclass(frozen=True)
class Task:
    """One question to ask.

    Args:
        key: Its key in the journal.
        question_id: Its id.
        question: Its text.
        messages: The rendered prompt.
        schema: JSON schema of the reply, or None where it is left free.
        otherwise: Makes what is asked next where the reply abstains, such as the question with
            more snippets; None where nothing is.
        retries: Further tries after a failure; None: as many as the study's requests have.
    """

    key: str
    question_id: str
    question: str
    messages: tuple[Message, ...]
    schema: Mapping[str, Any] | None
    otherwise: Callable[[], Task] | None = None
    retries: int | None = None


def in_flight(capabilities: Capabilities, requests: Requests) -> int:
    """Questions that are asked at once, where as many wait."""
    return min(requests.concurrency, capabilities.max_concurrency or requests.concurrency)


def _text(task: Task) -> str:
    """A task's prompt as one text; chat templates keep the order of its messages."""
    return "\0".join(part for message in task.messages for part in (message.role, message.content))


class Engine:
    """Asks questions of a loaded backend.

    Args:
        backend: The backend.
        generation: How it generates.
        parse: Reads a reply; Unparsable where it says nothing.
        requests: Time limits, retries and concurrency.
        record: Called with each try's record, one call at a time; returns when it is on disk.
        settled: Called when a question is answered or given up.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        generation: Generation,
        requests: Requests,
        parse: Callable[[str], object],
        record: Callable[[dict[str, Any]], None],
        settled: Callable[[], None],
    ) -> None:
        self._backend = backend
        self._generation = generation
        self._requests = requests
        self._parse = parse
        self._record = record
        self._settled = settled
        self._writing = threading.Lock()
        self._gate = Gate()
        self._fault: BaseException | None = None

    def ask(self, tasks: Sequence[Task], stop: Stop, check: Callable[[], None]) -> bool:
        """Ask all questions, several at once where the backend may.

        Those whose prompts begin alike are asked one after another (`ordering`).

        Args:
            tasks: The questions.
            stop: Told when to stop; what runs then is finished or given up.
            check: Called often; raises to give up.

        Returns:
            Whether all threads ended; false where the backend does not let go.

        Raises:
            WattbenchError: The journal or the ledger cannot be written.
        """
        groups = prefix_groups([_text(task) for task in tasks])
        apart = self._backend.capabilities.prefixes_by_slot
        waiting = Lanes(
            [[tasks[place] for place in group] for group in groups],
            helped_from=WORTH_READING_AGAIN if apart else 1,
        )
        count = min(in_flight(self._backend.capabilities, self._requests), len(tasks))
        threads = [
            threading.Thread(target=self._work, args=(n, waiting, stop), name=ASKER, daemon=True)
            for n in range(count)
        ]
        for thread in threads:
            thread.start()
        ended = stop.wait_for(threads, check)
        if self._fault is not None:
            raise self._fault
        return ended

    def _work(self, number: int, waiting: Lanes[Task], stop: Stop) -> None:
        try:
            while not stop.requested and (task := waiting.take(number)) is not None:
                follow: Task | None = task
                while follow is not None:
                    follow = self._settle(follow, stop)
        except Abandoned:
            return
        # Whatever it is, it must reach the main thread, which raises it again.
        except BaseException as error:  # noqa: BLE001
            self._fault = error
            stop.abandon.set()

    def _settle(self, task: Task, stop: Stop) -> Task | None:
        """Ask one question until it is answered or its budget is spent.

        Returns:
            What is to be asked in its place, for the model abstains.
        """
        ready = time.monotonic()
        spoiled = counted = tries = 0
        retries = self._requests.retries if task.retries is None else task.retries
        if self._gate.wait(stop.abandon) or stop.requested:
            return None
        until = time.monotonic() + self._requests.question_s()
        while True:
            tries += 1
            request = self._request(task, spoiled)
            sent = time.monotonic()
            record, failure, blank = self._try(request, stop)
            record |= {
                "queue_s": sent - ready,
                "key": task.key,
                "question_id": task.question_id,
                "try": tries,
                "at": time.time(),
                "total_s": time.monotonic() - ready,
            }
            # A busy server is asked again for as long as the budget lasts.
            counted += failure is not None and not failure.busy
            spoiled += failure is not None and failure.kind in SPOILED
            pause = 0.0 if failure is None else pause_s(tries, failure)
            ready = time.monotonic()
            last = failure is None or counted > retries or ready + pause > until
            last = last or self._in_vain(record)
            follow = task.otherwise() if blank and task.otherwise else None
            with self._writing:
                self._record(record)
                if last and follow is None:
                    self._settled()
            if last or failure is None:
                return follow
            if failure.busy:
                self._gate.hold(pause)
            if stop.abandon.wait(pause) or stop.requested:
                return None

    def _request(self, task: Task, spoiled: int) -> Request:
        return Request(
            question_id=task.question_id,
            question=task.question,
            messages=task.messages,
            schema=task.schema if self._generation.constrain else None,
            generation=self._generation,
            # Another seed after a reply of no use alone: a connection that fails changes no answer.
            seed=self._generation.seed + spoiled,
            timeout_s=self._requests.timeout_s,
        )

    def _try(
        self, request: Request, stop: Stop
    ) -> tuple[dict[str, Any], BackendFailure | None, bool]:
        """The try's record, why it failed, and whether the model abstains."""
        try:
            reply = self._backend.answer(request, stop.abandon)
        except BackendFailure as error:
            return {"kind": FAILED, "error": error.kind, "detail": error.detail}, error, False
        fields = reply_fields(reply)
        parsed = self._parse(reply.text)
        if isinstance(parsed, Unparsable):
            reason = parsed.reason + (" (cut at the token limit)" if reply.cut else "")
            failure = BackendFailure("unparsable", reason)
            return (
                {**fields, "kind": FAILED, "error": "unparsable", "detail": reason},
                failure,
                False,
            )
        blank = isinstance(parsed, Answer) and parsed.blank
        return {**fields, "kind": ANSWERED}, None, blank

    def _in_vain(self, record: Mapping[str, Any]) -> bool:
        """Whether another try can only give the same."""
        error = record.get("error")
        if error == "context_overflow":
            return True
        greedy = self._backend.capabilities.deterministic and self._generation.temperature == 0
        return greedy and error in {"unparsable", "empty"}
