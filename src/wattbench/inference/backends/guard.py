"""Runs a server for as long as its parent lives. A program of its own: guard.py FD LOG COMMAND...

FD is the reading end of a pipe whose writing end the parent holds: when it closes, however the
parent ended, the server and all that it started are told to end and then killed. What the server
prints goes into LOG without the secret in the variable `WATTBENCH_HIDE`.

Only the standard library, and nothing of this package: it starts in a few milliseconds and must
not fail where the environment is odd.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

HIDE = "WATTBENCH_HIDE"
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
LOOK_S = 0.5
GRACE = "WATTBENCH_GRACE_S"
GRACE_S = "10"
"""Seconds between being told to end and being killed, unless that variable says otherwise."""

CHUNK = 65_536
NOT_STARTED = 127


def _prctl(option: int, value: int) -> None:
    # Linux alone has it; elsewhere the pipe does the work.
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _ends_with_guard() -> None:
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def main(arguments: list[str]) -> int:
    """Run the command until it ends or the parent does; its exit code."""
    parent, log_path, command = int(arguments[0]), Path(arguments[1]), arguments[2:]
    # The job's signals are the parent's to answer: it finishes its questions, then closes the pipe.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    # What the server leaves behind becomes a child of this process, and is found.
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    environment = dict(os.environ)
    secret = environment.pop(HIDE, "").encode()
    with log_path.open("ab") as log:
        try:
            server = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=environment,
                preexec_fn=_prepared,  # noqa: PLW1509 - this process has one thread
            )
        except OSError as error:
            log.write(f"{command[0]}: {error.strerror}\n".encode())
            return NOT_STARTED
        try:
            _copy(server, parent, log.fileno(), secret)
        finally:
            _end(server)
    return server.returncode


def _prepared() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(number, signal.SIG_DFL)
    _ends_with_guard()


def _copy(server: subprocess.Popen[bytes], parent: int, log: int, secret: bytes) -> None:
    """Copy the server's words into the log until it ends or the parent is gone."""
    assert server.stdout is not None  # noqa: S101 - asked for above
    pipe = server.stdout.fileno()
    started_by = os.getppid()
    line = b""
    watched = [parent, pipe]
    while server.poll() is None and os.getppid() == started_by:
        ready, _, _ = select.select(watched, [], [], LOOK_S)
        if parent in ready:
            break
        if pipe in ready:
            said = os.read(pipe, CHUNK)
            if not said:
                watched = [parent]
            line = _write(log, line + said, secret)
    while select.select([pipe], [], [], 0)[0]:
        said = os.read(pipe, CHUNK)
        if not said:
            break
        line = _write(log, line + said, secret)
    os.write(log, _hidden(line, secret))


def _write(log: int, said: bytes, secret: bytes) -> bytes:
    """Write the whole lines, and give back what may be the beginning of another."""
    whole, _, rest = said.rpartition(b"\n")
    if len(rest) > CHUNK:
        whole, rest = said, b""
    if whole:
        os.write(log, _hidden(whole, secret) + b"\n")
    return rest


def _hidden(text: bytes, secret: bytes) -> bytes:
    return text.replace(secret, b"[api key]") if secret else text


def _end(server: subprocess.Popen[bytes]) -> None:
    """End the server's process group, and whatever else it started."""
    _signal_all(server.pid, signal.SIGTERM)
    until = time.monotonic() + float(os.environ.get(GRACE, GRACE_S))
    told = {server.pid}
    while time.monotonic() < until and (server.poll() is None or _children()):
        _reap(server.pid)
        # What it started outside its group comes here when it ends.
        for child in set(_children()) - told:
            told.add(child)
            with contextlib.suppress(OSError):
                os.kill(child, signal.SIGTERM)
        time.sleep(0.02)
    _signal_all(server.pid, signal.SIGKILL)
    server.wait()


def _signal_all(group: int, number: int) -> None:
    with contextlib.suppress(OSError):
        os.killpg(group, number)
    for child in _children():
        with contextlib.suppress(OSError):
            os.kill(child, number)


def _children() -> list[int]:
    try:
        listed = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii")
    except OSError:
        return []
    return [int(child) for child in listed.split()]


def _reap(server: int) -> None:
    for child in _children():
        if child != server:
            with contextlib.suppress(OSError):
                os.waitpid(child, os.WNOHANG)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
