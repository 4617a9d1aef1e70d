"""A real Slurm on this machine, for tests: booted in seconds, thrown away after.

    python -m tests.slurm.cluster install
    python -m tests.slurm.cluster up --folder /tmp/cluster --port 17200
    eval "$(python -m tests.slurm.cluster env --folder /tmp/cluster)"
    python -m tests.slurm.cluster down --folder /tmp/cluster

Needs root and Linux; no systemd, no network but loopback. munge, MariaDB, slurmdbd, slurmctld and
four slurmd (cpu1, cpu2, gpu1, gpu2) run from one folder; everything is known by process id.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.slurm.clients import Call, calls_log, read_calls
from tests.slurm.daemons import (
    command_of,
    create_database,
    database_answers,
    write_files,
)
from tests.slurm.installing import program, why_not
from tests.slurm.processes import (
    ClusterError,
    Daemon,
    is_alive,
    processes_of,
    send,
    wait_until,
)
from tests.slurm.settings import NODES, Settings

DEFAULT_FOLDER = Path("/tmp/wattbench-slurm")  # noqa: S108
DAEMONS = ("munged", "mariadbd", "slurmdbd", "slurmctld", *(f"slurmd-{node}" for node in NODES))
ENDED = frozenset(
    {
        "BOOT_FAIL",
        "CANCELLED",
        "COMPLETED",
        "DEADLINE",
        "FAILED",
        "NODE_FAIL",
        "OUT_OF_MEMORY",
        "PREEMPTED",
        "TIMEOUT",
    }
)
UP = frozenset({"idle", "mixed", "allocated", "completing"})
LONGEST_SOCKET = 90
"""Characters of the folder's name; the kernel takes 107 for a socket in it."""


class Cluster:
    """A throw-away Slurm.

    Args:
        folder: Where all its files lie. A folder that held a cluster keeps its accounting.
        base_port: First of its 20 ports.
        cgroup: 'none' or 'v1'; see Settings.
        kill_wait_s: Seconds between SIGTERM and SIGKILL at a limit.
        min_job_age_s: Seconds that scontrol remembers a job that ended.
    """

    def __init__(
        self,
        folder: Path = DEFAULT_FOLDER,
        base_port: int = 17200,
        *,
        cgroup: str = "none",
        kill_wait_s: int = 20,
        min_job_age_s: int = 300,
    ) -> None:
        self.settings = Settings(folder.resolve(), base_port, cgroup, kill_wait_s, min_job_age_s)

    @classmethod
    def open(cls, folder: Path) -> Cluster | None:
        """The cluster that was started in a folder, or None."""
        kept = Settings.load(folder.resolve())
        if kept is None:
            return None
        cluster = cls(folder)
        cluster.settings = kept
        return cluster

    @property
    def folder(self) -> Path:
        return self.settings.folder

    def daemon(self, name: str) -> Daemon:
        """A daemon by its name; a node's name stands for its slurmd.

        Raises:
            ClusterError: There is no such daemon.
        """
        full = f"slurmd-{name}" if name in NODES else name
        if full not in DAEMONS:
            raise ClusterError(f"no daemon '{name}'; there are: {', '.join((*DAEMONS, *NODES))}")
        return Daemon(full, self.folder)

    # --- environment ---------------------------------------------------------------------

    def variables(self) -> dict[str, str]:
        """Variables that make a process find this cluster and this Python."""
        first = [str(self.folder / "bin"), str(Path(sys.executable).parent)]
        rest = [
            part
            for part in os.environ.get("PATH", os.defpath).split(os.pathsep)
            if part not in first
        ]
        return {
            "PATH": os.pathsep.join([*first, *rest]),
            "SLURM_CONF": str(self.settings.slurm_conf),
        }

    def env(self) -> dict[str, str]:
        """Environment for subprocesses: this process's, without another Slurm's variables."""
        kept = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("SLURM", "SBATCH_", "SACCT_", "SQUEUE_", "SINFO_"))
        }
        return {**kept, **self.variables()}

    def run(
        self,
        *command: str,
        check: bool = True,
        timeout_s: float = 60.0,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as a user of the cluster would; its client calls are counted.

        Raises:
            ClusterError: It failed, where `check`, or took too long.
        """
        try:
            done = subprocess.run(
                command,
                env={**self.env(), **(env or {})},
                cwd=cwd or self.folder / "tmp",
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise ClusterError(f"{command[0]} took more than {timeout_s:g} s: {command}") from error
        if check and done.returncode != 0:
            said = done.stderr or done.stdout
            raise ClusterError(f"{' '.join(command)}: exit {done.returncode}\n{said[-2000:]}")
        return done

    def _ask(self, name: str, *arguments: str, timeout_s: float = 5.0) -> str | None:
        """Ask a client on the harness's own account: not counted, None where it fails.

        A client hangs while its daemon is away, hence the limit.
        """
        path = program(name)
        if path is None:
            return None
        try:
            done = subprocess.run(
                [path, *arguments],
                env=self.env(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return None
        return done.stdout if done.returncode == 0 else None

    # --- calls ---------------------------------------------------------------------------

    def calls(self, *names: str) -> list[Call]:
        """Calls of clients so far, of these names or all."""
        return [call for call in read_calls(self.folder) if not names or call.name in names]

    def forget_calls(self) -> None:
        """Count from here."""
        calls_log(self.folder).write_text("")

    # --- start and stop ------------------------------------------------------------------

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def start(self) -> None:
        """Boot what does not run yet, and wait until all four nodes take jobs.

        Raises:
            ClusterError: It cannot be booted here, or a daemon does not come up.
        """
        why = why_not()
        if why is not None:
            raise ClusterError(why)
        if len(str(self.folder)) > LONGEST_SOCKET:
            raise ClusterError(f"sockets need a shorter folder than {self.folder}")
        with self._locked():
            kept = Settings.load(self.folder)
            if kept not in (None, self.settings) and any(self.daemon(n).pid for n in DAEMONS):
                raise ClusterError(f"{self.folder} runs with other settings; stop it first: {kept}")
            write_files(self.settings)
            for name in DAEMONS:
                self._launch(name)
                if not name.startswith("slurmd-"):
                    self._await(name)
            for node in NODES:
                self._await(f"slurmd-{node}")

    def stop(self) -> None:
        """End all jobs and daemons; the folder stays."""
        if not self.folder.exists():
            return
        with self._locked():
            self.cancel_all()
            nodes = [self.daemon(node) for node in NODES]
            for daemon in nodes:
                daemon.send(signal.SIGTERM)
            for daemon in (*nodes, *map(self.daemon, ("slurmctld", "slurmdbd"))):
                daemon.stop()
            self._sweep("")
            for name in ("mariadbd", "munged"):
                self.daemon(name).stop(30)
            self._remove_cgroups()

    def remove(self) -> None:
        """Stop, and delete the folder."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _sweep(self, node: str) -> None:
        """Kill what jobs left running, on one node or all ('')."""
        killed = []
        for _ in range(3):
            # slurmstepd first: it would tell slurmctld how the job ended.
            left = processes_of(self.folder, jobs_on=node)
            found = [pid for pid, _ in sorted(left, key=lambda one: one[1] != "slurmstepd")]
            if not found:
                break
            for pid in found:
                send(pid, signal.SIGKILL)
            killed += found
        wait_until(lambda: not any(map(is_alive, killed)), "left-over jobs end", 10)

    def _remove_cgroups(self) -> None:
        if self.settings.cgroup == "none":
            return
        for node in NODES:
            for top in Path("/sys/fs/cgroup").glob(f"*/slurm_{node}"):
                for folder, _, _ in os.walk(top, topdown=False):
                    with suppress(OSError):
                        Path(folder).rmdir()

    def start_daemon(self, name: str) -> None:
        """Start one daemon and wait until it answers.

        Raises:
            ClusterError: It does not come up.
        """
        full = self.daemon(name).name
        self._launch(full)
        self._await(full)

    def stop_daemon(self, name: str) -> None:
        """Ask one daemon to end and wait for it; its jobs go on."""
        self.daemon(name).stop()

    def kill_daemon(self, name: str, number: int = signal.SIGKILL) -> None:
        """End one daemon with a signal; its jobs go on."""
        self.daemon(name).kill(number)

    def crash_node(self, node: str) -> None:
        """As if a node lost power: its slurmd and all that its jobs run are killed.

        slurmctld takes the node for down after SlurmdTimeout (12 s) and then requeues its jobs; a
        slurmd started earlier hides the loss for as long as it takes slurmctld to look again.
        """
        self.kill_daemon(node)
        self._sweep(node)

    # --- jobs ----------------------------------------------------------------------------

    def cancel_all(self) -> None:
        """Cancel all jobs and wait until none is left; a controller that is away has none."""
        if self.daemon("slurmctld").pid is None or self._ask("squeue", "-h") == "":
            return
        self._ask("scancel", "--user=root")
        self._ask("scancel", "--user=root", "--signal=KILL", "--full")
        with suppress(ClusterError):
            wait_until(lambda: self._ask("squeue", "-h") == "", "jobs end", 25, every_s=0.2)

    def submit(self, script: str, *options: str) -> str:
        """Submit a shell script and return the job's id; not counted among the calls.

        Raises:
            ClusterError: sbatch refuses it.
        """
        options = ("--parsable", f"--output={self.folder / 'tmp'}/%j.out", *options)
        text = script if script.startswith("#!") else f"#!/bin/sh\n{script}\n"
        done = subprocess.run(
            [program("sbatch") or "sbatch", *options],
            input=text,
            env=self.env(),
            cwd=self.folder / "tmp",
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        if done.returncode != 0:
            raise ClusterError(f"sbatch {' '.join(options)}: {done.stderr}")
        return done.stdout.strip().partition(";")[0]

    def state(self, job: str) -> str | None:
        """State of a job as slurmctld knows it, or None."""
        return self.job(job).get("JobState")

    def job(self, job: str) -> dict[str, str]:
        """What `scontrol show job` says of a job; of an array, of its first task listed."""
        lines = (self._ask("scontrol", "-o", "show", "job", job) or "").splitlines()
        pairs = (word.partition("=") for word in (lines[0].split() if lines else ()))
        return {key: value for key, _, value in pairs}

    def wait_for_job(
        self, job: str, states: Collection[str] = ENDED, timeout_s: float = 60.0
    ) -> str:
        """Wait until a job is in one of the states, and say in which.

        Raises:
            ClusterError: It does not come there; the message says what slurmctld knows of it.
        """
        seen: list[str] = []

        def there() -> bool:
            state = self.state(job)
            if state is not None and (not seen or seen[-1] != state):
                seen.append(state)
            return state in states

        wanted = ", ".join(sorted(states))
        logs = self.daemon("slurmctld").logs
        try:
            wait_until(there, f"job {job} is {wanted}", timeout_s, logs=logs, every_s=0.15)
        except ClusterError as error:
            known = self._ask("scontrol", "show", "job", job)
            raise ClusterError(f"{error}\nstates seen: {seen}\n{known}") from None
        return seen[-1]

    def accounting(self, job: str, *fields: str) -> list[dict[str, str]]:
        """Lines of sacct about a job, all attempts and steps; not counted among the calls."""
        text = self._ask("sacct", "-D", "-P", "-n", "-j", job, f"--format={','.join(fields)}") or ""
        return [dict(zip(fields, line.split("|"), strict=True)) for line in text.splitlines()]

    def settled(self, job: str, *fields: str, timeout_s: float = 60.0) -> dict[str, str]:
        """The job's own line of sacct, once it is whole.

        slurmdbd may hear of a job's end before its start; until then the line has no partition.

        Raises:
            ClusterError: sacct does not come to know it.
        """
        wanted = ("JobID", "State", "End", "Partition", *fields)
        line: dict[str, str] = {}

        def whole() -> bool:
            line.clear()
            line.update(next(iter(self.accounting(job, *wanted)), {}))
            return bool(line.get("Partition")) and line["End"] not in {"", "Unknown"}

        logs = self.daemon("slurmdbd").logs
        wait_until(whole, f"sacct knows all of job {job}", timeout_s, logs=logs, every_s=0.2)
        return {field: line[field] for field in fields}

    def wait_for_accounting(
        self,
        job: str,
        states: Collection[str] = ENDED,
        timeout_s: float = 30.0,
        *,
        true: Callable[[list[dict[str, str]]], bool] | None = None,
    ) -> list[dict[str, str]]:
        """Wait until sacct knows a job's end, and return its lines (JobID, State, ExitCode).

        Raises:
            ClusterError: sacct does not come to know it.
        """
        lines: list[dict[str, str]] = []

        def known() -> bool:
            lines[:] = self.accounting(job, "JobID", "State", "ExitCode")
            last = [line["State"].split()[0] for line in lines if "." not in line["JobID"]]
            return bool(last) and last[-1] in states and (true is None or true(lines))

        logs = self.daemon("slurmdbd").logs
        wait_until(known, f"sacct knows the end of job {job}", timeout_s, logs=logs, every_s=0.2)
        return lines

    def nodes(self) -> dict[str, str]:
        """State of each node, such as idle or down*."""
        lines = (self._ask("sinfo", "-h", "-N", "-p", "scavenge", "-o", "%N %T") or "").split("\n")
        return {node: state for node, _, state in (line.partition(" ") for line in lines) if node}

    # --- how each daemon starts ------------------------------------------------------------

    def _launch(self, name: str) -> None:
        daemon = self.daemon(name)
        if daemon.pid is not None:
            return
        if name == "mariadbd":
            create_database(self.settings)
        daemon.start(command_of(self.settings, name), self.env())

    def _await(self, name: str) -> None:
        """Wait until a daemon answers."""
        daemon = self.daemon(name)
        answers, timeout_s = {
            "munged": (self.settings.munge_socket.is_socket, 15),
            "mariadbd": (lambda: database_answers(self.settings), 60),
            "slurmdbd": (self._accounting_answers, 60),
            "slurmctld": (lambda: "UP" in (self._ask("scontrol", "ping") or ""), 40),
        }.get(name, (lambda: self._node_is_up(name.partition("-")[2]), 40))
        wait_until(
            answers,
            f"{name} answers",
            timeout_s,
            logs=daemon.logs,
            alive=lambda: daemon.pid is not None,
        )
        if name == "slurmdbd":
            self._add_user()

    def _accounting_answers(self) -> bool:
        return self._ask("sacctmgr", "-n", "list", "cluster") is not None

    def _add_user(self) -> None:
        known = self._ask("sacctmgr", "-n", "-P", "list", "assoc", "format=cluster,account,user")
        if "wattbench|research|root" in (known or ""):
            return
        for words in (
            "cluster wattbench",
            "account research description=research organization=research cluster=wattbench",
            "user root account=research adminlevel=admin",
        ):
            self._ask("sacctmgr", "-i", "add", *words.split(), timeout_s=20)
        chosen = "modify user root set defaultaccount=research"
        self._ask("sacctmgr", "-i", *chosen.split(), timeout_s=20)

    def _node_is_up(self, node: str) -> bool:
        state = self.nodes().get(node, "")
        if state.startswith(("down", "drain")) and not state.endswith("*"):
            # A node that a test took down; it answers again.
            self._ask("scontrol", "update", f"nodename={node}", "state=resume")
        return state in UP


if __name__ == "__main__":
    from tests.slurm.commands import main

    sys.exit(main())
