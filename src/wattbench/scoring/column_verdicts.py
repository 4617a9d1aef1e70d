"""Verdicts on a column of values while they are being found."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wattbench.scoring.texts import Places, Truths

OPEN = -1
"""Of a verdict that is not found yet."""

LEFT_OUT = -2
"""Of an answer that the rule leaves out of its means."""


class Codes:
    """A code per answer; each stands for a verdict and its reason.

    Args:
        rows: Number of answers.
    """

    def __init__(self, rows: int) -> None:
        self.code = np.full(rows, OPEN, dtype=np.int32)
        self._codes: dict[tuple[bool, str], int] = {}

    def code_of(self, verdict: tuple[bool, str]) -> int:
        """Code of a verdict: whether the value is right, and why."""
        return self._codes.setdefault(verdict, len(self._codes))

    def set(self, rows: Places, verdict: tuple[bool, str]) -> None:
        """Give answers one verdict."""
        self.code[rows] = self.code_of(verdict)

    def choose(self, rows: Places, right: Truths, yes: str, no: str) -> None:
        """Give answers one of two verdicts; `right` is of the rows' shape."""
        self.code[rows] = np.where(right, self.code_of((True, yes)), self.code_of((False, no)))

    def right(self, code: NDArray[np.int32]) -> Truths:
        """Where codes say that the value is right."""
        table = np.array([*(right for right, _ in self._codes), False], dtype=np.bool_)
        found: Truths = table[np.maximum(code, OPEN)]
        return found

    def reasons(self) -> tuple[str, ...]:
        """The reason of each code."""
        return tuple(why for _, why in self._codes)
