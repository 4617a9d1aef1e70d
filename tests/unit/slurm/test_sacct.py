"""Reading recorded output of sacct."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from wattbench.errors import ParseError
from wattbench.slurm.accounting import attempts
from wattbench.slurm.sacct import (
    expand_nodes,
    parse,
    parse_gpus,
    parse_state,
    parse_with_header,
)

FIXTURES = Path(__file__).parents[2] / "fixtures" / "slurm"
RECORDED = Path(__file__).parents[3] / ".." / "shared" / "reference" / "data" / "slurm"


def recorded(case: str) -> str:
    return (FIXTURES / f"{case}.psv").read_text()


def test_states_and_gpus() -> None:
    assert parse_state("CANCELLED by 0") == "CANCELLED"
    assert parse_state("CANCELLED+") == "CANCELLED"
    assert parse_gpus("billing=1,cpu=1,gres/gpu:a100=2,gres/gpu=2,mem=1G") == 2
    assert parse_gpus("gres/gpu:a100=1,gres/gpu:v100=2") == 3
    # A cluster that does not track GPUs names none of a job that has some.
    assert parse_gpus("cpu=1") is None
    assert parse_gpus("") is None


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("gpu1", ["gpu1"]),
        ("cpu[1-2],gpu1", ["cpu1", "cpu2", "gpu1"]),
        ("n[08-10,12]", ["n08", "n09", "n10", "n12"]),
        ("r[1-2]n[3-4]", ["r1n3", "r1n4", "r2n3", "r2n4"]),
    ],
)
def test_lists_of_nodes(text: str, names: list[str]) -> None:
    assert expand_nodes(text) == names


def test_a_job_with_steps() -> None:
    records = parse(recorded("oom_overmem"))
    assert [record.step for record in records] == [None, "batch", "0"]
    job = records[0]
    assert (job.job, job.state, job.exit_code) == ("7", "FAILED", "9:0")
    assert job.started_at == datetime(2026, 11, 22, 3, 20, 13, tzinfo=UTC)
    assert (job.elapsed_s, job.time_limit_s, job.cpu_s) == (1.0, 300.0, 0.334)
    assert job.memory_requested_bytes == 150 * 2**20
    assert records[2].memory_peak_bytes == 381560 * 1024
    # ConsumedEnergy 0 means that nothing measured it.
    assert job.energy_j is None


def test_a_requeued_job_has_two_attempts() -> None:
    first, second = attempts(parse(recorded("requeued")))["23"]
    assert (first.state, first.job.elapsed_s, first.number) == ("REQUEUED", 66.0, 1)
    assert (second.state, second.job.elapsed_s, second.number) == ("COMPLETED", 1.0, 2)
    assert first.memory_peak_bytes == 10944 * 1024
    assert second.memory_peak_bytes == 10632 * 1024


def test_array_tasks_are_found_by_both_ids() -> None:
    found = attempts(parse(recorded("array")))
    assert found["13_3"] == found["21"]
    assert found["13_3"][0].state == "FAILED"
    assert {"13_1", "13_2", "13_4"} <= set(found)


def test_several_nodes_and_gpus() -> None:
    assert attempts(parse(recorded("multinode")))["12"][0].nodes == ("cpu1", "cpu2")
    job = parse(recorded("gpu2typed"))[0]
    assert job.gpus == 2


def test_jobs_that_never_ran_or_still_run() -> None:
    pending = parse(recorded("pending_resources"))[0]
    assert (pending.state, pending.started_at, pending.nodes, pending.gpus) == (
        "PENDING", None, None, None,
    )  # fmt: skip
    running = parse(recorded("running"))[0]
    assert (running.state, running.ended_at) == ("RUNNING", None)


def test_a_broken_line_is_named() -> None:
    with pytest.raises(ParseError, match=r"sacct, line 2: 3 fields where 25"):
        parse(recorded("timeout").splitlines()[0] + "\n1|2|3\n")
    line = recorded("timeout").splitlines()[0].replace("00:00.003", "soon")
    with pytest.raises(ParseError, match=r"sacct, line 1, 6: 'soon' is no duration"):
        parse(line)


@pytest.mark.skipif(not RECORDED.is_dir(), reason=f"no recorded Slurm output at {RECORDED}")
def test_every_recorded_case_can_be_read() -> None:
    read = 0
    for path in sorted(RECORDED.rglob("sacct*_P.psv")):
        text = path.read_text()
        records = parse_with_header(text, source=path.name)
        assert len(records) == len(text.splitlines()) - 1, path
        read += len(records)
    assert read > 40
