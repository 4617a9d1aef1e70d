"""What sampling costs: the share of one core at 10 Hz for 8 GPUs.

Ours is the sampler process over NVML; beside it stand a fork of nvidia-smi for every sample, as
many scripts do, and CodeCarbon where it is installed. NVML is the stand-in of tests/nvml, so the
figures are the cost of the sampling itself, without the driver's; nvidia-smi is a shell script
that prints a line a GPU, which is far less than the real tool does.

    python benchmarks/sampler_overhead.py [--seconds 20] [--json]
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.nvml.scenario import Gpu, Scenario, build, compiler, environment, square  # noqa: E402

GPUS = 8
HZ = 10.0
FIELDS = "timestamp,index,uuid,power.draw,utilization.gpu,memory.used,temperature.gpu"

FORKING = f"""
import subprocess, sys, time
until, due = time.monotonic() + float(sys.argv[1]), time.monotonic()
while time.monotonic() < until:
    text = subprocess.run(["nvidia-smi", "--query-gpu={FIELDS}", "--format=csv,noheader,nounits"],
                          capture_output=True, text=True).stdout
    rows = [line.split(",") for line in text.splitlines()]
    due += {1 / HZ}
    time.sleep(max(0.0, due - time.monotonic()))
"""

CODECARBON = f"""
import sys, time
from codecarbon import OfflineEmissionsTracker
tracker = OfflineEmissionsTracker(country_iso_code="DEU", measure_power_secs={1 / HZ},
                                  save_to_file=False, log_level="error")
tracker.start()
time.sleep(float(sys.argv[1]))
tracker.stop()
"""


START_S = 6.0
"""Starting up is over by then, and not counted."""


def share_pct(command: list[str], env: dict[str, str], seconds: float) -> float:
    """Share of one core that a running program takes, with all that it started and waited for."""
    with subprocess.Popen(
        command, env=env, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as process:
        time.sleep(START_S)
        watched = psutil.Process(process.pid)
        before = watched.cpu_times()
        time.sleep(seconds)
        after = watched.cpu_times()
        if process.stdin is not None:
            process.stdin.close()
        process.terminate()
    return (sum(after[:4]) - sum(before[:4])) / seconds * 100


def measure(folder: Path, seconds: float) -> dict[str, Any]:
    """All figures."""
    gpus = [Gpu(f"GPU-{n:08d}", square(60, 300, 2.0, 4 * seconds)) for n in range(GPUS)]
    script = Scenario(gpus, epoch=time.monotonic()).write(folder / "scenario")
    env = environment(build(folder), script)
    tool = folder / "bin" / "nvidia-smi"
    tool.parent.mkdir()
    lines = [
        f"echo '2026/01/01 00:00:00.000, {n}, GPU-{n}, 91.5, 40, 1024, 50'" for n in range(GPUS)
    ]
    tool.write_text("\n".join(["#!/bin/sh", *lines]) + "\n")
    tool.chmod(0o755)
    env["PATH"] = f"{tool.parent}:{env['PATH']}"
    length = str(START_S + seconds + 5)
    ours = [sys.executable, "-m", "wattbench.telemetry.sampler", "--root", str(os.getpid())]
    ours += ["--out", str(folder / "samples.jsonl"), "--hz", str(HZ), "--gpu", "all"]
    found: dict[str, Any] = {
        "gpus": GPUS,
        "hz": HZ,
        "sampler_pct": share_pct(ours, env, seconds),
        "nvidia_smi_pct": share_pct([sys.executable, "-c", FORKING, length], env, seconds),
    }
    found["nvidia_smi_ratio"] = found["nvidia_smi_pct"] / found["sampler_pct"]
    if importlib.util.find_spec("codecarbon") is None:
        found["codecarbon_pct"] = None
        found["codecarbon"] = "not installed: pip install codecarbon to compare with it"
    else:
        tracked = [sys.executable, "-c", CODECARBON, length]
        found["codecarbon_pct"] = share_pct(tracked, env, seconds)
        found["codecarbon_ratio"] = found["codecarbon_pct"] / found["sampler_pct"]
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the figures; fails where the sampler takes 1 % of a core or more."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    if compiler() is None:
        print("no C compiler to build the stand-in for NVML with")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), options.seconds)
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        for name, value in found.items():
            print(f"{name:20}{value if not isinstance(value, float) else round(value, 3)}")
    return int(found["sampler_pct"] >= 1.0)


if __name__ == "__main__":
    sys.exit(main())
