"""The probe of `doctor --slurm` against programs that do what Slurm's do, or fail as they fail."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from wattbench.slurm import probe as probe_module
from wattbench.slurm.probe import probe
from wattbench.slurm.probe_evidence import BLOCKS, MISSING, OK, Evidence, Finding
from wattbench.slurm.probe_findings import figures, findings
from wattbench.slurm.probe_node import Here
from wattbench.slurm.site import NO_PROFILE, Profile, Request

UTILITIES = ("cat", "env", "hostname", "kill", "mv", "rm", "sed", "sh", "sleep", "touch")
PROFILE = Profile(Path("profile.yaml"), latency_wait_s=60, first_poll_s=70, status_command="squeue")
REPORT = {
    "machine": {
        "wattbench": "1.0",
        "python": "3.12.1",
        "executable": "/env/bin/python",
        "job": {"gpus": []},
    },
    "checks": [
        {"area": "energy", "what": "RAPL", "state": "ok", "detail": "counter", "mend": None},
        {"area": "machine", "what": "CPUs", "state": "ok", "detail": "8 usable", "mend": None},
        {"area": "weights", "what": "small", "state": "missing", "detail": "missing", "mend": None},
        {"area": "weights", "what": "other", "state": "missing", "detail": "missing", "mend": None},
    ],
}
SLURM = {
    # The job runs right here, in the background.
    "sbatch": """
for script; do :; done
( CUDA_VISIBLE_DEVICES=$GIVEN SLURM_JOB_ID=77 SLURM_CONF=/gone sh "$script" >/dev/null 2>&1 &
  echo $! > $STATE/pid; wait $!; echo $? > $STATE/code ) >/dev/null 2>&1 &
echo 77""",
    "srun": """
[ -z "$SLURM_CONF" ] || exit 9
while [ "${1#-}" != "$1" ]; do shift; done
echo $$ > $STATE/step
exec "$@" """,
    "scontrol": """
[ "$2" = config ] && { echo "MinJobAge               = 300 sec"; exit; }
state=RUNNING
[ -e $STATE/code ] && state=COMPLETED
code=$(cat $STATE/code 2>/dev/null || echo 0)
[ "$code" = 0 ] || state=FAILED
echo "JobId=77 JobName=probe"
echo "   JobState=$state Reason=None Dependency=(null)"
echo "   RunTime=00:00:01 TimeLimit=00:01:00 ExitCode=$code:0"
echo "   SubmitTime=2026-01-02T03:04:05 StartTime=2026-01-02T03:04:09"
echo "   NodeList=node1" """,
    "scancel": """
echo "$*" >> $STATE/cancelled
case "$*" in
  --signal=TERM\\ --batch*) kill -TERM $(cat $STATE/pid) ;;
  --signal=TERM*) kill -TERM $(cat $STATE/step) ;;
esac""",
    "squeue": 'case "$*" in *%k*) echo wattbench_doctor ;; *) echo RUNNING ;; esac',
    "sacct": "echo COMPLETED",
    "seff": "echo 'Job ID: 77'",
    "wattbench": "cat $STATE/report.json",
}
PENDING = """
echo "JobId=77 JobName=probe"
echo "   JobState=PENDING Reason={reason} Dependency=(null)"
echo "   NodeList=(null) ExitCode=0:0" """


class Site:
    """A Slurm of shell scripts."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bin, self.state = folder / "bin", folder / "state"
        self.results = folder / "work" / "results"
        for one in (self.bin, self.state, folder / "work"):
            one.mkdir()
        for name in UTILITIES:
            path = shutil.which(name)
            if path is not None:
                (self.bin / name).symlink_to(path)
        for name, text in SLURM.items():
            self.program(name, text)
        self.report(REPORT)
        monkeypatch.setenv("PATH", str(self.bin))
        monkeypatch.setenv("STATE", str(self.state))
        monkeypatch.setenv("GIVEN", "")
        monkeypatch.chdir(folder / "work")
        monkeypatch.setattr(probe_module, "ASK_EVERY_S", 0.05)
        monkeypatch.setattr(probe_module, "LOOK_EVERY_S", 0.02)
        monkeypatch.setattr(probe_module, "ACCOUNTING_S", 0.3)
        monkeypatch.setattr(probe_module, "AWAY_S", 0.3)
        monkeypatch.setattr(probe_module, "REFUSED_AFTER_S", 0.2)
        self.said: list[str] = []

    def program(self, name: str, text: str) -> None:
        file = self.bin / name
        file.write_text(f"#!/bin/sh\n{text}\n")
        file.chmod(0o755)

    def report(self, report: object) -> None:
        (self.state / "report.json").write_text(json.dumps(report))

    def probe(self, request: Request | None = None, **settings: float) -> Evidence:
        settings = {"timeout_s": 20.0, "latency_wait_s": 0.3, **settings}
        return probe(request or Request(), self.results, say=self.said.append, **settings)

    def find(self, seen: Evidence, profile: Profile = PROFILE) -> dict[str, Finding]:
        here = Here(
            python="/env/bin/python",
            python_version="3.12.1",
            wattbench="1.0",
            results=self.results,
            weights=frozenset({"small"}),
        )
        return {one.what: one for one in findings(seen, profile, here)}

    def cancelled(self) -> list[str]:
        file = self.state / "cancelled"
        return file.read_text().splitlines() if file.exists() else []

    def nothing_left(self) -> bool:
        return not self.results.exists()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    return Site(tmp_path, monkeypatch)


def test_a_site_where_all_works(site: Site) -> None:
    seen = site.probe()
    found = site.find(seen)
    lost = {what: one.detail for what, one in found.items() if one.state != OK}
    assert lost == {"weights small": "missing there, though they lie here"}
    assert set(found) == {
        "submission", "scheduling", "results folder", "latency of files", "srun in the job",
        "Python", "file locks", "wattbench", "GPUs of the job", "RAPL", "weights small",
        "squeue on the node",
        "SIGTERM", "comment in squeue", "scontrol", "sacct", "seff", "polling",
    }  # fmt: skip
    assert "4 s in the queue" in found["scheduling"].detail
    told = figures(seen)
    assert (told["job_id"], told["state"], told["node"]) == ("77", "COMPLETED", "node1")
    assert told["queued_s"] == 4.0
    assert 0 < told["file_round_trip_s"] < 10
    assert 0 < told["sigterm_s"] < 10
    assert json.loads(json.dumps(told)) == told
    # The signal that was tried, and nothing else: a job that is over is not cancelled.
    assert site.cancelled() == ["--signal=TERM 77"]
    assert site.nothing_left()


def test_the_node_runs_the_real_doctor(site: Site) -> None:
    site.program(
        "wattbench", f'exec {sys.executable} -c "from wattbench.cli import main; main()" "$@"'
    )
    seen = site.probe()
    assert seen.report is not None, seen.facts
    machine = seen.report["machine"]
    assert machine["job"]["job_id"] == "77"
    assert machine["executable"] == sys.executable
    assert not [check for check in seen.report["checks"] if check["area"] == "slurm"]


@pytest.mark.parametrize(
    ("words", "mend"),
    [
        ("sbatch: error: Invalid partition name specified", "sinfo -s"),
        ("sbatch: error: Invalid account or account/partition combination specified", "sacctmgr"),
        ("sbatch: error: Invalid account specified", "sacctmgr"),
        ("sbatch: error: Invalid qos specification", "cluster.qos"),
        ("sbatch: error: Invalid generic resource (gres) specification", "gpu_syntax"),
        ("sbatch: error: Requested node configuration is not available", "%c %m %G"),
        ("sbatch: error: Requested time limit is invalid", "limits"),
        ("sbatch: error: Unable to contact slurm controller (connect failure)", "scontrol ping"),
        ("sbatch: error: the filter plugin says no", "own words"),
    ],
)
def test_a_refusal_is_told_in_slurms_words(site: Site, words: str, mend: str) -> None:
    site.program("sbatch", f"echo '{words}' >&2; exit 1")
    seen = site.probe()
    (refused,) = site.find(seen).values()
    assert (refused.what, refused.state) == ("submission", BLOCKS)
    assert words in refused.detail
    assert mend in str(refused.mend)
    assert site.cancelled() == []
    assert site.nothing_left()


def test_sbatch_that_is_missing_or_prints_nothing_blocks(site: Site) -> None:
    site.program("sbatch", "exit 0")
    assert "no job id" in site.find(site.probe())["submission"].detail
    (site.bin / "sbatch").unlink()
    (missing,) = site.find(site.probe()).values()
    assert (missing.state, missing.detail) == (BLOCKS, "sbatch is not on this machine")
    assert "login node" in str(missing.mend)


def test_sbatch_that_hangs_may_have_made_a_job_all_the_same(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe_module, "CLIENT_TIMEOUT_S", 0.3)
    site.program("sbatch", "exec sleep 30")
    found = site.find(site.probe())["submission"]
    assert found.state == BLOCKS
    assert "did not answer" in found.detail
    (cancelled,) = site.cancelled()
    assert cancelled.startswith("--name=wattbench-doctor-")
    assert site.nothing_left()


def test_a_job_that_waits_too_long_is_cancelled_and_blocks_nothing(site: Site) -> None:
    site.program("sbatch", "echo 77")
    site.program("scontrol", PENDING.format(reason="Priority"))
    seen = site.probe(timeout_s=0.5)
    found = site.find(seen)
    assert set(found) == {"submission", "scheduling"}
    assert found["scheduling"].state == MISSING
    assert "Priority" in found["scheduling"].detail
    assert figures(seen)["node"] is None
    assert site.cancelled() == ["77"]
    assert site.nothing_left()


def test_a_reason_that_never_passes_blocks_at_once(site: Site) -> None:
    site.program("sbatch", "echo 77")
    site.program("scontrol", PENDING.format(reason="PartitionTimeLimit"))
    started = time.monotonic()
    found = site.find(site.probe())["scheduling"]
    assert time.monotonic() - started < 10
    assert (found.state, "PartitionTimeLimit" in found.detail) == (BLOCKS, True)
    assert site.cancelled() == ["77"]


def test_a_controller_that_goes_away_blocks(site: Site) -> None:
    site.program("sbatch", "echo 77")
    site.program("scontrol", "echo 'Unable to contact slurm controller' >&2; exit 1")
    found = site.find(site.probe(timeout_s=0.5))["scheduling"]
    assert found.state == BLOCKS
    assert "Unable to contact" in found.detail


@pytest.mark.parametrize("way", ["Ctrl-C", "signal"])
def test_who_interrupts_leaves_no_job_and_no_files(site: Site, way: str) -> None:
    site.program("sbatch", "echo 77")
    site.program("scontrol", PENDING.format(reason="Resources"))

    def say(text: str) -> None:
        if "PENDING" in text and way == "Ctrl-C":
            raise KeyboardInterrupt

    if way == "signal":
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM)).start()
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        probe(Request(), site.results, timeout_s=20, say=say)
    assert signal.getsignal(signal.SIGTERM) == before
    assert site.cancelled() == ["77"]
    assert site.nothing_left()


@pytest.mark.parametrize(
    ("job", "what", "words"),
    [
        ("exit 71", "results folder", "is not there on the node"),
        ("exit 72", "results folder", "cannot be written"),
        ("exit 0", "results folder", "was not seen here"),
    ],
)
def test_a_folder_that_is_not_shared_blocks(site: Site, job: str, what: str, words: str) -> None:
    site.program("sbatch", f"( {job} ); echo $? > $STATE/code; echo 77")
    found = site.find(site.probe())
    assert found[what].state == BLOCKS
    assert words in found[what].detail
    assert "share" in str(found[what].mend)
    assert "Python" not in found


def test_a_working_directory_that_is_not_on_the_node_blocks(site: Site) -> None:
    text = 'sed "s|^work=.*|work=/not/there|" "$script" > $STATE/job.sh; script=$STATE/job.sh'
    site.program("sbatch", SLURM["sbatch"].replace("do :; done", f"do :; done\n{text}"))
    found = site.find(site.probe())
    assert found["working directory"].state == BLOCKS
    assert found["results folder"].state == OK


def test_without_srun_all_else_is_still_seen(site: Site) -> None:
    said = "srun: fatal: Could not establish a configuration source"
    site.program("srun", f"echo '{said}' >&2; exit 1")
    found = site.find(site.probe())
    assert found["srun in the job"].state == BLOCKS
    assert said in found["srun in the job"].detail
    assert found["wattbench"].state == OK
    assert found["SIGTERM"].state == OK
    assert site.cancelled() == ["--signal=TERM --batch 77"]


def test_another_wattbench_on_the_node_blocks(site: Site) -> None:
    site.report({**REPORT, "machine": {**REPORT["machine"], "wattbench": "0.9", "python": "3.11"}})
    found = site.find(site.probe())
    assert (found["wattbench"].state, found["Python"].state) == (BLOCKS, BLOCKS)
    assert "0.9 at" in found["wattbench"].detail
    (site.bin / "wattbench").unlink()
    found = site.find(site.probe())
    assert (found["wattbench"].state, found["wattbench"].detail) == (
        BLOCKS,
        "not on PATH of the job",
    )


def test_wattbench_that_breaks_on_the_node_blocks_in_its_words(site: Site) -> None:
    site.program("wattbench", "echo 'ImportError: libstdc++.so.6' >&2; exit 1")
    found = site.find(site.probe())["wattbench"]
    assert found.state == BLOCKS
    assert "libstdc++" in found.detail


@pytest.mark.parametrize(
    ("given", "gpus", "state"), [("0,1", ["0", "1"], OK), ("0", ["0"], BLOCKS), ("", [], BLOCKS)]
)
def test_gpus_are_counted(
    site: Site, monkeypatch: pytest.MonkeyPatch, given: str, gpus: list[str], state: str
) -> None:
    monkeypatch.setenv("GIVEN", given)
    site.report({**REPORT, "machine": {**REPORT["machine"], "job": {"gpus": gpus}}})
    seen = site.probe(Request(gpus=2, gpu_type="a100"))
    assert "--gpus=a100:2" in seen.command
    assert site.find(seen)["GPUs of the job"].state == state


def test_gpus_that_cuda_is_not_told_of_are_said(site: Site) -> None:
    site.report({**REPORT, "machine": {**REPORT["machine"], "job": {"gpus": ["3"]}}})
    found = site.find(site.probe(Request(gpus=1)))["GPUs of the job"]
    assert found.state == MISSING
    assert "CUDA_VISIBLE_DEVICES is not set" in found.detail


@pytest.mark.parametrize(
    ("program", "text", "what", "words"),
    [
        ("sacct", "echo 'Connection refused' >&2; exit 1", "sacct", "Connection refused"),
        ("sacct", "echo RUNNING", "sacct", "does not know the job's end"),
        ("seff", "echo 'Job not found' >&2; exit 1", "seff", "Job not found"),
        ("jobstats", "echo 'No stats found' >&2; exit 1", "jobstats", "No stats found"),
        ("squeue", "exit 1", "comment in squeue", "none"),
        ("squeue", "exit 1", "squeue on the node", "cannot be asked"),
        ("scancel", "echo 'Access denied' >&2; exit 1", "SIGTERM", "Access denied"),
    ],
)
def test_what_a_run_can_do_without_is_missing_and_blocks_nothing(
    site: Site, program: str, text: str, what: str, words: str
) -> None:
    if program == "scancel":
        # Nobody ends it then: it ends as at its limit.
        text += "\n"
        site.program("wattbench", "cat $STATE/report.json; (sleep 1; kill $PPID) >/dev/null 2>&1 &")
    site.program(program, text)
    found = site.find(site.probe())
    assert found[what].state == MISSING
    assert words in found[what].detail
    assert not [one for one in found.values() if one.state == BLOCKS]


def test_files_that_come_late_ask_for_more_patience(site: Site) -> None:
    seen = site.probe()
    late = replace(seen, round_trip_s=40.2)
    found = site.find(late)["latency of files"]
    assert (found.state, "latency-wait: 121" in str(found.mend)) == (MISSING, True)
    patient = replace(PROFILE, latency_wait_s=121)
    assert site.find(late, patient)["latency of files"].state == OK


def test_polling_by_squeue_needs_a_controller_that_remembers(site: Site) -> None:
    seen = replace(site.probe(), min_job_age_s=120.0)
    found = site.find(seen)["polling"]
    assert found.state == MISSING
    assert "210 s are needed" in found.detail
    assert site.find(seen, replace(PROFILE, status_command="sacct")).get("polling") is None
    assert site.find(seen, NO_PROFILE)["profile"].state == MISSING


@pytest.mark.parametrize(
    ("said", "state", "words"),
    [
        ("held", OK, "is seen there"),
        ("free", MISSING, "not seen there"),
        ("No locks available", MISSING, "No locks available"),
    ],
)
def test_locks_that_do_not_reach_the_node_are_said(
    site: Site, said: str, state: str, words: str
) -> None:
    seen = site.probe()
    assert seen.facts["python"].splitlines()[-1] == "held"
    told = replace(seen, facts={**seen.facts, "python": f"/env/bin/python\n{said}"})
    found = site.find(told)["file locks"]
    assert (found.state, words in found.detail) == (state, True)


def test_jobstats_is_asked_where_the_site_has_it(site: Site) -> None:
    site.program("jobstats", "echo '{}'")
    assert site.find(site.probe())["jobstats"].state == OK


def test_a_node_too_slow_for_the_minute_is_no_broken_one(site: Site) -> None:
    seen = site.probe()
    facts = {key: text for key, text in seen.facts.items() if key not in {"ready", "term"}}
    slow = replace(seen, facts=facts, report=None, sigterm_s=None, round_trip_s=None)
    found = site.find(slow)
    assert (found["wattbench"].state, "within 1 min" in found["wattbench"].detail) == (
        MISSING,
        True,
    )
    assert (found["SIGTERM"].state, "not tried" in found["SIGTERM"].detail) == (MISSING, True)
    assert found["latency of files"].detail == "not measured"


def test_a_job_that_did_nothing_blocks_with_what_srun_said(site: Site) -> None:
    seen = site.probe()
    facts = {"started": "node1", "srun.said": "srun: error: Unable to create step\n"}
    found = site.find(replace(seen, facts=facts, report=None))["the job's work"]
    assert (found.state, "Unable to create step" in found.detail) == (BLOCKS, True)


def test_a_job_that_ended_before_it_ran_blocks(site: Site) -> None:
    cancelled = PENDING.format(reason="None").replace("PENDING", "CANCELLED")
    site.program("sbatch", "echo 77")
    site.program("scontrol", cancelled)
    found = site.find(site.probe())["scheduling"]
    assert (found.state, "ended without having run" in found.detail) == (BLOCKS, True)
    assert site.nothing_left()
