"""llama.cpp's own HTTP server out of xllamacpp; a program that `servers` starts."""

from __future__ import annotations

import argparse
import importlib
import os
import signal

KEY_VARIABLE = "WATTBENCH_SERVER_KEY"


def main() -> None:
    """Serve until the process is ended; the key comes in the environment."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--host", required=True)
    for name in ("--port", "--ctx-size", "--parallel", "--threads", "--gpu-layers"):
        parser.add_argument(name, type=int, required=True)
    parser.add_argument("--batch", type=int)
    given = parser.parse_args()
    # As in the embedded backend: spinning threads starve each other on a busy node.
    os.environ.setdefault("GOMP_SPINCOUNT", "2000")
    xllamacpp = importlib.import_module("xllamacpp")
    parameters = xllamacpp.CommonParams()
    parameters.model.path = given.model
    parameters.n_ctx = given.ctx_size
    parameters.n_parallel = given.parallel
    parameters.ctx_shift = False
    parameters.cache_ram_mib = 0
    parameters.fit_params = False
    parameters.cpuparams.n_threads = given.threads
    parameters.cpuparams_batch.n_threads = given.threads
    parameters.n_gpu_layers = given.gpu_layers
    if given.batch is not None:
        parameters.n_batch = parameters.n_ubatch = given.batch
    parameters.hostnames = [given.host]
    parameters.port = given.port
    if key := os.environ.get(KEY_VARIABLE):
        parameters.api_keys = [key]
    server = xllamacpp.Server(parameters)
    print(f"listening on {server.listening_address}", flush=True)  # noqa: T201
    # Its threads are llama.cpp's own; the signal's default ends the process without unwinding them.
    signal.pause()


if __name__ == "__main__":
    main()
