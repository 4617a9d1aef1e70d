"""The audit of one question set of a study, made anew from its files."""

from __future__ import annotations

from pathlib import Path

from wattbench.analyses.audit.checks import clean
from wattbench.analyses.audit.facts import Facts, Row
from wattbench.analyses.audit.of_study import facts
from wattbench.analyses.folders import read_folders
from wattbench.analyses.question_set import set_tables
from wattbench.study.layout import Layout
from wattbench.study.models import Study
from wattbench.study.questions import study_questions
from wattbench.study.resolve import read_skipped


def audit_study(study: Study, questions: str) -> tuple[list[Row], list[Facts]]:
    """Rows of the table `audit`, and the runs that nothing speaks against, best first.

    Args:
        study: The study.
        questions: Name of the question set.

    Raises:
        InputError: A file of a run is there but cannot be read.
    """
    layout = Layout(Path(study.study.results))
    folders, absent = read_folders(study)
    gold = study_questions(study, questions)
    own = {folder.name: folder for folder in folders if folder.questions == questions}
    tables = set_tables(
        study,
        layout,
        questions,
        gold,
        list(own.values()),
        absent=[one for one in absent if one.questions == questions],
        skipped=read_skipped(layout.skipped),
    )
    runs = [facts(row, own[row["run"]], gold, study) for row in tables.runs]
    return tables.audit, clean(runs)
