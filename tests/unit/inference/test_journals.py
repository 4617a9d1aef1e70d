"""Listing and removing journals, and what importing the backends costs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from judged import make
from replaying import Bench
from tests.unit.made_results import RIGHT, write_run
from typer.testing import CliRunner

from wattbench.cli.inference import register
from wattbench.errors import InputError
from wattbench.files import write_json
from wattbench.inference.backends import availability, backend_class, known_backends
from wattbench.inference.journals import list_journals, remove
from wattbench.inference.judging import judge_answers
from wattbench.inference.lease import Lease
from wattbench.inference.planning import plan_queries
from wattbench.inference.stage import infer
from wattbench.study.layout import Layout
from wattbench.study.models import Study


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


def test_gc_knows_the_journals_of_judges_and_planners(tmp_path: Path) -> None:
    study = make(tmp_path, {"q1": "TRUE", "q2": "no verdict", "q3": "FALSE"}, attempts=1)
    for name in study.models:
        write_run(study, name, RIGHT)
    judge_answers(study, "set")
    queries = tmp_path / "queries.jsonl"
    said = [("q1", '["one"]'), ("q2", '["two"]'), ("q3", "no list"), ("q4", '["four"]')]
    lines = [json.dumps({"question_id": name, "reply": reply}) for name, reply in said]
    queries.write_text("\n".join(lines) + "\n")
    settings = study.model_dump(mode="json", exclude_none=True)
    settings["models"]["p"] = {"backend": "recorded", "weights": str(queries)}
    settings["retrievals"] = {"plain": {}, "planned": {"planner": {"kind": "model", "model": "p"}}}
    settings["models"] = {n: m | {"retrieval": "plain"} for n, m in settings["models"].items()}
    study = Study.model_validate(settings)
    plan_queries(study, "set", "planned")
    found = {journal.kind: journal for journal in list_journals([study])}
    assert {journal.unused for journal in found.values()} == {None}
    judge, planner = found["judge"], found["planner"]
    assert (judge.environment, judge.questions, judge.name) == ("local", "set", None)
    assert (planner.environment, planner.questions, planner.name) == (None, "set", "planned")
    assert (judge.counts()["answered"], judge.counts()["failed"]) == (2, 1)
    assert (planner.counts()["answered"], planner.counts()["failed"]) == (3, 1)

    settings["models"]["p"]["generation"] = {"seed": 1}
    settings["scoring"]["judge"]["model"] = "p"
    file = tmp_path / "study.json"
    write_json(file, Study.model_validate(settings).model_dump(mode="json"))
    listed = json.loads(command_line("gc", "--study", str(file), "--json"))
    assert listed["deleted"] is False
    assert {entry["kind"]: entry["unused"] for entry in listed["journals"]} == {
        "judge": "the settings of the judging model have changed since",
        "planner": "the settings of the model that plans for 'planned' have changed since",
    }
    assert all(entry["size_bytes"] > 0 for entry in listed["journals"])
    assert judge.folder.exists()
    assert planner.folder.exists()
    written = command_line("gc", "--study", str(file), "--delete")
    assert "2 journals deleted" in written
    assert not judge.folder.exists()
    assert not planner.folder.exists()
    verdicts = Layout(tmp_path / "results").judge_verdicts("local", "set")
    assert verdicts.exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"scoring": {}}, "the study names no judging model"),
        ({"questions": "other"}, "the study has no question set 'set'"),
        ({"study": {"environment": "elsewhere"}}, None),
        ({"scoring": {"judge": {"model": "j", "attempts": 9}}}, None),
    ],
)
def test_why_a_judges_journal_is_not_referred_to(
    tmp_path: Path, change: dict[str, object], said: str | None
) -> None:
    study = make(tmp_path, {f"q{n}": "TRUE" for n in (1, 2, 3)})
    for name in study.models:
        write_run(study, name, RIGHT)
    judge_answers(study, "set")
    settings = study.model_dump(mode="json", exclude_none=True)
    for section, value in change.items():
        if section == "questions":
            settings[section] = {value: settings[section]["set"]}
        else:
            settings[section] = value if section == "scoring" else settings[section] | value
    (journal,) = list_journals([Study.model_validate(settings)])
    assert journal.kind == "judge"
    assert journal.unused == said


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
