"""The code's fingerprint follows what runs, not how it is written down."""

from __future__ import annotations

import shutil
import textwrap
import time
from pathlib import Path

import pytest

import wattbench
from wattbench.errors import FaultError
from wattbench.study import fingerprint
from wattbench.study.fingerprint import code_fingerprint, visited_modules

FILES = {
    "__init__.py": "",
    "errors.py": "ERROR = 1\n",
    "study/__init__.py": "",
    "study/models.py": "MODELS = 1\n",
    "tables/__init__.py": '"""Tables."""\n',
    "tables/files.py": "def write():\n    return 1\n",
    "tables/unused.py": "UNUSED = 1\n",
    "tables/notes.txt": "words",
    "room/__init__.py": '"""A room."""\n',
    "room/stage.py": '''\
        """The stage."""

        from wattbench.errors import ERROR
        from wattbench.room.helper import double
        from wattbench.study.models import MODELS


        def run():
            """Run."""
            from wattbench.tables.files import write

            return double(write())
        ''',
    "room/helper.py": '''\
        def double(x):
            """Twice."""
            return 2 * x
        ''',
    "room/lazy.py": "LAZY = 1\n",
    "room/templates/page.j2": "<p>",
    "other/__init__.py": "",
    "other/stage.py": "from wattbench.room import lazy\n",
    "named/__init__.py": "",
    "named/stage.py": 'REGISTRY = {"lazy": "wattbench.room.lazy:LAZY"}\n',
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "wattbench"
    for name, text in FILES.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text))
    monkeypatch.setattr(fingerprint, "__file__", str(root / "study" / "fingerprint.py"))
    monkeypatch.setenv("WATTBENCH_CACHE", str(tmp_path / "cache"))
    return root


def now(*roots: str) -> str:
    """The fingerprint as a new process would see it."""
    fingerprint._walk.cache_clear()
    fingerprint._known.cache_clear()
    return code_fingerprint(*roots or ("wattbench.room.stage",))


def edit(file: Path, before: str, after: str) -> None:
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after))


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("room/helper.py", "Twice.", "Two times."),
        ("room/helper.py", "return 2 * x", "# why\n    return (2 * x)"),
        ("room/helper.py", "return 2 * x", "return 2*x\n"),
        ("room/stage.py", '"""The stage."""', ""),
        ("room/__init__.py", "A room.", "Another room."),
        ("errors.py", "1", "2"),
        ("study/models.py", "1", "2"),
        ("tables/unused.py", "1", "2"),
        ("other/stage.py", "lazy", "stage"),
    ],
)
def test_what_does_not_run_does_not_count(
    package: Path, name: str, before: str, after: str
) -> None:
    first = now()
    edit(package / name, before, after)
    assert now() == first


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("room/helper.py", "2 * x", "3 * x"),
        ("room/stage.py", "double(write())", "write()"),
        ("tables/files.py", "return 1", "return 2"),
        ("room/__init__.py", '"""A room."""', "SETTING = 1"),
        ("tables/notes.txt", "words", "other words"),
        ("room/templates/page.j2", "<p>", "<b>"),
    ],
)
def test_what_runs_counts(package: Path, name: str, before: str, after: str) -> None:
    first = now()
    edit(package / name, before, after)
    assert now() != first


def test_a_submodule_imported_from_its_package_counts(package: Path) -> None:
    first = now("wattbench.other.stage")
    edit(package / "room" / "lazy.py", "1", "2")
    assert now("wattbench.other.stage") != first


def test_a_module_named_in_a_registry_counts(package: Path) -> None:
    first = now("wattbench.named.stage")
    edit(package / "room" / "lazy.py", "1", "2")
    assert now("wattbench.named.stage") != first


def test_a_missing_module_and_a_broken_one_are_faults(package: Path) -> None:
    with pytest.raises(FaultError, match=r"wattbench\.room\.gone is missing"):
        now("wattbench.room.gone")
    (package / "room" / "helper.py").write_text("def broken(:\n")
    with pytest.raises(FaultError, match="no valid Python"):
        now()


def test_it_is_remembered_over_processes_and_the_memory_may_be_lost(
    package: Path, tmp_path: Path
) -> None:
    first = now()
    assert list((tmp_path / "cache" / "code").glob("*.json"))
    assert now() == first
    shutil.rmtree(tmp_path / "cache")
    assert now() == first
    shutil.rmtree(tmp_path / "cache")
    (tmp_path / "cache").write_text("no folder")
    assert now() == first


def test_the_real_package_is_walked_fast() -> None:
    modules = visited_modules("wattbench.weights.fetch")
    assert {"wattbench.files", "wattbench.weights.store"} <= set(modules)
    assert not any(name.startswith(("wattbench.study", "wattbench.cli")) for name in modules)
    assert Path(wattbench.__file__).exists()
    code_fingerprint("wattbench.weights.fetch")
    fingerprint._walk.cache_clear()
    fingerprint._known.cache_clear()
    started = time.perf_counter()
    code_fingerprint("wattbench.weights.fetch")
    assert time.perf_counter() - started < 0.05


def test_all_that_answers_is_in_the_fingerprint_of_answering() -> None:
    """Backends import lazily; a module that is named in pieces would go unseen."""
    room = Path(wattbench.__file__).parent / "inference" / "backends"
    modules = {f"wattbench.inference.backends.{file.stem}" for file in room.glob("[!_]*.py")}
    assert len(modules) > 10
    assert modules <= set(visited_modules("wattbench.inference.stage"))
