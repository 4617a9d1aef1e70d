"""Fetching from the hub: resumed after a cut, refused where the bytes are others."""

from __future__ import annotations

import multiprocessing
import shutil
from pathlib import Path

import pytest
from weight_server import Hub, content, pinned, serving

from wattbench.errors import FaultError, InputError
from wattbench.weights import hub as hub_module
from wattbench.weights.fetch import Fetched, fetch, fetch_file

DATA = content()


@pytest.fixture
def hub(cache: Path, monkeypatch: pytest.MonkeyPatch):
    with serving(DATA) as served:
        monkeypatch.setenv("WATTBENCH_HUB", served.address)
        monkeypatch.setenv("WATTBENCH_SOURCES", "hub")
        yield served


def leftovers(cache: Path) -> list[str]:
    return sorted(p.name for p in (cache / "weights").iterdir() if ".part" in p.name)


def test_a_file_comes_whole_and_is_not_fetched_twice(hub: Hub, cache: Path) -> None:
    first = fetch_file(pinned(DATA))
    assert first == Fetched("test-model", cache / "weights" / "test-model.gguf", "hub")
    assert first.path.read_bytes() == DATA
    assert fetch_file(pinned(DATA)).source == "cache"
    assert len(hub.ranges) == 1
    assert leftovers(cache) == []


def test_a_cut_is_resumed_within_a_fetch(hub: Hub) -> None:
    hub.cut_after = [100_000, 50_000]
    assert fetch_file(pinned(DATA)).path.read_bytes() == DATA
    assert hub.ranges == [None, "bytes=100000-", "bytes=150000-"]


def test_a_killed_fetch_is_resumed_by_the_next(hub: Hub, cache: Path) -> None:
    hub.cut_after = [100_000, 0, 0, 0]
    with pytest.raises(FaultError, match="run again to resume"):
        fetch_file(pinned(DATA))
    assert leftovers(cache) == ["test-model.gguf.hub.part"]
    hub.ranges.clear()
    assert fetch_file(pinned(DATA)).path.read_bytes() == DATA
    assert hub.ranges == ["bytes=100000-"]


def test_a_hub_that_ignores_ranges_is_read_from_the_start(hub: Hub) -> None:
    hub.ignore_ranges = True
    hub.cut_after = [100_000]
    assert fetch_file(pinned(DATA)).path.read_bytes() == DATA


def test_progress_adds_up_to_the_file(hub: Hub) -> None:
    import contextlib

    hub.cut_after = [100_000]
    told: list[int] = []

    @contextlib.contextmanager
    def progress(_what: str, total: int):
        assert total == len(DATA)
        yield told.append

    fetch_file(pinned(DATA), progress)
    assert sum(told) == len(DATA)


def test_other_bytes_of_the_same_size_are_refused(hub: Hub, cache: Path) -> None:
    hub.data = DATA[:-1] + bytes([DATA[-1] ^ 1])
    with pytest.raises(FaultError, match="sha256 differs"):
        fetch_file(pinned(DATA))
    assert not (cache / "weights" / "test-model.gguf").exists()
    assert leftovers(cache) == []


def test_a_stale_part_does_not_spoil_the_file_for_ever(hub: Hub, cache: Path) -> None:
    (cache / "weights").mkdir(parents=True)
    (cache / "weights" / "test-model.gguf.hub.part").write_bytes(b"x" * 1000)
    with pytest.raises(FaultError, match="sha256 differs"):
        fetch_file(pinned(DATA))
    assert fetch_file(pinned(DATA)).path.read_bytes() == DATA


def test_a_file_of_another_size_is_refused_before_it_is_read(hub: Hub) -> None:
    hub.data = DATA + b"more"
    with pytest.raises(FaultError, match=f"not the pinned {len(DATA)}"):
        fetch_file(pinned(DATA))


def test_a_truncated_file_in_the_cache_is_fetched_again(hub: Hub, cache: Path) -> None:
    (cache / "weights").mkdir(parents=True)
    (cache / "weights" / "test-model.gguf").write_bytes(DATA[:1000])
    assert fetch_file(pinned(DATA)).path.read_bytes() == DATA


def test_an_unreachable_hub_says_so_and_how_to_mend_it(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATTBENCH_HUB", "http://127.0.0.1:9")
    monkeypatch.setenv("WATTBENCH_SOURCES", "hub")
    with pytest.raises(FaultError, match=r"cannot be reached .*refused.*HF_ENDPOINT") as caught:
        fetch_file(pinned(DATA))
    assert caught.value.exit_code == 1


def test_a_silent_hub_does_not_hang(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        monkeypatch.setenv("WATTBENCH_HUB", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("WATTBENCH_SOURCES", "hub")
        monkeypatch.setattr(hub_module, "OPEN_WITHIN_S", 0.3)
        with pytest.raises(FaultError, match=r"no answer within 0\.3 s"):
            fetch_file(pinned(DATA))


def test_a_full_disk_is_said_before_the_fetch(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=10))
    with pytest.raises(FaultError, match="too little space"):
        fetch_file(pinned(DATA))
    assert hub.ranges == []


def test_a_disk_that_fills_up_is_a_fault_with_a_mend(hub: Hub, cache: Path) -> None:
    (cache / "weights").mkdir(parents=True)
    (cache / "weights" / "test-model.gguf.hub.part").symlink_to("/dev/full")
    with pytest.raises(FaultError, match="No space left on device"):
        fetch_file(pinned(DATA))


def _fetch_here(address: str, cache: str, results: multiprocessing.Queue) -> None:
    import os

    os.environ.update(WATTBENCH_HUB=address, WATTBENCH_CACHE=cache, WATTBENCH_SOURCES="hub")
    results.put(fetch_file(pinned(DATA)).source)


def test_two_fetches_at_once_download_once(hub: Hub, cache: Path) -> None:
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    both = [
        context.Process(target=_fetch_here, args=(hub.address, str(cache), results))
        for _ in range(2)
    ]
    for process in both:
        process.start()
    assert sorted(results.get(timeout=30) for _ in both) == ["cache", "hub"]
    for process in both:
        process.join()
    assert len(hub.ranges) == 1


def test_an_unknown_name_and_an_unknown_source_are_input_errors(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match=r"Did you mean 'smollm2-135m-instruct-q4_1'\?"):
        fetch("smollm2-135m-instruct-q4")
    monkeypatch.setenv("WATTBENCH_SOURCES", "torrent")
    with pytest.raises(InputError, match="no source named torrent"):
        fetch_file(pinned(DATA))
