"""Slurm from Debian's packages, without starting any of its services."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PACKAGES = (
    "slurm-wlm",
    "slurmdbd",
    "mariadb-server",
    "munge",
    "libslurm-perl",
    "libslurmdb-perl",
    "slurm-wlm-basic-plugins",
    "slurm-wlm-plugins",
    "slurm-wlm-mysql-plugin",
)
PROGRAMS = ("munged", "mariadbd", "mariadb-install-db", "slurmdbd", "slurmctld", "slurmd", "sbatch")
POLICY = Path("/usr/sbin/policy-rc.d")
SEFF = Path("/usr/local/bin/seff")
SYSTEM_PATH = os.pathsep.join(("/usr/local/sbin", "/usr/sbin", "/sbin"))


def program(name: str) -> str | None:
    """Path of a program; daemons lie where an ordinary user's PATH does not look."""
    return shutil.which(name) or shutil.which(name, path=SYSTEM_PATH)


def missing() -> list[str]:
    """Programs of Slurm that this machine lacks."""
    return [name for name in PROGRAMS if program(name) is None]


def why_not() -> str | None:
    """Why no cluster can be booted here, or None where one can."""
    if not sys.platform.startswith("linux"):
        return "a test cluster needs Linux"
    if os.geteuid() != 0:
        return "a test cluster needs root, for its daemons start jobs for any user"
    absent = missing()
    if absent:
        return (
            f"Slurm is not installed ({', '.join(absent)} not found); "
            "on Debian, as root: python -m tests.slurm.cluster install"
        )
    return None


@contextmanager
def services_kept_down() -> Iterator[None]:
    """Debian starts a service when its package is installed, unless this policy says no."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)


def install() -> None:
    """Install the packages and seff.

    Raises:
        RuntimeError: Not root, no apt-get, or apt-get failed.
    """
    if os.geteuid() != 0:
        raise RuntimeError("installing Debian packages needs root")
    if program("apt-get") is None:
        raise RuntimeError(f"there is no apt-get here; install: {' '.join(PACKAGES)}")
    if missing():
        with services_kept_down():
            _apt("update", "-qq")
            _apt("install", "-y", "-qq", "--no-install-recommends", *PACKAGES)
    if missing():
        raise RuntimeError(f"still not found after installing: {', '.join(missing())}")
    if program("seff") is None:
        try:
            install_seff()
        except (RuntimeError, OSError) as error:
            print(f"seff is left out; tests that want it are skipped: {error}", file=sys.stderr)


def _apt(*arguments: str, folder: Path | None = None) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    done = subprocess.run(
        ["apt-get", "-o", "DPkg::Lock::Timeout=300", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"apt-get {' '.join(arguments)}:\n{(done.stdout + done.stderr)[-2000:]}")


def install_seff() -> None:
    """seff is in no binary package: take it out of the source package of the installed Slurm.

    Raises:
        RuntimeError: The source package cannot be had.
    """
    with tempfile.TemporaryDirectory(prefix="seff-") as name:
        folder = Path(name)
        # A list of its own, so that the machine's sources stay as they are.
        sources = folder / "sources.list"
        sources.write_text(
            "\n".join(
                f"deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] {line}"
                for line in _archives()
            )
            + "\n"
        )
        lists = folder / "lists"
        (lists / "partial").mkdir(parents=True)
        own = (
            f"-oDir::Etc::SourceList={sources}",
            "-oDir::Etc::SourceParts=/dev/null",
            f"-oDir::State::Lists={lists}",
            "-oAPT::Sandbox::User=root",
        )
        _apt(*own, "update", "-qq")
        _apt(*own, "source", "-qq", "--download-only", "--only-source", "slurm-wlm", folder=folder)
        archives = sorted(folder.glob("slurm-wlm_*.orig.tar.*"))
        if not archives:
            raise RuntimeError("the source package has no archive")
        subprocess.run(
            ["tar", "-xf", archives[0], "--wildcards", "--strip-components=3", "*/seff/seff"],
            cwd=folder,
            check=True,
        )
        text = (folder / "seff").read_text()
        # Upstream uses FindBin without loading it.
        if "use FindBin;" not in text:
            text = text.replace("use lib ", "use FindBin;\nuse lib ", 1)
        SEFF.parent.mkdir(parents=True, exist_ok=True)
        SEFF.write_text(text)
        SEFF.chmod(0o755)


def _archives() -> list[str]:
    release = dict(
        line.split("=", 1)
        for line in Path("/etc/os-release").read_text().splitlines()
        if "=" in line
    )
    if release.get("ID") != "debian":
        raise RuntimeError("only Debian's source archive is known")
    suite = release["VERSION_CODENAME"]
    return [
        f"http://deb.debian.org/debian {suite} main",
        f"http://deb.debian.org/debian-security {suite}-security main",
    ]
