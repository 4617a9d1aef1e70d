"""Whether a run's results are there, made under the study's settings."""

from __future__ import annotations

from pathlib import Path

from wattbench.errors import InputError
from wattbench.files import read_json
from wattbench.study.layout import RunFiles


def finished(files: RunFiles, identity: str, total: int) -> bool:
    """Whether a run's answers are there, of these settings and of all questions.

    Args:
        files: The run's files.
        identity: Digest of the run's settings.
        total: Questions of the set.
    """
    return files.predictions.exists() and is_of(files.job, identity, total)


def is_of(job: Path, identity: str, total: int) -> bool:
    """Whether a job.json is there, of these settings and of so many questions or answers.

    Args:
        job: The file.
        identity: Digest of the settings.
        total: Questions, or answers that were judged.
    """
    try:
        found = read_json(job)
        return bool(found["identity"] == identity and found["question_count"] == total)
    except (InputError, KeyError, TypeError):
        return False
