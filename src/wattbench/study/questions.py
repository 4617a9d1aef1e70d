"""Reading a question set in the benchmark guide's columns."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from wattbench.errors import InputError
from wattbench.study.identity import digest_of
from wattbench.study.models import SMOKE, Study
from wattbench.text_files import check_columns, open_csv, storable

BLANK = "is_blank"
REQUIRED = ("id", "question", "answer_value", "answer_unit", "ref_id")
KINDS = ("Quote", "Table", "Figure", "Math", "is_NA")
TRUTHY = frozenset({"1", "true", "t", "yes", "y"})


@dataclass(frozen=True)
class Question:
    """One question with its gold answer, as written in the file.

    Args:
        id: Unique in its set.
        position: Place in the file, from 0.
        line: Line of the file it starts on, from 1.
        text: The question.
        unit: Unit the answer is asked in, or None.
        value: Gold value as written; 'is_blank' where unanswerable.
        refs: Gold document ids.
        raw_refs: The ref_id cell as written.
        kinds: Of 'quote', 'table', 'figure', 'math', 'na'.
        explanation: The gold explanation, or None.
    """

    id: str
    position: int
    line: int
    text: str
    unit: str | None
    value: str
    refs: tuple[str, ...]
    raw_refs: str
    kinds: tuple[str, ...]
    explanation: str | None

    @property
    def answerable(self) -> bool:
        """Whether the documents hold the answer."""
        return "na" not in self.kinds


def parse_refs(cell: str) -> tuple[str, ...]:
    """Document ids of a ref_id cell: "['a','b']", '["a"]', 'a' or is_blank."""
    text = cell.strip()
    if not text or text.lower() == BLANK:
        return ()
    if text.startswith("["):
        try:
            items = json.loads(text.replace("'", '"'))
        except (ValueError, RecursionError):
            items = text.strip("[]").split(",")
    else:
        items = [text]
    cleaned = (clean_ref(storable(str(item))) for item in items)
    return tuple(item for item in cleaned if item is not None)


def clean_ref(item: str) -> str | None:
    """A document id without spaces and quotes around it; None where it names no document."""
    plain = item.strip().strip("'\"")
    return plain if plain and plain.lower() != BLANK else None


def read_questions(path: Path) -> tuple[Question, ...]:
    """Questions of a file, in its order.

    Raises:
        InputError: The file is missing, lacks a column, repeats an id, or has an empty id or
            question; the message names file, line and column.
    """
    reader, _ = open_csv(
        path,
        what="the question file",
        mend="Check its path; in a study that is 'questions.<set>.file'.",
    )
    columns = [name.strip() for name in reader.fieldnames or ()]
    reader.fieldnames = columns
    mend = f"Add them; a question file needs {', '.join(REQUIRED)}."
    check_columns(columns, REQUIRED, what="the question file", where=path, mend=mend)
    questions: list[Question] = []
    lines: dict[str, int] = {}
    problems: list[str] = []
    line = reader.line_num + 1
    for position, row in enumerate(reader):
        cells = {name: (row.get(name) or "").strip() for name in columns}
        identifier = cells["id"]
        if not identifier or not cells["question"]:
            problems.append(f"line {line}: empty {'id' if not identifier else 'question'}")
        elif identifier in lines:
            problems.append(
                f"line {line}: id '{identifier}' stands on line {lines[identifier]} too"
            )
        lines.setdefault(identifier, line)
        questions.append(question_of(cells, position=position, line=line))
        line = reader.line_num + 1
    if problems:
        raise InputError(
            f"{'; '.join(problems[:20])}.",
            where=str(path),
            mend="Every question needs an id of its own and a text.",
        )
    if not questions:
        raise InputError("the question file holds no question.", where=str(path))
    return tuple(questions)


def question_of(cells: Mapping[str, str], *, position: int, line: int) -> Question:
    """A question from the cells of its row.

    Args:
        cells: Cells by column, without spaces around them; `REQUIRED` are there.
        position: Place in the file, from 0.
        line: Line of the file it starts on, from 1.
    """
    kinds = tuple(
        column.lower().removeprefix("is_")
        for column in KINDS
        if cells.get(column, "").lower() in TRUTHY
    )
    value = cells["answer_value"]
    if "na" not in kinds and value.lower() == BLANK:
        kinds = (*kinds, "na")
    unit = cells["answer_unit"]
    return Question(
        id=cells["id"],
        position=position,
        line=line,
        text=cells["question"],
        unit=None if unit.lower() in {"", BLANK} else unit,
        value=value,
        refs=parse_refs(cells["ref_id"]),
        raw_refs=cells["ref_id"],
        kinds=kinds,
        explanation=cells.get("explanation") or None,
    )


def study_questions(study: Study, questions: str) -> tuple[Question, ...]:
    """Questions of a set of the study; a smoke twin holds the first question alone."""
    found = read_questions(Path(study.question_file(questions)))
    return found[:1] if questions.endswith(SMOKE) else found


def asked_digest(questions: tuple[Question, ...]) -> str:
    """Digest of what a model is asked: ids, texts and units, not the gold answers."""
    return digest_of([[q.id, q.text, q.unit] for q in questions])


def gold_digest(questions: tuple[Question, ...]) -> str:
    """Digest of what answers are judged by."""
    return digest_of([[q.id, q.value, q.unit, q.raw_refs, q.kinds] for q in questions])
