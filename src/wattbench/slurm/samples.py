"""What a run's own samples say of its GPUs, one attempt of a job at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

Row = dict[str, Any]
COLUMNS = (
    "gpu_utilisation_samples_pct",
    "gpu_utilisation_min_pct",
    "gpu_utilisation_max_pct",
    "gpu_memory_mean_bytes",
    "gpu_memory_peak_bytes",
    "gpu_power_mean_w",
)
NO_SAMPLE = "no sample of a GPU says it"


def gpu_figures(samples: pa.Table, segments: Sequence[Row]) -> Row:
    """Figures of the GPUs of one attempt over all its samples, None where none says it.

    Args:
        samples: The run's table `samples`.
        segments: Rows of the table `segments` of this job and attempt.

    Returns:
        The columns of `COLUMNS`: mean, least and largest utilisation of any GPU in %, mean and
        largest memory in use on one GPU in bytes, mean power of one GPU in watts.
    """
    uuids = sorted({uuid for segment in segments for uuid in segment["gpu_uuids"]})
    if not uuids:
        return dict.fromkeys(COLUMNS)
    names = pa.array([segment["segment"] for segment in segments], pa.string())
    mine = samples.filter(
        pc.and_(
            pc.is_in(samples["segment"], names),
            pc.is_in(samples["device"], pa.array(uuids, pa.string())),
        )
    )
    util, memory = mine["utilisation_pct"], mine["memory_bytes"]
    mean_memory = pc.mean(memory).as_py()
    return {
        "gpu_utilisation_samples_pct": pc.mean(util).as_py(),
        "gpu_utilisation_min_pct": pc.min(util).as_py(),
        "gpu_utilisation_max_pct": pc.max(util).as_py(),
        "gpu_memory_mean_bytes": None if mean_memory is None else round(mean_memory),
        "gpu_memory_peak_bytes": pc.max(memory).as_py(),
        "gpu_power_mean_w": pc.mean(mine["power_w"]).as_py(),
    }
