"""Meters over real files and programs: a powercap tree, an nvidia-smi, the sampler."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from wattbench.records import Appender, read
from wattbench.telemetry import sampler
from wattbench.telemetry.given import given_gpus
from wattbench.telemetry.job import this_job
from wattbench.telemetry.processes import tree_usage
from wattbench.telemetry.rapl import Rapl
from wattbench.telemetry.smi import NvidiaSmi


def domain(root: Path, name: str, label: str, energy: int, ceiling: int = 1_000_000) -> Path:
    folder = root / name
    folder.mkdir(parents=True)
    (folder / "name").write_text(f"{label}\n")
    (folder / "energy_uj").write_text(f"{energy}\n")
    (folder / "max_energy_range_uj").write_text(f"{ceiling}\n")
    return folder


def test_rapl_counts_packages_memory_and_platform_and_sees_the_wrap(tmp_path: Path) -> None:
    package = domain(tmp_path, "intel-rapl:0", "package-0", 900_000)
    domain(tmp_path, "intel-rapl:0:0", "core", 1)
    domain(tmp_path, "intel-rapl:0:1", "dram", 0)
    domain(tmp_path, "intel-rapl:1", "psys", 0)
    domain(tmp_path, "intel-rapl-mmio:0", "package-0", 0)
    meter = Rapl(tmp_path)
    assert [(d.device, d.kind, d.scope) for d in meter.devices()] == [
        ("intel-rapl:0", "cpu", "node"),
        ("intel-rapl:0:1", "memory", "node"),
        ("intel-rapl:1", "platform", "node"),
    ]
    (package / "energy_uj").write_text("100000\n")
    assert {r.device: r.energy_j for r in meter.read()} == {
        "intel-rapl:0": pytest.approx(0.2),
        "intel-rapl:0:1": 0.0,
        "intel-rapl:1": 0.0,
    }
    (package / "energy_uj").write_text("600000\n")
    assert meter.read()[0].energy_j == pytest.approx(0.7)


def test_an_unreadable_counter_has_a_reason(tmp_path: Path) -> None:
    (domain(tmp_path, "intel-rapl:0", "package-0", 5) / "energy_uj").write_text("nonsense\n")
    (device,) = Rapl(tmp_path).devices()
    assert device.method is None
    assert "energy_uj" in str(device.reason)


def test_a_counter_that_stops_answering_says_so(tmp_path: Path) -> None:
    folder = domain(tmp_path, "intel-rapl:0", "package-0", 5)
    meter = Rapl(tmp_path)
    (folder / "energy_uj").unlink()
    assert "stopped" in str(meter.read()[0].reason)


def test_no_powercap_is_no_meter(tmp_path: Path) -> None:
    assert Rapl(tmp_path / "none").devices() == []


def test_nvidia_smi_is_polled_and_its_blanks_are_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text(
        "#!/bin/sh\n"
        "echo 'GPU-a, 0, A100, 91.5, 40, 1024, 50, 1410, Disabled'\n"
        "echo 'GPU-b, 1, T4, [N/A], [N/A], 10, 40, [N/A], [N/A]'\n"
        "echo 'GPU-c, 2, A100, 10, 0, 0, 30, 200, Enabled'\n"
    )
    tool.chmod(0o755)
    meter = NvidiaSmi(["0", "GPU-b", "2", "9"], str(tool))
    assert [(d.device, d.method) for d in meter.devices()] == [
        ("GPU-a", "sampled"), ("GPU-b", None), ("GPU-c", None), ("9", None)
    ]  # fmt: skip
    assert meter.read() == []
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 2)
    first, second, _ = meter.read()
    assert (first.power_w, first.memory_bytes) == (91.5, 1 << 30)
    assert (second.power_w, second.utilisation_pct) == (None, None)


def test_a_missing_tool_is_the_reason(tmp_path: Path) -> None:
    (device,) = NvidiaSmi(["all"], str(tmp_path / "none")).devices()
    assert "not installed" in str(device.reason)


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({}, None),
        ({"CUDA_VISIBLE_DEVICES": ""}, ()),
        ({"CUDA_VISIBLE_DEVICES": "NoDevFiles"}, ()),
        ({"CUDA_VISIBLE_DEVICES": "0,2", "SLURM_JOB_GPUS": "5"}, ("0", "2")),
        ({"CUDA_VISIBLE_DEVICES": "1,-1,2"}, ("1",)),
        ({"CUDA_VISIBLE_DEVICES": "GPU-ab, MIG-cd"}, ("GPU-ab", "MIG-cd")),
        ({"SLURM_JOB_GPUS": "3"}, ("3",)),
    ],
)
def test_gpus_given(env: dict[str, str], expected: tuple[str, ...] | None) -> None:
    assert given_gpus(env) == expected


def test_a_slurm_job_is_named_by_its_environment() -> None:
    job = this_job(
        {
            "SLURM_JOB_ID": "12", "SLURM_RESTART_COUNT": "2", "SLURM_CLUSTER_NAME": "hpc",
            "SLURM_JOB_NODELIST": "n1,n2", "SLURM_JOB_PARTITION": "gpu",
            "SLURM_CPUS_ON_NODE": "8", "SLURM_JOB_GPUS": "0",
        }
    )  # fmt: skip
    assert (job.job_id, job.attempt, job.cluster) == ("12", 3, "hpc")
    assert (job.nodes, job.partition, job.cpus_given) == (("n1", "n2"), "gpu", 8)
    array = this_job({"SLURM_JOB_ID": "12", "SLURM_ARRAY_JOB_ID": "9", "SLURM_ARRAY_TASK_ID": "4"})
    assert array.job_id == "9_4"
    local = this_job({})
    assert local.scheduler == "local"
    assert local.job_id.startswith(f"local-{local.host}-{os.getpid()}-")


def test_ended_children_stay_in_the_cpu_time() -> None:
    before = tree_usage(os.getpid())
    subprocess.run([sys.executable, "-c", "sum(range(10**7))"], check=True)
    after = tree_usage(os.getpid())
    assert before is not None
    assert after is not None
    assert after.cpu_s - before.cpu_s > 0.05
    assert tree_usage(2**22 + 1) is None


def test_the_sampler_ends_with_its_parent_and_ignores_its_signals(tmp_path: Path) -> None:
    domain(tmp_path / "cap", "intel-rapl:0", "package-0", 5)
    out = tmp_path / "samples.jsonl"
    command = [sys.executable, "-m", sampler.__name__, "--root", str(os.getpid()), "--hz", "20"]
    process = subprocess.Popen(
        [*command, "--out", str(out), "--powercap", str(tmp_path / "cap")],
        stdin=subprocess.PIPE,
    )
    until = time.monotonic() + 20
    while len(read(out).records) < 4:
        assert time.monotonic() < until
        time.sleep(0.02)
    process.terminate()
    time.sleep(0.1)
    assert process.poll() is None
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(5) == 0
    header, *rest = read(out).records
    samples = [record for record in rest if record["kind"] == "sample"]
    assert [d["device"] for d in header["devices"]] == ["process", "intel-rapl:0"]
    assert all(s["mono"] < t["mono"] for s, t in itertools.pairwise(samples))
    assert samples[-1]["readings"][1] == {"device": "intel-rapl:0", "energy_j": 0.0}


def test_records_survive_any_cut(tmp_path: Path) -> None:
    path = tmp_path / "file.jsonl"
    with Appender(path) as out:
        for number in range(5):
            out.append({"number": number, "text": "é\n"})
    data = path.read_bytes()
    for length in range(len(data)):
        path.write_bytes(data[:length])
        found = read(path)
        assert [r["number"] for r in found.records] == list(range(len(found.records)))
        assert not found.damaged
        assert data[:length].count(b"\n") <= len(found.records)


def test_ten_thousand_records_are_read_within_a_second(tmp_path: Path) -> None:
    path = tmp_path / "file.jsonl"
    with Appender(path) as out:
        for number in range(10_000):
            out.append(
                {"key": f"{number:016x}", "reply": "x" * 400, "logprobs": [["tok", -0.1]] * 60},
                sync=False,
            )
    started = time.process_time()
    assert len(read(path).records) == 10_000
    assert time.process_time() - started < 1.0
    assert json.loads(path.read_text().splitlines()[0])["crc32"]
