"""How each daemon of the cluster is prepared and started."""

from __future__ import annotations

import os
import secrets
import stat
import subprocess
from pathlib import Path

from tests.slurm.clients import write_wrappers
from tests.slurm.installing import program
from tests.slurm.processes import ClusterError
from tests.slurm.settings import (
    GPU_NODES,
    GPUS_A_NODE,
    NODES,
    Settings,
    cgroup_conf,
    gres_conf,
    slurm_conf,
    slurmdbd_conf,
)


def write_files(settings: Settings) -> None:
    """Write the cluster's folders, keys, configuration and wrappers; keys that exist stay."""
    for name in ("etc", "run", "log", "db", "state", "spool", "tmp", "dev"):
        (settings.folder / name).mkdir(exist_ok=True)
    for node in NODES:
        (settings.folder / "spool" / node).mkdir(exist_ok=True)
    for node in GPU_NODES:
        (settings.folder / "dev" / node).mkdir(exist_ok=True)
        for number in range(GPUS_A_NODE):
            _device(settings.folder / "dev" / node / f"nvidia{number}", number)
    key, password = settings.etc / "munge.key", settings.etc / "password"
    if not key.exists():
        _write_private(key, secrets.token_bytes(128))
    if not password.exists():
        _write_private(password, secrets.token_hex(16).encode())
    word = password.read_text()
    _write_private(settings.etc / "slurmdbd.conf", slurmdbd_conf(settings, word).encode())
    _write_private(
        settings.run / "init.sql",
        "CREATE DATABASE IF NOT EXISTS slurm_acct_db;\n"
        f"CREATE OR REPLACE USER 'slurm'@'127.0.0.1' IDENTIFIED BY '{word}';\n"
        "GRANT ALL ON slurm_acct_db.* TO 'slurm'@'127.0.0.1';\n".encode(),
    )
    settings.slurm_conf.write_text(slurm_conf(settings))
    (settings.etc / "gres.conf").write_text(gres_conf(settings))
    (settings.etc / "cgroup.conf").write_text(cgroup_conf(settings))
    settings.save()
    write_wrappers(settings)


def create_database(settings: Settings) -> None:
    """Make MariaDB's folder, unless it is there.

    Raises:
        ClusterError: It cannot be made.
    """
    if (settings.folder / "db" / "mysql").exists():
        return
    command = [
        program("mariadb-install-db") or "mariadb-install-db",
        "--no-defaults",
        "--user=root",
        f"--datadir={settings.folder}/db",
        own_tables(settings),
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
        "--skip-name-resolve",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        raise ClusterError(f"mariadb-install-db:\n{(done.stdout + done.stderr)[-2000:]}")


def own_tables(settings: Settings) -> str:
    """MariaDB's option: a server that starts removes all temporary tables it sees, others' too."""
    return f"--tmpdir={settings.folder / 'tmp'}"


def command_of(settings: Settings, name: str) -> list[str]:
    """Command line of a daemon."""
    run = settings.run
    kind, _, node = name.partition("-")
    path = program(kind) or kind
    if kind == "munged":
        # --force: the folder may lie under one that others can write, such as /tmp.
        return [
            path,
            "--foreground",
            "--force",
            "--num-threads=4",
            f"--key-file={settings.etc}/munge.key",
            f"--socket={settings.munge_socket}",
            f"--pid-file={run}/munged.own",
            f"--seed-file={run}/munge.seed",
            f"--log-file={settings.log}/munged.log",
        ]
    if kind == "mariadbd":
        # Accounting that a crash of the machine may lose: no flush, no double writes.
        return [
            path,
            "--no-defaults",
            "--user=root",
            f"--datadir={settings.folder}/db",
            own_tables(settings),
            f"--socket={run}/mariadb.sock",
            f"--pid-file={run}/mariadbd.own",
            f"--init-file={run}/init.sql",
            f"--log-error={settings.log}/mariadbd.log",
            "--bind-address=127.0.0.1",
            f"--port={settings.database_port}",
            "--skip-name-resolve",
            "--skip-log-bin",
            "--innodb-buffer-pool-size=64M",
            "--innodb-log-file-size=32M",
            "--innodb-lock-wait-timeout=900",
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-doublewrite=0",
        ]
    return [path, "-D", "-N", node] if node else [path, "-D"]


def database_answers(settings: Settings) -> bool:
    """Whether slurmdbd could use the database."""
    password = (settings.etc / "password").read_text()
    done = subprocess.run(
        [
            program("mariadb") or "mariadb",
            "--no-defaults",
            "--host=127.0.0.1",
            f"--port={settings.database_port}",
            "--user=slurm",
            "--execute=USE slurm_acct_db",
        ],
        env={**os.environ, "MYSQL_PWD": password},
        capture_output=True,
        timeout=30,
        check=False,
    )
    return done.returncode == 0


def _write_private(path: Path, content: bytes) -> None:
    with open(path, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(content)


def _device(path: Path, number: int) -> None:
    """A GPU's device file, or a plain file where the kernel permits none."""
    if path.exists():
        return
    try:
        os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(195, number))
    except PermissionError:
        path.touch()
