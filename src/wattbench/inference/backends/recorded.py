"""A backend that replays recorded replies, so that the whole workflow runs without a model.

The recording is a JSONL file. Each line has `question_id` or `question`, the `reply`, and what
was measured when it was recorded: `prompt_tokens`, `completion_tokens`, `cached_tokens`,
`prefill_s`, `decode_s`, `logprobs` (pairs of token and log-probability).

Options: `sleep_s` (seconds that each answer takes), `speed` (replay the recorded times this many
times faster), `load_s` (seconds that loading takes), `fail_once` (mapping of question id to the
kind of failure of its first try, or list of ids that fail as `backend`), `fail_always` (the same,
for every try), `call_log` (file to which each call is appended).
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from wattbench import __version__
from wattbench.errors import InputError
from wattbench.inference.backends.base import (
    FAILURES,
    Abandoned,
    BackendFailure,
    Capabilities,
    Reply,
    Request,
    Setup,
    backend,
    check_names,
)

OPTIONS = frozenset({"sleep_s", "speed", "load_s", "fail_once", "fail_always", "call_log"})
TIMES = ("prefill_s", "decode_s")


@backend("recorded")
class Recorded:
    """Replays a recording."""

    name: ClassVar[str]
    capabilities: ClassVar = Capabilities(
        max_concurrency=None, deterministic=False, local_weights=True, growing_weights=True
    )
    requires: ClassVar[tuple[str, ...]] = ()
    extra: ClassVar[str | None] = None

    def __init__(self, setup: Setup) -> None:
        self._path = Path(setup.model) if setup.weights is None else setup.weights
        self._options = setup.options
        self._replies: dict[str, dict[str, Any]] = {}
        self._failed: set[str] = set()
        self._lock = threading.Lock()
        self.check(self._options)
        self._fail_once = _failures(self._options.get("fail_once"))
        self._fail_always = _failures(self._options.get("fail_always"))

    @classmethod
    def check(cls, options: Mapping[str, Any]) -> None:
        """Refuse unknown options and kinds of failure."""
        check_names(cls.name, options, OPTIONS)
        for name in ("fail_once", "fail_always"):
            _failures(options.get(name))

    @classmethod
    def elsewhere(cls, options: Mapping[str, Any]) -> bool:  # noqa: ARG003 - whatever they are
        """Never: it runs in this process."""
        return False

    @property
    def version(self) -> str | None:
        """Version of wattbench, for the replay is its own code."""
        return __version__

    def load(self) -> None:
        """Read the recording.

        Raises:
            InputError: A line is no JSON object with a reply and a question.
        """
        time.sleep(float(self._options.get("load_s") or 0.0))
        with self._path.open(encoding="utf-8") as stream:
            for number, line in enumerate(stream, start=1):
                if line.strip():
                    self._read(line, where=f"{self._path}, line {number}")

    def _read(self, line: str, *, where: str) -> None:
        try:
            entry = json.loads(line)
        except ValueError as error:
            raise InputError(f"the recording holds no JSON: {error}.", where=where) from error
        named = isinstance(entry, dict) and (entry.get("question_id") or entry.get("question"))
        if not named or not isinstance(entry.get("reply"), str):
            raise InputError(
                "a recorded reply needs 'reply' and 'question_id' or 'question'.", where=where
            )
        for key in (entry.get("question_id"), entry.get("question")):
            if key:
                self._replies[str(key)] = entry

    def answer(self, request: Request, stop: threading.Event) -> Reply:
        """Replay the recorded reply, at the recorded or the asked pace."""
        self._note(request)
        entry = self._replies.get(request.question_id) or self._replies.get(request.question)
        self._wait(entry or {}, request, stop)
        self._fail_as_asked(request.question_id)
        if entry is None:
            raise BackendFailure("backend", "the recording has no reply to this question")
        if not entry["reply"].strip():
            raise BackendFailure("empty", "the recorded reply is empty")
        logprobs = entry.get("logprobs")
        return Reply(
            text=entry["reply"],
            prompt_tokens=entry.get("prompt_tokens"),
            completion_tokens=entry.get("completion_tokens"),
            cached_tokens=entry.get("cached_tokens"),
            prefill_s=entry.get("prefill_s"),
            decode_s=entry.get("decode_s"),
            first_token_s=entry.get("prefill_s"),
            logprobs=None if logprobs is None else tuple((str(t), float(p)) for t, p in logprobs),
        )

    def _note(self, request: Request) -> None:
        path = self._options.get("call_log")
        if path is None:
            return
        line = json.dumps({"question_id": request.question_id, "pid": os.getpid()}) + "\n"
        with Path(str(path)).open("a", encoding="utf-8") as stream:
            stream.write(line)

    def _wait(self, entry: Mapping[str, Any], request: Request, stop: threading.Event) -> None:
        seconds = float(self._options.get("sleep_s") or 0.0)
        if speed := self._options.get("speed"):
            seconds += sum(float(entry.get(name) or 0.0) for name in TIMES) / float(speed)
        if stop.wait(min(seconds, request.timeout_s)):
            raise Abandoned
        if seconds > request.timeout_s:
            raise BackendFailure("timeout", f"no answer within {request.timeout_s:g} s")

    def _fail_as_asked(self, question_id: str) -> None:
        if kind := self._fail_always.get(question_id):
            raise BackendFailure(kind, "the recording says that this question fails")
        with self._lock:
            kind = self._fail_once.get(question_id)
            if kind is None or question_id in self._failed:
                return
            self._failed.add(question_id)
        raise BackendFailure(kind, "the recording says that the first try fails")

    def close(self) -> None:
        """Forget the recording."""
        self._replies.clear()


def _failures(option: object) -> dict[str, str]:
    if option is None:
        return {}
    if isinstance(option, list):
        return {str(identifier): "backend" for identifier in option}
    if isinstance(option, Mapping):
        unknown = sorted({str(kind) for kind in option.values()} - set(FAILURES))
        if not unknown:
            return {str(identifier): str(kind) for identifier, kind in option.items()}
        raise InputError(
            f"there is no kind of failure {', '.join(unknown)}.",
            where="options",
            mend=f"Known: {', '.join(FAILURES)}.",
        )
    raise InputError(
        "'fail_once' and 'fail_always' are a list of ids or a mapping of ids to kinds.",
        where="options",
    )
