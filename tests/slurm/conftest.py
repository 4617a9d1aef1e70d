"""One cluster for all tests of a session, and a small study to run on it."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.slurm.cluster import Cluster
from tests.slurm.installing import why_not
from tests.slurm.processes import ClusterError
from tests.slurm.settings import PORTS
from tests.slurm.study import Project
from tests.workflow.conftest import build

PORTS_A_WORKER = 2000


def free_ports() -> int:
    """First of as many free ports in a row as a cluster takes, below those the kernel gives."""
    # Workers of one test run look for theirs at the same moment, each in a range of its own.
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    for base in range(17400 + worker * PORTS_A_WORKER, 32000, PORTS):
        sockets = [socket.socket() for _ in range(PORTS)]
        try:
            for place, one in enumerate(sockets):
                one.bind(("127.0.0.1", base + place))
        except OSError:
            continue
        finally:
            for one in sockets:
                one.close()
        return base
    raise ClusterError("no free ports")


def booted(**settings: str) -> Iterator[Cluster]:
    """A cluster that is gone when the generator ends, however it ends."""
    # Not pytest's own folder: names of sockets are short.
    folder = Path(tempfile.mkdtemp(prefix="wb-slurm-"))
    made = Cluster(folder, free_ports(), **settings)  # type: ignore[arg-type]
    try:
        made.start()
        yield made
    finally:
        made.remove()


@pytest.fixture(scope="session")
def session_cluster() -> Iterator[Cluster]:
    """The cluster; tests take `cluster`, which mends what an earlier test broke."""
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    yield from booted()


@pytest.fixture
def cluster(session_cluster: Cluster) -> Cluster:
    """The cluster with every daemon up, all nodes in service, no jobs, and calls counted anew."""
    session_cluster.cancel_all()
    session_cluster.start()
    session_cluster.forget_calls()
    return session_cluster


@pytest.fixture
def project(cluster: Cluster, tmp_path: Path) -> Project:
    """A study of two recorded models where nothing ran yet, and the Snakemake to run it here."""
    return Project.on(build(tmp_path / "project").folder, cluster)


@pytest.fixture(scope="session")
def prepared_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study with its contexts made, without Slurm: tests of runs start where runs start."""
    workplace = build(tmp_path_factory.mktemp("prepared") / "study")
    workplace.jobs("--", "results/contexts/set/default.parquet")
    return workplace.folder


@pytest.fixture
def prepared(cluster: Cluster, prepared_once: Path, tmp_path: Path) -> Project:
    """As `project`, with contexts made: only runs are left to submit."""
    folder = tmp_path / "project"
    shutil.copytree(prepared_once, folder, symlinks=True)
    return Project.on(folder, cluster)
