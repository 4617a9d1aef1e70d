"""What the probe asks of Slurm: the study's section, the partition file and the profile."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import yaml

from wattbench.errors import InputError
from wattbench.slurm.site import NO_PROFILE, Profile, Request, read_profile, request_of
from wattbench.study.load import load_study
from wattbench.study.models import Study

sys.path.insert(0, str(Path(__file__).parents[1] / "study"))

REPOSITORY = Path(__file__).resolve().parents[3]


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def study_with(folder: Path, cluster: dict, resources: dict | None = None) -> Study:
    from study_files import make_study

    folder.mkdir(exist_ok=True)
    file = make_study(folder)
    settings = yaml.safe_load(file.read_text())
    settings["cluster"] = cluster
    settings["models"]["two"]["resources"] = resources or {}
    file.write_text(yaml.safe_dump(settings))
    return load_study(file)


def test_the_profile_of_this_repository_is_read() -> None:
    found = read_profile("slurm", [REPOSITORY / "profiles"])
    assert found.path == REPOSITORY / "profiles" / "slurm" / "profile.v9+.yaml"
    assert (found.latency_wait_s, found.first_poll_s) == (60, 70)
    assert found.status_command == "squeue"
    assert request_of(None, found).options() == []


def test_resources_may_be_mappings_or_lists(tmp_path: Path) -> None:
    write(
        tmp_path / "a" / "profile.v9+.yaml",
        "default-resources: {slurm_account: \"'mine'\", mem_mb: 4000 * attempt}\n"
        "set-resources: {infer: {slurm_partition: big, gpu_model: a100}}\n",
    )
    write(
        tmp_path / "b" / "config.yaml",
        "default-resources: [slurm_account=mine, mem_mb=4000]\n"
        "set-resources: ['infer:slurm_partition=big', 'infer:gpu_model=a100', 'score:qos=low']\n",
    )
    for name in "ab":
        found = read_profile(name, [tmp_path])
        assert found.every["slurm_account"] == "mine"
        assert found.runs == {"slurm_partition": "big", "gpu_model": "a100"}
        assert request_of(None, found, gpus=2).options() == [
            "--account=mine", "--partition=big", "--gpus=a100:2",
        ]  # fmt: skip
        # Small jobs do not go where the runs go.
        assert request_of(None, found).options() == ["--account=mine"]


def test_a_profile_that_is_not_there_says_nothing_and_a_broken_one_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The repository has links to its profiles, which are found there by name.
    monkeypatch.chdir(tmp_path.parent)
    assert read_profile("slurm", [tmp_path]) == NO_PROFILE
    broken = write(tmp_path / "slurm" / "profile.v9+.yaml", "a: [1,\n")
    with pytest.raises(InputError, match=re.escape(str(broken))):
        read_profile("slurm", [tmp_path])


def test_who_says_what_wins(tmp_path: Path) -> None:
    profile = Profile(
        Path("p"),
        every={"slurm_account": "default", "slurm_partition": "small", "qos": "slow"},
        runs={"constraint": "ib"},
    )
    study = study_with(
        tmp_path, {"account": "ours", "constraint": "a100", "extra": "--nice=5 --mail-type='FAIL'"}
    )
    found = request_of(study, profile, partition="typed")
    assert found == Request(
        gpus=0,
        partition="typed",
        account="ours",
        qos="slow",
        constraint="ib",
        extra="--nice=5 --mail-type='FAIL'",
    )
    assert found.options()[-2:] == ["--nice=5", "--mail-type=FAIL"]
    assert Request(extra="--wrap 'open").options() == ["--wrap", "'open"]


def test_a_study_that_wants_gpus_is_probed_with_one_where_its_runs_go(tmp_path: Path) -> None:
    partitions = write(
        tmp_path / "partitions.yaml",
        "partitions:\n"
        "  cpu: {memory_gib: 60, cpus: 16, max_walltime_min: 600}\n"
        "  big: {partition: gpu, gpu_type: h100, gpus_per_node: 4, gpu_memory_gib: 80,\n"
        "        memory_gib: 500, cpus: 64, max_walltime_min: 600, qos: gpuq}\n",
    )
    study = study_with(
        tmp_path / "study",
        {"partitions": str(partitions), "gpu_syntax": "gres", "partition": "cpu"},
        {"gpus": 4},
    )
    assert request_of(study, NO_PROFILE).options() == [
        "--partition=gpu", "--qos=gpuq", "--gres=gpu:h100:1",
    ]  # fmt: skip
    assert request_of(study, NO_PROFILE, gpus=0).options() == ["--partition=cpu"]
    assert request_of(study, NO_PROFILE, partition="big", gpus=2).options() == [
        "--partition=gpu", "--qos=gpuq", "--gres=gpu:h100:2",
    ]  # fmt: skip
    assert request_of(study, NO_PROFILE, partition="other", gpus=2).options() == [
        "--partition=other", "--gres=gpu:2",
    ]  # fmt: skip
