"""Running the scheduler's client programs: each with a time limit, each failure a reason."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Reply:
    """What a program said.

    Args:
        text: Its output; empty where it could not be asked.
        reason: Why it could not be asked, or None.
        for_good: Whether asking again later is of no use.
        warning: What it wrote beside its output.
    """

    text: str
    reason: str | None
    for_good: bool = False
    warning: str = ""


def call(command: Sequence[str], *, timeout_s: float | None = None) -> Reply:
    """Run a client program; one that is missing, fails or hangs is a reason, no failure.

    Times are asked for in UTC and in one format, whatever the user's shell says.

    Args:
        command: Program and arguments.
        timeout_s: Limit; default TIMEOUT_S.
    """
    program = command[0]
    if shutil.which(program) is None:
        return Reply("", f"{program} is not on this machine", for_good=True)
    limit = TIMEOUT_S if timeout_s is None else timeout_s
    environment = {**os.environ, "TZ": "UTC", "SLURM_TIME_FORMAT": "standard", "LC_ALL": "C"}
    try:
        found = subprocess.run(
            list(command),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=limit,
            stdin=subprocess.DEVNULL,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Reply("", f"{program} did not answer within {limit:g} s")
    except OSError as error:
        return Reply("", f"{program} cannot be run: {error.strerror}")
    beside = " ".join(found.stderr.split())[:200]
    if found.returncode != 0:
        said = beside or " ".join(found.stdout.split())[:200] or f"exit code {found.returncode}"
        disabled = "accounting storage is disabled" in said.lower()
        return Reply("", f"{program} failed: {said}", for_good=disabled, warning=beside)
    return Reply(found.stdout, None, warning=beside)
