"""Reading a gold file and a submission in the benchmark guide's columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wattbench.errors import InputError
from wattbench.scoring.characters import trimmed
from wattbench.scoring.csv_columns import first_lines, read_columns
from wattbench.scoring.gold import Gold
from wattbench.scoring.gold_cells import GoldCells, strict_refs
from wattbench.scoring.texts import truths
from wattbench.study.questions import BLANK, TRUTHY, Question, question_of

EmptyCells = Literal["kept", "nan"]
"""How an empty cell is read: as an empty text, or as pandas reads it, as 'nan'."""

GOLD_COLUMNS = ("id", "answer_value", "answer_unit", "ref_id")
COLUMNS = ("id", "answer_value", "ref_id")
GOLD_FILE, SUBMISSION = "the gold file", "the submission"
SHOWN = 10
PANDAS_NAN = pa.array(
    [
        "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
        "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
    ]
)  # fmt: skip
"""Cells that pandas' read_csv takes for missing."""


@dataclass(frozen=True)
class Answers:
    """A submission, column by column; all of shape (rows,), none null.

    Args:
        id: Ids of the questions.
        value: Values.
        raw_refs: The ref_id cells.
        explanation: Explanations; empty where there are none.
    """

    id: pa.Array
    value: pa.Array
    raw_refs: pa.Array
    explanation: pa.Array

    def only(self, rows: pa.Array) -> Answers:
        """Some of the answers.

        Args:
            rows: Which, of shape (rows,).
        """
        kept = (column.filter(rows) for column in vars(self).values())
        return Answers(*kept)


class FileQuestions(Sequence[Question]):
    """The questions of a gold file, each made when it is asked for.

    Args:
        columns: Cells by column, without spaces around them.
    """

    def __init__(self, columns: dict[str, pa.Array]) -> None:
        self._columns = columns

    def __len__(self) -> int:
        return len(self._columns["id"])

    @overload
    def __getitem__(self, place: int) -> Question: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Question]: ...
    def __getitem__(self, place: int | slice) -> Question | Sequence[Question]:
        if isinstance(place, slice):
            return [self[at] for at in range(*place.indices(len(self)))]
        cells = {name: cells[place].as_py() for name, cells in self._columns.items()}
        return question_of({"question": "", **cells}, position=place, line=place + 2)


def read_gold(path: Path, empty: EmptyCells = "kept") -> Gold:
    """Gold answers of a file.

    Args:
        path: CSV file with id, answer_value, answer_unit, ref_id, and is_NA where it has it.
        empty: How empty cells are read.

    Raises:
        InputError: It cannot be read, lacks a column, a row or an id, or repeats an id.
    """
    columns = _columns(path, GOLD_COLUMNS, ("is_NA",), GOLD_FILE, empty)
    columns = {name: trimmed(cells) for name, cells in columns.items()}
    twice = repeated_in(columns["id"])
    if twice:
        raise InputError(
            f"{GOLD_FILE} has more than one answer for {named(twice)}.",
            where=where_ids_stand(path, twice[:SHOWN]),
            mend="Give every question an id of its own.",
        )
    value, unit = columns["answer_value"], columns["answer_unit"]
    answerable = ~truths(pc.equal(pc.utf8_lower(value), BLANK))
    if "is_NA" in columns:
        lower = pc.utf8_lower(columns["is_NA"])
        answerable &= ~truths(pc.is_in(lower, pa.array(sorted(TRUTHY))))
    unasked = pc.is_in(pc.utf8_lower(unit), pa.array(["", BLANK]))
    cells = GoldCells(
        id=columns["id"],
        value=value,
        unit=pc.if_else(unasked, pa.scalar(None, pa.string()), unit),
        refs=strict_refs(columns["ref_id"]),
        raw_refs=columns["ref_id"],
        answerable=answerable,
    )
    return Gold(FileQuestions(columns), cells)


def read_answers(path: Path, empty: EmptyCells = "kept") -> Answers:
    """A submission.

    Args:
        path: CSV file with id, answer_value, ref_id, and explanation where it has it.
        empty: How empty cells are read.

    Raises:
        InputError: It cannot be read, lacks a column, a row or an id.
    """
    columns = _columns(path, COLUMNS, ("explanation",), SUBMISSION, empty)
    rows = len(columns["id"])
    return Answers(
        id=columns["id"],
        value=trimmed(columns["answer_value"]),
        raw_refs=columns["ref_id"],
        explanation=columns.get("explanation", pa.repeat(pa.scalar(""), rows)),
    )


def _columns(
    path: Path, needed: Sequence[str], others: Sequence[str], what: str, empty: EmptyCells
) -> dict[str, pa.Array]:
    columns = read_columns(path, needed, others, what=what)
    columns["id"] = trimmed(columns["id"])
    unnamed = np.flatnonzero(truths(pc.equal(columns["id"], "")))
    if unnamed.size:
        lines = first_lines(path, unnamed[:SHOWN].tolist(), what=what)
        raise InputError(
            f"{unnamed.size} row{'s have' if unnamed.size > 1 else ' has'} no id.",
            where=_where(path, lines, unnamed.size),
            mend="Give every row the id of its question.",
        )
    if empty == "nan":
        for name in ("answer_value", "ref_id"):
            missing = pc.is_in(columns[name], PANDAS_NAN)
            columns[name] = pc.if_else(missing, "nan", columns[name])
    return columns


def repeated_in(ids: pa.Array) -> list[str]:
    """Ids that stand more than once, in the order in which they first stand."""
    coded = ids.dictionary_encode()
    if len(coded.dictionary) == len(ids):
        return []
    counts = np.bincount(coded.indices.to_numpy(), minlength=len(coded.dictionary))
    found: list[str] = coded.dictionary.filter(pa.array(counts > 1)).to_pylist()
    return found


def where_ids_stand(path: Path, ids: Sequence[str]) -> str:
    """A CSV file and the lines of it on which ids stand."""
    found = trimmed(read_columns(path, ("id",), (), what="the file")["id"])
    rows = np.flatnonzero(truths(pc.is_in(found, pa.array(ids))))
    return _where(path, first_lines(path, rows[:SHOWN].tolist(), what="the file"), rows.size)


def _where(path: Path, lines: Sequence[int], count: int) -> str:
    rest = f" and {count - len(lines)} more" if count > len(lines) else ""
    return f"{path}, line{'s' if count > 1 else ''} {', '.join(map(str, lines))}{rest}"


def named(ids: Sequence[str]) -> str:
    """Ids for a message, the first of many."""
    rest = f" and {len(ids) - SHOWN} more" if len(ids) > SHOWN else ""
    return ", ".join(ids[:SHOWN]) + rest
