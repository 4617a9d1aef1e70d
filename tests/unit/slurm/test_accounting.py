"""What attempts took, and the ways in which Slurm says that memory ran out."""

from __future__ import annotations

from pathlib import Path

import pytest

from wattbench.errors import ParseError
from wattbench.slurm.accounting import attempts, ran_out_of_memory, with_printed
from wattbench.slurm.sacct import FIELDS, parse, parse_with_header

FIXTURES = Path(__file__).parents[2] / "fixtures" / "slurm"
KILLED = "slurmstepd-cpu2: error: StepId=5.0 exceeded memory limit (390717440 > 157286400)"


def line(**cells: str) -> str:
    plain = {"JobID": "5", "JobIDRaw": "5", "State": "FAILED", "ExitCode": "1:0"}
    return "|".join((dict.fromkeys(FIELDS, "") | plain | cells)[field] for field in FIELDS)


def only(*lines: str):
    (found,) = attempts(parse("\n".join(lines)))["5"]
    return found


def test_a_step_out_of_memory_makes_the_job_so() -> None:
    # What a cgroup kill of a step under srun leaves: FAILED 1:0, derived 0:125.
    found = only(
        line(DerivedExitCode="0:125"),
        line(JobID="5.batch", JobIDRaw="5.batch"),
        line(JobID="5.0", JobIDRaw="5.0", State="OUT_OF_MEMORY", ExitCode="0:125"),
    )
    assert (found.state, found.state_raw) == ("OUT_OF_MEMORY", "FAILED")
    # The step's line may come late; the derived code alone says it.
    assert only(line(DerivedExitCode="0:125")).state == "OUT_OF_MEMORY"
    assert only(line(State="OUT_OF_MEMORY", ExitCode="0:125")).state_raw == "OUT_OF_MEMORY"


def test_a_kill_for_memory_without_cgroups_is_told_by_the_peak() -> None:
    found = attempts(parse((FIXTURES / "oom_overmem.psv").read_text()))["7"][0]
    assert (found.state, found.state_raw) == ("OUT_OF_MEMORY", "FAILED")
    assert found.memory_peak_bytes > found.job.memory_requested_bytes


@pytest.mark.parametrize("case", ["out_of_memory", "out_of_memory_without_srun"])
def test_kills_for_memory_on_the_test_cluster(case: str) -> None:
    text = (FIXTURES / "recorded" / case / "sacct.psv").read_text()
    (found,) = next(iter(attempts(parse_with_header(text)).values()))
    assert (found.state, found.state_raw) == ("OUT_OF_MEMORY", "FAILED")
    # ReqMem of the second is Slurm's NO_VAL, for its end was heard of first; AllocTRES has it.
    assert found.job.memory_requested_bytes == 100 * 2**20


def test_a_line_that_cannot_be_read_costs_the_others_nothing() -> None:
    broken: dict = {}
    text = "\n".join([line(ElapsedRaw="soon"), line(JobID="6", JobIDRaw="6", ElapsedRaw="3")])
    (record,) = parse(text, broken=broken)
    assert (record.job, record.elapsed_s) == ("6", 3.0)
    assert "'soon' is no count" in broken["5"].paragraph()
    with pytest.raises(ParseError, match="soon"):
        parse(text)


def test_a_kill_for_another_reason_is_none_for_memory() -> None:
    job = line(ExitCode="9:0", DerivedExitCode="0:9", ReqMem="1000M", NNodes="1")
    far = line(JobID="5.0", JobIDRaw="5.0", State="CANCELLED", ExitCode="0:9", MaxRSS="500M")
    found = only(job, far)
    assert found.state == "FAILED"
    # A fast kill leaves a peak far below the limit, or none; slurmstepd's words tell it.
    assert ran_out_of_memory(found, f"Traceback\n{KILLED}, being killed\n")
    assert with_printed({"5": [found]}, {"5": KILLED})["5"][0].state == "OUT_OF_MEMORY"
    assert with_printed({"5": [found]}, {})["5"][0].state == "FAILED"


@pytest.mark.parametrize("case", ["failed_exit3", "failed_sigsegv", "cancelled_running", "timeout"])
def test_other_ends_keep_their_state(case: str) -> None:
    (found, *_) = attempts(parse((FIXTURES / f"{case}.psv").read_text())).values()
    assert found[0].state == found[0].state_raw != "OUT_OF_MEMORY"


def test_memory_is_compared_with_a_node_s_share() -> None:
    job = line(ExitCode="9:0", ReqMem="2000M", NNodes="2")
    near = line(JobID="5.0", JobIDRaw="5.0", State="FAILED", ExitCode="0:9", MaxRSS="990M")
    assert only(job, near).state == "OUT_OF_MEMORY"


def test_cpu_time_of_0_that_was_not_accounted_is_unknown() -> None:
    ran = line(State="NODE_FAIL", TotalCPU="00:00:00", ElapsedRaw="29")
    assert only(ran).cpu_s is None
    never = line(State="CANCELLED by 0", TotalCPU="00:00:00", ElapsedRaw="0")
    assert only(never).cpu_s == 0.0
    running = attempts(parse((FIXTURES / "running.psv").read_text()))["9"][0]
    assert running.cpu_s == pytest.approx(0.411)


def test_where_the_peak_was() -> None:
    records = parse((FIXTURES / "oom_overmem.psv").read_text())
    assert (records[2].memory_peak_node, records[2].memory_peak_task) == ("cpu2", 0)
    assert records[2].tasks == 1
    assert (records[0].derived_exit_code, records[0].cluster) == ("0:9", "lab")


def test_parts_of_a_heterogeneous_job() -> None:
    text = "\n".join(
        [
            line(JobID="14+0", JobIDRaw="14", AllocCPUS="1"),
            line(JobID="14+1", JobIDRaw="15", AllocCPUS="3"),
        ]
    )
    known = attempts(parse(text))
    assert known["14+1"] == known["15"]
    assert (known["14"][0].job.cpus, known["14+1"][0].job.cpus) == (1, 3)


def test_a_comment_may_hold_the_separator_and_lines() -> None:
    text = f"{line(AdminComment='a|b')}\nmore of it\n{line(JobID='6', JobIDRaw='6')}"
    first, second = parse(text)
    assert first.admin_comment == "a|b\nmore of it"
    assert (second.job, second.admin_comment) == ("6", None)
