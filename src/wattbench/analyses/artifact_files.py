"""The files of a result folder: submission.csv, results.json and summary.json.

A file that cannot be read as it is is a `Problem`, never an error: an audit has to tell of it.
"""

from __future__ import annotations

import csv
import functools
import itertools
import json
import math
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wattbench.analyses.audit.facts import some
from wattbench.errors import InputError
from wattbench.study.questions import REQUIRED, Question, question_of
from wattbench.tables.values import BLANK, is_abstention
from wattbench.text_files import decode, open_csv

Row = dict[str, Any]
CHUNK = re.compile(r"results_chunk_(\d+)\.json\Z")
FAILED = "Error:"
SUBMISSION_FILE = "submission.csv"
NEEDED = ("id", "answer_value", "ref_id")
HALF_CHARACTER = "\\ud"
"""How the escape of half a character begins."""


@dataclass(frozen=True)
class Problem:
    """Something in a folder that could not be used as it is.

    Args:
        kind: One word, such as bad_results_json.
        detail: What was found, one sentence.
        dropped: Whether something was left out because of it.
    """

    kind: str
    detail: str
    dropped: bool = True


@dataclass(frozen=True)
class Answer:
    """One answer as a folder's files have it.

    Args:
        value: Its value; None where the question failed.
        written: Its value as written.
        refs: Documents it cites, each as written; 'is_blank' may be one of them.
        ref_cell: The reference cell as written.
        error: The failure in its own words, or None.
        latency_s: Seconds from asked to answered, or None.
        retrieval_s: Seconds of retrieval, or None.
        generation_s: Seconds of generation, or None.
        verdict: Stored judgement (value_correct, ref_score, na_correct), or None.
    """

    value: str | None
    written: str
    refs: tuple[str, ...]
    ref_cell: str
    error: str | None = None
    latency_s: float | None = None
    retrieval_s: float | None = None
    generation_s: float | None = None
    verdict: tuple[bool, float, bool] | None = None


def json_of(path: Path, kind: str, problems: list[Problem]) -> Any:
    """Content of a JSON file; None, and a problem of that kind, where it cannot be read."""
    try:
        text, _ = decode(path.read_bytes())
        # A NaN in a file is no number: it reads as unknown.
        found = json.loads(text, parse_constant=lambda _: None)
        return writable(found) if HALF_CHARACTER in text.lower() else found
    except (ValueError, RecursionError, OSError) as error:
        problems.append(Problem(kind, f"{path.name} cannot be read: {error}"))
        return None


def writable(value: Any) -> Any:
    """The value with half characters replaced: JSON can name them, but no file can hold them."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [writable(item) for item in value]
    if isinstance(value, dict):
        return {writable(key): writable(item) for key, item in value.items()}
    return value


def shown(path: Path) -> str:
    """A path as it may be printed and written: a file name need not be text."""
    return os.fsencode(path).decode("utf-8", "replace")


def results_of(folder: Path, problems: list[Problem]) -> list[Row]:
    """Entries of the results: of the chunks in their order where there are some, else the file."""
    chunks = sorted(
        (int(found[1]), path)
        for path in folder.iterdir()
        if (found := CHUNK.match(path.name)) is not None
    )
    whole = folder / "results.json"
    if not chunks:
        return _entries(whole, problems) if whole.exists() else []
    for (one, _), (following, _) in itertools.pairwise(chunks):
        if following > one + 1:
            what = f"chunks of the results are missing: {one} is followed by {following}"
            problems.append(Problem("missing_file", what))
    rows = [row for _, path in chunks for row in _entries(path, problems)]
    if whole.exists():
        told = {plain_text(row["id"]) for row in rows}
        more = [plain_text(row["id"]) for row in _entries(whole, problems)]
        more = [identifier for identifier in more if identifier not in told]
        if more:
            what = f"results.json has answers that the chunks, which count, lack: {some(more)}"
            problems.append(Problem("files_disagree", what))
    return rows


def _entries(path: Path, problems: list[Problem]) -> list[Row]:
    before = len(problems)
    found = json_of(path, "bad_results_json", problems)
    if isinstance(found, dict):
        found = found.get("results")
    if not isinstance(found, list):
        if len(problems) == before:
            problems.append(Problem("bad_results_json", f"{path.name} is no list of answers"))
        return []
    usable = [row for row in found if isinstance(row, dict) and plain_text(row.get("id"))]
    if len(usable) < len(found):
        lost = len(found) - len(usable)
        problems.append(Problem("bad_results_json", f"{path.name}: {lost} entries without an id"))
    return usable


def submission_of(path: Path, problems: list[Problem]) -> list[dict[str, str]]:
    """Rows of a submission file, every cell as written; empty cells are empty text."""
    if not path.exists():
        problems.append(Problem("missing_file", "there is no submission.csv", dropped=False))
        return []
    try:
        reader, _ = open_csv(path, what=path.name, mend="", whole=False)
        columns = [column.strip() for column in reader.fieldnames or ()]
        reader.fieldnames = columns
        lacking = [column for column in NEEDED if column not in columns]
        if lacking:
            problems.append(Problem("bad_submission", f"{path.name} lacks {', '.join(lacking)}"))
            return []
        return _usable(reader, path.name, problems)
    except InputError as error:
        problems.append(Problem("bad_submission", error.what.removesuffix(".")))
    except csv.Error as error:
        problems.append(Problem("bad_submission", f"{path.name} cannot be read: {error}"))
    return []


def _usable(
    reader: csv.DictReader[str], file: str, problems: list[Problem]
) -> list[dict[str, str]]:
    """Rows with an id and as many cells as the head; what the others hold nobody can tell."""
    columns = list(reader.fieldnames or ())
    rows: list[dict[str, str]] = []
    lost: list[str] = []
    for row in reader:
        where = f"the row that ends on line {reader.line_num}"
        beyond = row.pop(None, ())
        lacking = [name for name in NEEDED if row[name] is None]
        if any(beyond):
            lost.append(f"{where} has {len(columns) + len(beyond)} cells for {len(columns)} heads")
        elif lacking:
            lost.append(f"{where} ends before {lacking[0]}")
        elif not row["id"].strip():
            lost.append(f"{where} has no id")
        else:
            rows.append({name: row[name] or "" for name in columns} | {"id": row["id"].strip()})
    if lost:
        problems.append(Problem("bad_submission", f"{file}: {some(lost, '; ')}"))
    return rows


def repeated_ids(ids: Iterable[str]) -> set[str]:
    """Ids that stand more than once."""
    return {identifier for identifier, count in Counter(ids).items() if count > 1}


def plain_text(value: object) -> str:
    """A value as text without spaces around it; empty for None."""
    return "" if value is None else str(value).strip()


def plain_number(value: object) -> float | None:
    """A finite number; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def ref_items(cell: str) -> tuple[str, ...]:
    """References of a cell as the guide's ensembles read it: a JSON list, or one reference."""
    plain = cell.strip()
    if not plain:
        return ()
    if plain.startswith("["):
        for candidate in (plain, plain.replace("'", '"')):
            try:
                found = json.loads(candidate)
            except (ValueError, RecursionError):
                continue
            return tuple(str(writable(item)) for item in found)
    return (plain,)


def answers_of(
    cells: Sequence[Mapping[str, str]], results: Sequence[Row], problems: list[Problem]
) -> dict[str, Answer]:
    """Answers by question id: values from submission.csv, the rest from the results."""
    told = {plain_text(row["id"]): row for row in reversed(results)}
    written = {row["id"]: row for row in reversed(cells)}
    ids = dict.fromkeys(
        [*(row["id"] for row in cells), *(plain_text(row["id"]) for row in results)]
    )
    both = [i for i in ids if i in told and i in written]
    for side, other, file in ((told, written, SUBMISSION_FILE), (written, told, "the results")):
        lone = [identifier for identifier in side if identifier not in other]
        if lone and other:
            problems.append(
                Problem(
                    "files_disagree",
                    f"{len(lone)} answers are not in {file}: {some(sorted(lone))}",
                    dropped=False,
                )
            )
    found = {
        identifier: _answer(written.get(identifier), told.get(identifier)) for identifier in ids
    }
    differing = [
        i for i in both if not _same(found[i].written, plain_text(told[i].get("pred_value")))
    ]
    if differing:
        problems.append(
            Problem(
                "files_disagree",
                f"{len(differing)} values differ between submission.csv, which counts, and the "
                f"results: {some(sorted(differing))}",
                dropped=False,
            )
        )
    return found


def _same(one: str, other: str) -> bool:
    return one.strip() == other or (is_abstention(one) and is_abstention(other))


def _answer(cells: Mapping[str, str] | None, told: Row | None) -> Answer:
    row = told or {}
    if cells is not None:
        value, ref_cell, why = cells["answer_value"], cells["ref_id"], cells.get("explanation", "")
    else:
        refs = row.get("pred_ref")
        value = plain_text(row.get("pred_value"))
        ref_cell = json.dumps(refs) if isinstance(refs, list) else plain_text(refs)
        why = plain_text(row.get("pred_explanation"))
    error = plain_text(row.get("error") or None) or None
    if error is None and why.startswith(FAILED) and is_abstention(value):
        error = why.removeprefix(FAILED).strip() or "no reason given"
    return Answer(
        value=None if error is not None else value,
        written=value,
        refs=ref_items(ref_cell),
        ref_cell=ref_cell,
        error=error,
        latency_s=plain_number(row.get("latency_seconds")),
        retrieval_s=plain_number(row.get("retrieval_seconds")),
        generation_s=plain_number(row.get("generation_seconds")),
        verdict=_verdict(row),
    )


def _verdict(row: Row) -> tuple[bool, float, bool] | None:
    """The judgement that an entry holds; None where a part of it is missing or no judgement."""
    right, ref, na = (row.get(key) for key in ("value_correct", "ref_score", "na_correct"))
    overlap = plain_number(ref)
    if overlap is None or not isinstance(right, bool | int) or not isinstance(na, bool | int):
        return None
    return bool(right), overlap, bool(na)


def gold_of(results: Sequence[Row]) -> dict[str, Question]:
    """Gold answers that results quote, by question id."""
    found: dict[str, Question] = {}
    for position, row in enumerate(results):
        identifier = plain_text(row["id"])
        if identifier in found or row.get("gt_value") is None:
            continue
        refs = row.get("gt_ref")
        cells = (
            identifier,
            plain_text(row.get("question")),
            plain_text(row["gt_value"]),
            plain_text(row.get("gt_unit")) or BLANK,
            json.dumps(refs) if isinstance(refs, list) else plain_text(refs),
        )
        found[identifier] = _quoted(cells, position)
    return found


@functools.lru_cache(maxsize=1 << 16)
def _quoted(cells: tuple[str, ...], position: int) -> Question:
    """A quoted question, remembered: every run on a set quotes the same ones."""
    return question_of(
        dict(zip(REQUIRED, cells, strict=True)), position=position, line=position + 1
    )
