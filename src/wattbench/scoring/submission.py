"""Scoring the benchmark guide's files, wherever they come from: gold answers and a submission."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from wattbench.errors import InputError
from wattbench.scoring import wattbot
from wattbench.scoring.columns import Judged, judge_columns
from wattbench.scoring.gold import Gold
from wattbench.scoring.intervals import Verdicts, wilson
from wattbench.scoring.resamples import clusters_of
from wattbench.scoring.rules import WATTBOT, overall
from wattbench.scoring.standing import standing_of
from wattbench.scoring.texts import Places, Reals
from wattbench.study.judgement import RuleName, Scoring
from wattbench.study.questions import Question, parse_refs, question_of
from wattbench.tables.values import BLANK
from wattbench.text_files import open_csv

Row = dict[str, Any]
EmptyCells = Literal["kept", "nan"]
"""How an empty cell is read: as an empty text, or as pandas reads it, as 'nan'."""

GOLD_COLUMNS = ("id", "answer_value", "answer_unit", "ref_id")
COLUMNS = ("id", "answer_value", "ref_id")
FAILED = "Error:"
"""How the explanation of a question that failed begins."""

BOOTSTRAPPED = 20_000
"""Questions up to which the score is given its bootstrap interval."""

SHOWN = 10
PANDAS_NAN = frozenset(
    {
        "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
        "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
    }
)  # fmt: skip
"""Cells that pandas' read_csv takes for missing."""


@dataclass(frozen=True)
class Files:
    """A gold file and a submission.

    Args:
        gold: The questions.
        rows: The submission's rows by column.
    """

    gold: tuple[Question, ...]
    rows: list[Row]


def _rows(path: Path, columns: Sequence[str], what: str, empty: EmptyCells) -> list[Row]:
    reader, _ = open_csv(path, what=what, mend="Check the path.")
    names = [name.strip() for name in reader.fieldnames or ()]
    reader.fieldnames = names
    lacking = [name for name in columns if name not in names]
    if lacking:
        raise InputError(
            f"{what} lacks the column{'s' if len(lacking) > 1 else ''} {', '.join(lacking)}; it "
            f"has: {', '.join(names) or 'none'}.",
            where=f"{path}, line 1",
            mend=f"It needs {', '.join(columns)}.",
        )
    rows = [{name: row.get(name) or "" for name in names} for row in reader]
    if not rows:
        raise InputError(f"{what} holds no row.", where=str(path))
    for row in rows:
        row["id"] = row["id"].strip()
        if empty == "nan":
            for name in ("answer_value", "ref_id"):
                row[name] = "nan" if row[name] in PANDAS_NAN else row[name]
    return rows


def read_files(gold: Path, submission: Path, empty: EmptyCells = "kept") -> Files:
    """Read both files.

    Args:
        gold: CSV file with id, answer_value, answer_unit, ref_id, and is_NA where it has it.
        submission: CSV file with id, answer_value, ref_id.
        empty: How empty cells are read.

    Raises:
        InputError: A file cannot be read, lacks a column or a row, or the gold file repeats an id.
    """
    cells = _rows(gold, GOLD_COLUMNS, "the gold file", empty)
    twice = [name for name, count in Counter(row["id"] for row in cells).items() if count > 1]
    if twice:
        raise InputError(
            f"the gold file has more than one answer for {_named(twice)}.",
            where=str(gold),
            mend="Give every question an id of its own.",
        )
    questions = tuple(
        question_of(
            {"question": "", **{name: cell.strip() for name, cell in row.items()}},
            position=place,
            line=place + 2,
        )
        for place, row in enumerate(cells)
    )
    return Files(questions, _rows(submission, COLUMNS, "the submission", empty))


def _named(ids: Sequence[str]) -> str:
    rest = f" and {len(ids) - SHOWN} more" if len(ids) > SHOWN else ""
    return ", ".join(ids[:SHOWN]) + rest


def score_files(
    gold: Path,
    submission: Path,
    scoring: Scoring,
    *,
    empty: EmptyCells = "kept",
    whole: bool = False,
) -> Row:
    """Score a submission under the scoring's rule.

    Under the WattBot rules, as in the original, questions without a row are left out of the means
    and a row that stands twice counts twice; the other rules count the first as wrong and refuse
    the second.

    Args:
        gold: The gold file.
        submission: The submission.
        scoring: Rule, weights and interval settings.
        empty: How empty cells are read.
        whole: Refuse a submission that leaves a question out, repeats or adds one.

    Returns:
        What `wattbench score GOLD SUBMISSION --json` prints.

    Raises:
        InputError: A file is no such file, an id is repeated where the rule refuses it, no id is
            common, or `whole` is not so.
    """
    files = read_files(gold, submission, empty)
    place = {question.id: at for at, question in enumerate(files.gold)}
    counts = Counter(row["id"] for row in files.rows)
    missing = [identifier for identifier in place if identifier not in counts]
    surplus = [identifier for identifier in counts if identifier not in place]
    repeated = [identifier for identifier, count in counts.items() if count > 1]
    _check(scoring.rule, submission, missing, surplus, repeated, whole=whole)
    rows = [row for row in files.rows if row["id"] in place]
    if not rows:
        raise InputError(
            "no id of the submission is in the gold file.",
            where=str(submission),
            mend="Check that both files are of one question set.",
        )
    if scoring.rule not in WATTBOT:
        rows += [{"id": identifier, "there": False} for identifier in missing]
    asked = np.array([place[row["id"]] for row in rows], dtype=np.intp)
    found = _judge(scoring.rule, Gold(files.gold), asked, rows)
    return {
        "gold": str(gold),
        "submission": str(submission),
        "rule": scoring.rule,
        "weights": scoring.weights.model_dump(),
        "empty_cells": empty,
        **_means(scoring, files.gold, asked, found, repeated=bool(repeated)),
        "questions": len(files.gold),
        "missing": missing,
        "surplus": surplus,
        "repeated": repeated,
    }


def _check(
    rule: RuleName,
    submission: Path,
    missing: Sequence[str],
    surplus: Sequence[str],
    repeated: Sequence[str],
    *,
    whole: bool,
) -> None:
    if repeated and (whole or rule not in WATTBOT):
        raise InputError(
            f"more than one answer for {_named(repeated)}: which one counts is not known.",
            where=str(submission),
            mend="Leave one row for each question.",
        )
    if whole and missing:
        raise InputError(
            f"{len(missing)} questions of the gold file have no answer: {_named(missing)}.",
            where=str(submission),
            mend="Answer every question; a blank is is_blank.",
        )
    if whole and surplus:
        raise InputError(
            f"{len(surplus)} answers are to no question of the gold file: {_named(surplus)}.",
            where=str(submission),
            mend="Check that both files are of one question set.",
        )


def _judge(rule: RuleName, gold: Gold, asked: Places, rows: Sequence[Row]) -> Judged:
    there = [row.get("there", True) for row in rows]
    cells = [row.get("ref_id", "") for row in rows]
    strict = rule not in WATTBOT
    # The guide writes a question that failed as is_blank, which its own rules take it for.
    errors = [
        "failed" if strict and row.get("explanation", "").startswith(FAILED) else None
        for row in rows
    ]
    values = [row.get("answer_value", BLANK).strip() for row in rows]
    predictions = pa.table(
        {
            "value": pa.array(
                [None if error else value for value, error in zip(values, errors, strict=True)],
                pa.string(),
            ),
            "refs": pa.array(
                [list(parse_refs(cell)) if strict else [] for cell in cells],
                pa.list_(pa.string()),
            ),
            "error": pa.array(errors, pa.string()),
            "there": pa.array(there, pa.bool_()),
        }
    )
    found = judge_columns(rule, gold, asked, predictions)
    if strict:
        return found
    # The guide's rules read the cell as it is written, which a list of references cannot keep.
    known: dict[tuple[int, str], float] = {}
    for at, key in enumerate(zip(asked.tolist(), cells, strict=True)):
        if key not in known:
            known[key] = wattbot.ref_overlap(gold.questions[key[0]].raw_refs, key[1])
        found.ref[at] = known[key]
    return found


def _means(
    scoring: Scoring,
    gold: Sequence[Question],
    asked: Places,
    found: Judged,
    *,
    repeated: bool,
) -> Row:
    kept = found.judged
    if not kept.any():
        raise InputError(
            f"the rule '{scoring.rule}' judges none of the questions.",
            mend="Choose another --rule.",
        )
    blank = Gold(gold).unanswerable(scoring.rule)[asked] & kept
    correct, judged = int(found.value[kept].sum()), int(kept.sum())
    # One after the other, as the guide's scorer adds: its scores are met to the last bit.
    value, ref = correct / judged, float(np.cumsum(found.ref[kept])[-1]) / judged
    na = int(found.na[blank].sum()) / int(blank.sum()) if blank.any() else None
    level = scoring.confidence_level
    return {
        "score": overall(scoring.rule, scoring.weights, value=value, ref=ref, na=na),
        "score_interval": None if repeated else _interval(scoring, gold, asked, found),
        "value_accuracy": value,
        "value_accuracy_interval": wilson(correct, judged, level),
        "ref_overlap": ref,
        "na_recall": 1.0 if na is None and scoring.rule in WATTBOT else na,
        "na_recall_interval": wilson(int(found.na[blank].sum()), int(blank.sum()), level),
        "confidence_level": level,
        "judged": judged,
        "correct": correct,
    }


def _interval(
    scoring: Scoring, gold: Sequence[Question], asked: Places, found: Judged
) -> tuple[float, float] | None:
    """Bootstrap interval of the score; None where the questions are too many for it."""
    if len(gold) > BOOTSTRAPPED:
        return None

    def column(cells: Any) -> Reals:
        full = np.zeros((len(gold), 1))
        full[asked, 0] = cells
        return full

    verdicts = Verdicts(
        value=column(found.value),
        ref=column(found.ref),
        na=column(found.na),
        judged=column(found.judged),
        unanswerable=Gold(gold).unanswerable(scoring.rule).astype(np.float64),
    )
    clusters = clusters_of(gold, scoring.cluster)
    low, high = standing_of(scoring, scoring.rule, ["it"], verdicts, clusters).ends[0]
    return low, high


def lines(found: Mapping[str, Any]) -> list[str]:
    """A score for people, line by line."""
    level = f"{100 * found['confidence_level']:g} %"

    def share(name: str) -> str:
        value, ends = found[name], found.get(f"{name}_interval")
        if value is None:
            return "none to judge"
        shown = f"{value:.4f}"
        return shown if ends is None else f"{shown}  ({level}: {ends[0]:.4f} to {ends[1]:.4f})"

    told = [
        f"score           {share('score')}",
        f"value accuracy  {share('value_accuracy')}",
        f"ref overlap     {share('ref_overlap')}",
        f"na recall       {share('na_recall')}",
    ]
    right, judged = found["correct"], found["judged"]
    told.append(
        f"{right} right of {judged} judged under {found['rule']}; {found['questions']} questions"
    )
    lenient = found["rule"] in WATTBOT
    for name, what in (
        ("missing", "without an answer, " + ("left out" if lenient else "counted as wrong")),
        ("surplus", "answered but in no question of the gold file, left out"),
        ("repeated", "answered more than once, each counted"),
    ):
        if found[name]:
            told.append(f"{len(found[name])} {what}: {_named(found[name])}")
    return told
