"""Whether a run's results are there, made under the study's settings."""

from __future__ import annotations

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
    if not files.predictions.exists() or not files.job.exists():
        return False
    try:
        job = read_json(files.job)
        return bool(job["identity"] == identity and job["question_count"] == total)
    except (InputError, KeyError, TypeError):
        return False
