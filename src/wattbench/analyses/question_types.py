"""Rows of the table `question_types`: accuracy by type of question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from wattbench.scoring.intervals import design_effects, wilson
from wattbench.scoring.resamples import Clusters
from wattbench.scoring.standing import Standing
from wattbench.study.judgement import Scoring
from wattbench.study.questions import Question

Row = dict[str, Any]
FEW = 10
"""Below so many questions the guide marks a type as too small to read."""
KINDS = ("quote", "table", "figure", "math", "na", "other")


def question_types(found: Standing, gold: Sequence[Question], scoring: Scoring) -> list[Row]:
    """Accuracy of every run by type of question; types without a question have no row.

    Of unanswerable questions those left blank count as right, whatever the rule says of their
    value.

    Args:
        found: The runs' standing.
        gold: The questions.
        scoring: The study's settings.
    """
    members = {
        kind: [place for place, one in enumerate(gold) if kind in (one.kinds or ("other",))]
        for kind in KINDS
    }
    members["all"] = list(range(len(gold)))
    verdicts = found.verdicts
    blank = verdicts.unanswerable[:, None] > 0
    right = np.where(blank, verdicts.na, verdicts.value) * verdicts.judged
    rows: list[Row] = []
    for kind, places in members.items():
        if not places:
            continue
        hits, judged = right[places], verdicts.judged[places]
        _, numbers = np.unique(found.clusters.of[places], return_inverse=True)
        clusters = Clusters(numbers, int(numbers.max()) + 1)
        effects = design_effects(hits, judged, clusters, scoring.confidence_level)
        for place, run in enumerate(found.runs):
            count, correct = int(judged[:, place].sum()), int(hits[:, place].sum())
            ends = wilson(correct, count, scoring.confidence_level, float(effects[place]))
            if ends is None:
                continue
            rows.append(
                {
                    "rule": found.rule,
                    "run": run,
                    "kind": kind,
                    "count": count,
                    "correct": correct,
                    "accuracy": correct / count,
                    "accuracy_low": ends[0],
                    "accuracy_high": ends[1],
                    "few": count < FEW,
                }
            )
    return rows
