"""`wattbench doctor` on machines that have, lack or half have things."""

from __future__ import annotations

import importlib.metadata
import json
from pathlib import Path

import pytest

from wattbench.cli import doctor_checks
from wattbench.cli.doctor_checks import (
    BLOCKS,
    MISSING,
    OK,
    Check,
    energy_checks,
    rapl_checks,
    slurm_checks,
    study_checks,
)
from wattbench.study.load import load_study


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Puts shell scripts, and nothing else, on PATH: the machine may have a Slurm of its own."""
    folder = tmp_path / "tools"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def make(name: str, script: str) -> None:
        file = folder / name
        file.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n")
        file.chmod(0o755)

    return make


def by_name(checks) -> dict[str, Check]:
    return {check.what: check for check in checks}


def test_a_cluster_without_energy_plugin_is_told_apart_from_one_with(tools) -> None:
    tools("sacct", "exit 0")
    tools("scontrol", "echo 'AcctGatherEnergyType    = (null)'")
    found = by_name(slurm_checks())
    assert found["accounting"].state == OK
    assert found["ConsumedEnergy"] == Check(
        "slurm", "ConsumedEnergy", MISSING, "this cluster has no energy plugin"
    )
    assert found["jobstats"].state == MISSING
    tools("scontrol", "echo 'AcctGatherEnergyType    = acct_gather_energy/rapl'")
    assert by_name(slurm_checks())["ConsumedEnergy"].state == OK


def test_accounting_that_does_not_answer_says_why(tools) -> None:
    tools("sacct", "echo 'Slurm accounting storage is disabled' >&2; exit 1")
    found = by_name(slurm_checks())["accounting"]
    assert (found.state, found.detail) == (MISSING, "Slurm accounting storage is disabled")


def test_a_tool_that_hangs_does_not_hang_the_doctor(tools, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_checks, "TOOL_TIMEOUT_S", 0.3)
    tools("sacct", "exec sleep 30")
    assert "did not answer" in by_name(slurm_checks())["accounting"].detail


def test_a_driver_that_fails_is_told_apart_from_none(tools) -> None:
    tools("nvidia-smi", "echo 'NVIDIA-SMI has failed to talk to the driver'; exit 9")
    found = by_name(energy_checks())
    assert found["nvidia-smi"].state == MISSING
    assert "failed to talk to the driver" in found["nvidia-smi"].detail
    tools("nvidia-smi", "echo 'Tesla T4, 27.31 W'")
    assert by_name(energy_checks())["nvidia-smi"].detail == "Tesla T4, 27.31 W"


def domain(root: Path, number: str, name: str) -> Path:
    folder = root / f"intel-rapl:{number}"
    folder.mkdir(parents=True)
    (folder / "name").write_text(f"{name}\n")
    (folder / "energy_uj").write_text("123456\n")
    (folder / "max_energy_range_uj").write_text("262143328850\n")
    return folder


def test_rapl_is_found_missing_or_unreadable(tmp_path: Path) -> None:
    (absent,) = rapl_checks(tmp_path / "none")
    assert absent.state == MISSING
    folder = domain(tmp_path, "0", "package-0")
    (found,) = rapl_checks(tmp_path)
    assert found.state == OK
    (folder / "energy_uj").unlink()
    (folder / "energy_uj").mkdir()
    (broken,) = rapl_checks(tmp_path)
    assert broken.state == MISSING
    assert "energy_uj" in broken.detail


def test_gpus_are_judged_by_what_their_meter_offers() -> None:
    gpu = {"name": "A100", "uuid": "GPU-1", "energy_counter": True, "power": True, "mig": False}
    judge = doctor_checks._gpu
    assert judge(gpu, "550").state == OK
    assert "integrated" in judge({**gpu, "energy_counter": False}, "550").detail
    assert judge({**gpu, "energy_counter": False, "power": False}, "550").state == MISSING
    assert judge({**gpu, "mig": True}, "550").state == MISSING


def test_a_study_that_can_run_has_nothing_that_blocks(study_file: Path) -> None:
    assert all(check.state != BLOCKS for check in study_checks(load_study(study_file)))


def test_what_a_study_lacks_blocks_it_here_but_not_before_slurm(study_file: Path, tools) -> None:
    study_file.write_text(
        study_file.read_text().replace("  two:\n", "  two:\n    resources: {gpus: 1}\n", 1)
    )
    blocked = by_name(study_checks(load_study(study_file)))["GPUs for two"]
    assert blocked.state == BLOCKS
    tools("sbatch", "exit 0")
    assert "GPUs for two" not in by_name(study_checks(load_study(study_file)))


def test_too_little_memory_blocks(monkeypatch: pytest.MonkeyPatch, tools) -> None:
    demo = load_study(Path(__file__).parents[3] / "config" / "demo" / "study.yaml")
    monkeypatch.setattr(doctor_checks, "usable_memory", lambda: 10**9)
    found = by_name(study_checks(demo))
    assert found["memory for qwen2.5-coder-1.5b"].state == BLOCKS
    assert found["memory for smollm2-135m"].state == OK


def test_the_command_ends_with_1_where_a_study_cannot_run(
    run, study_file: Path, empty_cache: Path
) -> None:
    healthy = run("doctor", "--study", study_file, "--json")
    assert healthy.exit_code == 0
    assert json.loads(healthy.stdout)["can_run"] is True
    (study_file.parent / "one.jsonl").unlink()
    result = run("doctor", "--study", study_file)
    assert result.exit_code == 1
    assert "cannot run here" in result.stderr
    assert "blocks" in result.stdout


def test_without_a_study_it_always_ends_well(run, empty_cache: Path) -> None:
    result = run("doctor", "--json")
    report = json.loads(result.stdout)
    assert (result.exit_code, report["can_run"]) == (0, None)
    areas = {check["area"] for check in report["checks"]}
    assert areas == {"energy", "slurm", "backends", "weights", "machine"}
    assert all(check["detail"] for check in report["checks"])


def test_quick_hashes_nothing_and_asks_no_scheduler(run, empty_cache: Path, tools) -> None:
    tools("sacct", "exit 0")
    report = json.loads(run("doctor", "--json", "--quick").stdout)
    assert "slurm" not in {check["area"] for check in report["checks"]}
    machine = report["machine"]
    assert machine["wattbench"] == importlib.metadata.version("wattbench")
    assert machine["job"]["scheduler"] == "local"


def test_a_probe_that_slurm_refuses_ends_with_1_and_leaves_nothing(
    run, study_file: Path, tools, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    tools("sbatch", "echo 'sbatch: error: Invalid qos specification' >&2; exit 1")
    result = run("doctor", "--slurm", "--json", "--study", study_file, "--partition", "short")
    report = json.loads(result.stdout)
    assert (result.exit_code, report["can_run"]) == (1, False)
    refused = by_name(Check(**check) for check in report["checks"])["submission"]
    assert (refused.area, refused.state) == ("job", BLOCKS)
    assert "Invalid qos" in refused.detail
    assert "--partition=short" in report["probe"]["command"]
    assert report["probe"]["job_id"] is None
    assert not list(tmp_path.rglob(".doctor-*"))


def test_a_partition_without_a_probe_is_refused(run) -> None:
    result = run("doctor", "--partition", "gpu")
    assert result.exit_code == 2
    assert "--slurm" in result.stderr
