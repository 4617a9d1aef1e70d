from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from wattbench.study.models import Study


@pytest.fixture
def make_study(tmp_path: Path) -> Callable[..., Study]:
    def make(**corpus: object) -> Study:
        (tmp_path / "documents").mkdir(exist_ok=True)
        return Study.model_validate(
            {
                "study": {"name": "s", "results": str(tmp_path / "results")},
                "corpora": {"c": {"documents": str(tmp_path / "documents"), **corpus}},
                "questions": {"q": {"file": "unused.csv"}},
                "models": {"m": {"weights": "unused"}},
            }
        )

    return make
