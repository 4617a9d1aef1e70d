"""Each question's share of a run's answering energy, in the rows of `predictions`."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wattbench.analyses.unpacked import Answers, Reals
from wattbench.tables.answers import PREDICTIONS
from wattbench.telemetry.allocation import SHARED_BY, Asked, shares


def question_shares(answers: Answers, answer_j: float | None, count: int) -> Reals | None:
    """Every question's share of a run's answering energy; None where that is unknown.

    Args:
        answers: The run's answers.
        answer_j: Its answering energy, joules.
        count: Number of the questions.

    Returns:
        Joules of shape (questions,); 0 where there is no answer.
    """
    if answer_j is None:
        return None
    numbers = (answers.numbers[name] for name in SHARED_BY)
    return answers.to_questions(shares(Asked(answers.asked, *numbers), answer_j), count, 0.0)


def with_shares(
    predictions: pa.Table, answers: Answers, shares: Reals | None, method: str | None
) -> pa.Table:
    """The predictions with every question's share of the energy filled in.

    Args:
        predictions: A run's or ensemble's rows of `predictions`.
        answers: The same as arrays.
        shares: Joules of every question, of shape (questions,); None where unknown.
        method: How the energy was measured.
    """
    unknown = answers.question < 0 if shares is not None else np.ones(len(answers), np.bool_)
    joules = np.zeros(len(answers)) if shares is None else shares[answers.question]
    columns = {
        "allocated_j": pa.array(joules, mask=unknown),
        "allocated_method": pc.if_else(unknown, pa.scalar(None, pa.string()), method),
    }
    for name, values in columns.items():
        at = predictions.schema.get_field_index(name)
        predictions = predictions.set_column(at, PREDICTIONS.schema.field(name), values)
    return predictions
