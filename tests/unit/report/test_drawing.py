"""Figures are saved alike in this process and in several, whatever becomes of the others."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from matplotlib.figure import Figure

from wattbench.report.drawing import WORTH_IT, Drawers
from wattbench.report.views import plotting
from wattbench.study.reporting import Outputs

OUTPUTS = Outputs(fig_format=("png", "svg"), dpi=50)


def small(number: int) -> Figure:
    with plotting.style({}):
        figure, axes = plotting.axes(3, 2)
        axes.plot([0, number], [1, 2])
        axes.set_title(f"plot {number}")
    return figure


class Broken(Figure):
    """A figure that cannot be drawn, in whichever process."""

    def draw(self, *_: Any, **__: Any) -> None:
        raise ZeroDivisionError("of all things")


class Deadly(Figure):
    """A figure that ends every process but the one that made it."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        os._exit(9)


def saved(figures: dict[Any, Figure], workers: int) -> dict[Any, Any]:
    with Drawers(workers) as drawers:
        return dict(drawers.saved(figures, OUTPUTS))


def test_workers_save_the_same_bytes_and_one_fault_stops_nothing() -> None:
    def figures() -> dict[Any, Figure]:
        broken = Broken(figsize=(3, 2))
        return {number: small(number) for number in range(WORTH_IT)} | {"broken": broken}

    here, there = saved(figures(), 1), saved(figures(), 2)
    assert here == there
    assert here.pop("broken") == "ZeroDivisionError: of all things"
    assert all(set(files) == {"png", "svg"} for files in here.values())


def test_what_is_saved_is_not_saved_again() -> None:
    with Drawers(1) as drawers:
        first = dict(drawers.saved({"a": small(1)}, OUTPUTS))
        again = dict(drawers.saved({"a": small(2), "b": small(2)}, OUTPUTS))
    assert again["a"] is first["a"]
    assert again["b"] != first["a"]


def test_a_worker_that_dies_costs_no_figure() -> None:
    figures: dict[Any, Figure] = {number: small(number) for number in range(WORTH_IT)}
    figures["deadly"] = Deadly(figsize=(3, 2))
    found = saved(figures, 2)
    assert len(found) == WORTH_IT + 1
    assert all(isinstance(files, dict) for files in found.values())


ENDLESS = """
import sys, time
from matplotlib.figure import Figure
from wattbench.report.drawing import WORTH_IT, Drawers
from wattbench.study.reporting import Outputs

class Slow(Figure):
    def draw(self, *args, **kwargs):
        print("drawing", flush=True)
        time.sleep(1)

if __name__ == "__main__":
    with Drawers(2) as drawers:
        list(drawers.saved({n: Slow() for n in range(300)}, Outputs(fig_format=("png",))))
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_workers_end_with_their_parent(how: signal.Signals, tmp_path: Path) -> None:
    script = tmp_path / "endless.py"
    script.write_text(ENDLESS)
    parent = subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    assert parent.stdout is not None
    assert parent.stdout.readline() == "drawing\n"
    workers = psutil.Process(parent.pid).children(recursive=True)
    assert workers
    if how == signal.SIGINT:  # as a terminal's Ctrl-C: all of them get it
        os.killpg(parent.pid, how)
        _, error = parent.communicate(timeout=60)
        assert error.count("Traceback") == 1, error
    else:
        os.kill(parent.pid, how)
    _, alive = psutil.wait_procs(workers, timeout=30)
    assert not alive
    assert parent.wait(timeout=30) != 0
