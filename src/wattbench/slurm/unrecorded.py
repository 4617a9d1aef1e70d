"""Jobs of a run that the ledger knows nothing of: they died before their first record, or waited.

The workflow's executor gives every job a log of its own, <logs>/rule_<rule>/<wildcards>/<job>.log,
which Slurm opens on the node before anything of ours runs. So the file's name is what is left of a
job that was killed while Python was starting.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from wattbench.records import read
from wattbench.study.identity import run_identity
from wattbench.study.layout import LEDGER, Layout
from wattbench.study.models import SMOKE, Study

HEAD_BYTES = 1 << 16
"""How much of a log is looked at for the file that its job writes its own log to."""

_OWN_LOG = re.compile(r"^    log: (.+?)(?: \(check log.*)?$", re.MULTILINE)


@dataclass(frozen=True)
class JobLogs:
    """Where the scheduler's own logs of a run's jobs lie.

    Args:
        folder: Their folder.
        own: The log that such a job writes by itself.
        question_sets: Those that one job works through.
    """

    folder: Path
    own: Path
    question_sets: tuple[str, ...]

    def jobs(self) -> dict[str, Path]:
        """Logs by job id, oldest first; those of other results in the same folder left out."""
        found = {log.stem: log for log in self.folder.glob("*.log") if log.stem.isdecimal()}
        return {job: found[job] for job in sorted(found, key=int) if self._is_ours(found[job])}

    def _is_ours(self, log: Path) -> bool:
        try:
            with log.open("rb") as stream:
                said = _OWN_LOG.search(stream.read(HEAD_BYTES).decode("utf-8", errors="replace"))
        except OSError:
            return False
        # A job that died before it said anything has its place in the folder for all evidence.
        return said is None or said[1] == str(self.own)


def job_logs_of(study: Study, questions: str, run: str, folder: Path) -> JobLogs:
    """Where the logs of the jobs of a run lie.

    Args:
        study: The study.
        questions: Name of the question set, or of its one-question twin.
        run: Name of the model entry.
        folder: Folder of the logs of all jobs.
    """
    layout = Layout(Path(study.study.results))
    if not study.models[run].resources.group_question_sets:
        where = folder / "rule_infer" / f"{questions}_{run}"
        return JobLogs(where, layout.log("infer", questions, run), (questions,))
    twin = questions.endswith(SMOKE)
    rule = "infer_grouped_smoke" if twin else "infer_grouped"
    sets = tuple(name + SMOKE * twin for name in study.questions)
    return JobLogs(folder / f"rule_{rule}" / run, layout.log(rule, run), sets)


def unrecorded(
    study: Study, questions: str, run: str, *, known: Collection[str], logs: JobLogs
) -> dict[str, datetime]:
    """Jobs that worked for a run's settings and stand in no ledger: when each last wrote its log.

    Of a job without a record nobody can say which settings it had: it is taken for one of the
    present settings unless other settings were worked for after it.

    Args:
        study: The study.
        questions: Name of the question set.
        run: Name of the model entry.
        known: Jobs in the run's ledger.
        logs: Where the scheduler's logs lie.
    """
    found = {job: log for job, log in logs.jobs().items() if job not in known}
    if not found:
        return {}
    own = run_identity(study, run)
    # The layout says where a ledger lies, with a star in place of the settings.
    files = Layout(Path(study.study.results)).run(study.study.environment, questions, run)
    pattern = (files.journal("*") / LEDGER).relative_to(files.folder)
    others = [one for one in files.folder.glob(str(pattern)) if one.parent.name != own]
    theirs = {
        record["job"]["job_id"]
        for ledger in others
        for record in read(ledger).records
        if record["kind"] == "start"
    }
    last = max((ledger.stat().st_mtime for ledger in others), default=0.0)
    written = {job: log.stat().st_mtime for job, log in found.items() if job not in theirs}
    return {job: datetime.fromtimestamp(at, UTC) for job, at in written.items() if at > last}
