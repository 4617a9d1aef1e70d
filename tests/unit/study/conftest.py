from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def study_file(tmp_path: Path) -> Path:
    from study_files import make_study

    return make_study(tmp_path)
