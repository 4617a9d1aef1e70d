"""benchmarks/scoring.py runs, and finds both ways of judging equal."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from wattbench.study.judgement import RULES

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "scoring.py"


def test_the_benchmark_runs() -> None:
    rules = [option for rule in RULES for option in ("--rule", rule)]
    command = [sys.executable, str(SCRIPT), "--predictions", "3000", "--json", *rules]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert len(rows) == 3 * len(RULES)
    assert {(row["predictions"], row["compared"]) for row in rows} == {(3000, 3000)}
    assert all(row["rows_per_s"] > 0 for row in rows)
