"""Reading a study from YAML or JSON."""

from __future__ import annotations

from pathlib import Path

import yaml

from wattbench.study.models import Study


def load_study(path: Path) -> Study:
    """The validated study of a file."""
    return Study.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
