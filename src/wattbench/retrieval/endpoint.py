"""Embedders behind an OpenAI-compatible endpoint."""

from __future__ import annotations

import http.client
import json
import os
import urllib.error
import urllib.request
from collections.abc import Sequence
from typing import Any

import numpy as np
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from wattbench.errors import FaultError, InputError
from wattbench.retrieval.embedder import Vectors, unit_length

TIMEOUT_S = 120.0
TRIES = 5
WAIT_S = 1.0
WAIT_MAX_S = 30.0
AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
PLACE = "indexes.<name>.embedder"


class _TryAgainError(Exception):
    """The endpoint may answer the same request later."""


class EndpointEmbedder:
    """A model behind `<base_url>/embeddings`.

    Args:
        base_url: Address up to and including the version, such as http://localhost:8000/v1.
        model: Model id.
        key_variable: Environment variable that holds the key, or None where none is needed.
        batch_size: Texts of one request.

    Raises:
        InputError: The key is missing or the endpoint refuses the request.
        FaultError: The endpoint does not answer.
    """

    def __init__(
        self, base_url: str, model: str, *, key_variable: str | None, batch_size: int
    ) -> None:
        if not base_url.startswith(("http://", "https://")):
            raise InputError(
                f"'{base_url}' is no http or https address.",
                where=f"{PLACE}.base_url",
                mend="Give the endpoint's address, such as http://localhost:8000/v1.",
            )
        self._url = f"{base_url.rstrip('/')}/embeddings"
        self._model = model
        self._batch_size = batch_size
        self._headers = {"Content-Type": "application/json"}
        if key_variable is not None:
            key = os.environ.get(key_variable)
            if not key:
                raise InputError(
                    f"the environment variable {key_variable} holds no key.",
                    where=f"{PLACE}.api_key_env",
                    mend=f"Run `export {key_variable}=...` before the workflow.",
                )
            self._headers["Authorization"] = f"Bearer {key}"
        self._dimensions: int = self._request(["dimensions"]).shape[1]

    @property
    def identity(self) -> str:
        """Address and model."""
        return f"openai:{self._url}:{self._model}"

    @property
    def dimensions(self) -> int:
        """Numbers in a vector."""
        return self._dimensions

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of texts; see `Embedder.embed`."""
        found = [np.zeros((0, self._dimensions), dtype=np.float32)]
        for start in range(0, len(texts), self._batch_size):
            vectors = self._request(list(texts[start : start + self._batch_size]))
            if vectors.shape[1] != self._dimensions:
                raise FaultError(
                    f"the endpoint gave vectors of {vectors.shape[1]} numbers after some of "
                    f"{self._dimensions}.",
                    where=self._url,
                )
            found.append(vectors)
        return np.concatenate(found)

    def _request(self, texts: list[str]) -> Vectors:
        tries = Retrying(
            stop=stop_after_attempt(TRIES),
            wait=wait_exponential(multiplier=WAIT_S, max=WAIT_MAX_S),
            retry=retry_if_exception_type(_TryAgainError),
            reraise=True,
        )
        try:
            answer = tries(self._send, texts)
        except _TryAgainError as error:
            raise FaultError(
                f"the embeddings endpoint failed {TRIES} times: {error}.",
                where=self._url,
                mend="See that it runs, then run again.",
            ) from error
        return self._vectors(answer, len(texts))

    def _send(self, texts: list[str]) -> Any:
        body = json.dumps({"model": self._model, "input": texts, "encoding_format": "float"})
        request = urllib.request.Request(self._url, body.encode(), self._headers)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            said = error.read(500).decode("utf-8", "replace")
            if error.code in AGAIN:
                raise _TryAgainError(f"{error.code} {said}") from error
            raise InputError(
                f"the embeddings endpoint refused the request: {error.code} {said}.",
                where=self._url,
                mend=f"Check '{PLACE}' (model, base_url, api_key_env) in the study.",
            ) from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            # A connection that breaks, or a reply cut short so that it is no JSON.
            raise _TryAgainError(str(error)) from error

    def _vectors(self, answer: Any, count: int) -> Vectors:
        try:
            items = sorted(answer["data"], key=lambda item: item["index"])
            found = np.array([item["embedding"] for item in items], dtype=np.float64)
        except (KeyError, TypeError, ValueError) as error:
            raise FaultError(
                "the endpoint's reply is no list of embeddings.", where=self._url
            ) from error
        if found.ndim != 2 or len(found) != count or not np.isfinite(found).all():
            raise FaultError(
                f"the endpoint's reply does not hold {count} vectors of equal length.",
                where=self._url,
            )
        return unit_length(found)
