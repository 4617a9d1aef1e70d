"""Whatever the cluster and the model: a placement holds it, and more room never hurts."""

from __future__ import annotations

import contextlib
from pathlib import Path

import yaml
from hypothesis import given
from hypothesis import strategies as st

from wattbench.errors import FaultError
from wattbench.slurm.inventory import gpus_of, minutes, partition_file
from wattbench.study.cluster import Partition
from wattbench.study.placement import USABLE, Misfit, Need, Placement, place
from wattbench.study.vram import BITS, Vram, estimate

partitions = st.builds(
    Partition,
    gpus_per_node=st.integers(0, 16),
    gpu_memory_gib=st.none() | st.floats(1, 200),
    memory_gib=st.floats(0.5, 2000),
    cpus=st.integers(1, 256),
    max_walltime_min=st.integers(1, 20000),
)
sites = st.dictionaries(st.sampled_from("abcde"), partitions, min_size=1)
vrams = st.builds(
    estimate,
    st.none() | st.floats(0.01, 2000),
    st.none() | st.sampled_from([*BITS, "no such precision"]),
    context=st.integers(256, 200_000),
    concurrency=st.integers(1, 64),
)
needs = st.builds(
    Need,
    gpus=st.none() | st.integers(0, 20),
    vram=st.none() | vrams,
    vram_gib=st.none() | st.floats(0.5, 2000),
    cpus=st.none() | st.integers(1, 300),
    memory_gib=st.floats(0.1, 3000),
    walltime_min=st.integers(1, 30000),
    walltime_given=st.booleans(),
    partition=st.none() | st.sampled_from("abcde"),
)


@given(needs, sites, st.integers(1, 10))
def test_a_placement_fits_its_partition(need: Need, site: dict[str, Partition], n: int) -> None:
    found = place(need, site)
    if isinstance(found, Misfit):
        assert found.needs
        assert found.reasons
        return
    entry = site[str(found.partition)]
    assert found.gpus <= entry.gpus_per_node
    assert found.cpus <= entry.cpus
    assert 0 < found.memory_mib(n) <= entry.memory_gib * 1024 or found.memory_mib(n) == 1
    assert 0 < found.walltime(n) <= entry.max_walltime_min
    assert need.gpus is None or found.gpus == need.gpus
    assert need.partition is None or need.partition == found.partition
    if found.vram_gib is not None and entry.gpu_memory_gib is not None:
        assert found.vram_gib <= found.gpus * entry.gpu_memory_gib * USABLE * (1 + 1e-9)


@given(needs, sites, st.floats(1, 10), st.integers(0, 8), st.integers(0, 5000))
def test_more_room_never_makes_a_placement_vanish_nor_dearer(
    need: Need, site: dict[str, Partition], times: float, more: int, minutes: int
) -> None:
    before = place(need, site)
    larger = {
        name: entry.model_copy(
            update={
                "memory_gib": entry.memory_gib * times,
                "cpus": entry.cpus + more,
                "max_walltime_min": entry.max_walltime_min + minutes,
                "gpu_memory_gib": entry.gpu_memory_gib and entry.gpu_memory_gib * times,
                "gpus_per_node": entry.gpus_per_node and entry.gpus_per_node + more,
            }
        )
        for name, entry in site.items()
    }
    after = place(need, larger)
    if isinstance(before, Placement):
        assert isinstance(after, Placement)
        assert after.gpus <= before.gpus


@given(vrams, st.integers(1, 16))
def test_more_gpus_take_less_on_each(vram: object, gpus: int) -> None:
    if isinstance(vram, Vram):
        assert vram.each_gib(gpus + 1) <= vram.each_gib(gpus)
        assert vram.total_gib(gpus) > 0


RECORDED = Path(__file__).parents[1] / "fixtures/slurm/cluster"
TEXTS = {name: (RECORDED / f"{name}.txt").read_text() for name in ("partitions", "nodes")}
pieces = st.sampled_from(
    ["=", " ", "\n", "(null)", "gpu:", "²", "٣", "UNLIMITED", "-", ":", ",", "yes", "0", "9" * 30]
)
edits = st.lists(st.tuples(st.integers(0, 6000), st.integers(0, 40), pieces), max_size=8)


def edited(text: str, changes: list[tuple[int, int, str]]) -> str:
    for at, length, piece in changes:
        text = text[:at] + piece + text[at + length :]
    return text


@given(edits, edits)
def test_any_scontrol_gives_a_readable_file_or_a_fault(
    first: list[tuple[int, int, str]], second: list[tuple[int, int, str]]
) -> None:
    with contextlib.suppress(FaultError):
        text = partition_file(edited(TEXTS["partitions"], first), edited(TEXTS["nodes"], second))
        for name, entry in yaml.safe_load(text)["partitions"].items():
            assert isinstance(name, str)
            assert isinstance(entry.get("gpu_type", ""), str)
            assert entry.get("gpu_memory_gib") != 0


@given(st.text())
def test_any_gres_and_any_limit(text: str) -> None:
    assert all(count >= 0 for count in gpus_of(text).values())
    limit = minutes(text)
    assert limit is None or limit >= 0
