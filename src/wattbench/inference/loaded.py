"""The model of a job: loaded when the first question needs it, for all question sets of the job."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from wattbench.inference.backends.base import Backend
from wattbench.inference.run import Run
from wattbench.inference.stopping import Stop
from wattbench.telemetry.ledger import idle_powers
from wattbench.telemetry.segment import Moment, Segment


class LoadedModel:
    """The model of a job.

    Args:
        stop: Tells when to stop.
    """

    loaded_in: str | None = None
    """Segment that carries the load, or None while nothing is loaded."""

    idle_w: Mapping[str, float | None] = {}
    """Power of each device before anything was loaded."""

    def __init__(self, stop: Stop) -> None:
        self._stop = stop
        self._backend: Backend | None = None
        self._open: Segment | None = None

    def get(self, run: Run, segment: Segment) -> Backend | None:
        """The model, loaded in the segment where it is not yet; None where a signal came.

        Raises:
            FaultError: It cannot be loaded.
            InputError: The settings or the weights cannot be used.
        """
        if self._backend is not None:
            return self._backend
        segment.rest()
        segment.phase("load")
        backend = run.backend_class(run.setup())
        if not self._load(backend, segment):
            return None
        self._backend = backend
        self.loaded_in = segment.head.segment
        self.idle_w = idle_powers(run.journal, segment.head.number)
        return backend

    def _load(self, backend: Backend, segment: Segment) -> bool:
        """Load in a thread of its own, so that a signal is heard meanwhile."""
        failed: list[BaseException] = []

        def load() -> None:
            try:
                backend.load()
            # Raised again in the main thread.
            except BaseException as error:  # noqa: BLE001
                failed.append(error)

        thread = threading.Thread(target=load, name="loader", daemon=True)
        thread.start()
        ended = self._stop.wait_for([thread], segment.check)
        if failed:
            raise failed[0]
        return ended and not self._stop.requested

    @property
    def is_kept(self) -> bool:
        """Whether a segment stays open until the next one begins."""
        return self._open is not None

    def keep(self, segment: Segment) -> None:
        """Leave a finished segment open until the next one begins: the model stays loaded."""
        self._open = segment

    def hand_over(self) -> Moment:
        """End the segment that was left open.

        Returns:
            When it ended.
        """
        if self._open is None:
            raise ValueError("no segment was left open")
        segment, self._open = self._open, None
        return segment.end("finished")

    def leave(self) -> None:
        """Forget it without freeing it, for native code may still run it and would crash."""
        self._backend = self.loaded_in = None

    def close(self) -> None:
        """Free it, where it is loaded."""
        if self._backend is not None:
            backend, self._backend = self._backend, None
            self.loaded_in = None
            backend.close()
        if self._open is not None:
            self.hand_over()
