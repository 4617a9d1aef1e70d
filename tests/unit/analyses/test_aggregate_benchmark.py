"""The benchmark of aggregation runs, and makes a study that audits clean."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

BENCHMARK = Path(__file__).resolve().parents[3] / "benchmarks/aggregate.py"


def test_a_few_runs() -> None:
    command = [sys.executable, str(BENCHMARK), "--runs", "6", "--questions", "24", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode in {0, 1}, done.stderr
    found = json.loads(done.stdout)
    assert (found["runs"], found["questions"], found["errors"]) == (6, 24, 0)
    assert found["aggregate_ratio"] > 0
    assert found["again_s"] > 0
