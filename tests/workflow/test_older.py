"""Results that another version wrote: the message's command makes the file anew, and no more."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.workflow.conftest import Workplace
from wattbench.tables.answers import PREDICTIONS
from wattbench.tables.files import read_arrow


@pytest.mark.parametrize("column", ["widened", None], ids=["a column less", "an empty file"])
def test_the_command_of_the_message_mends_it(finished: Workplace, column: str | None) -> None:
    path = finished.folder / "results/runs/local/set/poor/predictions.parquet"
    if column is None:
        path.write_bytes(b"")
    else:
        pq.write_table(read_arrow(path, PREDICTIONS).drop_columns([column]), path)
    asked = len(finished.calls("poor"))

    done = aggregated(finished)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    told = " ".join(done.stderr.split())
    assert "poor/predictions.parquet" in told
    assert column is None or f"lacks column '{column}'" in told
    command = re.search(r"`(snakemake --force [^`]*)`", told)
    assert command is not None

    finished.jobs(*shlex.split(command[1])[1:])
    assert read_arrow(path, PREDICTIONS).num_rows == 4
    assert len(finished.calls("poor")) == asked
    again = aggregated(finished)
    assert again.returncode == 0, again.stderr


def aggregated(place: Workplace) -> subprocess.CompletedProcess[str]:
    """What `wattbench aggregate` says."""
    command = [str(Path(sys.executable).parent / "wattbench"), "aggregate"]
    return subprocess.run(
        [*command, "--study", str(place.folder / "results/study.json")],
        cwd=place.folder,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
