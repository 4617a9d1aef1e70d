"""Whether Slurm still runs a job."""

from __future__ import annotations

from wattbench.slurm.calls import call

TIMEOUT_S = 20.0
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
