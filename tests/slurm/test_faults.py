"""Faults on a real Slurm: each costs time, and none costs an answer or pays for one twice."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.slurm.cluster import Cluster
from tests.slurm.long_study import RUN, LongStudy, copied, undisturbed, write_long
from tests.slurm.processes import wait_until
from tests.workflow.conftest import SNAKEMAKE
from wattbench.telemetry.ledger import last_ending

COUNT = 12
IDS = [f"q{number:02d}" for number in range(1, COUNT + 1)]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("long") / "study"
    write_long(folder, COUNT)
    return folder


@pytest.fixture(scope="session")
def truth(made: Path, session_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Answers of an undisturbed run."""
    study = copied(made, tmp_path_factory.mktemp("truth") / "study", session_cluster)
    return undisturbed(study.folder, session_cluster)


@pytest.fixture
def study(made: Path, cluster: Cluster, tmp_path: Path) -> LongStudy:
    return copied(made, tmp_path / "study", cluster)


def assert_whole(study: LongStudy, truth: list[dict[str, Any]]) -> None:
    """Every question was asked once, and the answers are those of an undisturbed run."""
    assert study.asked() == IDS
    assert study.answers() == truth


def kill_driver(driver: Any) -> None:
    driver.send_signal(signal.SIGKILL)
    driver.wait(10)


def submitted(cluster: Cluster) -> int:
    return len(cluster.calls("sbatch"))


def test_a_killed_drivers_second_job_waits_for_the_first(
    study: LongStudy, cluster: Cluster, truth: list[dict[str, Any]]
) -> None:
    # Three drivers start while the first job works.
    study.slow_down(8.0)
    driver = study.start("--", study.target)
    study.wait_for_answers(2)
    first = study.running_job(cluster)
    kill_driver(driver)

    assert study.drive("--", study.target).returncode != 0
    assert "LockException" in study.output or "locked" in study.output
    assert study.drive("--unlock").returncode == 0
    # The profile has rerun-incomplete: the run is submitted a second time while it goes on.
    study.submit("--", study.target)
    assert submitted(cluster) == 2
    assert_whole(study, truth)
    jobs = study.read(RUN, "job.json")["jobs"]
    assert [job["job_id"] for job in jobs] == [first]
    (segment,) = study.segments()
    assert segment["ended_by"] == "finished"
    logs = "\n".join(log.read_text() for log in study.folder.glob("results/logs/**/*.log"))
    logs += "\n".join(
        log.read_text() for log in study.folder.glob(".snakemake/slurm_logs/**/*.log")
    )
    assert f"(job {first}) to finish" in logs

    # Nothing is left to do, and nothing is done.
    before = submitted(cluster)
    assert not study.submit("--", study.target)
    assert submitted(cluster) == before


def test_a_time_limit_costs_no_answer(
    study: LongStudy, cluster: Cluster, truth: list[dict[str, Any]]
) -> None:
    study.slow_down(7.0)
    driver = study.start("--", study.target)
    seen: list[str] = []
    try:
        for third in (1, 2):
            study.wait_for_answers(third * COUNT // 4, timeout_s=150)
            wait_until(lambda: _lease_of_another(study, seen), "the next attempt", 120, every_s=0.2)
            job = study.running_job(cluster)
            seen.append(job)
            # slurmctld looks for jobs over their limit every 30 s, and refuses an end in the
            # second a job started.
            wait_until(lambda job=job: _ends_now(cluster, job), "the end is taken", 10, every_s=0.5)
            assert cluster.wait_for_job(job, timeout_s=80) == "TIMEOUT"
        assert driver.wait(240) == 0
    finally:
        driver.kill()
    assert_whole(study, truth)
    segments = study.segments()
    assert [segment["ended_by"] for segment in segments] == ["timeout", "timeout", "finished"]
    assert len({segment["job_id"] for segment in segments}) == 3
    assert sum(segment["answered"] for segment in segments) == COUNT
    assert all(segment["answered"] >= 1 for segment in segments)
    # The running question is finished or given up, and the segment closed, within 20 s.
    for job in seen:
        assert cluster.settled(job, "State") == {"State": "TIMEOUT"}
    study.submit("--", "tables")
    rows = study.read(RUN, "compute.json")["rows"]
    assert sorted(row["state"] for row in rows) == ["COMPLETED", "TIMEOUT", "TIMEOUT"]


def _ends_now(cluster: Cluster, job: str) -> bool:
    done = cluster.run("scontrol", "update", f"JobId={job}", "EndTime=now", check=False)
    return done.returncode == 0


def _lease_of_another(study: LongStudy, seen: list[str]) -> bool:
    for lease in (study.run_folder(RUN) / "journal").glob("*/lease.json"):
        found = re.search(r'"job_id": ?"(\d+)"', lease.read_text())
        return found is not None and found[1] not in seen
    return False


def test_a_cancelled_run_stays_stopped_until_the_user_starts_again(
    study: LongStudy, cluster: Cluster, truth: list[dict[str, Any]]
) -> None:
    study.slow_down(2.0)
    driver = study.start("--", study.target)
    study.wait_for_answers(4)
    job = study.running_job(cluster)
    cluster.run("scancel", job)
    assert driver.wait(240) != 0
    done = study.answered()
    assert 4 <= done < COUNT
    # Attempts 2 and 3 of the profile's retries asked the model nothing.
    assert len(study.calls(RUN)) <= done + 1
    log = (study.folder / "driver.log").read_text()
    assert "a user cancelled this run's job" in log

    plan = cluster.run(
        str(SNAKEMAKE.parent / "wattbench"), "plan", "--study", str(study.study_file),
        cwd=study.folder,
    ).stdout  # fmt: skip
    assert re.search(rf"partly\s+{done}/{COUNT}", plan), plan

    study.submit("--", study.target)
    assert study.answers() == truth
    assert [segment["ended_by"] for segment in study.segments()] == ["cancelled", "finished"]
    assert len(study.calls(RUN)) <= COUNT + 1


def test_preemption_costs_no_answer(
    study: LongStudy, cluster: Cluster, truth: list[dict[str, Any]]
) -> None:
    study.slow_down(3.0)
    study.change("cluster", to={"partition": "scavenge"})
    driver = study.start("--", study.target)
    try:
        study.wait_for_answers(3)
        job = study.running_job(cluster)
        node = cluster.job(job)["NodeList"]
        # A job of a partition with precedence takes the whole node.
        partition = "gpu" if node.startswith("gpu") else "cpu"
        taker = cluster.submit("sleep 4", "-p", partition, "-w", node, "--exclusive")
        cluster.wait_for_job(taker, {"COMPLETED"}, timeout_s=90)
        assert driver.wait(240) == 0
    finally:
        driver.kill()
    assert_whole(study, truth)
    segments = study.segments()
    assert [segment["ended_by"] for segment in segments] == ["preempted", "finished"]
    assert [segment["attempt"] for segment in segments] == [1, 2]
    assert {segment["job_id"] for segment in segments} == {job}
    study.submit("--", "tables")
    rows = study.read(RUN, "compute.json")["rows"]
    assert [(row["attempt"], row["state"]) for row in rows] == [(1, "PREEMPTED"), (2, "COMPLETED")]


def test_a_lost_node_costs_no_answer(
    study: LongStudy, cluster: Cluster, truth: list[dict[str, Any]]
) -> None:
    study.slow_down(3.0)
    driver = study.start("--", study.target)
    try:
        study.wait_for_answers(3)
        job = study.running_job(cluster)
        done = study.answered()
        cluster.crash_node(cluster.job(job)["NodeList"])
        # slurmctld takes the node for lost after SlurmdTimeout, and gives the job another.
        cluster.wait_for_job(job, {"PENDING", "NODE_FAIL"}, timeout_s=60)
        cluster.start()
        assert driver.wait(300) == 0
    finally:
        driver.kill()
    assert study.answers() == truth
    segments = study.segments()
    assert (segments[0]["ended_by"], segments[-1]["ended_by"]) == ("killed", "finished")
    assert sum(segment["answered"] for segment in segments) == COUNT
    # Nothing that was answered is asked again; of each killed segment the running question is.
    lost = sum(segment["ended_by"] == "killed" for segment in segments)
    assert len(study.asked()) <= COUNT + lost
    assert study.asked().count(IDS[0]) == 1
    assert segments[0]["answered"] >= done
    # What a kill may have hidden of the time is said, not left out.
    assert all(segment["lost_s"] > 0 for segment in segments if segment["ended_by"] == "killed")


def test_a_job_hears_its_signal_and_ends_within_20_s(study: LongStudy, cluster: Cluster) -> None:
    study.slow_down(60.0)
    driver = study.start("--retries", "0", "--", study.target)
    wait_until(
        lambda: bool(list((study.run_folder(RUN) / "journal").glob("*/lease.json"))),
        "the run starts", 90, logs=[study.folder / "driver.log"], every_s=0.2,
    )  # fmt: skip
    wait_until((study.folder / f"calls-{RUN}.log").exists, "the first call", 30)
    job = study.running_job(cluster)
    started = os.times().elapsed
    cluster.run("scancel", "--signal=TERM", job)
    cluster.wait_for_job(job, timeout_s=60)
    assert os.times().elapsed - started < 20
    assert driver.wait(120) != 0
    assert study.answered() == 0
    (journal,) = (study.run_folder(RUN) / "journal").iterdir()
    assert last_ending(journal) == "signal"
    assert not (journal / "lease.json").exists()
