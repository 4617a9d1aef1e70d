"""A server that the job starts on its own node, and ends however the job itself ends."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from wattbench.errors import FaultError, InputError
from wattbench.inference.backends.base import BackendFailure, Setup
from wattbench.inference.backends.common_params import ALL_LAYERS
from wattbench.inference.backends.guard import HIDE
from wattbench.inference.backends.serve_xllamacpp import KEY_VARIABLE
from wattbench.inference.backends.web import Refused, Small, Web
from wattbench.study.server import ServerOptions

LOOPBACK = "127.0.0.1"
LOG = "server.log"
POLL_S = 0.2
PROBE_S = 5.0
SAY_EVERY_S = 15.0
CLOSE_S = 20.0
TAIL_LINES = 6
TAIL_CHARS = 1_500
STARTS = 3
"""Times that a server is started anew because another process took its port first."""

PORT_TAKEN = ("address already in use", "address in use", "couldn't bind", "failed to bind")
XLLAMACPP = "wattbench.inference.backends.serve_xllamacpp"


@dataclass(frozen=True)
class Plan:
    """How a server is started.

    Args:
        command: Its command line.
        environment: Variables beside those of the job.
        health: Path that says when it is ready.
    """

    command: tuple[str, ...]
    environment: Mapping[str, str]
    health: str


def plan(options: ServerOptions, setup: Setup, *, port: int, key: str) -> Plan:
    """The command line and environment of a server; the key is in the environment alone."""
    generation, model = setup.generation, str(setup.weights or setup.model)
    slots = setup.concurrency
    tokens = str(generation.context_length * slots)
    at = ("--host", LOOPBACK, "--port", str(port))
    command: tuple[str, ...]
    environment: dict[str, str] = {}
    health = "/health"
    if options.kind == "vllm":
        caching = "enable" if generation.cache_prompt else "no-enable"
        command = (
            "vllm", "serve", model, *at, "--served-model-name", setup.model,
            "--max-model-len", str(generation.context_length), "--max-num-seqs", str(slots),
            "--tensor-parallel-size", str(max(1, setup.gpus)), "--seed", str(generation.seed),
            f"--{caching}-prefix-caching",
            *(("--revision", setup.revision) if setup.revision else ()),
        )  # fmt: skip
        environment["VLLM_API_KEY"] = key
    elif options.kind == "llama-server":
        command = (
            "llama-server", "--model", model, *at, "--ctx-size", tokens, "--parallel", str(slots),
            "--threads", str(setup.cpus), "--n-gpu-layers", "999" if setup.gpus else "0",
        )  # fmt: skip
        environment["LLAMA_API_KEY"] = key
    elif options.kind == "xllamacpp":
        # As a module, and with neither its folder nor the current one on the path: both may hold
        # an `openai.py`.
        command = (
            sys.executable, "-P", "-m", XLLAMACPP, "--model", model, *at,
            "--context-length", str(generation.context_length), "--slots", str(slots),
            "--cpus", str(setup.cpus), "--gpu-layers", str(ALL_LAYERS if setup.gpus else 0),
            *(("--cache-prompt",) if generation.cache_prompt else ()),
        )  # fmt: skip
        environment[KEY_VARIABLE] = key
    elif options.kind == "ollama":
        # Ollama knows no keys; that it listens on the loopback alone is its only lock.
        command = ("ollama", "serve")
        environment = {
            "OLLAMA_HOST": f"{LOOPBACK}:{port}",
            "OLLAMA_NUM_PARALLEL": str(slots),
            "OLLAMA_CONTEXT_LENGTH": str(generation.context_length),
        }
        health = "/api/version"
    else:
        filled = {"{model}": model, "{host}": LOOPBACK, "{port}": str(port)}
        command = tuple(_filled(word, filled) for word in options.command)
        if options.key_variable is not None:
            environment[options.key_variable] = key
        health = options.health
    return Plan((*command, *options.args), environment, health)


def _filled(word: str, values: Mapping[str, str]) -> str:
    for place, value in values.items():
        word = word.replace(place, value)
    return word


class OwnServer:
    """A running server of this job.

    Args:
        options: What to start.
        setup: The backend's.
    """

    def __init__(self, options: ServerOptions, setup: Setup) -> None:
        self._options = options
        self._setup = setup
        self.key = secrets.token_urlsafe(32)
        self.log = setup.log.with_name(LOG)
        self.address = ""
        self._guard: subprocess.Popen[bytes] | None = None
        self._leash: int | None = None

    @property
    def version(self) -> str | None:
        """Version of the server where its package is installed beside this one."""
        package = {"vllm": "vllm", "xllamacpp": "xllamacpp"}.get(self._options.kind)
        if package is None:
            return None
        try:
            return f"{package} {version(package)}"
        except PackageNotFoundError:
            return None

    def start(self) -> None:
        """Start the server and wait until it is ready.

        Raises:
            InputError: Its program is not there.
            FaultError: It ends, or is not ready in time.
        """
        for left in reversed(range(STARTS)):
            port = free_port()
            self.address = f"http://{LOOPBACK}:{port}"
            made = plan(self._options, self._setup, port=port, key=self.key)
            self._launch(made)
            try:
                self._wait(made.health)
            except FaultError as fault:
                self.close()
                taken = any(mark in fault.what.casefold() for mark in PORT_TAKEN)
                if not taken or not left:
                    raise
            except BaseException:
                # Hides nothing: whatever ends the wait must not leave a server behind.
                self.close()
                raise
            else:
                return

    def _launch(self, made: Plan) -> None:
        if shutil.which(made.command[0]) is None:
            raise InputError(
                f"the program '{made.command[0]}' is not on PATH, so the server cannot be started.",
                where="models.<name>.options.server",
                mend="Install it in the environment that the job runs in.",
            )
        self.log.parent.mkdir(parents=True, exist_ok=True)
        held, self._leash = os.pipe()
        guard = Path(__file__).with_name("guard.py")
        try:
            self._guard = subprocess.Popen(
                [sys.executable, "-I", str(guard), str(held), str(self.log), *made.command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(held,),
                start_new_session=True,
                env={**os.environ, **made.environment, HIDE: self.key},
            )
        finally:
            os.close(held)

    def _wait(self, health: str) -> None:
        limit = self._setup.requests.ready_s
        started = said = time.monotonic()
        name = self._options.kind
        web = Web(self.address, key=self.key, connections=1, proxies=False)
        try:
            while True:
                if self._guard is None or self._guard.poll() is not None:
                    raise FaultError(
                        f"the server '{name}' ended before it was ready. {self._tail()}",
                        where=str(self.log),
                    )
                if _ready(web, health):
                    return
                now = time.monotonic()
                if now - started > limit:
                    raise FaultError(
                        f"the server '{name}' was not ready within {limit:g} s. {self._tail()}",
                        where=str(self.log),
                        mend="Give it longer with 'requests.ready_s'.",
                    )
                if now - said > SAY_EVERY_S:
                    said = now
                    print(  # noqa: T201
                        f"wattbench: waiting for '{name}', {now - started:.0f} s of {limit:g} s",
                        file=sys.stderr,
                        flush=True,
                    )
                time.sleep(POLL_S)
        finally:
            web.close()

    def _tail(self) -> str:
        try:
            text = self.log.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return "It printed nothing."
        lines = [line.strip() for line in text.splitlines() if line.strip()][-TAIL_LINES:]
        said = " / ".join(lines)[-TAIL_CHARS:].replace(self.key, "[api key]")
        return f"Its last words: {said}" if said else "It printed nothing."

    @property
    def ended(self) -> str | None:
        """What a server that ended by itself said last, or None while it runs."""
        if self._guard is None or self._guard.poll() is None:
            return None
        return f"the server ended. {self._tail()}"

    def close(self) -> None:
        """End the server with all that it started; a second time does nothing."""
        if self._leash is not None:
            os.close(self._leash)
            self._leash = None
        guard, self._guard = self._guard, None
        if guard is None:
            return
        try:
            guard.wait(CLOSE_S)
        except subprocess.TimeoutExpired:
            guard.kill()
            guard.wait()


def _ready(web: Web, path: str) -> bool:
    with contextlib.suppress(BackendFailure, Refused):
        web.get(path, Small(), timeout_s=PROBE_S)
        return True
    return False


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
    return port
