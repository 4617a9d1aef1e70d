"""The compute table for people, and what it advises."""

from __future__ import annotations

from typing import Any

import pytest

from wattbench.slurm.advice import generate_gpu_recommendations, recommend
from wattbench.slurm.compute_table import (
    compute_cells,
    duration,
    format_compute_table,
    gpu_utilisation,
    table_job,
)

GIB = 2**30
JOB: dict[str, Any] = {
    "run_name": "r8",
    "job_type": "finetune",
    "wall_time": "00:09:52",
    "time_limit": "1-00:00:00",
    "gpu_util_jobstats_pct": 81.6,
    "gpu_util_mean": 78.0,
    "gpu_util_min": 5.0,
    "gpu_util_max": 99.0,
    "gpu_mem_used_mean_gb": 20.0,
    "gpu_mem_total_gb": 80.0,
    "power_mean_w": 250.4,
}
ROW: dict[str, Any] = {
    "run": "m", "state": "COMPLETED", "wall_s": 1200.0, "time_limit_s": 14400.0, "cpus": 8,
    "cpu_s": 1200.0, "cpu_efficiency_pct": 12.5, "cpu_efficiency_jobstats_pct": None,
    "memory_requested_bytes": 64 * GIB, "memory_peak_bytes": 4 * GIB,
    "memory_peak_jobstats_bytes": None, "gpus": 1, "gpu_utilisation_jobstats_pct": None,
    "gpu_utilisation_samples_pct": 60.0, "gpu_utilisation_min_pct": 10.0,
    "gpu_utilisation_max_pct": 95.0, "gpu_memory_mean_bytes": 9 * GIB,
    "gpu_memory_peak_bytes": 10 * GIB, "gpu_memory_total_bytes": 80 * GIB,
    "gpu_power_mean_w": 210.0,
}  # fmt: skip


def test_the_table() -> None:
    text = format_compute_table([JOB])
    assert text == (
        "| Run | Type | Wall Time | Time Limit | GPU Util | GPU Mem (GB) | Power (W) |\n"
        "| --- | --- | --- | --- | --- | --- | --- |\n"
        "| r8 | finetune | 00:09:52 | 1-00:00:00 | 82% (5–99%) | 20.0/80.0 | 250W |\n"  # noqa: RUF001
    )


def test_cpu_columns_only_where_a_job_has_them() -> None:
    heads = compute_cells([JOB, {"run_name": "x", "cpu_efficiency": "56.67%"}]).heads
    assert heads[4:6] == ("CPU Eff", "CPU Mem (GB)")
    table = compute_cells(
        [JOB, {"run_name": "x", "cpu_efficiency_pct": 5.4, "cpu_mem_used_gb": 6.3,
               "cpu_mem_allocated_gb": 40.0}]
    )  # fmt: skip
    assert [row[4:6] for row in table.rows] == [("-", "-"), ("5.4%", "6.3/40.0")]
    assert compute_cells([{}]).rows == (("-",) * 7,)


@pytest.mark.parametrize(
    ("job", "cell"),
    [
        (JOB, "82% (5–99%)"),  # noqa: RUF001
        (JOB | {"gpu_util_min": None}, "82%"),
        (JOB | {"gpu_util_jobstats_pct": None}, "78%"),
        (JOB | {"gpu_util_jobstats_pct": 0.0, "gpu_util_min": None}, "0%"),
        ({"gpu_util_jobstats_pct": 0.02}, "0.02%"),
        ({"gpu_util_unavailable": True}, "N/A*"),
        ({"gpu_util_mean": float("nan")}, "-"),
        ({}, "-"),
    ],
)
def test_utilisation(job: dict[str, Any], cell: str) -> None:
    assert gpu_utilisation(job) == cell


def test_a_mig_slice_has_a_footnote() -> None:
    text = format_compute_table([JOB, {"run_name": "slice", "gpu_util_unavailable": True}])
    assert text.count("N/A*") == 1
    assert "\n\n\\* The GPU gives no utilisation, as NVIDIA does of MIG slices" in text
    assert "MIG" not in format_compute_table([JOB])


def test_recommendations_stand_below() -> None:
    text = format_compute_table([JOB], {"r8": ["Use less.", "And | less."], "none": []})
    assert text.endswith(
        "\n### Resource Recommendations\n\n**r8**\n\n- Use less.\n- And \\| less.\n"
    )
    assert "Recommendations" not in format_compute_table([JOB], {"r8": []})


def test_a_name_cannot_break_the_table() -> None:
    (_, _, line) = format_compute_table([{"run_name": "a|b\nc"}]).splitlines()
    assert line.startswith("| a\\|b c | - |")


def test_durations() -> None:
    assert duration(3723) == "01:02:03"
    assert duration(90061) == "1-01:01:01"
    assert duration(0.25) == "0.25 s"
    assert duration(0) == "00:00:00"


def test_a_row_of_the_table_compute() -> None:
    (row,) = compute_cells([table_job(ROW, "Model M", "infer")]).rows
    assert row == (
        "Model M", "infer", "00:20:00", "04:00:00", "12%", "4.0/64.0", "60%", "9.0/80.0", "210W",
    )  # fmt: skip
    jobstats = ROW | {"gpu_utilisation_jobstats_pct": 55.0, "cpu_efficiency_jobstats_pct": 14.0}
    (row,) = compute_cells([table_job(jobstats, "Model M", "infer")]).rows
    assert (row[4], row[6]) == ("14%", "55% (10–95%)")  # noqa: RUF001
    mig = ROW | {"gpu_utilisation_samples_pct": None}
    assert compute_cells([table_job(mig, "M", "infer")]).rows[0][6] == "N/A*"


def test_fine_tuning_jobs_with_half_of_the_memory_free() -> None:
    advice = generate_gpu_recommendations(
        [JOB, JOB | {"run_name": "full", "gpu_mem_used_mean_gb": 60.0},
         JOB | {"run_name": "eval", "job_type": "eval"},
         JOB | {"run_name": "unknown", "gpu_mem_total_gb": None}]
    )  # fmt: skip
    assert list(advice) == ["r8"]
    (sentence,) = advice["r8"]
    for part in ("25%", "20.0 of 80.0 GB", "60.0 GB more", "batch_size", "max_seq_len"):
        assert part in sentence


def keys(row: dict[str, Any], **settings: Any) -> list[str]:
    said = recommend([row], {"m": settings}).get("m", [])
    return [sentence.split("set models.m.")[1].split(",")[0].rstrip(".") for sentence in said]


def test_every_advice_names_a_key_and_a_value() -> None:
    assert keys(ROW, concurrency=2) == [
        "requests.concurrency: 4 to answer more questions at once",
        "resources.cpus: 2",
        "resources.memory_gib: 6",
        "resources.walltime_min: 30",
    ]


def test_what_is_needed_is_not_advised_against() -> None:
    fit = ROW | {
        "cpu_efficiency_pct": 80.0, "memory_peak_bytes": 50 * GIB, "time_limit_s": 2000.0,
        "gpu_memory_peak_bytes": 70 * GIB,
    }  # fmt: skip
    assert recommend([fit]) == {}
    # What is set already is not advised again, and a failed or very short job says nothing.
    assert not [k for k in keys(ROW, cpus=2, memory_gib=6.0, walltime_min=30) if "resources" in k]
    assert recommend([ROW | {"state": "TIMEOUT"}, ROW | {"wall_s": 20.0}]) == {}
    # The hungriest attempt counts.
    assert recommend([ROW, fit | {"wall_s": 9000.0}]).get("m", []) == []


def test_idle_and_spare_gpus() -> None:
    idle = ROW | {"gpu_utilisation_samples_pct": 0.4}
    assert keys(idle)[0] == "resources.gpus: 0"
    # jobstats saw it work.
    busy = idle | {"gpu_utilisation_jobstats_pct": 40.0}
    assert keys(busy)[0].startswith("requests.concurrency")
    assert keys(ROW | {"gpus": 4})[0] == "resources.gpus: 1"
    unknown = ROW | {"gpu_utilisation_samples_pct": None, "gpu_memory_total_bytes": None}
    assert not [key for key in keys(unknown) if "gpus" in key or "concurrency" in key]
    assert not [key for key in keys(ROW | {"gpus": 0}) if "gpus" in key or "concurrency" in key]


def test_what_ran_out_is_asked_for() -> None:
    common = {"run": "m", "cpu_efficiency_pct": 90.0, "cpus": 2, "gpus": 0}
    rows = [
        {**common, "state": "OUT_OF_MEMORY", "wall_s": 20.0, "time_limit_s": 3600.0,
         "memory_requested_bytes": 2 * GIB, "memory_peak_bytes": None},
        {**common, "state": "TIMEOUT", "wall_s": 3600.0, "time_limit_s": 3600.0,
         "memory_requested_bytes": 4 * GIB, "memory_peak_bytes": 3 * GIB},
        {**common, "state": "COMPLETED", "wall_s": 1800.0, "time_limit_s": 7200.0,
         "memory_requested_bytes": 4 * GIB, "memory_peak_bytes": 3 * GIB},
    ]  # fmt: skip
    memory, walltime, *_ = recommend(rows)["m"]
    assert memory == (
        "An attempt ran out of memory at 2 GiB: set models.m.resources.memory_gib: 4.5."
    )
    assert walltime == (
        "An attempt ran out of its 60 min: set models.m.resources.walltime_min: 140."
    )
    assert "ran out" not in str(recommend(rows, {"m": {"memory_gib": 6, "walltime_min": 180}}))
