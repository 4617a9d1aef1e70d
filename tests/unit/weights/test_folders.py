"""A model that is a hub's id, a folder or a file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from wattbench.errors import InputError
from wattbench.weights.folders import folder_identity, model_on_disk


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WATTBENCH_CACHE", str(tmp_path / "cache"))
    made = tmp_path / "model"
    (made / ".cache").mkdir(parents=True)
    (made / "config.json").write_text("{}")
    (made / "model.safetensors").write_bytes(b"weights")
    (made / ".cache" / "lock").write_text("x")
    return made


@pytest.mark.parametrize("name", ["owner/name", "Qwen/Qwen2.5-0.5B-Instruct", "gpt2"])
def test_what_is_no_path_is_an_id(name: str) -> None:
    assert model_on_disk(name) is None


@pytest.mark.parametrize(
    "name", ["a/b/c", "https://hub/owner/name", "owner/na me", "x" * 5_000 + "/"]
)
def test_what_is_neither_id_nor_path_is_told(name: str) -> None:
    with pytest.raises(InputError, match="neither a model id"):
        model_on_disk(name)


def test_a_folder_is_itself_and_one_without_a_model_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert model_on_disk(str(folder)) == folder
    monkeypatch.chdir(folder.parent)
    assert model_on_disk("model") == Path("model")
    (folder / "config.json").unlink()
    with pytest.raises(InputError, match=r"holds no config\.json"):
        model_on_disk(str(folder))


@pytest.mark.parametrize("name", ["./absent", "/absent/model", "absent.gguf", "~/absent"])
def test_a_path_that_is_not_there_is_no_id(name: str) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        model_on_disk(name)


def test_every_visible_byte_and_name_is_in_the_identity(folder: Path) -> None:
    first, size = folder_identity(folder)
    assert size == 2 + 7
    assert folder_identity(folder) == (first, size)
    (folder / ".cache" / "lock").write_text("another")
    assert folder_identity(folder)[0] == first
    (folder / "model.safetensors").write_bytes(b"WEIGHTS")
    os.utime(folder / "model.safetensors", ns=(1, 1))
    second, _ = folder_identity(folder)
    assert second != first
    (folder / "model.safetensors").rename(folder / "other.safetensors")
    assert folder_identity(folder)[0] not in {first, second}
