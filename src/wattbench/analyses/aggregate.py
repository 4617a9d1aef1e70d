"""The stage `aggregate`: all runs' files -> the tables of the study."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from threadpoolctl import threadpool_limits

from wattbench import __version__
from wattbench.analyses.alone import Alone, alone
from wattbench.analyses.folders import Absent, Folder, SoFar, concatenated, read_folders
from wattbench.analyses.kept import Kept, stamp
from wattbench.analyses.question_set import SetTables, Together, set_tables, together
from wattbench.analyses.scaling import guide_csv, guide_json
from wattbench.errors import FaultError
from wattbench.study.layout import Layout
from wattbench.study.models import Study
from wattbench.study.questions import Question, study_questions
from wattbench.study.resolve import read_skipped
from wattbench.tables.answers import PREDICTIONS, SAMPLES, SEGMENTS
from wattbench.tables.contract import SCHEMA_VERSION
from wattbench.tables.documents import QUESTIONS
from wattbench.tables.files import encoded, to_arrow, write_json, write_text, write_whole
from wattbench.tables.runs import AUDIT, COMPUTE, ENSEMBLES, RUNS
from wattbench.tables.statistics import QUESTION_TYPES, REPEATS, SCALING
from wattbench.tables.values import BLANK
from wattbench.tables.verdicts import CALIBRATION, COMPARISONS, HISTOGRAMS, ROC, SCORES, VOTES

Row = dict[str, Any]
THREADS = 4
"""Tables written at once: compressing and waiting for the disk take turns."""
COPIED_ROWS = 1_000_000


def aggregate(study: Study, so_far: SoFar | None = None) -> None:
    """Write every table and their manifest; the same files give the same bytes.

    Smoke twins are left out: one question is no result. Where runs lack results, the tables are of
    what is there, and partial.json stands in the place of the manifest, which the workflow waits
    for.

    Args:
        study: The study.
        so_far: What became of the runs without results; default: nobody has looked into it.

    Raises:
        InputError: A file of a run is there but cannot be read.
    """
    layout = Layout(Path(study.study.results))
    gold = {name: study_questions(study, name) for name in study.questions}
    # What is kept is known by a run's files, and of accounting without a file there is none.
    kept = {
        name: Kept(layout.kept(study.study.environment, name), stamp(study, gold[name]))
        for name in study.questions
        if so_far is None
    }
    folders, absent = read_folders(study, kept)
    if so_far is not None:
        folders, absent = so_far.of(folders), [*so_far.absent]
    # BLAS's own threads would wait busily for cores that these need, and the last bits of its
    # products hang on how many there are.
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(THREADS) as pool:
        files: dict[str, Future[Encoded]] = {}

        def begin(tables: Mapping[str, pa.Table]) -> None:
            files.update({name: pool.submit(_encode, table) for name, table in tables.items()})

        # What the files say as they are is packed while the rest is worked out.
        begin(_as_read(folders))
        each = [
            alone(study, name, gold[name], [one for one in folders if one.questions == name])
            for name in study.questions
        ]
        begin(_of_each(each))
        others = [together(study, one, pool) for one in each]
        files["comparisons"] = pool.submit(lambda: _encode(_comparisons(others)))
        sets = _sets(study, each, others, absent, kept)
        begin(_worked_out(study, gold, sets))
        keeping = [pool.submit(one.write) for one in kept.values()]
        # Nothing is written before everything is worked out.
        done = {name: file.result() for name, file in files.items()}
        layout.partial_manifest.unlink(missing_ok=True)
        if absent:
            layout.tables_manifest.unlink(missing_ok=True)
        list(pool.map(lambda name: _write(layout.table(name), done[name]), layout.TABLES))
        for one in keeping:
            # What could not be kept is made anew the next time; the tables are there.
            with suppress(FaultError, OSError):
                one.result()
    sizes = [row for one in sets for row in one.sizes]
    write_text(layout.scaling_csv, guide_csv(sizes))
    write_json(layout.scaling_json, guide_json(sizes))
    manifest = {
        "schema_version": SCHEMA_VERSION,
        "wattbench_version": __version__,
        "study": study.study.name,
        "environment": study.study.environment,
        "tables": {
            name: {"rows": done[name].rows, "sha256": done[name].digest} for name in layout.TABLES
        },
    }
    manifest["missing"] = [
        {"questions": one.questions, "run": one.name, "reason": one.reason} for one in absent
    ]
    write_json(layout.partial_manifest if absent else layout.tables_manifest, manifest)


@dataclass(frozen=True)
class Encoded:
    """A table as a file.

    Args:
        rows: Number of its rows.
        content: The file's bytes.
        digest: Their sha256.
    """

    rows: int
    content: memoryview
    digest: str


def _encode(table: pa.Table) -> Encoded:
    # A chunk for each run takes longer than its rows; of power traces a copy may be too large.
    content = encoded(table.combine_chunks() if table.num_rows < COPIED_ROWS else table)
    return Encoded(table.num_rows, content, hashlib.sha256(content).hexdigest())


def _write(path: Path, file: Encoded) -> None:
    write_whole(path, lambda stream: stream.write(file.content))


def _sets(
    study: Study,
    each: Sequence[Alone],
    others: Sequence[Together],
    absent: Sequence[Absent],
    kept: Mapping[str, Kept],
) -> list[SetTables]:
    skipped = read_skipped(Layout(Path(study.study.results)).skipped)
    return [
        set_tables(
            study,
            found,
            pairs,
            absent=[one for one in absent if one.questions == found.questions],
            skipped=skipped,
            kept=kept.get(found.questions),
        )
        for found, pairs in zip(each, others, strict=True)
    ]


def _as_read(folders: Sequence[Folder]) -> dict[str, pa.Table]:
    """Tables that the runs' files hold as they are."""
    return {
        "scores": concatenated([folder.scores for folder in folders], SCORES),
        "segments": concatenated([folder.segments for folder in folders], SEGMENTS),
        "samples": concatenated([folder.samples for folder in folders], SAMPLES),
        "votes": concatenated([folder.votes for folder in folders], VOTES),
    }


def _of_each(each: Sequence[Alone]) -> dict[str, pa.Table]:
    """Tables of what each run says by itself."""
    curves = {"roc": ROC, "calibration": CALIBRATION, "histograms": HISTOGRAMS}
    return {
        "predictions": concatenated([part for one in each for part in one.predictions], PREDICTIONS)
    } | {
        name: concatenated([part for one in each for part in getattr(one.curves, name)], table)
        for name, table in curves.items()
    }


def _comparisons(others: Sequence[Together]) -> pa.Table:
    return concatenated([part.result() for one in others for part in one.comparisons], COMPARISONS)


def _worked_out(
    study: Study, gold: Mapping[str, tuple[Question, ...]], sets: Sequence[SetTables]
) -> dict[str, pa.Table]:
    """All other tables."""
    return {
        "questions": to_arrow(QUESTIONS, _questions(study, gold)),
        "runs": to_arrow(RUNS, (row for one in sets for row in one.runs)),
        "compute": to_arrow(COMPUTE, (row for one in sets for row in one.compute)),
        "ensembles": to_arrow(ENSEMBLES, (row for one in sets for row in one.ensembles)),
        "question_types": to_arrow(QUESTION_TYPES, (r for one in sets for r in one.question_types)),
        "repeats": to_arrow(REPEATS, (row for one in sets for row in one.repeats)),
        "scaling": to_arrow(SCALING, (row for one in sets for row in one.scaling)),
        "audit": to_arrow(AUDIT, (row for one in sets for row in one.audit)),
    }


def _questions(study: Study, gold: Mapping[str, tuple[Question, ...]]) -> Sequence[Row]:
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
