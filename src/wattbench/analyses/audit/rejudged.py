"""Which stored judgements are not what the rule says now."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from wattbench.analyses.folders import Folder
from wattbench.scoring.gold import Gold
from wattbench.scoring.judging import judge_runs, verdict_arrays
from wattbench.study.judgement import RULES, Scoring
from wattbench.study.questions import Question


def rejudged(
    folders: Sequence[Folder], gold: Sequence[Question], scoring: Scoring
) -> dict[str, list[str]]:
    """Ids of the questions that are judged otherwise now, by run; runs without any are left out.

    A rule of the study's own, or a judge, may cost something to ask: those are taken as stored.

    Args:
        folders: The runs' files.
        gold: The questions.
        scoring: The study's rules and weights.
    """
    if scoring.rule not in RULES or not folders:
        return {}
    names = [folder.name for folder in folders]
    answers = {folder.name: folder.predictions for folder in folders}
    place = {"environment": "", "questions": ""}
    now = judge_runs(scoring.model_copy(update={"also": ()}), Gold(gold), answers, place, {})
    stored = pa.concat_tables([folder.scores for folder in folders], promote_options="default")
    new, old = (verdict_arrays(scoring.rule, gold, names, table) for table in (now, stored))
    other = new.judged != old.judged
    for one, before in ((new.value, old.value), (new.ref, old.ref), (new.na, old.na)):
        other |= one != before
    return {
        names[run]: [gold[at].id for at in np.flatnonzero(other[:, run]).tolist()]
        for run in np.flatnonzero(other.any(axis=0)).tolist()
    }
