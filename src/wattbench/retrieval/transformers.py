"""Embedders of the sentence-transformers package."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from wattbench.errors import FaultError, InputError
from wattbench.retrieval.embedder import Vectors, unit_length


class SentenceTransformersEmbedder:
    """A model of sentence-transformers.

    Args:
        model: Model id on the hub, or a folder.
        batch_size: Texts embedded at once; padding may change the last bits of a vector.

    Raises:
        InputError: The package is missing.
        FaultError: The model cannot be loaded.
    """

    def __init__(self, model: str, batch_size: int) -> None:
        try:
            library: Any = importlib.import_module("sentence_transformers")
        except ImportError as error:
            raise InputError(
                "the embedder kind 'sentence-transformers' needs a package that is not installed.",
                where="indexes.<name>.embedder.kind",
                mend="Run `pip install 'wattbench[sentence-transformers]'`, or use 'minilm'.",
            ) from error
        try:
            self._model: Any = library.SentenceTransformer(model)
        except (OSError, ValueError) as error:
            raise FaultError(
                f"the embedder '{model}' cannot be loaded: {error}.",
                where="indexes.<name>.embedder.model",
                mend="Check its name, and that the hub can be reached or the folder is there.",
            ) from error
        self._name = model
        self._version = str(library.__version__)
        self._batch_size = batch_size

    @property
    def identity(self) -> str:
        """Model and version of the package."""
        return f"sentence-transformers:{self._name}:{self._version}"

    @property
    def dimensions(self) -> int:
        """Numbers in a vector."""
        return int(self._model.get_sentence_embedding_dimension())

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of texts; see `Embedder.embed`."""
        if not texts:
            return np.zeros((0, self.dimensions), dtype=np.float32)
        found = self._model.encode(
            list(texts), batch_size=self._batch_size, show_progress_bar=False, convert_to_numpy=True
        )
        return unit_length(found)
