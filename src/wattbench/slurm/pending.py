"""Rows of accounting that compute.json lacks and may still get, and asking for them again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from wattbench.errors import InputError
from wattbench.slurm.calls import Reply
from wattbench.slurm.sources import NOT_OVER
from wattbench.slurm.units import job_order
from wattbench.study.layout import RunFiles
from wattbench.tables.files import read_json

Row = dict[str, Any]
AWAY_DAYS = 30
"""How long after a job's end accounting that could not be asked is asked again."""

LATE_DAYS = 2
"""How long after a job's end a row that accounting has not got may still arrive."""


def now() -> datetime:
    """The time, UTC."""
    return datetime.now(UTC)


def until_when(rows: Sequence[Row], sacct: Reply) -> Row | None:
    """What compute.json says under `pending`: which jobs to ask for again, why, and until when.

    Args:
        rows: The run's rows of the table `compute`, times as datetimes.
        sacct: sacct's answer.

    Returns:
        jobs, reason and until (ISO time, UTC), or None where nothing may still come: no Slurm
        job, all rows final, or a cluster that keeps no accounting.
    """
    if sacct.for_good:
        return None
    open_rows = [row for row in rows if row["scheduler"] == "slurm" and not _is_final(row)]
    if not open_rows:
        return None
    days = AWAY_DAYS if sacct.reason is not None else LATE_DAYS
    last = max(row["ended_at"] or now() for row in open_rows)
    reason = sacct.reason or "accounting has no final row of these jobs yet"
    return {
        "jobs": sorted({row["job_id"] for row in open_rows}, key=job_order),
        "reason": reason,
        "until": (last + timedelta(days=days)).isoformat(),
    }


def _is_final(row: Row) -> bool:
    by_sacct = str(row["source"]).split("+", 1)[0] == "sacct"
    over = row["state_raw"] not in NOT_OVER and row["ended_at"] is not None
    # A slurmdbd that hears of a job's end before its start has a line without what was asked for.
    return by_sacct and over and row["partition"] is not None


def pending_accounting(files: RunFiles) -> bool:
    """Whether accounting should be asked again about a run's jobs.

    True where compute.json says that rows are still to come: slurmdbd was away, or had not the
    jobs' last word. False without compute.json, without Slurm, where accounting is off or sacct
    is not installed, and when too long has passed since the jobs ended.

    Args:
        files: The run's files.
    """
    if not files.compute.exists():
        return False
    try:
        pending = read_json(files.compute).get("pending")
        return bool(pending) and now() < datetime.fromisoformat(pending["until"])
    except (InputError, AttributeError, KeyError, TypeError, ValueError):
        # A broken or foreign file is collect_compute's to write anew.
        return True


def asking(runs: Iterable[RunFiles]) -> int:
    """Which time accounting is asked about a question set's runs, from 1.

    A number that does not change while nothing is missing: the workflow collects again when it
    does, and re-runs nothing else.

    Args:
        runs: Files of the runs.
    """
    known = list(runs)
    last = max((_asked(files) for files in known), default=1)
    return last + any(pending_accounting(files) for files in known)


def _asked(files: RunFiles) -> int:
    try:
        return int(read_json(files.compute)["asking"]) if files.compute.exists() else 1
    except (InputError, KeyError, TypeError, ValueError):
        return 1
