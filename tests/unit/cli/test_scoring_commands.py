"""score, collect-compute, ensemble, aggregate and headline as a user types them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from tests.unit.made_results import RIGHT, make_study, write_run
from typer.testing import CliRunner

from wattbench.cli import aggregate, collect, ensembles, scoring


def run(*arguments: str) -> Any:
    app = typer.Typer()
    for module in (scoring, collect, ensembles, aggregate):
        module.register(app)
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture
def study(tmp_path: Path) -> str:
    made = make_study(tmp_path, ["good", "poor"], ensembles={"both": {"members": ["good", "poor"]}})
    write_run(made, "good", RIGHT, energy_j=100.0)
    write_run(made, "poor", {**RIGHT, "q1": "1"}, energy_j=None)
    file = tmp_path / "study.yaml"
    file.write_text(yaml.safe_dump(made.model_dump(mode="json", exclude_none=True)))
    return str(file)


def finish(study: str) -> None:
    for command in (
        ["score", "--questions", "set", "--run", "good"],
        ["score", "--questions", "set", "--run", "poor"],
        ["collect-compute", "--questions", "set"],
        ["ensemble", "--questions", "set", "--ensemble", "both"],
        ["aggregate"],
    ):
        result = run(*command, "--study", study)
        assert result.exit_code == 0, result.output


def test_from_answers_to_the_headline(study: str) -> None:
    finish(study)
    text = run("headline", "--study", study).output
    assert text.startswith("set:\ngood is the one run of the best whose energy is known")
    lines = text.splitlines()
    assert [line.split()[:2] for line in lines[-3:]] == [
        ["★", "good"],
        ["=", "both"],
        ["=", "poor"],
    ]
    assert "25 J (counter)" in text
    assert "unknown" in lines[-1]
    assert len({len(line) - len(line.lstrip()) for line in lines[-3:]}) == 1


def test_the_headline_as_json(study: str) -> None:
    finish(study)
    (found,) = json.loads(run("headline", "--study", study, "--json").output)
    assert (found["run"], found["energy_known"], found["estimated"]) == ("good", True, False)
    poor = next(row for row in found["runs"] if row["run"] == "poor")
    assert poor["energy_answer_j"] is None
    assert "not offered" in poor["unknown"]["energy_answer_j"]


def test_mistakes_are_one_paragraph_and_exit_2(study: str) -> None:
    for arguments, said in (
        (["score", "--questions", "set", "--run", "x"], "no model 'x'"),
        (["score", "--questions", "x", "--run", "good"], "no question set 'x'"),
        (["ensemble", "--questions", "set", "--ensemble", "x"], "no ensemble 'x'"),
        (["collect-compute", "--questions", "x"], "no question set 'x'"),
        (["headline"], "there are no tables yet"),
        (["score", "--questions", "set", "--run", "good", "--identity", "old"], "have changed"),
    ):
        result = run(*arguments, "--study", study)
        assert result.exit_code == 2, arguments
        assert said in result.output
        assert "Traceback" not in result.output


def test_a_log_keeps_what_was_said(study: str, tmp_path: Path) -> None:
    log = tmp_path / "logs" / "score.log"
    run("score", "--questions", "set", "--run", "x", "--study", study, "--log", str(log))
    assert "no model 'x'" in log.read_text()
