"""Reading recorded output of seff, and deriving its figures from sacct."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from wattbench.errors import ParseError
from wattbench.slurm.accounting import attempts
from wattbench.slurm.efficiency import seff_figures
from wattbench.slurm.sacct import FIELDS, parse_sacct_time_limit, parse_with_header
from wattbench.slurm.seff import KEYS, parse_seff_output

FIXTURES = Path(__file__).parents[2] / "fixtures" / "slurm"
RECORDED = Path(__file__).parents[3] / ".." / "shared" / "reference" / "data" / "slurm"


def seff(case: str) -> str:
    return (FIXTURES / "seff" / f"{case}.txt").read_text()


def test_a_job_with_a_time_limit() -> None:
    row = parse_seff_output(seff("time_limit"))
    assert {key: row[key] for key in row if row[key] is not None and key != "reasons"} == {
        "job_id": "12345678", "cluster": "lab2", "state": "COMPLETED", "exit_code": 0, "nodes": 1,
        "cores": 4, "cpu_efficiency": "56.67%", "wall_time": "00:09:52", "time_limit": "00:15:00",
        "mem_used_gb": 6.3, "mem_requested_gb": 40.0, "mem_efficiency": "15.75%", "cpu_s": 510.0,
        "core_wall_s": 900.0, "cpu_efficiency_pct": 56.67, "wall_s": 592.0, "time_limit_s": 900.0,
        "mem_used_bytes": 6764573491, "mem_requested_bytes": 40 * 2**30,
        "mem_efficiency_pct": 15.75,
    }  # fmt: skip
    assert set(row["reasons"]) == {"array_job_id"}


def test_megabytes_and_what_is_not_printed() -> None:
    row = parse_seff_output(seff("memory_mb"))
    assert (row["mem_used_gb"], row["mem_requested_gb"]) == (0.5, 40.0)
    assert row["wall_time"] is None
    assert row["reasons"]["wall_time"] == "seff does not print it"


def test_days_terabytes_and_array_ids_are_kept() -> None:
    row = parse_seff_output(
        "Job ID: 123_4\nJob Wall-clock time: 2-03:04:05\nJob Time Limit: 10-00:00:00\n"
        "Memory Utilized: 1.50 TB\nMemory Efficiency: 75.00% of 2.00 TB (1.00 TB/node)\n"
    )
    assert row["job_id"] == "123_4"
    assert (row["wall_time"], row["wall_s"]) == ("2-03:04:05", 183845.0)
    assert row["time_limit_s"] == 864000.0
    assert (row["mem_used_gb"], row["mem_requested_gb"]) == (1536.0, 2048.0)
    assert parse_seff_output("Memory Utilized: 512 B")["mem_used_bytes"] == 512


def test_an_array_task_has_both_ids() -> None:
    row = parse_seff_output(seff("array"))
    assert (row["job_id"], row["array_job_id"], row["exit_code"]) == ("21", "13_3", 1)


def test_zeros_that_mean_unknown_are_unknown() -> None:
    row = parse_seff_output(seff("cancelled_pending"))
    assert row["wall_s"] == 0.0
    for key in ("mem_used_bytes", "mem_used_gb", "mem_efficiency", "cpu_efficiency_pct"):
        assert row[key] is None
    assert "no sample" in row["reasons"]["mem_used_gb"]
    assert "no time passed" in row["reasons"]["cpu_efficiency"]
    # Less than half a second of CPU time over 2 s is 0.00 % in seff's own rounding.
    assert parse_seff_output(seff("array"))["cpu_efficiency_pct"] == 0.0


def test_memory_asked_for_that_accounting_lost_is_unknown() -> None:
    text = (FIXTURES / "recorded" / "out_of_memory_without_srun" / "seff.txt").read_text()
    row = parse_seff_output(text)
    assert row["mem_used_gb"] == 0.24
    assert row["mem_requested_gb"] is row["mem_efficiency"] is None
    assert "accounting lost" in row["reasons"]["mem_efficiency_pct"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (seff("unknown_job"), "seff says: Job not found."),
        ("", "seff printed nothing"),
        (seff("pending_resources"), "seff has no efficiency of a job that is PENDING"),
    ],
)
def test_a_job_without_figures_says_why(text: str, reason: str) -> None:
    row = parse_seff_output(text)
    assert row["wall_time"] is None
    assert row["reasons"]["wall_time"].startswith(reason)
    assert {key for key in KEYS if row[key] is None} == set(row["reasons"])


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("Job ID: twelve", "no job id"),
        ("Memory Utilized: 5 parsecs", "no size"),
        ("CPU Efficiency: much", "no efficiency"),
        ("Job Wall-clock time: 1:2:3:4", "no duration"),
        ("Cores per node: four", "no count"),
    ],
)
def test_a_broken_line_is_named(line: str, says: str) -> None:
    with pytest.raises(ParseError, match=rf"job.txt, line 2: .*{says}"):
        parse_seff_output(f"Cluster: lab\n{line}\n", source="job.txt")


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("01:00:00\n", "01:00:00"),
        ("1-00:00:00\n01:00:00\n", "1-00:00:00"),
        ("UNLIMITED", None),
        ("Partition_Limit", None),
        ("partition_limit", None),
        ("Unknown\n", None),
        ("", None),
        ("slurm_load error: 5", None),
    ],
)
def test_time_limit_of_sacct(text: str, limit: str | None) -> None:
    assert parse_sacct_time_limit(text) == limit


def pairs() -> Iterator[tuple[str, str, str]]:
    """(case, seff's text, sacct's text with its head) of every recorded job."""
    for path in sorted((FIXTURES / "seff").glob("*.txt")):
        accounted = FIXTURES / f"{path.stem}.psv"
        if accounted.exists():
            yield path.stem, path.read_text(), f"{'|'.join(FIELDS)}\n{accounted.read_text()}"
    for path in sorted((FIXTURES / "recorded").glob("*/seff.txt")):
        yield f"own {path.parent.name}", path.read_text(), (path.parent / "sacct.psv").read_text()


def agree(case: str, printed: str, sacct_attempts: dict[str, list]) -> None:
    """seff's figures, to the decimals it prints, are those derived from sacct."""
    said = parse_seff_output(printed)
    derived = seff_figures(sacct_attempts[said["job_id"]][-1])
    for key in ("job_id", "array_job_id", "cluster", "state"):
        assert said[key] == derived[key], (case, key)
    # seff counts 1 for what has no node, and does not name the nodes of one core.
    for key in ("nodes", "cores"):
        assert said[key] in {None, derived[key]} or derived[key] is None, (case, key)
    assert said["wall_s"] == derived["wall_s"], case
    if said["core_wall_s"] is not None:
        assert (derived["core_wall_s"] or 0.0) == said["core_wall_s"], case
    if said["cpu_s"] is not None:
        # It rounds to whole seconds and takes the share of those; 0 where none was accounted.
        whole = int((derived["cpu_s"] or 0.0) + 0.5)
        assert whole == said["cpu_s"], case
        if said["cpu_efficiency_pct"] is not None:
            share = 100 * whole / derived["core_wall_s"]
            assert said["cpu_efficiency_pct"] == pytest.approx(share, abs=0.00501), case
    share = said["mem_efficiency_pct"]
    # Where seff lost what was asked for, AllocTRES still has it.
    lost = said["mem_requested_bytes"] is None
    assert (share is None) == (lost or derived["mem_efficiency_pct"] is None), case
    if share is not None:
        assert share == pytest.approx(derived["mem_efficiency_pct"], abs=0.00501), case
    # Two decimals of MB or GB are what it prints.
    for key in ("mem_used_bytes", "mem_requested_bytes"):
        if said[key] is not None:
            unit = 2**30 if derived[key] >= 2**30 else 2**20
            assert said[key] == pytest.approx(derived[key], abs=0.00501 * unit), (case, key)


@pytest.mark.parametrize(
    ("case", "printed", "accounted"), list(pairs()), ids=lambda value: value[:20]
)
def test_derived_figures_agree_with_seff(case: str, printed: str, accounted: str) -> None:
    agree(case, printed, attempts(parse_with_header(accounted)))


def test_the_recorded_jobs_are_many() -> None:
    assert len(list(pairs())) >= 35


@pytest.mark.skipif(not RECORDED.is_dir(), reason=f"no recorded Slurm output at {RECORDED}")
def test_derived_figures_agree_with_seff_on_every_recorded_job() -> None:
    compared = 0
    for path in sorted(RECORDED.rglob("seff.txt")):
        accounted = path.parent / "sacct_P.psv"
        if accounted.exists():
            known = attempts(parse_with_header(accounted.read_text()))
            agree(str(path.parent), path.read_text(), known)
            compared += 1
    assert compared >= 30
