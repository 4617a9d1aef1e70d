"""Where askers and the worker of an engine in this process meet."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wattbench.errors import FaultError
from wattbench.inference.backends.base import Abandoned, BackendFailure, Reply, Request
from wattbench.inference.backends.desk import FILLED, Desk, Ticket, batch_of
from wattbench.study.inference import Generation


def ticket(length: int = 3, *, timeout_s: float = 20.0) -> Ticket:
    asked = Request("q", "?", (), None, Generation(), 0, timeout_s)
    return Ticket(asked, range(length), threading.Event())


@given(
    st.lists(st.integers(min_value=1, max_value=2_000), min_size=1, max_size=60),
    st.integers(min_value=1, max_value=20),
)
def test_a_batch_holds_the_longest_waiting_and_little_padding(
    lengths: list[int], most: int
) -> None:
    waiting = [ticket(length) for length in lengths]
    batch = batch_of(waiting, most)
    assert waiting[0] in batch
    assert 1 <= len(batch) <= most
    assert len(set(map(id, batch))) == len(batch)
    longest = max(one.length for one in batch)
    assert all(one.length >= FILLED * longest for one in batch)
    # No larger batch was to be had: of every longest prompt, the largest group of like length.
    for end in {one.length for one in waiting}:
        fit = [one for one in waiting if FILLED * end <= one.length <= end]
        if waiting[0] in fit:
            assert len(batch) >= min(most, len(fit))


def test_a_batch_goes_at_once_when_all_askers_wait_and_soon_when_not() -> None:
    desk = Desk(4)
    taken: list[tuple[float, int]] = []

    def work() -> None:
        while batch := desk.batch(8):
            taken.append((time.monotonic(), len(batch)))
            for one in batch:
                one.settle(Reply("so"))

    desk.start(work, "worker")
    with ThreadPoolExecutor(4) as pool:
        assert [r.text for r in pool.map(lambda _: desk.ask(ticket()), range(4))] == ["so"] * 4
        started = time.monotonic()
        assert [r.text for r in pool.map(lambda _: desk.ask(ticket()), range(3))] == ["so"] * 3
    assert [count for _, count in taken] == [4, 3]
    assert taken[1][0] - started < 1.0
    assert desk.close()


def test_those_of_another_length_come_in_their_own_batch() -> None:
    desk, sizes = Desk(6), []

    def work() -> None:
        while batch := desk.batch(6):
            sizes.append(sorted(one.length for one in batch))
            for one in batch:
                one.settle(Reply("so"))

    desk.start(work, "worker")
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda n: desk.ask(ticket(n)), [100, 900, 95, 980, 105, 1_000]))
    desk.close()
    assert sorted(sizes) == [[95, 100, 105], [900, 980, 1_000]]


def test_an_asker_is_let_go_at_its_limit_though_the_worker_sleeps() -> None:
    desk = Desk(1)
    desk.start(lambda: time.sleep(1.5), "worker")
    started = time.monotonic()
    with pytest.raises(BackendFailure, match="timeout: no answer within"):
        desk.ask(ticket(timeout_s=0.2))
    given_up = ticket()
    threading.Timer(0.2, given_up.stop.set).start()
    with pytest.raises(Abandoned):
        desk.ask(given_up)
    assert time.monotonic() - started < 1.4
    assert desk.close()


def test_a_worker_that_sees_first_that_nobody_waits_says_the_same() -> None:
    given_up, late, failed = ticket(), ticket(timeout_s=0.0), ticket()
    given_up.stop.set()
    for one in (given_up, late, failed):
        one.let_go("the batch failed")
    with pytest.raises(Abandoned):
        given_up.wait()
    for one, kind in ((late, "timeout"), (failed, "backend")):
        with pytest.raises(BackendFailure) as failure:
            one.wait()
        assert failure.value.kind == kind


def test_whoever_asks_a_worker_that_died_is_told_why() -> None:
    desk = Desk(2)

    def work() -> None:
        desk.batch(1)
        raise ValueError("no such thing")

    desk.start(work, "worker")
    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(desk.ask, ticket()) for _ in range(2)]
        for one in asked:
            with pytest.raises(FaultError, match="ValueError: no such thing"):
                one.result(10)
    with pytest.raises(FaultError, match="no such thing"):
        desk.ask(ticket())


def test_what_is_put_back_comes_first_again() -> None:
    desk = Desk(1)
    seen: list[Any] = []

    def work() -> None:
        first = desk.batch(1)
        desk.back(first)
        second = desk.batch(1)
        seen.append(first == second)
        second[0].settle(Reply("so"))

    desk.start(work, "worker")
    assert desk.ask(ticket()).text == "so"
    assert seen == [True]
    assert desk.close()


def test_closing_gives_up_all_that_is_asked_and_says_whether_the_worker_ended() -> None:
    desk = Desk(2)

    def work() -> None:
        desk.batch(1)
        time.sleep(0.3)

    desk.start(work, "worker")
    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(desk.ask, ticket()) for _ in range(2)]
        time.sleep(0.2)
        assert desk.close()
        for one in asked:
            with pytest.raises(Abandoned):
                one.result(5)
    with pytest.raises(Abandoned):
        desk.ask(ticket())
