"""Finding weight files, and telling whole ones from others."""

from __future__ import annotations

import hashlib
import os
import struct
from pathlib import Path

import pytest

from wattbench.errors import InputError
from wattbench.weights import identity, locate
from wattbench.weights.catalogue import CATALOGUE, TOKENIZER
from wattbench.weights.gguf import least_bytes
from wattbench.weights.store import cached_path, check_path, presence

SMALL = CATALOGUE[TOKENIZER]


def string(text: str) -> bytes:
    return struct.pack("<Q", len(text)) + text.encode()


def gguf(tensor_bytes: int = 4096) -> bytes:
    """A GGUF file with text, list and number metadata and two F32 tensors."""
    head = b"GGUF" + struct.pack("<IQQ", 3, 2, 3)
    head += string("general.name") + struct.pack("<I", 8) + string("tiny")
    head += string("tokens") + struct.pack("<IIQ", 9, 8, 2) + string("a") + string("b")
    head += string("general.alignment") + struct.pack("<II", 4, 64)
    elements = tensor_bytes // 8
    for number in range(2):
        offset = number * tensor_bytes // 2
        head += string(f"t{number}") + struct.pack("<IQIQ", 1, elements, 0, offset)
    return head + bytes(-len(head) % 64) + bytes(tensor_bytes)


def test_a_missing_pinned_file_names_its_place_and_the_command(cache: Path) -> None:
    with pytest.raises(InputError, match=f"wattbench fetch {TOKENIZER}") as caught:
        locate(TOKENIZER)
    assert caught.value.where == str(cached_path(SMALL))
    assert presence(SMALL).state == "missing"


def test_a_truncated_pinned_file_is_not_used(cache: Path) -> None:
    path = cached_path(SMALL)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x" * 10)
    with pytest.raises(InputError, match=f"truncated.*10 bytes, expected {SMALL.bytes}"):
        locate(TOKENIZER)


def test_a_pinned_file_with_other_bytes_is_not_used(cache: Path) -> None:
    path = cached_path(SMALL)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x" * SMALL.bytes)
    assert presence(SMALL).state == "unverified"
    with pytest.raises(InputError, match="damaged"):
        locate(TOKENIZER)
    assert presence(SMALL).state == "changed"


def test_a_whole_pinned_file_is_hashed_once(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WATTBENCH_CACHE")
    real = cached_path(SMALL)
    if not real.exists():
        pytest.skip(f"needs `wattbench fetch {TOKENIZER}`")
    monkeypatch.setenv("WATTBENCH_CACHE", str(cache))
    path = cached_path(SMALL)
    path.parent.mkdir(parents=True)
    path.write_bytes(real.read_bytes())
    assert locate(TOKENIZER) == path
    assert presence(SMALL).state == "verified"
    assert identity(TOKENIZER) == SMALL.sha256


def test_a_path_is_taken_as_it_is_and_its_hash_follows_its_bytes(
    cache: Path, tmp_path: Path
) -> None:
    path = tmp_path / "my.gguf"
    path.write_bytes(gguf())
    assert locate(str(path)) == path
    assert identity(str(path)) == hashlib.sha256(gguf()).hexdigest()
    changed = gguf()[:-1] + b"\x01"
    path.write_bytes(changed)
    os.utime(path, (1, 1))
    assert identity(str(path)) == hashlib.sha256(changed).hexdigest()


def test_a_cache_that_cannot_be_written_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("WATTBENCH_CACHE", str(blocked / "cache"))
    path = tmp_path / "my.gguf"
    path.write_bytes(gguf())
    assert identity(str(path)) == hashlib.sha256(gguf()).hexdigest()


@pytest.mark.parametrize("kept", [10, 60, 200, 1000, -1])
def test_a_cut_gguf_file_is_refused(cache: Path, tmp_path: Path, kept: int) -> None:
    path = tmp_path / "cut.gguf"
    path.write_bytes(gguf()[:kept])
    with pytest.raises(InputError, match=r"truncated|cut or damaged") as caught:
        locate(str(path))
    assert caught.value.exit_code == 2


def test_the_header_gives_the_exact_size(tmp_path: Path) -> None:
    path = tmp_path / "whole.gguf"
    path.write_bytes(gguf())
    assert least_bytes(path) == len(gguf())


def test_the_header_of_a_real_model_gives_its_exact_size() -> None:
    name = "smollm2-135m-instruct-q4_1"
    if presence(CATALOGUE[name]).state == "missing":
        pytest.skip(f"needs `wattbench fetch {name}`")
    assert least_bytes(locate(name)) == CATALOGUE[name].bytes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("qwen2.5-coder-0.5b", "Did you mean 'qwen2.5-coder-0.5b-instruct-q4_k_m'"),
        ("no/such/file.gguf", "cannot be read"),
        (".", "cannot be read"),
        ("a\0b", "zero byte"),
        ("~", "cannot be read"),
    ],
)
def test_what_is_neither_name_nor_file_is_refused(cache: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_path(text)


def test_an_empty_file_is_refused(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.gguf").touch()
    with pytest.raises(InputError, match="empty"):
        check_path(str(tmp_path / "empty.gguf"))


def test_wheel_names_and_parts_are_consistent() -> None:
    for pinned in CATALOGUE.values():
        assert len(pinned.sha256) == 64
        assert pinned.wheels, pinned.name
        assert len({wheel.sha256 for wheel in pinned.wheels}) == len(pinned.wheels)
        assert len({wheel.filename for wheel in pinned.wheels}) == len(pinned.wheels)
