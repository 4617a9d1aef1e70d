"""Which weight files a study needs on this machine."""

from __future__ import annotations

from wattbench.study.models import Study
from wattbench.weights.catalogue import CATALOGUE, EMBEDDER, TOKENIZER

EMBEDDED = "llamacpp"
"""The backend that loads a weight file itself."""


def weights_of(study: Study) -> tuple[str, ...]:
    """Pinned files that the study's models and embedders load, in the catalogue's order."""
    needed = {model.weights for model in study.models.values()}
    if any(index.embedder.kind == "minilm" for index in study.indexes.values()):
        needed |= {EMBEDDER, TOKENIZER}
    return tuple(name for name in CATALOGUE if name in needed)
