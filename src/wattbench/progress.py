"""Progress of long work: a live bar on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

from rich import filesize
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bar

PLAIN_LINE_EVERY_S = 5.0
BYTES = "bytes"
"""The unit whose counts are shown as kB, MB and GB."""


class Progress:
    """Counts finished items and shows the rate.

    Args:
        what: What runs, such as 'infer qwen-0.5b on demo'.
        total: Items in all, or None where that is not known.
        unit: What is counted, in the plural; `BYTES` is shown in kB, MB and GB.
        done: Items that were done before.
    """

    def __init__(self, what: str, *, total: int | None, unit: str, done: int = 0) -> None:
        self.what = what
        self.total = total
        self.unit = unit
        self.done = done
        self._done_before = done
        self._started = time.monotonic()
        self._last_line = self._started
        self._bar: Bar | None = None

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            self._bar = Bar(
                TextColumn("{task.description}"),
                BarColumn(),
                DownloadColumn() if self.unit == BYTES else MofNCompleteColumn(),
                TextColumn(f"{'' if self.unit == BYTES else self.unit}  {{task.fields[rate]}}"),
                TimeRemainingColumn(),
                console=Console(stderr=True),
            )
            self._bar.start()
            self._task = self._bar.add_task(
                self.what, total=self.total, completed=self.done, rate=""
            )
        else:
            self._print()
        return self

    def advance(self, items: int = 1) -> None:
        """Count `items` more as done."""
        self.done += items
        if self._bar is not None:
            self._bar.update(self._task, advance=items, rate=self.rate())
        elif time.monotonic() - self._last_line >= PLAIN_LINE_EVERY_S:
            self._print()

    def rate(self) -> str:
        """Items a second since the start, for people."""
        elapsed = max(time.monotonic() - self._started, 1e-9)
        rate = (self.done - self._done_before) / elapsed
        return f"{filesize.decimal(int(rate))}/s" if self.unit == BYTES else f"{rate:.2g}/s"

    def _print(self) -> None:
        self._last_line = time.monotonic()
        rate = f", {self.rate()}" if self.done > self._done_before else ""
        print(f"{self.what}: {self._counts()}{rate}", file=sys.stderr, flush=True)  # noqa: T201

    def _counts(self) -> str:
        if self.unit == BYTES:
            of = f" of {filesize.decimal(self.total)}" if self.total is not None else ""
            return f"{filesize.decimal(self.done)}{of}"
        of = f"/{self.total}" if self.total is not None else ""
        return f"{self.done}{of} {self.unit}"

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        else:
            self._print()
