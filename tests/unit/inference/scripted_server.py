"""An OpenAI-compatible server that does what a script says, misbehaviour of every kind included."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

NEVER_S = 3600.0
QUESTION = re.compile(r"What is (\d+)\?")


@dataclass
class Exchange:
    """One request, and the connection that it is answered on."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    writer: asyncio.StreamWriter

    @property
    def key(self) -> str:
        return self.headers.get("authorization", "").removeprefix("Bearer ")

    @property
    def number(self) -> int:
        """Number of the question that is asked."""
        found = QUESTION.search(json.dumps(self.body.get("messages")))
        return int(found[1]) if found else 0

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def head(
        self, status: str = "200 OK", kind: str | None = "text/event-stream", **more: object
    ) -> None:
        lines = [f"HTTP/1.1 {status}"]
        lines += [f"Content-Type: {kind}"] if kind is not None else []
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in more.items()]
        lines = [filled(line, self.key, None) for line in lines]
        await self.send(("\r\n".join(lines) + "\r\nConnection: close\r\n\r\n").encode())

    async def whole(
        self,
        body: bytes,
        status: str = "200 OK",
        kind: str | None = "application/json",
        **more: object,
    ) -> None:
        await self.head(status, kind, Content_Length=len(body), **more)
        await self.send(body)

    async def event(self, part: Any) -> None:
        text = part if isinstance(part, str) else json.dumps(part)
        await self.send(f"data: {text}\n\n".encode("utf-8", "surrogatepass"))

    def reset(self) -> None:
        """Break the connection with a reset."""
        linger = struct.pack("ii", 1, 0)
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.writer.transport.abort()


Behaviour = Callable[[Exchange], Awaitable[None]]


def answer_text(number: int) -> str:
    return json.dumps({"explanation": "so", "answer_value": number * 10, "refs": [1]})


def filled(text: str, key: str, kind: str | None) -> str:
    """The text with the client's key in place of {key}."""
    return text.replace("{key}", json.dumps(key)[1:-1] if kind == "application/json" else key)


def delta(text: Any, **more: Any) -> dict[str, Any]:
    return {"model": "scripted", "choices": [{"index": 0, "delta": {"content": text}, **more}]}


def good(
    text: str | None = None,
    *,
    usage: Mapping[str, Any] | None = None,
    finish: str = "stop",
    pieces: int = 4,
    pause_s: float = 0.0,
) -> Behaviour:
    """A sound reply, streamed in pieces; of the question's own answer unless told."""

    async def behave(exchange: Exchange) -> None:
        said = answer_text(exchange.number) if text is None else text
        await exchange.head()
        size = max(1, -(-len(said) // pieces))
        for start in range(0, len(said), size):
            await exchange.event(delta(said[start : start + size]))
            await asyncio.sleep(pause_s)
        await exchange.event({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
        if usage is not None:
            await exchange.event({"choices": [], "usage": dict(usage)})
        await exchange.event("[DONE]")

    return behave


def status(
    code: int, text: str = "no", *, kind: str = "application/json", **more: object
) -> Behaviour:
    async def behave(exchange: Exchange) -> None:
        body = filled(text, exchange.key, kind).encode()
        await exchange.whole(body, f"{code} Scripted", kind, **more)

    return behave


def error(code: int, message: str, **more: object) -> Behaviour:
    return status(code, json.dumps({"error": {"message": message, "code": code}}), **more)


def whole(body: str | bytes, *, kind: str | None = "application/json") -> Behaviour:
    async def behave(exchange: Exchange) -> None:
        data = body if isinstance(body, bytes) else body.encode()
        if b"{key}" in data:
            data = filled(data.decode(), exchange.key, kind).encode()
        await exchange.whole(data, kind=kind)

    return behave


def events(*parts: Any, done: bool = True) -> Behaviour:
    async def behave(exchange: Exchange) -> None:
        await exchange.head()
        for part in parts:
            await exchange.event(filled(json.dumps(part), exchange.key, "application/json"))
        if done:
            await exchange.event("[DONE]")

    return behave


def raw(*pieces: bytes, then: str = "close", every_s: float = 0.0) -> Behaviour:
    """Bytes as they stand, then `close`, `reset` or `hang`."""

    async def behave(exchange: Exchange) -> None:
        for piece in pieces:
            await exchange.send(piece)
            await asyncio.sleep(every_s)
        if then == "reset":
            # Else the bytes may be lost with the connection.
            await asyncio.sleep(0.02)
            exchange.reset()
        elif then == "hang":
            await asyncio.sleep(NEVER_S)

    return behave


def endless(head: bytes, piece: bytes, every_s: float) -> Behaviour:
    async def behave(exchange: Exchange) -> None:
        await exchange.send(head)
        while True:
            await exchange.send(piece)
            await asyncio.sleep(every_s)

    return behave


def large(piece: bytes, size: int, kind: str) -> Behaviour:
    async def behave(exchange: Exchange) -> None:
        await exchange.head(kind=kind)
        for _ in range(size // len(piece) + 1):
            await exchange.send(piece)

    return behave


@dataclass
class ScriptedServer:
    """The server, in a thread of its own; a context manager.

    Args:
        key: The key that it wants, or None.
        script: Behaviours of a question's tries, by its number; the last one stays.
        default: Behaviour of all others.
        others: Behaviours of other paths than that of chats.
        models: Behaviour of the list of models.
    """

    key: str | None = None
    script: dict[int, Sequence[Behaviour]] = field(default_factory=dict)
    default: Behaviour = field(default_factory=good)
    others: Mapping[str, Behaviour] = field(default_factory=dict)
    models: Behaviour = field(default_factory=lambda: whole('{"data": []}'))

    def __post_init__(self) -> None:
        self.asked: list[Exchange] = []
        self.most_at_once = 0
        self._at_once = 0
        self._tries: dict[int, int] = {}

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        ready = threading.Event()

        async def serve() -> None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
            self.port = self._server.sockets[0].getsockname()[1]
            ready.set()

        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(serve(), self._loop)
        assert ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        async def stop() -> None:
            self._server.close()
            tasks = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            exchange = await self._read(reader, writer)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            try:
                await self._behaviour(exchange)(exchange)
            finally:
                self._at_once -= 1
        writer.close()

    @staticmethod
    async def _read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Exchange:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.strip().split("\r\n")
        headers = {n.strip().lower(): v.strip() for n, _, v in (e.partition(":") for e in lines)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        return Exchange(first.split()[1], headers, json.loads(body or b"{}"), writer)

    def _behaviour(self, exchange: Exchange) -> Behaviour:
        if self.key is not None and exchange.key != self.key:
            return status(401, "wrong key")
        if exchange.path.endswith("/models"):
            return self.models
        if exchange.path in self.others:
            return self.others[exchange.path]
        if exchange.body.get("messages") == []:
            return whole("{}")
        self.asked.append(exchange)
        tries = self.script.get(exchange.number)
        if tries is None:
            return self.default
        done = self._tries.get(exchange.number, 0)
        self._tries[exchange.number] = done + 1
        return tries[min(done, len(tries) - 1)]
