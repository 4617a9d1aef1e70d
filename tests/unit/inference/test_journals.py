"""Listing and removing journals, and what importing the backends costs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from replaying import Bench
from typer.testing import CliRunner

from wattbench.cli.inference import register
from wattbench.errors import InputError
from wattbench.files import write_json
from wattbench.inference.backends import availability, backend_class, known_backends
from wattbench.inference.journals import list_journals, remove
from wattbench.inference.lease import Lease
from wattbench.inference.stage import infer


def command_line(*arguments: str) -> str:
    app = typer.Typer()
    register(app)
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return result.output


def test_gc_removes_what_no_study_refers_to(bench: Bench, tmp_path: Path) -> None:
    infer(bench.study, "asked", "replay")
    old = bench.journal
    bench.model = {"generation": {"seed": 3}}
    infer(bench.study, "asked", "replay")
    study = tmp_path / "study.json"
    write_json(study, bench.study.model_dump(mode="json"))
    listed = json.loads(command_line("gc", "--study", str(study), "--json"))
    assert [entry["folder"] for entry in listed["journals"]] == [str(old)]
    assert listed["journals"][0]["answered"] == 6
    assert old.exists()
    command_line("gc", "--study", str(study), "--delete")
    assert not old.exists()
    assert bench.journal.exists()
    (kept,) = json.loads(command_line("journal", "list", "--study", str(study), "--json"))
    assert kept["unused"] is None
    shown = ["--study", str(study), "--questions", "asked", "--run", "replay", "--json"]
    assert len(json.loads(command_line("journal", "show", *shown))) == 6


def test_a_second_study_keeps_its_journal(bench: Bench) -> None:
    infer(bench.study, "asked", "replay")
    first = bench.study
    bench.model = {"generation": {"seed": 3}}
    (journal,) = list_journals([bench.study])
    assert journal.unused is not None
    (journal,) = list_journals([bench.study, first])
    assert journal.unused is None
    with pytest.raises(InputError, match="refers"):
        remove(journal)


def test_a_journal_at_work_is_not_removed(bench: Bench) -> None:
    infer(bench.study, "asked", "replay")
    with Lease(bench.journal):
        bench.model = {"generation": {"seed": 3}}
        (journal,) = list_journals([bench.study])
        with pytest.raises(InputError, match="works on"):
            remove(journal)
    remove(journal)
    assert not journal.folder.exists()


def test_knowing_the_backends_loads_nothing_heavy() -> None:
    code = (
        "import sys; from wattbench.inference.backends import known_backends; known_backends();"
        "print([m for m in ('xllamacpp', 'pyarrow', 'pandas', 'openai') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_backends_are_known_by_name() -> None:
    assert {"llamacpp", "recorded"} <= set(known_backends())
    assert availability("recorded") == (True, None, None)
    assert availability("llamacpp")[0]
    with pytest.raises(InputError, match="Did you mean 'llamacpp'"):
        backend_class("lamacpp")
