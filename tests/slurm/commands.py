"""The command `python -m tests.slurm.cluster`."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from dataclasses import replace
from pathlib import Path

from tests.slurm.cluster import DAEMONS, DEFAULT_FOLDER, Cluster
from tests.slurm.installing import install, missing, program
from tests.slurm.processes import ClusterError


def arguments() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.slurm.cluster", description="A throw-away Slurm on this machine."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("install", help="install Debian's packages and seff, as root")
    for name, help_text in (
        ("up", "boot it; what runs already stays"),
        ("down", "end its jobs and daemons"),
        ("status", "its daemons and nodes; exit code 1 where one is down"),
        ("env", 'lines for eval "$(...)" that make a shell use it'),
        ("shell", "a shell that uses it"),
    ):
        command = commands.add_parser(name, help=help_text)
        command.add_argument("--folder", type=Path, default=DEFAULT_FOLDER)
        if name == "up":
            command.add_argument("--port", type=int, help="first of its 20 ports; 17200")
            command.add_argument("--cgroup", choices=("none", "v1"), help="who holds memory limits")
            command.add_argument(
                "--kill-wait", type=int, help="seconds from SIGTERM to SIGKILL; 20"
            )
        if name == "down":
            command.add_argument("--remove", action="store_true", help="delete the folder too")
    return parser


def main() -> int:
    """Run the command."""
    given = arguments().parse_args()
    try:
        if given.command == "install":
            install()
            print("installed; missing:", ", ".join(missing()) or "nothing")
            print("seff:", program("seff") or "not here")
            return 0
        if given.command == "up":
            asked = {
                "base_port": given.port,
                "cgroup": given.cgroup,
                "kill_wait_s": given.kill_wait,
            }
            cluster = Cluster.open(given.folder) or Cluster(given.folder)
            cluster.settings = replace(
                cluster.settings,
                **{key: value for key, value in asked.items() if value is not None},
            )
            cluster.start()
            print(f'ready: eval "$(python -m tests.slurm.cluster env --folder {given.folder})"')
            return 0
        return _existing(given)
    except (ClusterError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1


def _existing(given: argparse.Namespace) -> int:
    cluster = Cluster.open(given.folder)
    if cluster is None:
        print(f"no cluster was started in {given.folder}", file=sys.stderr)
        return 0 if given.command == "down" else 1
    if given.command == "down":
        (cluster.remove if given.remove else cluster.stop)()
    elif given.command == "env":
        for key, value in cluster.variables().items():
            print(f"export {key}={shlex.quote(value)}")
    elif given.command == "shell":
        shell = os.environ.get("SHELL", "/bin/sh")
        os.execvpe(shell, [shell], cluster.env())  # noqa: S606
    else:
        pids = {name: cluster.daemon(name).pid for name in DAEMONS}
        for name, pid in pids.items():
            print(f"{name:14} {pid or 'down'}")
        for node, state in (cluster.nodes() if pids["slurmctld"] else {}).items():
            print(f"{node:14} {state}")
        return 0 if all(pids.values()) else 1
    return 0
