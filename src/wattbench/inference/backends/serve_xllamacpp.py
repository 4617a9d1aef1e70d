"""llama.cpp's own HTTP server out of xllamacpp; a program that `servers` starts."""

from __future__ import annotations

import argparse
import importlib
import os
import signal

from wattbench.inference.backends.common_params import Loading, common_params, spin_briefly

KEY_VARIABLE = "WATTBENCH_SERVER_KEY"


def main() -> None:
    """Serve until the process is ended; the key comes in the environment."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--host", required=True)
    for name in ("--port", "--context-length", "--slots", "--cpus", "--gpu-layers"):
        parser.add_argument(name, type=int, required=True)
    parser.add_argument("--batch", type=int)
    parser.add_argument("--cache-prompt", action="store_true")
    given = vars(parser.parse_args())
    host, port = given.pop("host"), given.pop("port")
    spin_briefly(os.environ)
    xllamacpp = importlib.import_module("xllamacpp")
    key = os.environ.get(KEY_VARIABLE)
    server = xllamacpp.Server(
        common_params(
            xllamacpp,
            Loading(**given),
            hostnames=[host],
            port=port,
            api_keys=[key] if key else [],
        )
    )
    print(f"listening on {server.listening_address}", flush=True)  # noqa: T201
    # Its threads are llama.cpp's own; the signal's default ends the process without unwinding them.
    signal.pause()


if __name__ == "__main__":
    main()
