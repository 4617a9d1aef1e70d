"""Daemons known by process id and start time, started, watched and stopped by these alone."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

TAIL_LINES = 25


class ClusterError(RuntimeError):
    """The cluster did not do what was asked of it; the message holds the log's last lines."""


def stat_of(pid: int) -> tuple[str, str] | None:
    """State letter and start time of a process, or None where there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The name, second of the fields, may hold spaces and brackets.
    fields = text.rpartition(")")[2].split()
    return fields[0], fields[19]


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that ended and was not waited for does not."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    found = stat_of(pid)
    return found is not None and found[0] not in "ZX"


def send(pid: int, number: int) -> None:
    """Send a signal to a process that may be gone."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def tail(log: Path, lines: int = TAIL_LINES) -> str:
    """Last lines of a log."""
    try:
        text = log.read_text(errors="replace").splitlines()[-lines:]
    except OSError:
        return f"(no {log.name})"
    return "\n".join([f"--- {log}", *text]) if text else f"--- {log} is empty"


def wait_until(
    true: Callable[[], bool],
    what: str,
    timeout_s: float,
    *,
    logs: Sequence[Path] = (),
    alive: Callable[[], bool] | None = None,
    every_s: float = 0.05,
) -> None:
    """Wait, for a bounded time.

    Args:
        true: What is waited for.
        what: Its name in the error.
        timeout_s: Longest wait in seconds.
        logs: Logs whose ends go into the error.
        alive: Whether waiting still makes sense, such as whether the daemon runs.
        every_s: Time between two looks in seconds.

    Raises:
        ClusterError: It did not come.
    """
    end = time.monotonic() + timeout_s
    while not true():
        dead = alive is not None and not alive()
        if dead or time.monotonic() > end:
            why = "it ended" if dead else f"not within {timeout_s:g} s"
            raise ClusterError("\n".join([f"{what}: {why}", *(tail(log) for log in logs)]))
        time.sleep(every_s)


@dataclass(frozen=True)
class Daemon:
    """A process of the cluster that outlives the Python that started it.

    Args:
        name: Its name, such as slurmctld or slurmd-cpu1.
        folder: Folder of the cluster.
    """

    name: str
    folder: Path

    @property
    def pid_file(self) -> Path:
        return self.folder / "run" / f"{self.name}.pid"

    @property
    def output(self) -> Path:
        return self.folder / "log" / f"{self.name}.out"

    @property
    def logs(self) -> tuple[Path, Path]:
        return self.folder / "log" / f"{self.name}.log", self.output

    @property
    def pid(self) -> int | None:
        """Process id while it runs, else None."""
        try:
            pid, started = self.pid_file.read_text().split()
        except (OSError, ValueError):
            return None
        # A process id is given again; with the start time it names one process for good.
        if not is_alive(int(pid)):
            return None
        found = stat_of(int(pid))
        return int(pid) if found is not None and found[1] == started else None

    def start(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start it, unless it runs."""
        if self.pid is not None:
            return
        with self.output.open("ab") as output:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                cwd=self.folder,
                env=dict(environment),
            )
        found = stat_of(child.pid)
        if found is not None:
            self.pid_file.write_text(f"{child.pid} {found[1]}\n")
        # It stays; Popen would warn of a child left behind.
        child.returncode = 0

    def send(self, number: int) -> None:
        """Send a signal to it."""
        pid = self.pid
        if pid is not None:
            send(pid, number)

    def stop(self, timeout_s: float = 15.0) -> None:
        """Ask it to end, and make it end where it does not."""
        self.send(signal.SIGTERM)
        with contextlib.suppress(ClusterError):
            wait_until(lambda: self.pid is None, f"{self.name} ends", timeout_s)
        self.kill()

    def kill(self, number: int = signal.SIGKILL, timeout_s: float = 10.0) -> None:
        """Send it a signal that ends it, and wait.

        Raises:
            ClusterError: It does not end.
        """
        self.send(number)
        wait_until(lambda: self.pid is None, f"{self.name} ends", timeout_s, logs=self.logs)
        self.pid_file.unlink(missing_ok=True)


def _ancestors() -> set[int]:
    """This process and those it comes from."""
    found, pid = set(), os.getpid()
    while pid > 0 and pid not in found:
        found.add(pid)
        try:
            text = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            break
        pid = int(text.rpartition(")")[2].split()[1])
    return found


def _node_in(environment: bytes) -> str | None:
    """Node that a job's process runs on."""
    for variable in environment.split(b"\0"):
        key, _, value = variable.partition(b"=")
        if key == b"SLURMD_NODENAME":
            return value.decode(errors="replace")
    return None


def _step_node(entry: Path) -> str | None:
    """Node of a slurmstepd; nothing but the log that it shares with its slurmd tells."""
    try:
        opened = [str(file.readlink()) for file in (entry / "fd").iterdir()]
    except OSError:
        return None
    names = (Path(file).name for file in opened)
    logs = (name for name in names if name.startswith("slurmd-") and name.endswith(".log"))
    return next((log.removeprefix("slurmd-").removesuffix(".log") for log in logs), "")


def processes_of(folder: Path, *, jobs_on: str | None = None) -> Iterator[tuple[int, str]]:
    """Processes that name the folder in their command line or environment, and their names.

    Args:
        folder: Folder of the cluster.
        jobs_on: Only what jobs run on this node; '' for any node.
    """
    ours = _ancestors()
    mark = f"{folder}/".encode()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) in ours:
            continue
        try:
            command = (entry / "cmdline").read_bytes()
            environment = (entry / "environ").read_bytes()
            name = (entry / "comm").read_text().strip()
        except OSError:
            continue
        if mark not in command + b"\0" + environment:
            continue
        if jobs_on is not None:
            node = _step_node(entry) if name == "slurmstepd" else _node_in(environment)
            if name == "slurmd" or node is None or (jobs_on and node != jobs_on):
                continue
        yield int(entry.name), name
