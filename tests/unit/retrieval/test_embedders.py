from __future__ import annotations

import http.server
import importlib.util
import json
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from wattbench.errors import FaultError, InputError
from wattbench.retrieval import endpoint
from wattbench.retrieval.embedders import open_embedder
from wattbench.study.retrieval import Embedder as Settings


class Api(http.server.BaseHTTPRequestHandler):
    """Embeds a text as [length, 1], vectors in reverse order as the API allows."""

    busy = 0
    sizes: list[int] = []  # noqa: RUF012
    keys: list[str | None] = []  # noqa: RUF012

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        type(self).keys.append(self.headers["Authorization"])
        if type(self).busy > 0:
            type(self).busy -= 1
            self.send_error(429)
            return
        if asked["model"] == "none":
            self.send_error(404)
            return
        type(self).sizes.append(len(asked["input"]))
        items = [
            {"index": n, "embedding": [len(text), 1.0]} for n, text in enumerate(asked["input"])
        ]
        if asked["model"] == "short":
            items = []
        body = json.dumps({"data": items[::-1]}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    Api.busy, Api.sizes, Api.keys = 0, [], []
    monkeypatch.setattr(endpoint, "WAIT_S", 0.001)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()
        thread.join()


def settings(address: str, **more: object) -> Settings:
    return Settings.model_validate({"kind": "openai", "model": "x", "base_url": address, **more})


def test_an_endpoint_embeds_in_batches(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", "secret")
    Api.busy = 2
    embedder = open_embedder(settings(address, batch_size=2, api_key_env="SOME_KEY"))
    found = embedder.embed(["a", "bbb", "cc"])
    expected = np.array([[1, 1], [3, 1], [2, 1]]) / np.sqrt([[2], [10], [5]])
    assert np.allclose(found, expected, atol=1e-6)
    assert embedder.dimensions == 2
    assert Api.sizes == [1, 2, 1]
    assert set(Api.keys) == {"Bearer secret"}
    assert "secret" not in embedder.identity
    assert embedder.embed([]).shape == (0, 2)


def test_an_endpoint_that_refuses_or_fails(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="refused the request: 404"):
        open_embedder(settings(address, model="none"))
    with pytest.raises(FaultError, match="does not hold 1 vectors"):
        open_embedder(settings(address, model="short"))
    Api.busy = 99
    with pytest.raises(FaultError, match="failed 5 times: 429"):
        open_embedder(settings(address))
    with pytest.raises(FaultError, match="failed 5 times"):
        open_embedder(settings("http://127.0.0.1:9/v1"))
    monkeypatch.delenv("NO_KEY", raising=False)
    with pytest.raises(InputError, match="NO_KEY holds no key"):
        open_embedder(settings(address, api_key_env="NO_KEY"))
    with pytest.raises(InputError, match="no http or https address"):
        open_embedder(settings("file:///etc"))


@pytest.mark.skipif(
    importlib.util.find_spec("sentence_transformers") is not None,
    reason="sentence-transformers is installed",
)
def test_a_missing_package_is_named() -> None:
    asked = Settings.model_validate({"kind": "sentence-transformers", "model": "x"})
    with pytest.raises(InputError, match=r"pip install 'wattbench\[sentence-transformers\]'"):
        open_embedder(asked)
