"""Saving figures in several processes, which takes most of the time of a report."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Hashable, Iterator, Mapping
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor, as_completed
from multiprocessing.connection import wait
from types import TracebackType
from typing import Self

from matplotlib.figure import Figure

from wattbench.report.figures import figure_bytes
from wattbench.study.reporting import Outputs
from wattbench.telemetry.job import usable_cpus

Files = dict[str, bytes]

MOST_WORKERS = 4
"""Reports are made on login nodes, which others use too."""

WORTH_IT = 6
"""Figures from which the start of workers, about a second each, is soon made up for."""


class Drawers:
    """Saves figures, many of them in several processes; the bytes are the same either way.

    What was saved under a key is not saved again, so that reports share the plots in which they
    agree. Used as a context manager, which ends the processes.

    Args:
        workers: Processes; 1 works in this one alone. None: one for each core that this process
            may use, four at most.
    """

    def __init__(self, workers: int | None = None) -> None:
        self._workers = min(usable_cpus(), MOST_WORKERS) if workers is None else workers
        self._pool: ProcessPoolExecutor | None = None
        self._saved: dict[Hashable, Files | str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def saved(
        self, figures: Mapping[Hashable, Figure], outputs: Outputs
    ) -> Iterator[tuple[Hashable, Files | str]]:
        """Each key with its files by suffix, or with what went wrong; in no order.

        Args:
            figures: Figures by a key that holds all they are made from, and `outputs`.
            outputs: Formats, and dots an inch.
        """
        new = {key: figure for key, figure in figures.items() if key not in self._saved}
        yield from ((key, self._saved[key]) for key in figures if key not in new)
        for key, files in self._in_workers(new, outputs):
            new.pop(key)
            self._saved[key] = files
            yield key, files
        for key, figure in new.items():
            self._saved[key] = _here(figure, outputs)
            yield key, self._saved[key]

    def _in_workers(
        self, figures: Mapping[Hashable, Figure], outputs: Outputs
    ) -> Iterator[tuple[Hashable, Files]]:
        """What workers save; a figure that one fails on is left to this process."""
        if self._workers < 2 or len(figures) < WORTH_IT:
            return
        if self._pool is None:
            # Forked children would hold the locks of threads that they do not have.
            self._pool = ProcessPoolExecutor(
                self._workers, multiprocessing.get_context("spawn"), initializer=_end_with_parent
            )
        pending: dict[Future[Files], Hashable] = {}
        # Workers start with interrupts blocked from their first moment: the parent ends them.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            # The largest first: what is left for the end then takes little.
            for key in sorted(figures, key=lambda k: -figures[k].get_size_inches().prod()):
                future = self._pool.submit(
                    figure_bytes, figures[key], outputs.fig_format, outputs.dpi
                )
                pending[future] = key
        except BrokenExecutor:
            pass  # A worker was killed, which what is pending says too.
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        for future in as_completed(pending):
            if future.exception() is None:
                yield pending[future], future.result()


def _here(figure: Figure, outputs: Outputs) -> Files | str:
    try:
        return figure_bytes(figure, outputs.fig_format, outputs.dpi)
    except Exception as error:  # noqa: BLE001 - a plot's fault must not cost the rest
        return f"{type(error).__name__}: {error}"


def _end_with_parent() -> None:
    """Ends this worker with its parent, whatever ended that; the pool itself would wait on."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_exit_after, args=(parent.sentinel,), daemon=True).start()


def _exit_after(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)
