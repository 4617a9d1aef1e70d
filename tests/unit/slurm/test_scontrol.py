"""Reading recorded output of scontrol and sstat."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from wattbench.errors import ParseError
from wattbench.slurm.scontrol import parse_show_job
from wattbench.slurm.sstat import parse_sstat

FIXTURES = Path(__file__).parents[2] / "fixtures" / "slurm"


def recorded(case: str) -> str:
    return (FIXTURES / "scontrol" / f"{case}.txt").read_text()


def test_a_job_on_two_nodes_with_gpus() -> None:
    (job,) = parse_show_job(recorded("gpu4_2nodes"))
    assert (job.job, job.raw_job, job.attempt, job.state) == ("91", "91", 1, "COMPLETED")
    assert (job.nodes, job.node_count, job.cpus, job.gpus) == ("gpu[1-2]", 2, 2, 4)
    assert (job.elapsed_s, job.time_limit_s) == (4.0, 600.0)
    assert job.memory_requested_bytes == 600 * 2**20
    assert job.ended_at == datetime(2026, 11, 22, 3, 31, 19, tzinfo=UTC)
    assert (job.exit_code, job.derived_exit_code, job.account) == ("0:0", "0:0", "root")
    assert job.reason is job.admin_comment is None
    assert job.fields["TresPerNode"] == "gres:gpu:2"
    assert job.fields["CPUs/Task"] == "1"


def test_several_jobs_and_complaints_between_them() -> None:
    text = "\n".join([recorded("unknown_job"), recorded("running"), recorded("gpu4_2nodes")])
    jobs = parse_show_job(text)
    assert [job.job for job in jobs] == ["9", "91"]
    assert jobs[0].gpus is None
    assert parse_show_job(recorded("unknown_job")) == parse_show_job("") == []
    assert parse_show_job("No jobs in the system\n") == []


def test_one_line_a_job_says_the_same() -> None:
    for case in ("running", "gpu4_2nodes"):
        (job,) = parse_show_job(recorded(case))
        one_line = " ".join(line.strip() for line in job.text.splitlines() if line.strip())
        (same,) = parse_show_job(one_line)
        assert same.fields == job.fields
        assert same.stderr == job.stderr is not None


def test_ids_of_arrays_and_heterogeneous_jobs() -> None:
    text = (
        "JobId=21 ArrayJobId=13 ArrayTaskId=3 JobName=a=b Restarts=x\n   JobState=FAILED\n"
        "   Requeue=1 Restarts=2\n\n"
        "JobId=31 HetJobId=30 HetJobOffset=1 JobName=h\n   JobState=RUNNING\n"
    )
    array, het = parse_show_job(text)
    assert (array.job, array.raw_job, array.attempt) == ("13_3", "21", 3)
    # The name is free text, and goes on to the end of its line.
    assert array.fields["JobName"] == "a=b Restarts=x"
    assert (het.job, het.attempt, het.cpus, het.elapsed_s) == ("30+1", None, None, None)


def test_free_text_with_blanks_and_equals_signs() -> None:
    text = (
        "JobId=5 JobName=x\n   JobState=FAILED\n   Comment=a b=c JobState=RUNNING\n   StdErr=/a b/c"
    )
    (job,) = parse_show_job(text)
    assert (job.state, job.stderr) == ("FAILED", "/a b/c")
    assert job.fields["Comment"] == "a b=c JobState=RUNNING"


@pytest.mark.parametrize("path", sorted((FIXTURES / "recorded").glob("*/scontrol*.txt")), ids=str)
def test_every_job_of_the_test_cluster(path: Path) -> None:
    text = path.read_text()
    jobs = parse_show_job(text)
    assert len(jobs) == sum(line.startswith("JobId=") for line in text.splitlines())
    for job in jobs:
        assert job.cpus is not None
        assert job.memory_requested_bytes is not None
        assert job.time_limit_s is not None
    one_line = "\n".join(" ".join(part.strip() for part in job.text.splitlines()) for job in jobs)
    assert [job.fields for job in parse_show_job(one_line)] == [job.fields for job in jobs]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("JobId=5 JobName=x\n", "without a state"),
        ("JobId=five\n   JobState=FAILED", "no job id"),
        ("JobId=5\n   JobState=FAILED\n   RunTime=soon", "no duration"),
        ("JobId=5\n   JobState=FAILED\n   StartTime=soon", "no time"),
        ("JobId=5\n   JobState=FAILED\n   TRES=cpu=1,mem=much", "no size"),
    ],
)
def test_a_broken_record_is_named(text: str, says: str) -> None:
    with pytest.raises(ParseError, match=rf"scontrol, line 3: .*{says}"):
        parse_show_job(f"complaint\n\n{text}")


def test_steps_of_a_running_job() -> None:
    batch, step = parse_sstat((FIXTURES / "sstat.txt").read_text())
    assert (batch.job, batch.step, batch.tasks) == ("9", "batch", 1)
    assert batch.memory_peak_bytes == 10784 * 1024
    assert (step.step, step.memory_mean_bytes) == ("1", 1624 * 1024)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("9.batch|00:00:00\n", "line 1: no header"),
        ("JobID|MaxRSS\n9.batch\n", "line 2: 1 fields where 2"),
        ("JobID|MaxRSS\nnine|1K\n", "line 2: 'nine' is no job id"),
        ("JobID|MaxRSS\n9.0|big\n", "line 2: 'big' is no size"),
    ],
)
def test_broken_lines_of_sstat_are_named(text: str, says: str) -> None:
    with pytest.raises(ParseError, match=says):
        parse_sstat(text)
    # 0 is what is printed before the first sample.
    assert parse_sstat("JobID|MaxRSS\n9.0|0\n")[0].memory_peak_bytes is None
