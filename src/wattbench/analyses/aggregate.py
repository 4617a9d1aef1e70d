"""The stage `aggregate`: all runs' files -> the tables of the study."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa

from wattbench import __version__
from wattbench.analyses.folders import concatenated, read_folders
from wattbench.analyses.kept import Kept, stamp
from wattbench.analyses.question_set import SetTables, set_tables
from wattbench.analyses.scaling import guide_csv, guide_json
from wattbench.study.layout import Layout
from wattbench.study.models import Study
from wattbench.study.questions import Question, study_questions
from wattbench.study.resolve import read_skipped
from wattbench.tables.answers import PREDICTIONS, SAMPLES, SEGMENTS
from wattbench.tables.contract import SCHEMA_VERSION
from wattbench.tables.documents import QUESTIONS
from wattbench.tables.files import file_digest, to_arrow, write_arrow, write_json, write_text
from wattbench.tables.runs import AUDIT, COMPUTE, ENSEMBLES, RUNS
from wattbench.tables.statistics import QUESTION_TYPES, REPEATS, SCALING
from wattbench.tables.values import BLANK
from wattbench.tables.verdicts import CALIBRATION, COMPARISONS, HISTOGRAMS, ROC, SCORES, VOTES

Row = dict[str, Any]
THREADS = 4
"""Tables written at once: compressing and waiting for the disk take turns."""


def aggregate(study: Study) -> None:
    """Write every table and their manifest; the same files give the same bytes.

    Smoke twins are left out: one question is no result.

    Args:
        study: The study.

    Raises:
        InputError: A file of a run is there but cannot be read.
    """
    layout = Layout(Path(study.study.results))
    gold = {name: study_questions(study, name) for name in study.questions}
    kept = {
        name: Kept(layout.kept(study.study.environment, name), stamp(study, gold[name]))
        for name in study.questions
    }
    folders, absent = read_folders(study, kept)
    skipped = read_skipped(layout.skipped)
    sets: list[SetTables] = [
        set_tables(
            study,
            layout,
            name,
            gold[name],
            [folder for folder in folders if folder.questions == name],
            absent=[one for one in absent if one.questions == name],
            skipped=skipped,
            kept=kept[name],
        )
        for name in study.questions
    ]
    tables: dict[str, pa.Table] = {
        "questions": to_arrow(QUESTIONS, _questions(study, gold)),
        "runs": to_arrow(RUNS, (row for one in sets for row in one.runs)),
        "predictions": concatenated(
            [table for one in sets for table in one.predictions], PREDICTIONS
        ),
        "scores": concatenated([folder.scores for folder in folders], SCORES),
        "segments": concatenated([folder.segments for folder in folders], SEGMENTS),
        "samples": concatenated([folder.samples for folder in folders], SAMPLES),
        "compute": to_arrow(COMPUTE, (row for one in sets for row in one.compute)),
        "ensembles": to_arrow(ENSEMBLES, (row for one in sets for row in one.ensembles)),
        "votes": concatenated([folder.votes for folder in folders], VOTES),
        "comparisons": concatenated(
            [table for one in sets for table in one.comparisons], COMPARISONS
        ),
        "calibration": concatenated(
            [table for one in sets for table in one.curves.calibration], CALIBRATION
        ),
        "roc": concatenated([table for one in sets for table in one.curves.roc], ROC),
        "histograms": concatenated(
            [table for one in sets for table in one.curves.histograms], HISTOGRAMS
        ),
        "question_types": to_arrow(QUESTION_TYPES, (r for one in sets for r in one.question_types)),
        "repeats": to_arrow(REPEATS, (row for one in sets for row in one.repeats)),
        "scaling": to_arrow(SCALING, (row for one in sets for row in one.scaling)),
        "audit": to_arrow(AUDIT, (row for one in sets for row in one.audit)),
    }
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda name: write_arrow(layout.table(name), tables[name]), tables))
    sizes = [row for one in sets for row in one.sizes]
    write_text(layout.scaling_csv, guide_csv(sizes))
    write_json(layout.scaling_json, guide_json(sizes))
    manifest = {
        "schema_version": SCHEMA_VERSION,
        "wattbench_version": __version__,
        "study": study.study.name,
        "environment": study.study.environment,
        "tables": {
            name: {"rows": table.num_rows, "sha256": file_digest(layout.table(name))}
            for name, table in tables.items()
        },
    }
    write_json(layout.tables_manifest, manifest)
    for one in kept.values():
        one.write()


def _questions(study: Study, gold: dict[str, tuple[Question, ...]]) -> Sequence[Row]:
    return [
        {
            "study": study.study.name,
            "questions": name,
            "question_id": question.id,
            "position": question.position,
            "question": question.text,
            "gold_value": question.value if question.answerable else BLANK,
            "gold_unit": question.unit,
            "gold_refs": list(question.refs),
            "answerable": question.answerable,
            "kinds": list(question.kinds),
            "explanation": question.explanation,
        }
        for name, questions in gold.items()
        for question in questions
    ]
