"""Pauses between tries, and that all wait while the server is busy."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from replaying import Bench
from scripted_server import Exchange, ScriptedServer, error, good

from wattbench.inference.backends.base import BackendFailure
from wattbench.inference.pacing import FIRST_PAUSE_S, LONGEST_PAUSE_S, Gate, pause_s
from wattbench.inference.stage import infer


def test_pauses_double_with_jitter_and_never_undercut_the_server() -> None:
    plain = BackendFailure("http", "no")
    for failures in range(1, 60):
        doubling = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (failures - 1))
        assert all(doubling <= pause_s(failures, plain) <= 1.5 * doubling for _ in range(20))
    asked = BackendFailure("http", "no", retry_after_s=120.0)
    assert all(120 <= pause_s(1, asked) <= 120 + FIRST_PAUSE_S for _ in range(20))
    assert len({pause_s(3, plain) for _ in range(20)}) > 10


def test_a_gate_holds_until_its_time_or_until_it_is_given_up() -> None:
    gate, stop = Gate(), threading.Event()
    started = time.monotonic()
    gate.hold(0.2)
    gate.hold(0.05)
    assert not gate.wait(stop)
    assert time.monotonic() - started >= 0.2
    gate.hold(60)
    threading.Timer(0.1, stop.set).start()
    assert gate.wait(stop)
    assert time.monotonic() - started < 10


def test_no_question_is_sent_while_the_server_asks_to_wait(tmp_path: Path) -> None:
    sent: list[tuple[int, float]] = []

    async def busy_once(exchange: Exchange) -> None:
        sent.append((exchange.number, time.monotonic()))
        if len(sent) == 1:
            await error(429, "slow down", Retry_After="1")(exchange)
        else:
            await good(pause_s=0.05)(exchange)

    with ScriptedServer(default=busy_once) as server:
        model = {
            "backend": "openai", "weights": "scripted", "options": {"base_url": server.url},
            "requests": {"concurrency": 2},
        }  # fmt: skip
        bench = Bench(tmp_path, count=12, model=model)
        infer(bench.study, "asked", "replay")
    assert all(row["error"] is None for row in bench.predictions())
    refused = sent[0][1]
    early = [number for number, at in sent[1:] if at - refused < 1.0]
    # The other asker's question may be on its way already.
    assert len(early) <= 1
    assert len(sent) == 13
