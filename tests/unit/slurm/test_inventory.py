"""The first version of a partition file, from what a real cluster's scontrol printed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from wattbench.errors import FaultError
from wattbench.slurm.inventory import cluster_text, gpus_of, minutes, partition_file
from wattbench.study.partitions import read_partitions

RECORDED = Path(__file__).parents[2] / "fixtures/slurm/cluster"
PARTITIONS = (RECORDED / "partitions.txt").read_text()
NODES = (RECORDED / "nodes.txt").read_text()


def test_a_recorded_cluster(tmp_path: Path) -> None:
    text = partition_file(PARTITIONS, NODES)
    file = tmp_path / "partitions.yaml"
    file.write_text(text)
    found = read_partitions(file)
    assert list(found) == ["cpu", "gpu", "scavenge-cpu", "scavenge-2xa100", "scavengecancel-cpu",
                           "scavengecancel-2xa100"]  # fmt: skip
    gpu = found["gpu"]
    assert (gpu.gpu_type, gpu.gpus_per_node, gpu.cpus, gpu.max_walltime_min) == ("a100", 2, 8, 1440)
    assert gpu.memory_gib * 1024 <= 6000
    # An a100 has 40 or 80 GiB: the user decides, nothing is guessed.
    assert gpu.gpu_memory_gib is None
    assert "gpu_memory_gib: null # 40 or 80" in text
    assert found["scavenge-2xa100"].partition == "scavenge"
    assert found["cpu"].gpus_per_node == 0


def test_one_line_a_record_reads_the_same() -> None:
    def oneliner(text: str) -> str:
        return "\n".join(" ".join(block.split()) for block in text.split("\n\n") if block.strip())

    assert partition_file(oneliner(PARTITIONS), oneliner(NODES)) == partition_file(
        PARTITIONS, NODES
    )


@pytest.mark.parametrize(
    ("gres", "size"),
    [("gpu:l40s:4", "48"), ("gpu:a100_3g.20gb:4", "20 # by its name"),
     ("gpu:4", "null # not known"), ("gpu:V100:2(S:0-1)", "null # 16 or 32")],
)  # fmt: skip
def test_gpu_memory_is_known_by_name_or_null(gres: str, size: str) -> None:
    text = partition_file(PARTITIONS, NODES.replace("Gres=gpu:a100:2", f"Gres={gres}"))
    assert f"gpu_memory_gib: {size}" in text
    assert yaml.safe_load(text)["partitions"]["gpu"]["gpus_per_node"] in {2, 4}


def test_a_type_that_the_plugin_refuses_is_no_gpu_type() -> None:
    text = partition_file(PARTITIONS, NODES.replace("gpu:a100:2", "gpu:a100-80gb:2"))
    entry = yaml.safe_load(text)["partitions"]["gpu"]
    assert "gpu_type" not in entry
    assert entry["gpu_memory_gib"] == 80
    assert "a100-80gb cannot be asked for by name" in text


@pytest.mark.parametrize(
    ("gres", "expected"),
    [
        ("gpu:a100:2(S:0-1),shard:4", {"a100": 2}),
        ("gpu:4", {None: 4}),
        ("gpu", {None: 1}),
        ("(null)", {}),
        ("", {}),
        ("gpu:a100_3g.20gb:4(S:0,1),gpu:h100:1", {"a100_3g.20gb": 4, "h100": 1}),
        ("license:7,mps:400", {}),
    ],
)
def test_gres(gres: str, expected: dict[str | None, int]) -> None:
    assert gpus_of(gres) == expected


@pytest.mark.parametrize(
    ("limit", "expected"),
    [("1-00:00:00", 1440), ("UNLIMITED", None), ("30", 30), ("30:10", 30), ("2:00:00", 120),
     ("3-12", 5040), ("1-02:30", 1590), ("08:00:00", 480)],
)  # fmt: skip
def test_time_limits(limit: str, expected: int | None) -> None:
    assert minutes(limit) == expected


def test_partitions_that_are_down_or_empty_are_left_out() -> None:
    text = partition_file(PARTITIONS.replace("State=UP", "State=DOWN", 1), NODES)
    assert "\n  cpu:" not in text
    with pytest.raises(FaultError, match="no partition"):
        partition_file("", NODES)
    with pytest.raises(FaultError, match="no partition"):
        partition_file(PARTITIONS, "")


def test_memory_that_slurm_keeps_is_not_offered() -> None:
    nodes = NODES.replace("RealMemory=6000", "RealMemory=6000 MemSpecLimit=1000")
    entries = yaml.safe_load(partition_file(PARTITIONS, nodes))["partitions"]
    assert entries["cpu"]["memory_gib"] * 1024 <= 5000
    capped = PARTITIONS.replace("MaxMemPerNode=UNLIMITED", "MaxMemPerNode=2048")
    assert yaml.safe_load(partition_file(capped, NODES))["partitions"]["cpu"]["memory_gib"] == 2


def test_a_machine_without_slurm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FaultError, match="scontrol"):
        cluster_text()


def test_a_scontrol_that_fails_is_quoted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "scontrol"
    program.write_text("#!/bin/sh\necho 'Unable to contact slurm controller' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(FaultError, match="Unable to contact slurm controller"):
        cluster_text()
