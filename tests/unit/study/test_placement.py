"""Where jobs go: the smallest place that holds them, and words for what fits nowhere."""

from __future__ import annotations

import pytest

from wattbench.study.cluster import Partition
from wattbench.study.placement import Misfit, Need, Placement, place
from wattbench.study.vram import Unknown, Vram, estimate


def partition(gpus: int = 0, gpu_gib: float | None = None, **more: object) -> Partition:
    fields = {"memory_gib": 200, "cpus": 32, "max_walltime_min": 1440, **more}
    return Partition.model_validate(
        {"gpus_per_node": gpus, "gpu_memory_gib": gpu_gib, "gpu_type": "g" if gpus else None}
        | fields
    )


SITE = {
    "cpu": partition(),
    "large": partition(4, 80, gpu_type="a100"),
    "small": partition(4, 16, gpu_type="t4", memory_gib=60),
    "middle": partition(2, 48, gpu_type="l40s"),
}


def need(parameters: float | None = None, precision: str = "4bit", **more: object) -> Need:
    vram = None if parameters is None else estimate(parameters, precision, context=4096)
    fields: dict[str, object] = {
        "gpus": None, "vram": vram, "cpus": None, "memory_gib": 8.0, "walltime_min": 60, **more,
    }  # fmt: skip
    return Need(**fields)  # type: ignore[arg-type]


def placed(wanted: Need, site: dict[str, Partition] | None = None) -> Placement:
    found = place(wanted, site or SITE)
    assert isinstance(found, Placement), found
    return found


def refused(wanted: Need, site: dict[str, Partition] | None = None) -> str:
    found = place(wanted, site or SITE)
    assert isinstance(found, Misfit), found
    return found.sentence()


@pytest.mark.parametrize(
    ("parameters", "precision", "partition_name", "gpus"),
    [
        (1.5, "4bit", "small", 1),
        (14, "4bit", "small", 1),
        (32, "4bit", "middle", 1),
        (72, "4bit", "middle", 1),
        (14, "bf16", "middle", 1),
        (32, "bf16", "large", 1),
        (72, "bf16", "large", 2),
    ],
)
def test_fewest_gpus_then_least_gpu_memory(
    parameters: float, precision: str, partition_name: str, gpus: int
) -> None:
    found = placed(need(parameters, precision))
    assert (found.partition, found.gpus) == (partition_name, gpus)
    assert found.gpu_type == SITE[partition_name].gpu_type


def test_equal_gpus_are_taken_as_listed() -> None:
    site = {"second": partition(1, 24), "first": partition(1, 24)}
    assert placed(need(7), site).partition == "second"


def test_a_job_without_gpus_stays_off_gpu_nodes_where_it_can() -> None:
    assert placed(need(gpus=0)).partition == "cpu"
    assert placed(need(gpus=0), {"gpu": SITE["large"]}).partition == "gpu"
    assert placed(need(gpus=0), {"gpu": SITE["large"]}).gpu_type is None


def test_a_cluster_without_gpus_runs_models_on_its_processors() -> None:
    found = placed(need(7), {"cpu": SITE["cpu"]})
    assert (found.gpus, found.vram_gib, found.cpus) == (0, None, 2)


def test_what_the_study_says_wins() -> None:
    assert placed(need(1.5, gpus=3)).gpus == 3
    assert placed(need(1.5, partition="large")).partition == "large"
    assert placed(need(1.5, vram_gib=100.0)).gpus == 2
    assert placed(need(1.5, cpus=7)).cpus == 7
    assert placed(need(1.5)).cpus == 4


def test_a_model_that_fits_nowhere_says_what_it_would_need() -> None:
    said = refused(need(405, "bf16"))
    assert "about 759.1 GiB" in said
    assert "GiB of GPU memory" in said
    assert "large: 4 x 80 GiB of GPU memory hold 294.4 GiB" in said
    assert "cpu: it has no GPUs" in said
    assert "405" not in refused(need(None, gpus=9))
    assert "9 GPUs" in refused(need(None, gpus=9))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"memory_gib": 201.0}, "its nodes have 200 GiB of memory"),
        ({"cpus": 33}, "its nodes have 32 CPUs"),
        ({"walltime_min": 1441, "walltime_given": True}, "its jobs end after 1440 min"),
        ({"partition": "nowhere"}, "the partition file has only: cpu, large, small, middle"),
    ],
)
def test_other_limits_are_named(more: dict[str, object], said: str) -> None:
    assert said in refused(need(7, **more))


def test_an_unknown_size_is_a_reason_and_no_guess() -> None:
    unknown = Unknown("precision is not given")
    assert "precision is not given" in refused(need(vram=unknown))
    found = placed(need(vram=unknown, gpus=2))
    assert (found.gpus, found.vram_gib) == (2, None)


def test_gpus_of_unknown_memory_are_only_taken_by_name() -> None:
    site = {"odd": partition(2, None)}
    assert "memory is not known" in refused(need(7), site)
    assert placed(need(7, gpus=1, partition="odd"), site).partition == "odd"
    assert placed(need(gpus=1), site | {"known": partition(2, 16)}).partition == "known"


def test_memory_and_walltime_grow_with_the_attempt_up_to_the_partitions_own() -> None:
    found = placed(need(7, memory_gib=50.0, walltime_min=600), {"x": partition(1, 24)})
    assert [found.memory_mib(n) for n in (1, 2, 9)] == [51200, 102400, 204800]
    assert [found.walltime(n) for n in (1, 2, 9)] == [600, 1200, 1440]


def test_a_derived_walltime_is_a_wish_and_is_capped() -> None:
    assert placed(need(7, walltime_min=9999)).walltime() == 1440


def test_two_kinds_of_node_in_one_partition() -> None:
    site = {"gpu-t4": partition(4, 16, partition="gpu", gpu_type="t4"),
            "gpu-a100": partition(4, 80, partition="gpu", gpu_type="a100")}  # fmt: skip
    assert [placed(need(p), site).partition for p in (1.5, 72)] == ["gpu", "gpu"]
    assert [placed(need(p), site).gpu_type for p in (1.5, 72)] == ["t4", "a100"]


def test_gpus_as_a_generic_resource() -> None:
    assert placed(need(1.5)).gres() == "gpu:t4:1"
    assert placed(need(7, gpus=2), {"x": partition(2, 24, gpu_type=None)}).gres() == "gpu:2"
    assert placed(need(gpus=0)).gres() is None


def test_gpu_hours_are_the_first_attempts_bound() -> None:
    assert placed(need(72, "bf16", walltime_min=90)).gpu_hours() == 3.0


def test_vram_is_of_all_gpus_together() -> None:
    found = placed(need(72, "bf16"))
    vram = estimate(72, "bf16", context=4096)
    assert isinstance(vram, Vram)
    assert found.vram_gib == pytest.approx(vram.total_gib(2))
