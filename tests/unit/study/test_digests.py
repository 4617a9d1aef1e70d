"""Digests of documents follow their content and nothing else."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from wattbench.errors import InputError
from wattbench.study import digests
from wattbench.study.digests import file_digest, tree_digest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "documents"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.md").write_text("a")
    (folder / "deep" / "b.md").write_text("b")
    return folder


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files whose bytes were read."""
    names: list[str] = []
    real = digests.bytes_digest

    def counting(path: Path) -> str:
        names.append(path.name)
        return real(path)

    monkeypatch.setattr(digests, "bytes_digest", counting)
    monkeypatch.setattr(digests, "SETTLED_NS", -(10**12))
    return names


def test_a_touch_reads_one_file_and_changes_nothing(
    folder: Path, tmp_path: Path, hashed: list[str]
) -> None:
    cache = tmp_path / "cache.json"
    first = tree_digest(folder, cache)
    assert hashed == ["a.md", "b.md"]
    assert tree_digest(folder, cache) == first
    assert hashed == ["a.md", "b.md"]
    os.utime(folder / "a.md", (1, 1))
    assert tree_digest(folder, cache) == first
    assert hashed == ["a.md", "b.md", "a.md"]


def test_bytes_names_and_files_change_it(folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache.json"
    seen = {tree_digest(folder, cache)}
    (folder / "a.md").write_text("A")
    seen.add(tree_digest(folder, cache))
    (folder / "a.md").rename(folder / "c.md")
    seen.add(tree_digest(folder, cache))
    (folder / "c.md").rename(folder / "deep" / "c.md")
    seen.add(tree_digest(folder, cache))
    (folder / "new.md").touch()
    seen.add(tree_digest(folder, cache))
    assert len(seen) == 5


def test_an_edit_right_after_a_digest_is_seen_even_with_an_unchanged_stat(
    folder: Path, tmp_path: Path
) -> None:
    cache = tmp_path / "cache.json"
    first = tree_digest(folder, cache)
    state = (folder / "a.md").stat()
    (folder / "a.md").write_text("z")
    os.utime(folder / "a.md", ns=(state.st_atime_ns, state.st_mtime_ns))
    assert tree_digest(folder, cache) != first


def test_hidden_files_are_no_documents(folder: Path, tmp_path: Path) -> None:
    first = tree_digest(folder, tmp_path / "cache.json")
    (folder / ".DS_Store").write_text("x")
    assert tree_digest(folder, tmp_path / "cache.json") == first


def test_odd_names_and_dangling_links_do_not_stop_it(folder: Path, tmp_path: Path) -> None:
    (Path(os.fsdecode(os.fsencode(folder) + b"/\xff.md"))).write_text("x")
    (folder / "gone.md").symlink_to(folder / "nothing")
    cache = tmp_path / "cache.json"
    first = tree_digest(folder, cache)
    assert tree_digest(folder, cache) == first
    (folder / "nothing").write_text("now")
    assert tree_digest(folder, cache) != first


def test_a_link_that_leads_back_is_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "deep" / "up").symlink_to(folder)
    with pytest.raises(InputError, match="leads back"):
        tree_digest(folder, tmp_path / "cache.json")


def test_a_missing_folder_or_file_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        tree_digest(tmp_path / "none", tmp_path / "cache.json")
    with pytest.raises(InputError, match="cannot be read"):
        file_digest(tmp_path / "none", tmp_path / "cache.json")


@pytest.mark.parametrize("text", ["", "[]", "{", '{"format": 99}'])
def test_a_broken_cache_is_made_anew(folder: Path, tmp_path: Path, text: str) -> None:
    cache = tmp_path / "cache.json"
    first = tree_digest(folder, tmp_path / "other.json")
    cache.write_text(text)
    assert tree_digest(folder, cache) == first


def test_a_cache_that_cannot_be_written_is_no_obstacle(
    folder: Path, tmp_path: Path, hashed: list[str]
) -> None:
    (tmp_path / "file").touch()
    time.sleep(0.01)
    assert tree_digest(folder, tmp_path / "file" / "cache.json")
