"""A small server program that a job starts: answers with its key, and has children that linger."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

LINGER = "import time; time.sleep(600)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {LINGER}"
KEY = os.environ.get("OWN_KEY")


class Handler(BaseHTTPRequestHandler):
    def _send(self, status: int, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _known(self) -> bool:
        if KEY is not None and self.headers.get("Authorization") != f"Bearer {KEY}":
            self._send(401, {"error": "wrong key"})
            return False
        return True

    def do_GET(self) -> None:
        if self._known():
            self._send(200, {"data": []})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self._known():
            message = {"content": '{"answer_value": 7, "refs": [1], "explanation": "so"}'}
            self._send(200, {"choices": [{"message": message, "finish_reason": "stop"}]})


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--pids", type=Path, required=True)
    parser.add_argument("--wait-s", type=float, default=0)
    parser.add_argument("--fail", action="store_true")
    parser.add_argument("--stubborn", action="store_true")
    given = parser.parse_args()
    sys.stdout.write(f"the key is {KEY}, the port {given.port}\n")
    sys.stdout.flush()
    if given.fail:
        sys.stdout.write("no GPU of that kind\n")
        sys.exit(3)
    program = STUBBORN if given.stubborn else LINGER
    child = subprocess.Popen([sys.executable, "-c", program], start_new_session=True)
    given.pids.write_text(f"{os.getpid()} {child.pid}")
    time.sleep(given.wait_s)
    ThreadingHTTPServer(("127.0.0.1", given.port), Handler).serve_forever()


if __name__ == "__main__":
    main()
