"""Reading nvidia-smi's CSV."""

from __future__ import annotations

from pathlib import Path

import pytest

from wattbench.errors import InputError, ParseError
from wattbench.telemetry.smi_csv import parse_cell, parse_smi_csv, summarize_gpu_metrics, summary

FIXTURES = Path(__file__).parents[2] / "fixtures" / "slurm" / "smi"
MIB = 2**20


def test_a_recorded_file() -> None:
    row = summarize_gpu_metrics(FIXTURES / "three_samples.csv")
    assert (row["gpu_util_mean"], row["gpu_util_min"], row["gpu_util_max"]) == (80.0, 70.0, 90.0)
    assert (row["gpu_mem_used_mean_gb"], row["gpu_mem_total_gb"]) == (20.0, 40.0)
    assert (row["power_mean_w"], row["sample_count"]) == (250.0, 3)
    assert row["gpu_util_unavailable"] is False


def test_a_row_that_is_none_is_left_out_and_named() -> None:
    row = summarize_gpu_metrics(FIXTURES / "bad_row.csv")
    assert (row["sample_count"], row["skipped"], row["gpu_util_mean"]) == (2, [3], 75.0)


def test_a_mig_slice_has_no_utilisation() -> None:
    row = summarize_gpu_metrics(FIXTURES / "mig.csv")
    assert row["gpu_util_mean"] is row["gpu_util_min"] is row["gpu_util_max"] is None
    assert row["gpu_util_unavailable"] is True
    assert (row["gpu_mem_used_mean_gb"], row["power_mean_w"]) == (2.7, 155.0)


def test_any_order_units_in_the_head_and_several_gpus() -> None:
    text = (
        "power.draw [W], uuid, memory.total [MiB], utilization.gpu [%], memory.used [MiB], "
        "timestamp\n"
        "100.50, GPU-a, 81920, 40, 1024, 2026/02/17 10:00:00.000\n"
        "300.00, GPU-b, 40960, 60, 2048, 2026/02/17 10:00:00.004\n"
        "100.50, GPU-a, 81920, 0, 1024, 2026/02/17 10:00:30.000\n"
        "[N/A], GPU-b, 40960, [Unknown Error], [Not Supported], 2026/02/17 10:00:30.004\n"
    )
    row = summary(parse_smi_csv(text))
    assert row["gpu_util_mean"] == pytest.approx(33.3)
    first, second = row["gpus"]
    assert (first["gpu"], first["gpu_util_mean"], first["gpu_util_min"]) == ("GPU-a", 20.0, 0.0)
    assert (second["gpu"], second["gpu_util_mean"], second["power_mean_w"]) == ("GPU-b", 60.0, 300)
    assert (first["gpu_mem_total_gb"], second["gpu_mem_total_gb"]) == (80.0, 40.0)
    # One sample without utilisation does not make the GPU one that gives none.
    assert not second["gpu_util_unavailable"]


def test_gpus_without_a_name_are_told_apart_by_their_place() -> None:
    text = "timestamp, utilization.gpu [%]\na, 10 %\na, 90 %\nb, 20 %\nb, 80 %\n"
    assert [s.gpu for s in parse_smi_csv(text).samples] == ["row 1", "row 2", "row 1", "row 2"]
    uneven = parse_smi_csv(text + "c, 5 %\n").samples
    assert {s.gpu for s in uneven} == {None}


@pytest.mark.parametrize(
    "text",
    [
        "memory.used [MiB];power.draw [W]\n20.480 MiB;1.250,50 W\n",
        "memory.used [MiB], power.draw [W]\n20,480 MiB, 1,250.50 W\n",
        'memory.used [MiB],power.draw [W]\n"20,480 MiB","1250,50 W"\n',
        "memory.used [MiB]\tpower.draw [W]\n20 480\t1 250,50\n",
        "\ufeffmemory.used [MiB], power.draw [W]\r\n20480 MiB, 1250.50 W\r\n",
        "memory.used [MB], power.draw [mW]\n20480, 1250500\n",
    ],
)
def test_numbers_in_the_writing_of_the_machine(text: str) -> None:
    (sample,) = parse_smi_csv(text).samples
    assert sample.memory_used_bytes == 20480 * MIB
    assert sample.power_w == pytest.approx(1250.5)


def test_a_head_may_be_missing_or_repeated() -> None:
    text = (FIXTURES / "three_samples.csv").read_text()
    headless = "\n".join(text.splitlines()[1:])
    assert summary(parse_smi_csv(headless)) == summary(parse_smi_csv(text))
    assert len(parse_smi_csv(text + text).samples) == 6


@pytest.mark.parametrize(
    "text",
    ["[N/A]", "N/A", "[Not Supported]", "[Unknown Error]", "[GPU requires reset]", "", "ERR!"],
)
def test_what_the_tool_does_not_know(text: str) -> None:
    assert parse_cell(text, "w") is None


@pytest.mark.parametrize(
    "text", ["many", "12 MiB", "1.2.3 W", "1,2,3", "-5 W", "nan", "1e3", "5 5 W"]
)
def test_what_is_no_figure_is_named(text: str) -> None:
    with pytest.raises(ParseError, match=r"no figure|no number"):
        parse_cell(text, "w")
    with pytest.raises(ParseError, match=r"gpu.csv, line 2, power.draw"):
        parse_smi_csv(f"power.draw [W];index\n{text};0\n", source="gpu.csv")


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none.csv: cannot be read"):
        summarize_gpu_metrics(tmp_path / "none.csv")
    other = tmp_path / "other.csv"
    other.write_text("a, b\n1, 2\n")
    with pytest.raises(ParseError, match=r"other.csv, line 1: no head"):
        summarize_gpu_metrics(other)
    empty = tmp_path / "empty.csv"
    empty.write_text("")
    row = summarize_gpu_metrics(empty)
    assert row["sample_count"] == 0
    assert row["gpu_util_mean"] is row["power_mean_w"] is row["gpu_mem_total_gb"] is None
    assert row["gpu_util_unavailable"] is False
