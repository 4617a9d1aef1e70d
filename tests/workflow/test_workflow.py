"""The workflow's own rules: dry runs of every profile, lint, names, environments, bad studies."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.workflow.conftest import REPOSITORY, SNAKEMAKE, Workplace, jobs_of

RULE_FILES = [REPOSITORY / "Snakefile", *sorted((REPOSITORY / "workflow/rules").glob("*.smk"))]
PROFILES = sorted((REPOSITORY / "profiles").iterdir())
WATTBENCH = Path(sys.executable).parent / "wattbench"


def blocks() -> dict[str, str]:
    """Text of every rule, by name."""
    found: dict[str, str] = {}
    for file in RULE_FILES:
        for block in re.split(r"^(?=(?:use )?rule )", file.read_text(), flags=re.MULTILINE)[1:]:
            name = block.split(":")[0].removesuffix(" with").split(" ")[-1]
            found[name] = block
    return found


@pytest.mark.parametrize("profile", [p.name for p in PROFILES])
def test_every_profile_dry_runs_the_whole_workflow(fresh: Workplace, profile: str) -> None:
    done = fresh.snakemake("--dry-run", "--quiet", "host", profile=profile)
    assert done.returncode == 0, done.stderr
    assert {job.split()[0] for job in jobs_of(done.stdout + done.stderr)} >= {
        "parse_corpus",
        "build_index",
        "retrieve",
        "infer",
        "collect_compute",
        "score",
        "ensemble",
        "aggregate",
        "report",
    }


def test_there_is_no_default_profile() -> None:
    assert {p.name for p in PROFILES} == {"local", "slurm"}


def test_keys_of_profiles_are_real_rules() -> None:
    rules = set(blocks())
    for profile in PROFILES:
        settings = yaml.safe_load((profile / "profile.v9+.yaml").read_text())
        for key in ("set-resources", "set-threads"):
            assert set(settings.get(key) or {}) <= rules, f"{profile.name}: {key}"


def test_profile_by_name_in_the_repository_root() -> None:
    done = subprocess.run(
        [str(SNAKEMAKE), "--profile", "slurm", "--dry-run", "--quiet"],
        check=False,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
        env={
            **os.environ,
            "XDG_CONFIG_HOME": "/nonexistent",
            "PATH": f"{SNAKEMAKE.parent}:{os.environ['PATH']}",
        },
    )
    assert done.returncode == 0, done.stderr


def test_profile_by_name_elsewhere_once_linked(fresh: Workplace, tmp_path: Path) -> None:
    home = tmp_path / "config"
    fresh.environment["XDG_CONFIG_HOME"] = str(home)
    environment = {**os.environ, "XDG_CONFIG_HOME": str(home)}

    def dry_run() -> subprocess.CompletedProcess[str]:
        command = [str(SNAKEMAKE), "--snakefile", str(REPOSITORY / "Snakefile")]
        command += ["--profile", "slurm", "--configfile", str(fresh.study_file)]
        return subprocess.run(
            [*command, "--dry-run", "--quiet"],
            check=False,
            cwd=fresh.folder,
            capture_output=True,
            text=True,
            timeout=120,
            env=environment,
        )

    assert dry_run().returncode != 0
    linked = subprocess.run(
        [str(WATTBENCH), "install-profiles"],
        check=False, cwd=REPOSITORY, capture_output=True, text=True, env=environment, timeout=60,
    )  # fmt: skip
    assert linked.returncode == 0, linked.stderr
    assert (home / "snakemake/slurm/profile.v9+.yaml").is_file()
    done = dry_run()
    assert done.returncode == 0, done.stderr


def test_a_profile_of_the_users_own_is_left_alone(tmp_path: Path) -> None:
    mine = tmp_path / "snakemake/slurm"
    mine.mkdir(parents=True)
    done = subprocess.run(
        [str(WATTBENCH), "install-profiles"],
        check=False, cwd=REPOSITORY, capture_output=True, text=True, timeout=60,
        env={**os.environ, "XDG_CONFIG_HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 2
    assert "--workflow-profile" in done.stderr
    assert not mine.is_symlink()
    assert not (tmp_path / "snakemake/local").exists()


def test_every_working_rule_names_log_benchmark_and_environment() -> None:
    for name, block in blocks().items():
        if "shell:" in block:
            for directive in ("log:", "benchmark:", "conda:"):
                assert directive in block, f"{name} lacks {directive}"


def test_rules_are_thin_shell_lines() -> None:
    text = "".join(file.read_text() for file in RULE_FILES)
    assert not re.search(r"^\s+(run|script|notebook):", text, re.MULTILINE)
    assert len((REPOSITORY / "Snakefile").read_text().splitlines()) < 100


def test_lint_has_nothing_to_say(fresh: Workplace) -> None:
    done = fresh.snakemake("--lint")
    remarks = {
        line.strip(" *:")
        for line in (done.stdout + done.stderr).splitlines()
        if line.startswith("    * ")
    }
    assert remarks <= ARGUED_EXCEPTIONS, done.stdout + done.stderr


ARGUED_EXCEPTIONS: set[str] = set()


def test_environments_are_in_step_with_the_package() -> None:
    declared = set(
        tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["dependencies"]
    )

    def pins(name: str) -> set[str]:
        entries = yaml.safe_load((REPOSITORY / "envs" / name).read_text())["dependencies"]
        return {p for e in entries if isinstance(e, dict) for p in e["pip"] if "@ file" not in p}

    assert pins("inference-gpu.yaml") == declared
    assert pins("workflow.yaml") == {d for d in declared if not d.startswith("xllamacpp")}


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("ensembles", "both", "members"), ["good", "nobody"], "nobody"),
        (("models", "a/b"), {"weights": "x"}, "a/b"),
        (("models", ".."), {"weights": "x"}, ".."),
        (("corpora", "docs", "documents"), "not-there", "not-there"),
        (("modles",), {}, "models"),
        (("models", "good", "backend"), "nothing-such", "nothing-such"),
    ],
)
def test_a_bad_study_is_one_paragraph_and_writes_nothing(
    fresh: Workplace, path: tuple[str, ...], value: object, said: str
) -> None:
    fresh.change(*path, to=value)
    done = fresh.snakemake("--cores", "1")
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (fresh.folder / "results").exists()


def test_config_on_the_command_line(fresh: Workplace) -> None:
    done = fresh.snakemake(
        "--dry-run", "--quiet", "host", "--config", "study={name: tiny, results: elsewhere}"
    )
    assert done.returncode == 0, done.stderr
    assert "elsewhere/report/index.html" in done.stdout + done.stderr


def test_a_model_plans_the_searches(fresh: Workplace) -> None:
    replies = [{"question_id": f"q{n}", "reply": '["Beta emissions"]'} for n in range(1, 5)]
    (fresh.folder / "plans.jsonl").write_text("\n".join(map(json.dumps, replies)) + "\n")
    fresh.change(
        "models",
        "planner",
        to={**fresh.study()["models"]["good"], "weights": "plans.jsonl", "options": {}},
    )
    fresh.change("retrievals", "default", "planner", to={"kind": "model", "model": "planner"})
    contexts = "results/contexts/set/default.parquet"
    assert fresh.jobs("--", contexts)["plan_queries set default"] == 1
    rows = pd.read_parquet(fresh.folder / contexts)
    assert all(list(row)[1:] == ["Beta emissions"] for row in rows["queries"])
    assert not fresh.jobs("--", contexts)
    fresh.change("retrievals", "default", "top_k_final", to=1)
    assert set(fresh.jobs("--", contexts)) == {"retrieve set default"}


def test_a_model_judges_the_answers(fresh: Workplace) -> None:
    replies = [{"question_id": f"q{n}", "reply": "TRUE" if n > 1 else "FALSE"} for n in range(1, 5)]
    (fresh.folder / "verdicts.jsonl").write_text("\n".join(map(json.dumps, replies)) + "\n")
    good = fresh.study()["models"]["good"]
    fresh.change("models", "judging", to={**good, "weights": "verdicts.jsonl", "options": {}})
    fresh.change("scoring", "judge", to={"model": "judging"})
    scores = "results/runs/local/set/good/scores.parquet"
    assert "judge set" not in fresh.jobs("--", scores)
    fresh.change("scoring", "also", to=["judge"])
    jobs = fresh.jobs("--", scores)
    assert (jobs["judge set"], jobs["score set good"]) == (1, 1)
    rows = pd.read_parquet(fresh.folder / scores)
    judged = rows[rows["rule"] == "judge"]
    assert not judged[judged["question_id"] == "q1"]["value_correct"].any()
    assert not fresh.jobs("--", scores)
    fresh.change("scoring", "judge", to={"model": "judging", "attempts": 5})
    assert fresh.jobs("--", scores)["judge set"] == 1
    fresh.change("models", "judging", "label", to="The judge")
    assert not fresh.jobs("--", scores)
