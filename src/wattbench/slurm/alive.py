"""Whether Slurm still runs a job, in which state, and whether its like was cancelled before."""

from __future__ import annotations

import re
from collections.abc import Sequence

from wattbench.slurm.calls import Reply, call

TIMEOUT_S = 20.0
STATE_TIMEOUT_S = 2.0
ALIVE = frozenset(
    {"RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT", "RESIZING"}
)
"""States in which a job's processes may be there; one that is requeued waits without any."""

WITHDRAWN_DAYS = 30
"""How far back accounting is asked for jobs of the same start."""

_TARGET = re.compile(r"--target-jobs '([^']+)'")
_NAME = re.compile(r"--job-name[= ](\S+)")

FORGOTTEN = "invalid job id"


def job_alive(job_id: str) -> bool | None:
    """Whether a job's processes may still run; None where Slurm does not say.

    Args:
        job_id: Slurm's id of the job.
    """
    reply = call(["squeue", "--noheader", f"--jobs={job_id}", "--format=%T"], timeout_s=TIMEOUT_S)
    if reply.reason is not None:
        # The controller forgets a job some minutes after its end (MinJobAge).
        return False if FORGOTTEN in reply.reason.lower() else None
    return any(state in ALIVE for state in reply.text.split())


def job_state(job_id: str) -> str | None:
    """State of a job, such as RUNNING or, while it is being ended, why; None where none says it.

    While a job's processes are told to end, slurmctld says COMPLETING and hides the state beneath:
    of a time limit the reason speaks, of the rest the accounting.

    Args:
        job_id: Slurm's id of the job.
    """
    # Asked by a job that is about to be killed, so there is little time.
    controller = call(
        ["squeue", "--noheader", f"--jobs={job_id}", "--format=%T %r"], timeout_s=STATE_TIMEOUT_S
    )
    state, _, reason = controller.text.strip().partition(" ")
    if reason == "TimeLimit":
        return "TIMEOUT"
    if state and state != "COMPLETING":
        return state
    accounting = call(
        ["sacct", "-X", "-n", "-P", f"--jobs={job_id}", "--format=State"], timeout_s=STATE_TIMEOUT_S
    )
    states = accounting.text.split("\n")[0].split()
    return states[0] if states else None


def withdrawn(job_id: str) -> bool:
    """Whether a job for the same work was cancelled while it waited, since the workflow started.

    Such a job left no trace of its own. The executor gives all jobs of one start one name, and
    names what a job works for on the command line, which accounting keeps (Slurm 21.08 and later).

    Args:
        job_id: Slurm's id of the job that asks.

    Returns:
        False also where accounting does not say.
    """
    own = _TARGET.search(line := _submitted(["--jobs", job_id]).text)
    name = _NAME.search(line)
    if own is None or name is None:
        return False
    since = f"--starttime=now-{WITHDRAWN_DAYS}days"
    for job in _submitted(["--name", name[1], since]).text.splitlines():
        state, elapsed, _, command = [*job.split("|", 3), "", "", ""][:4]
        target = _TARGET.search(command)
        if state.startswith("CANCELLED") and elapsed == "0" and target and target[1] == own[1]:
            return True
    return False


def _submitted(which: Sequence[str]) -> Reply:
    fields = "--format=State,ElapsedRaw,JobIDRaw,SubmitLine"
    return call(["sacct", "-X", "-n", "-P", *which, fields], timeout_s=TIMEOUT_S)
