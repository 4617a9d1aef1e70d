"""The probe of `wattbench doctor --slurm`, as checks."""

from __future__ import annotations

import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from wattbench import __version__
from wattbench.cli.doctor_checks import Check
from wattbench.cli.profiles import profile_home
from wattbench.slurm.probe import probe
from wattbench.slurm.probe_findings import figures, findings
from wattbench.slurm.probe_node import Here
from wattbench.slurm.site import read_profile, request_of
from wattbench.study.models import Study, StudyInfo
from wattbench.weights.catalogue import CATALOGUE
from wattbench.weights.store import presence

HERE = frozenset({"verified", "unverified"})


def probe_checks(
    study: Study | None,
    files: Sequence[Path],
    *,
    profile: str,
    partition: str | None,
    gpus: int | None,
    timeout_s: float,
) -> tuple[list[Check], dict[str, Any]]:
    """What a probe job saw, as checks and as figures.

    Args:
        study: The study, or None.
        files: Its files.
        profile: Snakemake profile, by name or folder.
        partition: Partition, or None for that of the study's runs.
        gpus: GPUs, or None for one where the study's runs want any.
        timeout_s: Longest wait for the job.

    Raises:
        InputError: The profile or the partition file cannot be used.
        FaultError: The results folder cannot be written.
    """
    given = read_profile(profile, [profile_home()])
    request = request_of(study, given, partition=partition, gpus=gpus)
    results = Path(study.study.results if study is not None else StudyInfo(name="any").results)
    here = Here(
        python=sys.executable,
        python_version=platform.python_version(),
        wattbench=__version__,
        results=results.resolve(),
        weights=frozenset(
            name for name, pinned in CATALOGUE.items() if presence(pinned).state in HERE
        ),
    )
    seen = probe(
        request,
        results,
        timeout_s=timeout_s,
        latency_wait_s=given.latency_wait_s,
        doctor=[word for file in files for word in ("--study", str(file.resolve()))],
    )
    checks = [Check(**asdict(finding)) for finding in findings(seen, given, here)]
    return checks, figures(seen)
