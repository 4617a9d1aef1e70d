"""Answers and ledgers as the analyses take them: arrays and rows, made for all runs at once.

A call of Arrow takes longer than what it does to one run's few hundred rows. Below each other all
runs' rows are one call, and what is one run's is a view of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from wattbench.analyses.folders import Folder, concatenated, real_column
from wattbench.study.questions import Question
from wattbench.tables.answers import PREDICTIONS, SEGMENTS

Row = dict[str, Any]
Reals = NDArray[np.float64]
Truths = NDArray[np.bool_]
Places = NDArray[np.int32]

NUMBERS = (
    "prompt_tokens", "completion_tokens", "cached_tokens", "retrieval_s", "queue_s", "prefill_s",
    "decode_s", "first_token_s", "total_s", "confidence",
)  # fmt: skip


@dataclass(frozen=True)
class Answers:
    """A run's answers, each array of shape (answers,).

    Args:
        numbers: The columns of `NUMBERS` by name; NaN is unknown.
        question: Place of the answered question among the questions; -1 where it is none of them.
        asked: Whether the model was asked.
        blank: Whether it abstained; False where the question failed.
        failed: Whether the question failed.
        end: When it was answered, seconds since 1970.
        segment: A number that is the same for answers of one segment.
    """

    numbers: dict[str, Reals]
    question: Places
    asked: Truths
    blank: Truths
    failed: Truths
    end: Reals
    segment: Places

    def __len__(self) -> int:
        return len(self.question)

    def of(self, chosen: Truths | slice) -> Answers:
        """Some of the answers."""
        return Answers(
            {name: values[chosen] for name, values in self.numbers.items()},
            self.question[chosen],
            self.asked[chosen],
            self.blank[chosen],
            self.failed[chosen],
            self.end[chosen],
            self.segment[chosen],
        )

    @cached_property
    def of_model(self) -> Answers:
        """Those that the model was asked for."""
        return self if self.asked.all() else self.of(self.asked)

    def to_questions(self, values: Reals, count: int, lacking: float) -> Reals:
        """Values of the answers in the order of the questions.

        Args:
            values: Of shape (answers,).
            count: Number of the questions.
            lacking: Value where there is no answer.
        """
        found = np.full(count, lacking)
        known = self.question >= 0
        found[self.question[known]] = values[known]
        return found


@dataclass(frozen=True)
class Unpacked:
    """What lies in a run's or ensemble's folder.

    Args:
        answers: Its answers.
        identifiers: Ids of the questions that they answer.
        segments: Its rows of `segments`.
    """

    answers: Answers
    identifiers: Sequence[str]
    segments: Sequence[Row]


def unpacked(folders: Sequence[Folder], gold: Sequence[Question]) -> dict[str, Unpacked]:
    """What lies in some runs' and ensembles' folders, by name.

    Args:
        folders: Those of one question set.
        gold: The questions.
    """
    predictions = [folder.predictions for folder in folders]
    segments = concatenated([folder.segments for folder in folders], SEGMENTS).to_pylist()
    answers = answers_of(predictions, gold)
    identifiers = identifiers_of(predictions, [question.id for question in gold])
    ledgers = _spans([folder.segments for folder in folders])
    return {
        folder.name: Unpacked(own, ids, segments[ledger])
        for folder, own, ids, ledger in zip(folders, answers, identifiers, ledgers, strict=True)
    }


def answers_of(predictions: Sequence[pa.Table], gold: Sequence[Question]) -> list[Answers]:
    """Rows of `predictions` of some runs as arrays.

    Args:
        predictions: Those of each run.
        gold: The questions.
    """
    rows = concatenated(predictions, PREDICTIONS)
    asked = pa.array([question.id for question in gold], pa.string())
    segment = rows["segment"].combine_chunks().dictionary_encode().indices
    whole = Answers(
        numbers={name: real_column(rows, name) for name in NUMBERS},
        question=pc.fill_null(pc.index_in(rows["question_id"], asked), -1).to_numpy(),
        asked=rows["asked"].to_numpy(),
        blank=pc.fill_null(rows["blank"], False).to_numpy(),
        failed=pc.is_valid(rows["error"]).to_numpy(),
        end=rows["answered_at"].cast(pa.int64()).to_numpy() / 1e6,
        segment=segment.to_numpy(),
    )
    return [whole.of(span) for span in _spans(predictions)]


def identifiers_of(
    predictions: Sequence[pa.Table], asked: Sequence[str]
) -> Iterator[Sequence[str]]:
    """Ids of the questions that some runs answered; `asked` itself where they are the same.

    Args:
        predictions: Rows of `predictions` of each run.
        asked: Ids of the questions.
    """
    column = pa.chunked_array([pa.array(asked, pa.string())])
    for rows in predictions:
        answered = rows["question_id"]
        # Most runs answer every question in order: their ids are not made into texts each time.
        yield asked if answered.equals(column) else answered.to_pylist()


def _spans(tables: Sequence[pa.Table]) -> list[slice]:
    """Where the rows of each table lie among those of all."""
    ends = accumulate((table.num_rows for table in tables), initial=0)
    return [slice(start, end) for start, end in pairwise(ends)]
