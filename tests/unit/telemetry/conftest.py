"""The stand-in for NVIDIA's library, built once."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.nvml.scenario import build, compiler, environment
from tests.nvml.virtual import Live

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if compiler() is None:
        pytest.skip("no C compiler to build the stand-in for libnvidia-ml with")
    return build(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def live(library: Path) -> Live:
    """Lives segments in virtual time over the real pynvml, in a process that loads the stand-in."""

    def run(cases: Sequence[dict[str, Any]]) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "tests.nvml.worker"],
            input=json.dumps(cases),
            env=environment(library, Path("none")),
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    return run
