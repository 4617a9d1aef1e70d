"""What an embedder is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]

TINY = 1e-12


class Embedder(Protocol):
    """Turns texts into vectors of length 1."""

    @property
    def identity(self) -> str:
        """What the vectors depend on: vectors of two identities must not be compared."""

    @property
    def dimensions(self) -> int:
        """Numbers in a vector."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of texts.

        Args:
            texts: n texts.

        Returns:
            float32 array of shape [n, dimensions], each row of L2 norm 1.

        Raises:
            FaultError: The embedder failed.
        """


def unit_length(vectors: npt.NDArray[np.floating]) -> Vectors:
    """Vectors scaled to L2 norm 1 along the last axis, as float32."""
    wide = np.asarray(vectors, dtype=np.float64)
    norms = np.linalg.norm(wide, axis=-1, keepdims=True)
    scaled: Vectors = (wide / np.maximum(norms, TINY)).astype(np.float32)
    return scaled
