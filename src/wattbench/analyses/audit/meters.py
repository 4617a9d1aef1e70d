"""What a run's meters did not see, from its ledger."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]


def gap_seconds(segments: Sequence[Row]) -> float:
    """Seconds in which meters gave no sample.

    Args:
        segments: Rows of the table `segments`.
    """
    return math.fsum(
        device["gap_s"] or 0.0
        for segment in segments
        for phase in segment["phases"]
        for device in phase["devices"]
    )


def gpus_of(segments: Sequence[Row], jobs: Sequence[Row]) -> tuple[int | None, int | None]:
    """GPUs that a job was given, and those whose energy is known, where that differs most.

    Args:
        segments: Rows of the table `segments`.
        jobs: Rows of the table `compute`.
    """
    of_job = {job["job_id"]: job["gpus"] for job in jobs if job["gpus"] is not None}
    worst: tuple[int | None, int | None] = (None, None)
    for segment in segments:
        measured = {
            device["device"]
            for phase in segment["phases"]
            for device in phase["devices"]
            if device["kind"] == "gpu" and device["energy_j"] is not None
        }
        given = max(len(segment["gpu_uuids"]), of_job.get(segment["job_id"], 0))
        lacking = given - len(measured)
        if worst[0] is None or lacking > worst[0] - (worst[1] or 0):
            worst = (given, len(measured))
    return worst
