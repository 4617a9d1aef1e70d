"""The benchmark of intervals and tests runs, and its folder shadows nothing of Python's."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).resolve().parents[3] / "benchmarks"


def test_a_few_simulations() -> None:
    command = [sys.executable, str(BENCHMARKS / "statistics"), "--simulations", "24"]
    command += ["--resamples", "300", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode in {0, 1}, done.stderr
    found = json.loads(done.stdout)
    assert found["simulations"] == 24
    # Twenty-four benchmarks say little; intervals that miss or hold everything would show.
    assert all(0.8 < share <= 1 for share in found["coverage"].values()), found["coverage"]
    assert found["false_wins"]["difference of scores"] <= 0.25
    assert found["coverage"]["score"] < 1
    assert all(one["misjudged"] < 0.25 for one in found["calibration"].values())
    assert done.returncode == (0 if found["good"] else 1)


def test_the_folder_leaves_pythons_own_module_alone() -> None:
    command = [sys.executable, "-c", "import statistics; print(statistics.mean([1, 2, 6]))"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=BENCHMARKS)
    assert done.stdout.split() == ["3"]
