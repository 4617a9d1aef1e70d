"""Whether Slurm still runs a job, and in which state."""

from __future__ import annotations

import re

from wattbench.slurm.calls import call

TIMEOUT_S = 20.0
STATE_TIMEOUT_S = 3.0
STATE = re.compile(r"\bJobState=(\w+)")
ALIVE = frozenset(
    {"RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT", "RESIZING"}
)
"""States in which a job's processes may be there; one that is requeued waits without any."""

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
    """State of a job as the controller knows it, such as RUNNING; None where it does not say.

    Args:
        job_id: Slurm's id of the job.
    """
    # Asked by a job that is about to be killed, so there is little time.
    reply = call(["scontrol", "-o", "show", "job", job_id], timeout_s=STATE_TIMEOUT_S)
    found = STATE.search(reply.text)
    return found[1] if found else None
