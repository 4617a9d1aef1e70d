"""Reading recorded output of jobstats."""

from __future__ import annotations

import base64
import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

from wattbench.errors import ParseError
from wattbench.slurm.jobstats import (
    check_jobstats_available,
    extract_jobstats_notes,
    parse_jobstats_json,
    read_admin_comment,
    read_json_text,
    run_jobstats,
)
from wattbench.slurm.sacct import parse_with_header

FIXTURES = Path(__file__).parents[2] / "fixtures" / "slurm" / "jobstats"
REAL = ("cpu_good", "cpu_low_util_low_time", "gpu_multinode_good", "gpu_zero_util")


def figures(case: str) -> dict[str, Any]:
    return parse_jobstats_json(read_json_text((FIXTURES / f"{case}.json").read_text()))


def test_cpu_figures_over_nodes() -> None:
    row = figures("two_nodes")
    assert (row["cpu_cores"], row["wall_time_seconds"], row["cpu_efficiency_pct"]) == (8, 300, 50.0)
    assert (row["cpu_mem_used_gb"], row["cpu_mem_allocated_gb"]) == (8.0, 40.0)
    assert (row["cpu_mem_efficiency_pct"], row["nodes"]) == (20.0, ["node1", "node2"])
    assert row["gpu_util_pct"] is None
    assert row["reasons"]["gpu_util_pct"] == "no GPU is named"


def test_gpu_figures_are_pooled_and_by_gpu() -> None:
    row = figures("two_gpus")
    assert (row["gpu_util_pct"], row["gpu_mem_used_gb"], row["gpu_mem_total_gb"]) == (70, 20, 160)
    assert [(gpu["gpu"], gpu["util_pct"]) for gpu in row["gpus"]] == [("0", 60.0), ("1", 80.0)]
    assert {(gpu["node"], gpu["gpu"]) for gpu in figures("gpu_multinode_good")["gpus"]} == {
        ("gpu1", "0"), ("gpu1", "1"), ("gpu2", "0"), ("gpu2", "1"),
    }  # fmt: skip


def test_a_gpu_that_did_nothing_has_0_and_not_nothing() -> None:
    assert figures("gpu_zero_util")["gpu_util_pct"] == 0.0


def test_what_is_missing_is_unknown_and_no_0() -> None:
    row = figures("no_times")
    assert row["cpu_cores"] == 2
    assert row["cpu_efficiency_pct"] is row["cpu_mem_used_gb"] is None
    assert figures("no_wall_time")["wall_time_seconds"] is None
    # One node of two says nothing: the other's part is no sum.
    partly = {"n1": {"cpus": 2, "total_time": 100}, "n2": {"cpus": 2}}
    assert parse_jobstats_json({"nodes": partly, "total_time": 100})["cpu_efficiency_pct"] is None


@pytest.mark.parametrize("case", REAL)
def test_the_summary_in_the_comment_is_the_json(case: str) -> None:
    (record,) = parse_with_header((FIXTURES / f"{case}.psv").read_text())
    assert read_admin_comment(record.admin_comment) == json.loads(
        (FIXTURES / f"{case}.json").read_text()
    )


@pytest.mark.parametrize("case", REAL)
def test_a_comment_that_was_lower_cased_says_so(case: str) -> None:
    (record,) = parse_with_header((FIXTURES / f"{case}.lowercased.psv").read_text())
    with pytest.raises(ParseError, match="lower-cased"):
        read_admin_comment(record.admin_comment)


def packed(text: bytes) -> str:
    return base64.b64encode(gzip.compress(text)).decode()


@pytest.mark.parametrize(
    ("comment", "says"),
    [
        ("JS1:Short", "this short"),
        ("JS1:None", "no data"),
        ("JS1:", "no data"),
        ("JS1:!!!!", "broken summary"),
        ("JS1:QUJD", "broken summary"),
        (f"JS1:{packed(b'{}')[:20]}==", "broken|cut off"),
        (f"JS1:{packed(b'[1]')}", "without nodes"),
        ("JS1:" + packed(b'{"nodes": {}}'), "no data"),
        (f"JS1:{packed(b' ' * (1 << 25))}", "too large"),
    ],
)
def test_a_broken_summary_is_a_typed_error(comment: str, says: str) -> None:
    with pytest.raises(ParseError, match=says):
        read_admin_comment(comment)


def test_a_comment_of_others_is_no_summary() -> None:
    assert read_admin_comment(None) is None
    assert read_admin_comment("moved by the operator|twice") is None


@pytest.mark.parametrize(
    ("value", "says"), [(True, "no number"), ("4", "no number"), (-1, "no such"), (1e30, "no such")]
)
def test_a_figure_that_is_none_is_named(value: Any, says: str) -> None:
    with pytest.raises(ParseError, match=rf"nodes.n1.cpus: .*{says}"):
        parse_jobstats_json({"nodes": {"n1": {"cpus": value}}})


@pytest.mark.parametrize(
    ("case", "starts"),
    [
        ("notes_advice", ["Consider reducing memory", "Job could run with --time=00:10:00"]),
        ("notes_with_url", ["Reduce memory to 8 GB", "Lower time limit to 10 minutes"]),
        ("notes_wrapped", ["This job only used 5% of the 80GB"]),
        ("cpu_good", []),
        ("cpu_low_util_low_time", ["The overall CPU utilization of this job", "This job only nee"]),
        ("gpu_zero_util", ["This job did not use the GPU. Please resolve"]),
    ],
)
def test_notes(case: str, starts: list[str]) -> None:
    notes = extract_jobstats_notes((FIXTURES / f"{case}.txt").read_text())
    assert len(notes) == len(starts)
    for note, start in zip(notes, starts, strict=True):
        assert note.startswith(start)
        assert "http" not in note
        assert not note.endswith("info:")


def test_notes_in_colour() -> None:
    assert extract_jobstats_notes(
        "\x1b[1mNotes\x1b[0m\n\x1b[31m* Use fewer CPUs\n  or none\x1b[0m"
    ) == ["Use fewer CPUs or none"]
    assert extract_jobstats_notes("Job 1 ran\n* not a note") == []


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    program = folder / "jobstats"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin")


def test_running_jobstats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = (
        f'case "$1" in -j) cat {FIXTURES}/one_gpu.json;; -n) cat {FIXTURES}/notes_advice.txt;; esac'
    )
    install(tmp_path, monkeypatch, body)
    assert check_jobstats_available()
    found = run_jobstats("5")
    assert isinstance(found, dict)
    assert found["total_time"] == 146
    assert extract_jobstats_notes(str(run_jobstats("5", json_mode=False)))


@pytest.mark.parametrize(
    "body",
    ["exit 1", "true", "echo no json", "echo '{\"nodes\": {}}'", "echo '[]'", "exec sleep 9"],
)
def test_a_jobstats_without_an_answer_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    install(tmp_path, monkeypatch, body)
    monkeypatch.setattr("wattbench.slurm.jobstats.TIMEOUT_S", 0.4)
    assert run_jobstats("5") is None


def test_no_jobstats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not check_jobstats_available()
    assert run_jobstats("5") is None
