"""The embedder that a study asks for."""

from __future__ import annotations

from wattbench.retrieval.embedder import Embedder
from wattbench.retrieval.endpoint import EndpointEmbedder
from wattbench.retrieval.minilm import MiniLm
from wattbench.retrieval.transformers import SentenceTransformersEmbedder
from wattbench.study.retrieval import Embedder as Settings


def open_embedder(settings: Settings) -> Embedder:
    """The embedder of a study's section, ready to work.

    Raises:
        InputError: Its weights or its package are missing, or its endpoint refuses the request.
        FaultError: Its endpoint does not answer, or its model cannot be loaded.
    """
    if settings.kind == "sentence-transformers":
        return SentenceTransformersEmbedder(settings.model or "", settings.batch_size)
    if settings.kind == "openai":
        return EndpointEmbedder(
            settings.base_url or "",
            settings.model or "",
            key_variable=settings.api_key_env,
            batch_size=settings.batch_size,
        )
    return MiniLm()
