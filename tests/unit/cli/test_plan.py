"""`wattbench plan` and `wattbench partitions`: what they print and how they end."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import typer
import yaml
from typer.testing import CliRunner, Result

from wattbench.cli import partitions, plan

RECORDED = Path(__file__).parents[2] / "fixtures/slurm/cluster"


def invoke(*arguments: object) -> Result:
    app = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None)
    plan.register(app)
    partitions.register(app)
    return CliRunner().invoke(app, [str(one) for one in arguments])


def site(folder: Path, **cluster: object) -> Path:
    file = folder / "partitions.yaml"
    entry = {"gpus_per_node": 2, "gpu_type": "a100", "gpu_memory_gib": 40, "memory_gib": 64,
             "cpus": 16, "max_walltime_min": 90}  # fmt: skip
    file.write_text(yaml.safe_dump({"partitions": {"gpu": entry}}))
    extra = folder / "site.yaml"
    extra.write_text(yaml.safe_dump({"cluster": {"partitions": str(file), **cluster}}))
    return extra


def test_before_anything_ran_and_without_a_partition_file(study_file: Path) -> None:
    result = invoke("plan", "--study", study_file)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["run", "questions", "partition", "GPUs", "GPU", "memory", "CPUs",
                                "memory", "walltime", "GPU-hours", "done"]  # fmt: skip
    assert lines[1].startswith("one ")
    assert "by profile" in lines[1]
    assert lines[1].endswith("0/1, not started") or "not started" in lines[1]
    assert "No partition file" in result.stdout
    assert "To submit: 2 jobs, at most 0.0 of 0.0 GPU-hours" in result.stdout


def given(study_file: Path, gpus: int) -> Path:
    file = study_file.parent / "resources.yaml"
    file.write_text(yaml.safe_dump({"models": {"one": {"resources": {"gpus": gpus}}}}))
    return file


def test_gpu_hours_are_an_upper_bound(study_file: Path) -> None:
    more = [site(study_file.parent), given(study_file, 2)]
    result = invoke("plan", *(p for f in [study_file, *more] for p in ("--study", f)))
    assert result.exit_code == 0, result.output
    assert "2 x a100" in result.stdout
    assert "0:15 h" in result.stdout
    assert "at most 0.5 of 0.5 GPU-hours" in result.stdout
    assert "GPU memory of one is unknown: the backend 'recorded'" in result.stdout


def test_what_plans_and_judges_is_submitted_too(study_file: Path) -> None:
    more = study_file.parent / "judged.yaml"
    planner = {"kind": "model", "model": "one"}
    change = {
        "scoring": {"judge": {"model": "one"}, "also": ["judge"]},
        "retrievals": {"planned": {"planner": planner}},
        "models": {"one": {"retrieval": "planned"}},
    }
    more.write_text(yaml.safe_dump(change))
    files = [study_file, site(study_file.parent), given(study_file, 2), more]
    plain = invoke("plan", *(p for f in files[:-1] for p in ("--study", f)), "--json")
    result = invoke("plan", *(p for f in files for p in ("--study", f)), "--json")
    assert result.exit_code == plain.exit_code == 0, result.output
    found, before = json.loads(result.stdout), json.loads(plain.stdout)
    beside = [row for row in found["runs"] if row["stage"] != "infer"]
    assert {(row["stage"], row["run"], row["retrieval"]) for row in beside} == {
        ("plan_queries", "one", "planned"), ("judge", "one", None),
    }  # fmt: skip
    assert found["totals"]["runs"] == before["totals"]["runs"]
    assert found["totals"]["submits"] == before["totals"]["submits"] + len(beside)
    hours = [sum_["totals"]["gpu_hours_to_submit_at_most"] for sum_ in (found, before)]
    assert hours[0] - hours[1] == pytest.approx(sum(row["gpu_hours_at_most"] for row in beside))
    shown = invoke("plan", *(p for f in files for p in ("--study", f))).stdout
    assert "one plans planned" in shown
    assert re.search(r"one judges .* waits for answers", shown)


@pytest.mark.parametrize(("choice", "code", "word"), [("error", 1, "fits nowhere"),
                                                      ("skip", 0, "skipped")])  # fmt: skip
def test_what_fits_nowhere(study_file: Path, choice: str, code: int, word: str) -> None:
    more = [site(study_file.parent, on_misfit=choice), given(study_file, 3)]
    result = invoke("plan", *(p for f in [study_file, *more] for p in ("--study", f)))
    assert result.exit_code == code, result.output
    assert f"one ({word}): needs 3 GPUs" in result.stdout
    assert "gpu: its nodes have 2 GPUs" in result.stdout
    assert "To submit: 1 job," in result.stdout


def test_a_study_that_is_not_there_is_bad_input(tmp_path: Path) -> None:
    result = invoke("plan", "--study", tmp_path / "none.yaml")
    assert result.exit_code == 2
    assert result.stderr.startswith("wattbench: ")


def scontrol(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A scontrol that says what a real one said."""
    program = folder / "bin" / "scontrol"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\ncase "$2" in partition) cat {RECORDED}/partitions.txt;; '
        f"node) cat {RECORDED}/nodes.txt;; esac\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")


def test_a_partition_file_is_written_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scontrol(tmp_path, monkeypatch)
    file = tmp_path / "partitions.yaml"
    printed = invoke("partitions")
    assert printed.exit_code == 0, printed.output
    assert invoke("partitions", "--write", file).exit_code == 0
    assert file.read_text() == printed.stdout
    again = invoke("partitions", "--write", file)
    assert again.exit_code == 2
    assert "you may have completed it" in again.stderr
