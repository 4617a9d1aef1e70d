"""What this machine can measure and run: one check each, with the reason where it cannot."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from wattbench import __version__
from wattbench.errors import InputError
from wattbench.files import cache_folder
from wattbench.study.models import Study
from wattbench.study.needs import EMBEDDED
from wattbench.study.preflight import problems_of
from wattbench.telemetry.job import this_job, usable_cpus
from wattbench.telemetry.rapl import POWERCAP, Rapl
from wattbench.weights.catalogue import CATALOGUE
from wattbench.weights.store import presence

TOOL_TIMEOUT_S = 20.0
GIB = 2**30
OK = "ok"
MISSING = "missing"
BLOCKS = "blocks"
"""States: 'missing' is a figure that will be unknown, 'blocks' stops the study."""

SLURM_TOOLS = {
    "sbatch": "jobs cannot be submitted from here",
    "sacct": "no accounting figures",
    "scontrol": "no facts of nodes and running jobs",
    "seff": "no seff figures; sacct holds the same facts",
    "jobstats": "no jobstats figures; offered on few sites only",
}
CGROUP_MEMORY = Path("/sys/fs/cgroup/memory.max")


@dataclass(frozen=True)
class Check:
    """One thing looked at.

    Args:
        area: 'energy', 'slurm', 'backends', 'weights', 'machine', 'study' or 'room'; of the
            probe on a cluster 'job', 'node' or 'accounting'.
        what: What was looked at.
        state: 'ok', 'missing' or 'blocks'.
        detail: What was found, or why not.
        mend: What to do about it, or None.
    """

    area: str
    what: str
    state: str
    detail: str
    mend: str | None = None

    def record(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


def this_machine() -> dict[str, Any]:
    """Which machine, job and program this is."""
    return {
        "host": socket.gethostname(),
        "wattbench": __version__,
        "python": platform.python_version(),
        "executable": sys.executable,
        "job": asdict(this_job()),
    }


def machine_checks(*, quick: bool = False) -> Iterator[Check]:
    """Everything that does not depend on a study.

    Args:
        quick: Hash nothing, and do not ask a scheduler.
    """
    yield from energy_checks()
    if not quick:
        yield from slurm_checks()
    yield from backend_checks()
    yield from weight_checks(quick=quick)
    yield from size_checks()


def run_tool(*command: str) -> tuple[int | None, str]:
    """Exit code and output of a tool; the code is None where it could not be run."""
    try:
        answer = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TOOL_TIMEOUT_S,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None, f"did not answer within {TOOL_TIMEOUT_S:g} s"
    except OSError as error:
        return None, error.strerror or str(error)
    said = answer.stdout if answer.returncode == 0 else answer.stderr or answer.stdout
    return answer.returncode, said.strip()


def energy_checks(powercap: Path = POWERCAP) -> Iterator[Check]:
    """NVML, nvidia-smi and RAPL."""
    yield from _nvml()
    yield _nvidia_smi()
    yield from rapl_checks(powercap)


def _nvml() -> Iterator[Check]:
    unofficial = _unofficial_pynvml()
    if unofficial is not None:
        yield unofficial
    code, said = run_tool(sys.executable, "-m", "wattbench.cli.nvml_check")
    try:
        found = json.loads(said)
    except ValueError:
        found = {"error": said.splitlines()[-1] if said else f"the probe ended with code {code}"}
    if "error" in found:
        yield Check(
            "energy", "NVML", MISSING, found["error"], "Without NVML, GPU energy is unknown."
        )
        return
    if not found["gpus"]:
        yield Check("energy", "NVML", MISSING, f"driver {found['driver']} sees no GPU")
    for gpu in found["gpus"]:
        yield _gpu(gpu, found["driver"])


def _gpu(gpu: dict[str, Any], driver: str) -> Check:
    name = f"GPU {gpu['name']} ({gpu['uuid']})"
    if gpu["mig"]:
        return Check("energy", name, MISSING, "split into MIG slices, whose power is not metered")
    if gpu["energy_counter"]:
        return Check("energy", name, OK, f"energy counter; driver {driver}")
    if gpu["power"]:
        return Check("energy", name, OK, f"power only, energy is integrated; driver {driver}")
    return Check("energy", name, MISSING, "offers neither energy nor power")


def _unofficial_pynvml() -> Check | None:
    def version_of(project: str) -> str | None:
        try:
            return importlib.metadata.version(project)
        except importlib.metadata.PackageNotFoundError:
            return None

    official, other = version_of("nvidia-ml-py"), version_of("pynvml")
    if official is None:
        return Check(
            "energy",
            "nvidia-ml-py",
            MISSING,
            "NVIDIA's Python module is not installed",
            "pip install nvidia-ml-py",
        )
    # From version 12 on, the package pynvml only depends on nvidia-ml-py and holds no module.
    if other is not None and other.partition(".")[0].isdigit() and int(other.split(".")[0]) < 12:
        return Check(
            "energy",
            "pynvml",
            MISSING,
            f"the unofficial package pynvml {other} overwrites NVIDIA's module",
            "pip uninstall pynvml; pip install --force-reinstall nvidia-ml-py",
        )
    return None


def _nvidia_smi() -> Check:
    if shutil.which("nvidia-smi") is None:
        return Check("energy", "nvidia-smi", MISSING, "not on PATH")
    code, said = run_tool("nvidia-smi", "--query-gpu=name,power.draw", "--format=csv,noheader")
    if code == 0:
        return Check("energy", "nvidia-smi", OK, "; ".join(said.splitlines()))
    reason = said.splitlines()[0] if said else f"ended with code {code}"
    return Check("energy", "nvidia-smi", MISSING, reason)


def rapl_checks(powercap: Path = POWERCAP) -> Iterator[Check]:
    """The processor's energy counters."""
    devices = Rapl(powercap).devices()
    if not devices:
        yield Check(
            "energy",
            "RAPL",
            MISSING,
            f"no counter at {powercap}, as in most virtual machines and containers",
            "Without it, CPU energy is unknown, or estimated where the study declares how.",
        )
    for device in devices:
        what = f"RAPL {device.name or device.device}"
        if device.reason is None:
            yield Check("energy", what, OK, "energy counter of the whole node")
        else:
            yield Check(
                "energy",
                what,
                MISSING,
                device.reason,
                f"Ask the administrator for read permission on {powercap}/*/energy_uj.",
            )


def slurm_checks() -> Iterator[Check]:
    """Slurm's tools, whether accounting answers, and whether it meters energy."""
    for tool, consequence in SLURM_TOOLS.items():
        path = shutil.which(tool)
        if path is None:
            yield Check("slurm", tool, MISSING, f"not on PATH: {consequence}")
        else:
            yield Check("slurm", tool, OK, path)
    if shutil.which("sacct") is not None:
        code, said = run_tool("sacct", "-n", "-X", "-S", "now-1hours", "-o", "JobID")
        if code == 0:
            yield Check("slurm", "accounting", OK, "sacct answers")
        else:
            reason = said.splitlines()[0] if said else f"sacct ended with code {code}"
            yield Check("slurm", "accounting", MISSING, reason)
    if shutil.which("scontrol") is not None:
        yield _energy_plugin()


def _energy_plugin() -> Check:
    code, said = run_tool("scontrol", "show", "config")
    if code != 0:
        reason = said.splitlines()[0] if said else f"scontrol ended with code {code}"
        return Check("slurm", "ConsumedEnergy", MISSING, reason)
    for line in said.splitlines():
        key, _, value = (part.strip() for part in line.partition("="))
        if key == "AcctGatherEnergyType" and value not in {"", "(null)", "acct_gather_energy/none"}:
            return Check("slurm", "ConsumedEnergy", OK, value)
    return Check("slurm", "ConsumedEnergy", MISSING, "this cluster has no energy plugin")


def backend_checks() -> Iterator[Check]:
    """Backends and embedders."""
    from wattbench.cli.listing import backend_rows, embedder_rows

    for kind, rows in (("backend", backend_rows()), ("embedder", embedder_rows())):
        for row in rows:
            state = OK if row["usable"] else MISSING
            detail = "usable" if row["usable"] else str(row["reason"])
            yield Check("backends", f"{kind} {row['name']}", state, detail)


def weight_checks(*, quick: bool = False) -> Iterator[Check]:
    """Pinned files in the cache, verified by their hashes.

    Args:
        quick: Hash nothing: the right size will do.
    """
    for name, pinned in CATALOGUE.items():
        found = presence(pinned, verify=not quick)
        whole = found.state in ({"verified", "unverified"} if quick else {"verified"})
        detail = f"{pinned.bytes / 1e6:.1f} MB, {found.state}" if whole else found.state
        mend = None if whole else f"wattbench fetch {name}"
        yield Check("weights", name, OK if whole else MISSING, detail, mend)


def usable_memory() -> int:
    """Bytes of memory that this process may use: the machine's, or its container's share."""
    available = psutil.virtual_memory().available
    try:
        limit = int(CGROUP_MEMORY.read_text())
    except (OSError, ValueError):
        return available
    return min(available, limit)


def free_disk(folder: Path) -> int:
    """Free bytes of the file system that a folder lies on, or will lie on."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def size_checks() -> Iterator[Check]:
    """CPUs, memory and disk."""
    yield Check("machine", "CPUs", OK, f"{usable_cpus()} usable")
    yield Check("machine", "memory", OK, f"{usable_memory() / GIB:.1f} GiB usable")
    cache = cache_folder()
    yield Check("machine", "disk", OK, f"{free_disk(cache) / GIB:.1f} GiB free at {cache}")


def study_checks(study: Study) -> Iterator[Check]:
    """Whether a study can run here; a check that 'blocks' says that it cannot."""
    problems = list(problems_of(study))
    for problem in problems:
        yield Check(
            "study", problem.where or "study", BLOCKS, problem.what.rstrip("."), problem.mend
        )
    if not problems:
        yield Check("study", "documents, questions, weights", OK, "all there")
    yield from _backends_of(study)
    yield from _room_for(study)


def _backends_of(study: Study) -> Iterator[Check]:
    from wattbench.inference.backends import availability

    for name in sorted({model.backend for model in study.models.values()}):
        try:
            usable, reason, extra = availability(name)
        except InputError:
            # An unknown backend is among the problems that were listed already.
            continue
        if not usable:
            mend = f"pip install wattbench[{extra}]" if extra else "Install wattbench again."
            yield Check("study", f"backend {name}", BLOCKS, str(reason), mend)


def _room_for(study: Study) -> Iterator[Check]:
    elsewhere = shutil.which("sbatch") is not None
    where = "a Slurm job may have it" if elsewhere else "here"
    lacking = MISSING if elsewhere else BLOCKS
    memory, cpus = usable_memory(), usable_cpus()
    for name, model in study.models.items():
        needs = CATALOGUE[model.weights].memory_bytes if model.weights in CATALOGUE else None
        if model.backend == EMBEDDED and needs is not None:
            enough = needs <= memory
            detail = f"takes {needs / GIB:.1f} GiB, {memory / GIB:.1f} GiB usable"
            state = OK if enough else lacking
            yield Check("room", f"memory for {name}", state, detail)
        asked = model.resources.asked()
        if asked.cpus > cpus:
            detail = f"asks for {asked.cpus}, {cpus} usable ({where})"
            yield Check("room", f"CPUs for {name}", MISSING, detail)
        if asked.gpus > 0 and not elsewhere and shutil.which("nvidia-smi") is None:
            detail = f"asks for {asked.gpus}, this machine has none"
            yield Check("room", f"GPUs for {name}", BLOCKS, detail)
    results = Path(study.study.results)
    free = free_disk(results)
    state = OK if free > GIB else BLOCKS
    yield Check("room", "disk for results", state, f"{free / GIB:.1f} GiB free at {results}")
