"""Whatever the cluster and the model: a placement holds it, and more room never hurts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

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
