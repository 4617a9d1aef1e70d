"""The audit of one question set of a study, made anew from its files."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from wattbench.analyses.alone import alone
from wattbench.analyses.audit.checks import clean
from wattbench.analyses.audit.facts import Facts, Row
from wattbench.analyses.folders import read_folders
from wattbench.analyses.question_set import set_tables, together
from wattbench.study.layout import Layout
from wattbench.study.models import Study
from wattbench.study.questions import study_questions
from wattbench.study.resolve import read_skipped


def audit_study(study: Study, questions: str) -> tuple[list[Row], list[Facts]]:
    """Rows of the table `audit`, and the runs to build on, best first.

    Args:
        study: The study.
        questions: Name of the question set.

    Raises:
        InputError: A file of a run is there but cannot be read.
    """
    layout = Layout(Path(study.study.results))
    folders, absent = read_folders(study)
    gold = study_questions(study, questions)
    found = alone(study, questions, gold, [one for one in folders if one.questions == questions])
    with ThreadPoolExecutor() as pool:
        tables = set_tables(
            study,
            found,
            together(study, found, pool),
            absent=[one for one in absent if one.questions == questions],
            skipped=read_skipped(layout.skipped),
        )
    return tables.audit, clean(tables.facts)
