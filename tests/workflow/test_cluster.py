"""What jobs ask of the cluster: `snakemake -n` and `wattbench plan` agree, misfits are named."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from snakemake_executor_plugin_slurm.submit_string import get_submit_command
from snakemake_executor_plugin_slurm.utils import set_gres_string

from tests.workflow.conftest import Workplace, recording
from tests.workflow.test_workflow import WATTBENCH
from wattbench.tables.files import read_rows
from wattbench.tables.runs import AUDIT

SITE = {
    "cpu": {"memory_gib": 100, "cpus": 16, "max_walltime_min": 600},
    "small": {
        "gpu_type": "t4", "gpus_per_node": 4, "gpu_memory_gib": 16, "memory_gib": 60, "cpus": 16,
        "max_walltime_min": 600, "qos": "short",
    },
    "large": {
        "gpu_type": "a100", "gpus_per_node": 2, "gpu_memory_gib": 80, "memory_gib": 200,
        "cpus": 64, "max_walltime_min": 40,
    },
}  # fmt: skip


def on_cluster(workplace: Workplace, **cluster: Any) -> None:
    """Give the study a partition file, and its model 'poor' two GPUs."""
    (workplace.folder / "site.yaml").write_text(
        yaml.safe_dump({"partitions": SITE}, sort_keys=False)
    )
    workplace.change("cluster", to={"partitions": "site.yaml", **cluster})
    resources = {"gpus": 2, "vram_gib": 120, "memory_gib": 2, "walltime_min": 30}
    workplace.change("models", "poor", "resources", to=resources)


def infer_resources(output: str) -> dict[str, dict[str, str]]:
    """What a dry run says of each run's job."""
    found = {}
    for block in re.split(r"\nrule ", output):
        if block.startswith("infer:"):
            run = re.search(r"run=(\S+)", block)
            listed = re.search(r"^    resources: (.*)$", block, re.MULTILINE)
            assert run
            assert listed
            found[run[1]] = dict(pair.split("=", 1) for pair in listed[1].split(", "))
    return found


def plan_of(workplace: Workplace, code: int = 0) -> dict[str, Any]:
    done = subprocess.run(
        [str(WATTBENCH), "plan", "--study", str(workplace.study_file), "--json"],
        check=False, cwd=workplace.folder, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


class Resources(dict[str, Any]):
    """Resources of a job as the plugin reads them."""

    def __getattr__(self, name: str) -> Any:
        return self.get(name)


class Job:
    """A job as the plugin's submit string sees it."""

    def __init__(self, listed: dict[str, str]) -> None:
        self.threads = 1  # a dry run has one core; cpus_per_task is what is sent
        self.resources = Resources(
            {name: int(v) if v.isdigit() else v for name, v in listed.items()}
        )


def sbatch_line(listed: dict[str, str]) -> str:
    """The real plugin's sbatch command line for a job of the dry run."""
    job = Job(listed)
    params = {
        "run_uuid": "uuid", "slurm_logfile": "log", "comment_str": "c", "account": "",
        "partition": f"-p {job.resources.slurm_partition}", "workdir": ".",
    }  # fmt: skip
    return str(get_submit_command(job, params)) + str(set_gres_string(job))


@pytest.mark.parametrize("syntax", ["gpu", "gres"])
def test_the_plan_and_a_dry_run_agree(fresh: Workplace, syntax: str) -> None:
    on_cluster(fresh, gpu_syntax=syntax, account="lab", qos="normal", extra="--nice=5")
    done = fresh.snakemake("--dry-run", "--quiet", "host", profile="slurm")
    assert done.returncode == 0, done.stderr
    said = infer_resources(done.stdout + done.stderr)
    planned = {row["run"]: row for row in plan_of(fresh)["runs"]}
    assert set(said) == set(planned) == {"good", "poor"}
    for run, row in planned.items():
        listed = said[run]
        assert listed["slurm_partition"] == row["partition"]
        assert int(listed["mem_mb"]) == row["memory_mib"]
        assert int(listed["runtime"]) == row["walltime_min"]
        assert int(listed["cpus_per_task"]) == row["cpus"]
        assert listed["slurm_account"] == "lab"
        line = sbatch_line(listed)
        assert f"--mem {row['memory_mib']} " in line
        assert f"-t {row['walltime_min']} " in line
        assert f"--cpus-per-task={row['cpus']}" in line
        assert "--nice=5" in line
        assert "--qos=normal" in line
        wanted = f"{row['gpu_type']}:{row['gpus']}"
        assert (f"--gpus={wanted}" in line) == (syntax == "gpu" and row["gpus"] > 0)
        assert (f"--gres=gpu:{wanted}" in line) == (syntax == "gres" and row["gpus"] > 0)
    assert (planned["poor"]["partition"], planned["poor"]["gpus"]) == ("large", 2)
    assert (planned["good"]["partition"], planned["good"]["gpus"]) == ("cpu", 0)
    # The small jobs are the site's too.
    assert done.stdout.count("slurm_account=lab") + done.stderr.count("slurm_account=lab") == 5


def test_without_a_partition_file_the_profile_says_where(fresh: Workplace) -> None:
    done = fresh.snakemake("--dry-run", "--quiet", "host", profile="slurm")
    for run, listed in infer_resources(done.stdout + done.stderr).items():
        assert not {"slurm_partition", "gpu_model", "gres", "cpus_per_task", "qos"} & set(listed)
        row = next(row for row in plan_of(fresh)["runs"] if row["run"] == run)
        assert (row["partition"], row["memory_mib"], row["walltime_min"]) == (None, 1024, 60)
        assert (listed["mem_mb"], listed["runtime"], listed["gpu"]) == ("1024", "60", "0")


def test_a_model_that_fits_nowhere_is_refused_by_name(fresh: Workplace) -> None:
    on_cluster(fresh)
    fresh.change("models", "poor", "resources", to={"gpus": 9})
    done = fresh.snakemake("--dry-run", profile="slurm")
    assert done.returncode == 2
    assert "models.poor: needs 9 GPUs" in done.stderr
    assert "small: its nodes have 4 GPUs" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (fresh.folder / "results").exists()
    row = plan_of(fresh, code=1)["runs"][1]
    assert (row["run"], row["fits"], row["submits"]) == ("poor", False, False)
    assert "9 GPUs" in row["misfit"]


def test_a_mistake_in_the_partition_file_is_one_paragraph(fresh: Workplace) -> None:
    on_cluster(fresh)
    (fresh.folder / "site.yaml").write_text("partitions:\n  gpu: {memory: 3}\n")
    done = fresh.snakemake("--dry-run", profile="slurm")
    assert done.returncode == 2
    assert "site.yaml" in done.stderr
    assert "line 2" in done.stderr
    assert "Traceback" not in done.stderr


def audit(workplace: Workplace) -> dict[str, str]:
    rows = read_rows(workplace.folder / "results/tables/audit.parquet", AUDIT)
    return {row["run"]: row["detail"] for row in rows if row["check"] == "skipped_run"}


def test_what_fits_nowhere_is_left_out_and_said_until_it_fits(finished: Workplace) -> None:
    on_cluster(finished, on_misfit="skip")
    # A cluster and other resources make nothing invalid.
    assert set(finished.jobs()) == set()
    (finished.folder / "huge.jsonl").write_text(recording({"q2"}))
    huge = {**finished.study()["models"]["good"], "weights": "huge.jsonl",
            "options": {"call_log": "calls-huge.log"}, "resources": {"gpus": 9}}  # fmt: skip
    finished.change("models", "huge", to=huge)
    finished.change("ensembles", "with-huge", to={"members": ["good", "huge"]})
    assert set(finished.jobs()) == {"aggregate", "report"}
    assert set(audit(finished)) == {"huge", "with-huge"}
    assert "9 GPUs" in audit(finished)["huge"]
    assert "huge was skipped" in audit(finished)["with-huge"]
    page = (finished.folder / "results/report/report.md").read_text()
    assert "9 GPUs" in page
    plan = plan_of(finished)
    assert {one["name"] for one in plan["left_out"]} == {"huge", "with-huge"}
    assert plan["totals"]["submits"] == 0
    assert set(finished.jobs()) == set()

    finished.change("models", "huge", "resources", to={"gpus": 1})
    assert set(finished.jobs()) == {
        "infer set huge", "collect_compute set", "score set huge", "ensemble set with-huge",
        "aggregate", "report",
    }  # fmt: skip
    assert audit(finished) == {}
    assert not (finished.folder / "results/skipped.json").exists()


def test_the_plan_follows_a_run(fresh: Workplace, finished: Workplace) -> None:
    assert [row["answered"] for row in plan_of(fresh)["runs"]] == [0, 0]
    assert plan_of(fresh)["totals"] | {"gpu_hours_at_most": 0} == {
        "runs": 2, "finished": 0, "misfits": 0, "submits": 2, "answered": 0, "questions": 8,
        "gpu_hours_at_most": 0, "gpu_hours_to_submit_at_most": 0.0,
    }  # fmt: skip
    assert plan_of(finished)["totals"]["finished"] == 2
    # A killed job leaves its journal and no predictions.
    journal = next((finished.folder / "results/runs/local/set/good/journal").iterdir())
    answers = (journal / "answers.jsonl").read_text().splitlines(keepends=True)
    (journal / "answers.jsonl").write_text("".join(answers[:3]))
    (finished.folder / "results/runs/local/set/good/predictions.parquet").unlink()
    done = subprocess.run(
        [str(WATTBENCH), "plan", "--study", str(finished.study_file)],
        check=False, cwd=finished.folder, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert re.search(r"^good .* partly 3/4$", done.stdout, re.MULTILINE), done.stdout
    assert re.search(r"^poor .* done 4/4$", done.stdout, re.MULTILINE), done.stdout
    assert "To submit: 1 job," in done.stdout
    # Other settings: nothing of the old journal counts.
    finished.change("models", "poor", "generation", to={"max_new_tokens": 9})
    row = plan_of(finished)["runs"][1]
    assert (row["answered"], row["finished"], row["submits"]) == (0, False, True)


def test_a_site_file_on_the_command_line(fresh: Workplace) -> None:
    (fresh.folder / "here.yaml").write_text(
        "cluster: {account: lab, partition: batch, constraint: 'ib&avx'}\n"
    )
    done = fresh.snakemake(
        str(fresh.folder / "here.yaml"), "--dry-run", "--quiet", "host", profile="slurm"
    )
    assert done.returncode == 0, done.stderr
    listed = infer_resources(done.stdout + done.stderr)["good"]
    assert listed["slurm_partition"] == "batch"
    assert listed["constraint"] == "ib&avx"
    assert "--constraint" not in sbatch_line(listed)
    assert "-C 'ib&avx'" in sbatch_line(listed)


def test_keys_of_the_slurm_profile_are_the_plugins_own() -> None:
    from dataclasses import fields

    from snakemake_executor_plugin_slurm import ExecutorSettings

    profile = Path(__file__).parents[2] / "profiles/slurm/profile.v9+.yaml"
    settings = yaml.safe_load(profile.read_text())
    named = {key.removeprefix("slurm-").replace("-", "_") for key in settings if "slurm-" in key}
    known = {field.name for field in fields(ExecutorSettings)}
    assert named
    assert named <= known
