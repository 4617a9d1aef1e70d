"""docs/outputs.md against the schemas."""

from __future__ import annotations

from pathlib import Path

import typer
from typer.testing import CliRunner

from wattbench.cli.report import register

COMMITTED = Path(__file__).parents[3] / "docs" / "outputs.md"


def run(*arguments: str) -> tuple[int, str]:
    app = typer.Typer()
    register(app)
    result = CliRunner().invoke(app, ["docs", "outputs", *arguments])
    return result.exit_code, result.output


def test_the_committed_file_is_true() -> None:
    assert run("--check", "--file", str(COMMITTED))[0] == 0


def test_a_changed_file_fails_with_the_mend(tmp_path: Path) -> None:
    file = tmp_path / "outputs.md"
    assert run("--write", "--file", str(file))[0] == 0
    assert file.read_text() == COMMITTED.read_text()
    file.write_text(file.read_text().replace("joules", "calories", 1))
    code, said = run("--check", "--file", str(file))
    assert code == 2
    assert "--write" in said
