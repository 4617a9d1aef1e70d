"""Each question's share of a run's answering energy, in the rows of `predictions`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wattbench.analyses.folders import real_column
from wattbench.scoring.resamples import Reals
from wattbench.study.questions import Question
from wattbench.tables.answers import PREDICTIONS
from wattbench.telemetry.allocation import SHARED_BY, Asked, shares


def question_shares(
    predictions: pa.Table, answer_j: float | None, gold: Sequence[Question]
) -> Reals | None:
    """Every question's share of a run's answering energy, of shape (questions,)."""
    if answer_j is None:
        return None
    truths = predictions["asked"].to_numpy()
    numbers = (real_column(predictions, name) for name in SHARED_BY)
    joules = shares(Asked(truths, *numbers), answer_j)
    return by_gold(predictions, joules, gold)


def by_gold(predictions: pa.Table, joules: Reals, gold: Sequence[Question]) -> Reals:
    """Joules of answers in the order of the questions; 0 where there is no answer.

    Args:
        predictions: Rows of `predictions` of one run.
        joules: Joules of each, of shape (rows,).
        gold: The questions.
    """
    identifiers = [question.id for question in gold]
    asked = predictions["question_id"].to_pylist()
    if asked == identifiers:
        return joules
    places = {identifier: place for place, identifier in enumerate(asked)}
    found = np.zeros(len(gold))
    for place, identifier in enumerate(identifiers):
        if identifier in places:
            found[place] = joules[places[identifier]]
    return found


def with_shares(
    predictions: pa.Table, shares: Reals | None, method: str | None, gold: Sequence[Question]
) -> pa.Table:
    """The predictions with every question's share of the energy filled in."""
    rows = predictions.num_rows
    if shares is None:
        joules, methods = pa.nulls(rows, pa.float64()), pa.nulls(rows, pa.string())
    else:
        identifiers = pa.array([question.id for question in gold], pa.string())
        places = pc.index_in(predictions["question_id"], identifiers).combine_chunks()
        joules = pa.array(shares).take(places)
        methods = pc.if_else(pc.is_valid(joules), pa.scalar(method), pa.scalar(None, pa.string()))
    for name, values in (("allocated_j", joules), ("allocated_method", methods)):
        at = predictions.schema.get_field_index(name)
        predictions = predictions.set_column(at, PREDICTIONS.schema.field(name), values)
    return predictions
