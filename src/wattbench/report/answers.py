"""All answers of a run as columns in the order of the questions: 200,000 of them stay cheap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wattbench.tables.answers import PREDICTIONS
from wattbench.tables.verdicts import SCORES, VOTES

Row = dict[str, Any]

KEYS = frozenset({"environment", "questions", "run", "question_id", "rule", "position"})
LEFT_OUT = frozenset({"rendered_prompt"})
"""The prompt as sent holds the contexts again; it stays in the table."""

PREDICTED = tuple(n for n in PREDICTIONS.names() if n not in KEYS | LEFT_OUT)
JUDGED = tuple(n for n in SCORES.names() if n not in KEYS)


@dataclass(frozen=True)
class Answers:
    """The answers of one run.

    Args:
        table: One row a question in the group's order: columns of `predictions` and of `scores`
            under the headline's rule, without their keys; null where there is no such row.
    """

    table: pa.Table

    @classmethod
    def of(cls, predictions: pa.Table, scores: pa.Table, ids: pa.Array) -> Answers:
        """Answers in the order of `ids`.

        Args:
            predictions: Rows of `predictions` of one run.
            scores: Rows of `scores` of the run under one rule.
            ids: Question ids.
        """
        columns: dict[str, pa.ChunkedArray] = {}
        for rows, names in ((predictions, PREDICTED), (scores, JUDGED)):
            places = pc.index_in(ids, value_set=rows["question_id"])
            as_they_are = places.equals(pa.array(range(rows.num_rows), places.type))
            for name in names:
                columns[name] = rows[name] if as_they_are else rows[name].take(places)
        return cls(pa.table(columns))

    def column(self, name: str) -> list[Any]:
        """One column, whole."""
        return list(self.table[name].to_pylist())

    def rows(self, places: Sequence[int] | None = None) -> list[Row]:
        """Answers as dictionaries; all of them, or those to the questions at `places`."""
        chosen = self.table if places is None else self.table.take(pa.array(places, pa.int64()))
        found: list[Row] = chosen.to_pylist()
        return found

    def flag(self, name: str) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """A column of truths; null counts as false. Shape (questions,)."""
        filled = pc.fill_null(self.table[name], fill_value=False)
        return np.asarray(filled.to_numpy(zero_copy_only=False), dtype=np.bool_)

    @cached_property
    def judged(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Whether there is a judgement of each question. Shape (questions,)."""
        return self._is_there("value_correct")

    @cached_property
    def failed(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Whether each question failed. Shape (questions,)."""
        return self._is_there("error")

    @cached_property
    def predicted(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Whether there is a prediction of each question. Shape (questions,)."""
        return self._is_there("tries")

    def _is_there(self, name: str) -> np.ndarray[Any, np.dtype[np.bool_]]:
        return np.asarray(
            pc.is_valid(self.table[name]).to_numpy(zero_copy_only=False), dtype=np.bool_
        )


@dataclass(frozen=True)
class Votes:
    """The votes of one ensemble.

    Args:
        table: Rows of `votes`, ordered by question and then by the members' order.
        starts: Place of each question's first vote, and the end. Shape (questions + 1,).
    """

    table: pa.Table
    starts: np.ndarray[Any, np.dtype[np.int64]]

    @classmethod
    def of(cls, votes: pa.Table, ids: pa.Array) -> Votes:
        """Votes in the order of `ids`; votes on other questions drop out."""
        place = pc.index_in(votes["question_id"], value_set=ids).combine_chunks()
        known = votes.append_column("place", place).filter(pc.is_valid(place))
        ordered = known.sort_by([("place", "ascending"), ("position", "ascending")])
        places = ordered["place"].to_numpy()
        starts = np.searchsorted(places, np.arange(len(ids) + 1)).astype(np.int64)
        return cls(ordered.select(list(VOTES.names())), starts)

    def at(self, place: int) -> list[Row]:
        """Votes on the question at `place`, in the members' order."""
        start, end = int(self.starts[place]), int(self.starts[place + 1])
        found: list[Row] = self.table.slice(start, end - start).to_pylist()
        return found


@dataclass(frozen=True)
class Contexts:
    """What one retrieval found for each question.

    Args:
        table: Columns `snippets` and `wider` of `contexts`, in the order of the group's questions.
    """

    table: pa.Table

    @classmethod
    def of(cls, contexts: pa.Table, ids: pa.Array) -> Contexts:
        """Contexts in the order of `ids`."""
        places = pc.index_in(ids, value_set=contexts["question_id"])
        return cls(contexts.select(["snippets", "wider"]).take(places))

    def at(self, place: int) -> list[list[Row]] | None:
        """Snippets for the question at `place` in the order of the prompt; None: none recorded.

        First those that every run was shown, then the wider ones for runs that abstained.
        """
        snippets: list[Row] | None = self.table["snippets"][place].as_py()
        if snippets is None:
            return None
        return [snippets, *(w["snippets"] for w in self.table["wider"][place].as_py() or ())]


def by_run(rows: pa.Table) -> Mapping[str, pa.Table]:
    """The rows of each run; where a run's rows lie together they are not copied."""
    if not rows.num_rows:
        return {}
    encoded = rows["run"].combine_chunks().dictionary_encode()
    names, codes = encoded.dictionary.to_pylist(), encoded.indices.to_numpy()
    starts = np.flatnonzero(np.diff(codes, prepend=-1))
    if len(starts) > len(names):
        return {str(name): rows.filter(pc.equal(rows["run"], name)) for name in names}
    ends = [*starts[1:].tolist(), rows.num_rows]
    return {
        str(names[codes[start]]): rows.slice(start, end - start)
        for start, end in zip(starts.tolist(), ends, strict=True)
    }


def of_place(rows: pa.Table, environment: str, questions: str) -> pa.Table:
    """The rows of one question set in one environment."""
    mine = pc.and_(
        pc.equal(rows["environment"], environment), pc.equal(rows["questions"], questions)
    )
    # min_count=0: of no rows all are.
    return rows if pc.all(mine, min_count=0).as_py() else rows.filter(mine)
