"""Lives segments in virtual time over the real pynvml; started where it loads the stand-in.

Reads a list of cases as JSON from its input: each a script, a clock file, the environment that a
rank sees, its job, and the lengths of its phases.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from tests.nvml.scenario import SCENARIO, FileClock
from tests.nvml.virtual import VirtualSegment, a_job
from wattbench.telemetry.given import measured_gpus
from wattbench.telemetry.nvml import Nvml, load_nvml

OWN = (
    "CUDA_VISIBLE_DEVICES",
    "CUDA_DEVICE_ORDER",
    "SLURM_JOB_ID",
    "SLURM_JOB_GPUS",
    "SLURM_STEP_GPUS",
)


def live(case: dict[str, Any]) -> None:
    for name in OWN:
        os.environ.pop(name, None)
    os.environ.update(case["environment"])
    os.environ[SCENARIO] = case["script"]
    clock = FileClock(Path(case["clock"]), now=case["start"])
    nvml, why = load_nvml()
    assert nvml is not None, why
    gpus = measured_gpus(os.environ)
    meter = Nvml(nvml, gpus, case.get("root", os.getpid()))
    segment = VirtualSegment(
        Path(case["folder"]),
        case["number"],
        clock,
        [meter],
        gpus=gpus,
        job=a_job(case["host"], case["nodes"]),
        seed=case["number"],
    )
    for name, seconds in case["phases"]:
        if name != "idle":
            segment.phase(name)
        segment.run(seconds)
    segment.end()
    nvml.nvmlShutdown()
    clock.close()


if __name__ == "__main__":
    for one in json.load(sys.stdin):
        live(one)
