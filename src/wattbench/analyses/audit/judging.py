"""The audit of answers that a model judged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wattbench.analyses.audit.facts import Row, finding
from wattbench.analyses.folders import Folder
from wattbench.study.models import Study


def audit_judging(study: Study, folders: Sequence[Folder]) -> Iterator[Row]:
    """Findings about the judging model and what it left undecided.

    Args:
        study: The study.
        folders: Files of the runs and ensembles on one question set.
    """
    judge = study.scoring.judge_asked()
    if judge is None:
        return
    for folder in folders:
        failed = (folder.summary.get("judge") or {}).get("failed")
        if failed:
            yield finding(
                "unjudged",
                "warning",
                f"the judging model gave no verdict on {failed} of its answers; under the rule "
                "'judge' they are in no mean, so its score is over fewer questions than others'.",
                "Read the replies in verdicts.parquet; raise scoring.judge.attempts, name another "
                "judge, or compare under another rule.",
                folder.name,
            )
    weights = study.models[judge.model].weights
    for folder in folders:
        if not folder.ensemble and study.models[folder.name].weights == weights:
            yield finding(
                "own_judge",
                "note",
                "the model that judges all answers is its own: models tend to favour their own "
                "words.",
                "Compare with a rule that asks no model, such as strict under scoring.also.",
                folder.name,
            )
