"""Starting again, small: benchmarks/resume.py with few questions; nothing here is timed."""

from __future__ import annotations

from pathlib import Path

from benchmarks.resume import measure


def test_a_model_is_loaded_only_for_what_is_missing(tmp_path: Path) -> None:
    found = measure(tmp_path, 30)
    assert found["missing"] == 1
    assert (found["one_missing_loads"], found["none_missing_loads"]) == (1, 0)
    assert found["journal_bytes"] > 29 * 1000
