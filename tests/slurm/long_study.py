"""A study whose one run takes long enough for things to go wrong in the middle of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml

from tests.slurm.cluster import Cluster
from tests.slurm.processes import wait_until
from tests.slurm.study import Project
from tests.workflow.conftest import COLUMNS, build

RUN = "good"
TIME_COLUMNS = {
    "answered_at",
    "first_token_s",
    "queue_s",
    "retrieval_s",
    "segment",
    "total_s",
}
"""Columns of predictions that differ between two runs of the same answers."""


class LongStudy(Project):
    """A project with one recorded model that takes its time for each question."""

    def slow_down(self, seconds: float) -> None:
        """Let each answer take this long."""
        self.change("models", RUN, "options", "sleep_s", to=seconds)

    @property
    def target(self) -> str:
        """File that the run's job makes."""
        return str((self.run_folder(RUN) / "job.json").relative_to(self.folder))

    def answered(self) -> int:
        """How many questions the journal holds."""
        folder = self.run_folder(RUN) / "journal"
        return sum(
            1
            for journal in folder.glob("*/answers.jsonl")
            for line in journal.read_text().splitlines()
            if '"answer"' in line
        )

    def wait_for_answers(self, count: int, timeout_s: float = 90.0) -> None:
        """Wait until the journal holds this many."""
        log = self.folder / "driver.log"
        wait_until(
            lambda: self.answered() >= count, f"{count} answers", timeout_s, logs=[log], every_s=0.1
        )

    def asked(self) -> list[str]:
        """Questions the model was asked, sorted."""
        return sorted(self.calls(RUN))

    def answers(self) -> list[dict[str, Any]]:
        """Predictions without what time decides."""
        rows = pq.read_table(self.run_folder(RUN) / "predictions.parquet").to_pylist()
        return [{k: v for k, v in row.items() if k not in TIME_COLUMNS} for row in rows]

    def segments(self) -> list[dict[str, Any]]:
        """The run's ledger."""
        rows: list[dict[str, Any]] = pq.read_table(
            self.run_folder(RUN) / "segments.parquet"
        ).to_pylist()
        return rows

    def running_job(self, cluster: Cluster) -> str:
        """Id of the job that works for the run, as it wrote it down itself."""
        (lease,) = (self.run_folder(RUN) / "journal").glob("*/lease.json")
        job: str = json.loads(lease.read_text())["job_id"]
        assert cluster.state(job) == "RUNNING"
        return job


def write_long(folder: Path, count: int) -> None:
    """A workplace with one model and this many questions, where nothing ran yet."""
    workplace = build(folder)
    ids = [f"q{number:02d}" for number in range(1, count + 1)]
    questions = [
        f"{name},How many units did site {name} count?,{n},{n},is_blank,['alpha'],1,0,0,0,0"
        for n, name in enumerate(ids)
    ]
    (folder / "questions.csv").write_text("\n".join([COLUMNS, *questions]) + "\n")
    lines = [
        json.dumps(
            {
                "question_id": name,
                "reply": json.dumps({"answer_value": n, "refs": [1]}),
                "prompt_tokens": 200,
                "completion_tokens": 20,
                "prefill_s": 0.01,
                "decode_s": 0.02,
            }
        )
        for n, name in enumerate(ids)
    ]
    (folder / f"{RUN}.jsonl").write_text("\n".join(lines) + "\n")
    study = workplace.study()
    del study["models"]["poor"], study["ensembles"]
    (folder / "study.yaml").write_text(yaml.safe_dump(study, sort_keys=False))
    workplace.jobs("--", "results/contexts/set/default.parquet")


def undisturbed(folder: Path, cluster: Cluster) -> list[dict[str, Any]]:
    """What the run answers when nothing goes wrong; made on this machine, without Slurm."""
    study = LongStudy.on(folder, cluster)
    study.jobs("--", study.target)
    return study.answers()


def copied(source: Path, folder: Path, cluster: Cluster) -> LongStudy:
    """A copy to break."""
    shutil.copytree(source, folder, symlinks=True)
    return LongStudy.on(folder, cluster)
