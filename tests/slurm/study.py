"""A study that Snakemake runs on the test cluster."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.slurm.cluster import Cluster
from tests.workflow.conftest import REPOSITORY, SNAKEMAKE, Workplace, jobs_of

# The plugin looks after this many seconds, then 10 later, then 20: a small job is seen to end
# soonest with the second look just after it. Files of this machine need no waiting for.
FAST = ("--slurm-init-seconds-before-status-checks", "4", "--latency-wait", "5")


@dataclass
class Project(Workplace):
    """A workplace whose jobs go to the test cluster."""

    cluster: Cluster | None = None

    @classmethod
    def on(cls, folder: Path, cluster: Cluster) -> Project:
        """The workplace in a folder, to be run on a cluster."""
        return cls(folder, environment=cluster.env(), cluster=cluster)

    def command(self, *arguments: str) -> list[str]:
        """The command a user types, with fast polling; arguments come last."""
        return [
            str(SNAKEMAKE),
            "--snakefile",
            str(REPOSITORY / "Snakefile"),
            "--directory",
            str(self.folder),
            "--profile",
            str(REPOSITORY / "profiles" / "slurm"),
            "--configfile",
            str(self.study_file),
            *FAST,
            *arguments,
        ]

    def submit(self, *arguments: str) -> Counter[str]:
        """Run the workflow on the cluster and name each job that ran, local ones included."""
        done = self.drive(*arguments)
        assert done.returncode == 0, self.output[-8000:]
        return jobs_of(self.output)

    def drive(self, *arguments: str, timeout_s: float = 600.0) -> subprocess.CompletedProcess[str]:
        """Run the workflow on the cluster to its end, good or bad; `output` holds what it said."""
        done = subprocess.run(
            self.command("--quiet", "host", *arguments),
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        self.output = done.stdout + done.stderr
        return done

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start the workflow and return at once; its words go to driver.log."""
        with (self.folder / "driver.log").open("ab") as log:
            return subprocess.Popen(
                self.command(*arguments),
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def run_folder(self, run: str) -> Path:
        """Folder of a run's results."""
        return self.folder / "results" / "runs" / "local" / "set" / run

    def read(self, run: str, name: str) -> dict[str, Any]:
        """A JSON file of a run."""
        loaded: dict[str, Any] = json.loads((self.run_folder(run) / name).read_text())
        return loaded

    def add_model(self, name: str, like: str = "good") -> None:
        """Add a model to the study that answers as another does."""
        self.change(
            "models",
            name,
            to={
                **self.study()["models"][like],
                "options": {"call_log": f"calls-{name}.log"},
                "weights": f"{name}.jsonl",
            },
        )
        (self.folder / f"{name}.jsonl").write_text((self.folder / f"{like}.jsonl").read_text())
