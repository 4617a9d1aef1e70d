"""Every way a job can have GPUs, through the real pynvml over scripted GPUs in virtual time."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from tests.nvml.scenario import FOREVER, Gpu, Scenario, square
from tests.nvml.virtual import Live

from wattbench.study.judgement import Energy
from wattbench.tables.contract import reason_for
from wattbench.telemetry.energy import RunEnergy, run_energy
from wattbench.telemetry.ledger import Names, segment_rows

UNCALIBRATED = Energy(calibration_relative_uncertainty=0)
NAMES = Names("hpc", "set", "run")
START_S = 100.0
PHASES = (("idle", 1.5), ("load", 2.0), ("answer", 4.0))
SHORT = (("idle", 0.8), ("answer", 1.6))
NOBODY = 999_999_999
"""No process has this id: a neighbour's in a job whose processes are hidden."""


def gpu(number: int, *, watts: float = 100.0, **more: Any) -> Gpu:
    rest = [(0.0, watts / 2), (START_S + 1.5, watts / 2)]
    power = rest + [(START_S + 1.5 + t, w) for t, w in square(watts, 2 * watts, 1.7, 30)]
    base = Gpu(f"GPU-{number:08x}-aaaa-bbbb-cccc-{number:012x}", power, period_s=0.02)
    return replace(base, **more)


@dataclass
class Rank:
    """One process of a job: what its environment says, on which node."""

    host: str = "node1"
    environment: dict[str, str] = field(default_factory=dict)
    root: int = os.getpid()


def measure(
    folder: Path,
    live: Live,
    nodes: dict[str, Sequence[Gpu]],
    ranks: Sequence[Rank],
    *,
    job_nodes: Sequence[str] = (),
) -> tuple[RunEnergy, list[dict[str, Any]]]:
    live(cases(folder, nodes, ranks, job_nodes=job_nodes))
    rows = segment_rows(folder, NAMES)
    return run_energy(rows, UNCALIBRATED), rows


def cases(
    folder: Path,
    nodes: dict[str, Sequence[Gpu]],
    ranks: Sequence[Rank],
    *,
    job_nodes: Sequence[str] = (),
    phases: Sequence[tuple[str, float]] = PHASES,
) -> list[dict[str, Any]]:
    folder.mkdir(exist_ok=True)
    for host, gpus in nodes.items():
        Scenario(gpus, clock=folder / f"{host}.clock").write(folder / f"{host}.script")
        (folder / f"{host}.clock").touch()
    return [
        {
            "folder": str(folder),
            "number": number,
            "script": str(folder / f"{rank.host}.script"),
            "clock": str(folder / f"{rank.host}.clock"),
            "environment": rank.environment,
            "root": rank.root,
            "host": rank.host,
            "nodes": list(job_nodes or nodes),
            "start": START_S,
            "phases": phases,
        }
        for number, rank in enumerate(ranks, start=1)
    ]


def assert_true(energy: RunEnergy, rows: Sequence[dict[str, Any]], gpus: Sequence[Gpu]) -> None:
    """The energy is that of these GPUs over the segment, each once."""
    assert energy.gross_j is not None, energy.flags
    assert energy.gross_uncertainty_j is not None
    truth = 0.0
    for one in gpus:
        longest = max(row["duration_s"] for row in rows if one.uuid in row["gpu_uuids"])
        truth += one.truth_j(START_S, START_S + longest)
    assert abs(energy.gross_j - truth) <= 4 * energy.gross_uncertainty_j + 1e-6
    assert energy.gross_j == pytest.approx(truth, rel=0.1)


def why(energy: RunEnergy) -> str:
    assert energy.gross_j is None
    return str(reason_for({"flags": energy.flags}, "energy_gross_j"))


@pytest.mark.parametrize("count", [1, 2, 8])
def test_the_jobs_gpus_are_summed(tmp_path: Path, live: Live, count: int) -> None:
    gpus = [gpu(n, watts=50 + 30 * n) for n in range(count)]
    rank = Rank(environment={"CUDA_VISIBLE_DEVICES": ",".join(map(str, range(count)))})
    energy, rows = measure(tmp_path / "j", live, {"node1": gpus}, [rank])
    assert_true(energy, rows, gpus)
    assert (energy.method, energy.scope) == ("counter", "device")
    assert rows[0]["gpu_uuids"] == [one.uuid for one in gpus]
    assert rows[0]["gpu_names"] == ["NVIDIA A100-SXM4-40GB"] * count
    assert energy.net_j is not None
    assert 0 < energy.net_j < energy.gross_j


@pytest.mark.parametrize(
    "visible", ["1,3", "{1},{3}", "3,{1},1", "GPU-00000001,GPU-00000003", "1,3,-1,0"]
)
def test_every_form_of_a_gpus_name_counts_it_once(tmp_path: Path, live: Live, visible: str) -> None:
    gpus = [gpu(n, watts=60 + 40 * n) for n in range(4)]
    text = visible.format(*(one.uuid for one in gpus))
    rank = Rank(environment={"CUDA_VISIBLE_DEVICES": text})
    energy, rows = measure(tmp_path / "j", live, {"node1": gpus}, [rank])
    assert sorted(rows[0]["gpu_uuids"]) == [gpus[1].uuid, gpus[3].uuid]
    assert_true(energy, rows, [gpus[1], gpus[3]])


def test_an_index_among_gpus_of_several_kinds_is_unknown(tmp_path: Path, live: Live) -> None:
    gpus = [gpu(0, name="NVIDIA T4"), gpu(1)]
    env = {"CUDA_VISIBLE_DEVICES": "0"}
    energy, _ = measure(tmp_path / "a", live, {"node1": gpus}, [Rank(environment=env)])
    assert "CUDA_DEVICE_ORDER" in why(energy)
    ordered = env | {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    energy, rows = measure(tmp_path / "b", live, {"node1": gpus}, [Rank(environment=ordered)])
    assert_true(energy, rows, gpus[:1])


def test_a_slurm_job_that_is_not_told_its_gpus_counts_none(tmp_path: Path, live: Live) -> None:
    rank = Rank(environment={"SLURM_JOB_ID": "42"})
    energy, _ = measure(tmp_path / "j", live, {"node1": [gpu(0), gpu(1)]}, [rank])
    assert "which GPUs of the node are the job's" in why(energy)


def test_without_a_scheduler_every_gpu_counts(tmp_path: Path, live: Live) -> None:
    gpus = [gpu(0), gpu(1)]
    energy, rows = measure(tmp_path / "j", live, {"node1": gpus}, [Rank()])
    assert_true(energy, rows, gpus)


def test_another_users_process_makes_it_unknown(tmp_path: Path, live: Live) -> None:
    later = START_S + 5
    gpus = [gpu(0), gpu(1, processes=[(NOBODY, later, FOREVER)])]
    env = {"CUDA_VISIBLE_DEVICES": "0,1"}
    energy, _ = measure(tmp_path / "a", live, {"node1": gpus}, [Rank(environment=env)])
    assert f"process {NOBODY}" in why(energy)
    alone = {"CUDA_VISIBLE_DEVICES": "0"}
    energy, rows = measure(tmp_path / "b", live, {"node1": gpus}, [Rank(environment=alone)])
    assert_true(energy, rows, gpus[:1])


def test_own_children_and_the_jobs_other_ranks_are_no_neighbours(
    tmp_path: Path, live: Live
) -> None:
    sleeper = [sys.executable, "-c", "import time; time.sleep(60)"]
    child = subprocess.Popen(sleeper)
    plain = {k: v for k, v in os.environ.items() if not k.startswith("SLURM_")}
    rank = subprocess.Popen(sleeper, env=plain | {"SLURM_JOB_ID": "42"})
    try:
        mine = gpu(0, processes=[(child.pid, 0, FOREVER)])
        theirs = gpu(0, processes=[(rank.pid, 0, FOREVER)])
        env = {"CUDA_VISIBLE_DEVICES": "0"}
        energy, rows = measure(tmp_path / "a", live, {"node1": [mine]}, [Rank(environment=env)])
        assert_true(energy, rows, [mine])
        one = Rank(environment=env | {"SLURM_JOB_ID": "42"}, root=child.pid)
        energy, rows = measure(tmp_path / "b", live, {"node1": [theirs]}, [one])
        assert_true(energy, rows, [theirs])
        other = Rank(environment=env | {"SLURM_JOB_ID": "43"}, root=child.pid)
        energy, _ = measure(tmp_path / "c", live, {"node1": [theirs]}, [other])
        assert f"process {rank.pid}" in why(energy)
    finally:
        for process in (child, rank):
            process.kill()
            process.wait()


@pytest.mark.parametrize("visible", ["0", "MIG-5b2f", "1,MIG-GPU-00000000/1/0"])
def test_a_slice_is_unknown(tmp_path: Path, live: Live, visible: str) -> None:
    gpus = [gpu(0, mig=True), gpu(1)]
    rank = Rank(environment={"CUDA_VISIBLE_DEVICES": visible})
    energy, _ = measure(tmp_path / "j", live, {"node1": gpus}, [rank])
    assert "MIG" in why(energy)


def test_without_a_counter_power_is_sampled_and_without_both_unknown(
    tmp_path: Path, live: Live
) -> None:
    rank = Rank(environment={"CUDA_VISIBLE_DEVICES": "0"})
    sampled = gpu(0, missing=["energy", "clock", "util", "memory", "throttle", "processes"])
    energy, rows = measure(tmp_path / "a", live, {"node1": [sampled]}, [rank])
    assert energy.method == "sampled"
    assert_true(energy, rows, [sampled])
    energy, _ = measure(
        tmp_path / "b", live, {"node1": [gpu(0, missing=["energy", "power"])]}, [rank]
    )
    assert "neither energy nor power" in why(energy)


@pytest.mark.parametrize("shared", [False, True])
def test_four_ranks_on_a_node_count_each_gpu_once(
    tmp_path: Path, live: Live, *, shared: bool
) -> None:
    gpus = [gpu(n, watts=60 + 40 * n) for n in range(4)]
    ranks = [
        Rank(environment={"CUDA_VISIBLE_DEVICES": "0,1,2,3" if shared else str(number)})
        for number in range(4)
    ]
    energy, rows = measure(tmp_path / "j", live, {"node1": gpus}, ranks)
    assert len(rows) == 4
    assert_true(energy, rows, gpus)
    assert any("counted there" in f["detail"] for f in rows[3]["flags"]) is shared


def test_two_nodes_are_summed_and_one_without_a_meter_is_missed(tmp_path: Path, live: Live) -> None:
    # The same UUIDs in two containers' nodes would still be two GPUs.
    nodes = {"node1": [gpu(0)], "node2": [gpu(0, watts=170)]}
    env = {"CUDA_VISIBLE_DEVICES": "0"}
    both = [Rank("node1", env), Rank("node2", env)]
    energy, rows = measure(tmp_path / "a", live, nodes, both)
    assert {row["host"] for row in rows} == {"node1", "node2"}
    assert_true(energy, rows, [nodes["node1"][0], nodes["node2"][0]])
    energy, _ = measure(tmp_path / "b", live, nodes, both[:1])
    assert "node node2 too, where nothing measured" in why(energy)


def test_a_gpu_that_falls_off_the_bus_for_a_while_is_a_gap(tmp_path: Path, live: Live) -> None:
    for name, missing in (("counter", ()), ("sampled", ("energy",))):
        one = gpu(0, lost=[(START_S + 4, START_S + 6)], missing=missing)
        rank = Rank(environment={"CUDA_VISIBLE_DEVICES": "0"})
        energy, rows = measure(tmp_path / name, live, {"node1": [one]}, [rank])
        assert energy.gross_j is not None
        assert energy.gross_uncertainty_j is not None
        truth = one.truth_j(START_S, START_S + rows[0]["duration_s"])
        assert abs(energy.gross_j - truth) < 2 * energy.gross_uncertainty_j
        gap = sum(d["gap_s"] for p in rows[0]["phases"] for d in p["devices"])
        assert gap == pytest.approx(2, abs=0.25)
        assert any("gave no sample" in flag["detail"] for flag in energy.flags)


def test_a_gpu_that_is_lost_for_good_is_unknown_with_its_seconds(
    tmp_path: Path, live: Live
) -> None:
    one = gpu(0, lost=[(START_S + 4, FOREVER)])
    rank = Rank(environment={"CUDA_VISIBLE_DEVICES": "0"})
    energy, _ = measure(tmp_path / "j", live, {"node1": [one]}, [rank])
    assert "are missing" in why(energy)


def test_a_counter_that_starts_anew_never_gives_less_than_nothing(
    tmp_path: Path, live: Live
) -> None:
    one = gpu(0, resets=[START_S + 5.05])
    rank = Rank(environment={"CUDA_VISIBLE_DEVICES": "0"})
    energy, rows = measure(tmp_path / "j", live, {"node1": [one]}, [rank])
    assert_true(energy, rows, [one])
    assert any("gave no sample" in flag["detail"] for flag in energy.flags)


@dataclass
class Layout:
    """A random node or two, the job's ranks there, and what must come of it."""

    nodes: dict[str, list[Gpu]]
    ranks: list[Rank]
    own: list[Gpu]
    known: bool
    job_nodes: list[str]


def random_layout(rng: random.Random) -> Layout:
    hosts = ["node1", "node2"][: rng.choice([1, 1, 2])]
    nodes: dict[str, list[Gpu]] = {}
    ranks: list[Rank] = []
    own: list[Gpu] = []
    known = True
    measured = hosts if rng.random() < 0.8 else hosts[:1]
    for host in hosts:
        count = rng.choice([1, 2, 4, 8])
        mixed = rng.random() < 0.15
        gpus = [
            gpu(
                rng.getrandbits(31),
                watts=rng.uniform(40, 200),
                name=rng.choice(["NVIDIA A100", "NVIDIA H100"]) if mixed else "NVIDIA A100",
                offset_s=rng.uniform(0, 0.02),
                mig=rng.random() < 0.04,
                missing=["energy"] if rng.random() < 0.2 else [],
                processes=[(NOBODY, START_S + 2, FOREVER)] if rng.random() < 0.06 else [],
            )
            for _ in range(count)
        ]
        nodes[host] = gpus
        if host not in measured:
            known = False
            continue
        places = rng.sample(range(count), rng.randint(1, count))
        form = rng.choice(["index", "uuid", "prefix", "slurm", "nothing"])
        ordered = rng.random() < 0.5
        split = rng.choice([1, 1, 2, 4])
        for rank in range(split):
            shared = rng.random() < 0.5
            mine = places if shared or split == 1 else places[rank::split]
            if form == "nothing" or not mine:
                mine = places
            env = environment_of(gpus, mine, form)
            if ordered:
                env["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"
            ranks.append(Rank(host, env))
            own += [gpus[p] for p in mine if all(gpus[p] is not one for one in own)]
            by_index = form in {"index", "slurm"}
            if by_index and not ordered and len({one.name for one in gpus}) > 1:
                known = False
        known = known and form != "nothing"
    known = known and not any(one.mig or one.processes for one in own)
    return Layout(nodes, ranks, own, known, hosts)


def environment_of(gpus: Sequence[Gpu], mine: Sequence[int], form: str) -> dict[str, str]:
    env = {"SLURM_JOB_ID": "42"}
    if form == "index":
        env["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, mine))
    elif form == "uuid":
        env["CUDA_VISIBLE_DEVICES"] = ",".join(gpus[p].uuid for p in mine)
    elif form == "prefix":
        env["CUDA_VISIBLE_DEVICES"] = ",".join(gpus[p].uuid[:13] for p in mine)
    elif form == "slurm":
        env["SLURM_JOB_GPUS"] = ",".join(map(str, mine))
    return env


def test_a_hundred_random_layouts(tmp_path: Path, live: Live) -> None:
    rng = random.Random(4)
    layouts = [random_layout(rng) for _ in range(100)]
    folders = [tmp_path / f"layout-{number}" for number in range(100)]
    live(
        [
            case
            for layout, folder in zip(layouts, folders, strict=True)
            for case in cases(
                folder, layout.nodes, layout.ranks, job_nodes=layout.job_nodes, phases=SHORT
            )
        ]
    )
    for layout, folder in zip(layouts, folders, strict=True):
        rows = segment_rows(folder, NAMES)
        energy = run_energy(rows, UNCALIBRATED)
        if not layout.known:
            assert len(why(energy)) > 10, layout
            continue
        assert {u for row in rows for u in row["gpu_uuids"]} == {one.uuid for one in layout.own}
        assert_true(energy, rows, layout.own)
    assert 30 < sum(layout.known for layout in layouts) < 80
