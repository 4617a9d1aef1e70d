"""HTTP requests of the backends: they end at their time limit, or at once when given up.

All requests of a backend run in one event loop in a thread of its own, for there alone can a
request be cancelled in whatever it waits for: the name, the connection, the first byte, the next.
"""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import json
import math
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import CancelledError
from typing import Any, Protocol, TypeVar

import httpx2

from wattbench.inference.backends.base import Abandoned, BackendFailure

POLL_S = 0.05
CLOSE_S = 5.0
PROBLEM_BYTES = 65_536
DETAIL_CHARS = 500
OK, CLIENT_ERROR = 200, 400
BUSY = frozenset({429, 503, 529})
"""States that say: not now. Asking again later costs no retry."""

HIDDEN = "[api key]"
OVERFLOW = (
    "exceed_context_size", "context_length_exceeded", "maximum context length", "context length",
    "context window", "prompt is too long", "input is too long", "too many input tokens",
)  # fmt: skip
"""What servers say where the prompt does not fit."""

T = TypeVar("T")


class Collector(Protocol):
    """Takes the body of a reply as it comes."""

    def open(self, content_type: str) -> None:
        """Told the kind of body before its first byte."""

    def feed(self, piece: bytes) -> bool:
        """Take bytes; true where no more are wanted."""


class Refused(Exception):  # noqa: N818 - told apart by the backend, which may ask otherwise
    """The server answered with a status that is no success.

    Args:
        status: The HTTP status.
        text: What it says, without the key.
        retry_after_s: Wait that it asks for, or None.
    """

    def __init__(self, status: int, text: str, retry_after_s: float | None) -> None:
        super().__init__(f"{status}: {text}")
        self.status = status
        self.text = text
        self.retry_after_s = retry_after_s

    def failure(self) -> BackendFailure:
        """The failure of the question."""
        detail = f"HTTP {self.status}: {self.text}"[:DETAIL_CHARS]
        if self.status in {400, 413, 422} and is_overflow(self.text):
            return BackendFailure("context_overflow", detail)
        return BackendFailure(
            "http", detail, retry_after_s=self.retry_after_s, busy=self.status in BUSY
        )


class Web:
    """A server that is asked over HTTP.

    Args:
        base_url: Its address.
        key: Its key, or None; it is hidden in every text that comes back.
        connections: Requests in flight at most.
        proxies: Whether proxies of the environment are used; a server on this node wants none.
    """

    def __init__(self, base_url: str, *, key: str | None, connections: int, proxies: bool) -> None:
        self._key = key
        headers = {"Accept-Encoding": "identity", "User-Agent": "wattbench"}
        if key is not None:
            headers["Authorization"] = f"Bearer {key}"
        self._base_url = base_url.rstrip("/")
        self._client = httpx2.AsyncClient(
            headers=headers,
            timeout=None,  # each request has a limit of its own, see `_limited`
            trust_env=proxies,
            limits=httpx2.Limits(
                max_connections=connections, max_keepalive_connections=connections
            ),
        )
        self._closing = False
        self._running: dict[asyncio.Task[Any], threading.Event] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="web", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        watch = self._loop.create_task(self._watch())
        self._loop.run_forever()
        watch.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            self._loop.run_until_complete(watch)
        self._loop.run_until_complete(self._client.aclose())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(POLL_S)
            for task, stop in list(self._running.items()):
                if stop.is_set():
                    task.cancel()

    def hide(self, text: str) -> str:
        """The text without the key, and such that every file format takes it."""
        text = whole_characters(text)
        return text.replace(self._key, HIDDEN) if self._key else text

    def post(
        self,
        path: str,
        body: Mapping[str, Any],
        collector: Collector,
        *,
        timeout_s: float,
        stop: threading.Event,
    ) -> None:
        """Send a JSON body and collect the reply.

        Args:
            path: Path below the base address.
            body: What to send.
            collector: Takes the reply's body.
            timeout_s: Seconds from sending to the last byte.
            stop: Set when the reply is no longer wanted.

        Raises:
            Refused: The status is no success.
            BackendFailure: The time is up, the connection failed, or the collector raises it.
            Abandoned: `stop` was set.
        """
        content = json.dumps(body, allow_nan=False).encode()
        self._call(
            lambda: self._exchange("POST", path, collector, content), timeout_s=timeout_s, stop=stop
        )

    def get(self, path: str, collector: Collector, *, timeout_s: float) -> None:
        """Fetch a small body; raises as `post` does."""
        self._call(
            lambda: self._exchange("GET", path, collector, None),
            timeout_s=timeout_s,
            stop=threading.Event(),
        )

    def _call(
        self,
        start: Callable[[], Coroutine[Any, Any, T]],
        *,
        timeout_s: float,
        stop: threading.Event,
    ) -> T:
        if stop.is_set() or self._closing:
            raise Abandoned
        limited = self._limited(start, timeout_s, stop)
        try:
            # The limit of the wait itself is for a loop that was closed meanwhile.
            running = asyncio.run_coroutine_threadsafe(limited, self._loop)
            return running.result(timeout_s + CLOSE_S)
        except (CancelledError, RuntimeError):
            limited.close()
            raise Abandoned from None
        except TimeoutError:
            raise BackendFailure("timeout", f"no answer within {timeout_s:g} s") from None

    async def _limited(
        self, start: Callable[[], Coroutine[Any, Any, T]], timeout_s: float, stop: threading.Event
    ) -> T:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine in a loop has a task
        self._running[task] = stop
        try:
            async with asyncio.timeout(timeout_s):
                return await start()
        except TimeoutError as error:
            raise BackendFailure("timeout", f"no answer within {timeout_s:g} s") from error
        except (httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL, OSError) as error:
            # The words of the library alone: its error holds the request with the key.
            said = self.hide(str(error) or type(error).__name__)[:DETAIL_CHARS]
            raise BackendFailure("http", f"the connection failed: {said}") from None
        finally:
            del self._running[task]

    async def _exchange(
        self, method: str, path: str, collector: Collector, content: bytes | None
    ) -> None:
        headers = {} if content is None else {"Content-Type": "application/json"}
        url = self._base_url + path
        async with self._client.stream(method, url, content=content, headers=headers) as response:
            if response.status_code != OK:
                raise await self._refusal(response)
            collector.open(response.headers.get("content-type", ""))
            async for piece in response.aiter_bytes():
                if collector.feed(piece):
                    return

    async def _refusal(self, response: httpx2.Response) -> Refused:
        said = bytearray()
        async for piece in response.aiter_bytes():
            said += piece
            if len(said) > PROBLEM_BYTES:
                break
        text = problem_text(bytes(said[:PROBLEM_BYTES]).decode("utf-8", "replace"))
        return Refused(response.status_code, self.hide(text), retry_after_s(response.headers))

    def close(self) -> None:
        """Give up what runs and close the connections; a second time does nothing."""
        if self._closing:
            return
        self._closing = True
        stopping = self._stop_all()
        with contextlib.suppress(RuntimeError, CancelledError, TimeoutError):
            asyncio.run_coroutine_threadsafe(stopping, self._loop).result(CLOSE_S)
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CLOSE_S)

    async def _stop_all(self) -> None:
        tasks = list(self._running)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Small:
    """Collects a small body whole."""

    def __init__(self, most: int = PROBLEM_BYTES * 16) -> None:
        self._most = most
        self.body = bytearray()

    def open(self, content_type: str) -> None:
        """Any kind will do."""

    def feed(self, piece: bytes) -> bool:
        """Take bytes, up to the limit."""
        self.body += piece
        return len(self.body) > self._most

    def json(self) -> Any:
        """The body as JSON, or None where it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


def is_overflow(text: str) -> bool:
    """Whether an error says that the prompt is longer than the context."""
    return any(mark in text.casefold() for mark in OVERFLOW)


def problem_text(text: str) -> str:
    """The message of an error's body: of OpenAI's form where it has one, else as it stands."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return " ".join(text.split())
    return error_words(found.get("error", found) if isinstance(found, dict) else found)


def error_words(error: object) -> str:
    """An error object as one line: its type, code and message."""
    if not isinstance(error, dict):
        return " ".join(str(error).split())
    named = [error.get(name) for name in ("type", "code", "param", "message", "detail")]
    words = [str(word) for word in named if isinstance(word, str | int) and word != ""]
    return " ".join((": ".join(words) or json.dumps(error)).split())


def whole_characters(text: str) -> str:
    """The text with halves of characters that came in two pieces joined, and lone ones replaced."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def retry_after_s(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Seconds that a server asks to wait (RFC 9110, 10.2.3; OpenAI's retry-after-ms), or None.

    Args:
        headers: The reply's headers.
        now: Unix time; default: now.
    """
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        text = headers.get(name, "").strip()
        try:
            seconds = float(text) * unit
        except ValueError:
            continue
        if math.isfinite(seconds) and seconds >= 0:
            return seconds
    try:
        at = email.utils.parsedate_to_datetime(headers.get("retry-after", ""))
    except (TypeError, ValueError):
        return None
    return max(0.0, at.timestamp() - (time.time() if now is None else now))
