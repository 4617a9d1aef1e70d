from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parents[1] / "study"))

MODULES = ("study", "fetch", "listing", "doctor")


@pytest.fixture(scope="session")
def app() -> typer.Typer:
    app = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None)
    for name in MODULES:
        importlib.import_module(f"wattbench.cli.{name}").register(app)
    return app


@pytest.fixture
def run(app: typer.Typer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERMINAL_WIDTH", "200")
    return lambda *arguments: CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.fixture
def study_file(tmp_path: Path) -> Path:
    from study_files import make_study

    return make_study(tmp_path)


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("WATTBENCH_CACHE", str(folder))
    return folder
