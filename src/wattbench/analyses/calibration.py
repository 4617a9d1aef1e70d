"""A run's calibration: columns of the table `runs`, and its curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from wattbench.analyses.folders import Folder
from wattbench.analyses.unpacked import Answers
from wattbench.scoring.calibration import (
    Histogram,
    Reals,
    Reliability,
    Roc,
    brier_score,
    histogram,
    known,
    reliability,
    risk_label,
    risk_scores,
    roc,
)
from wattbench.study.questions import Question
from wattbench.tables.contract import Table
from wattbench.tables.verdicts import CALIBRATION, HISTOGRAMS, ROC

Row = dict[str, Any]


@dataclass
class Curves:
    """Rows of the tables `calibration`, `roc` and `histograms`."""

    calibration: list[pa.Table] = field(default_factory=list)
    roc: list[pa.Table] = field(default_factory=list)
    histograms: list[pa.Table] = field(default_factory=list)

    def add(self, other: Curves) -> None:
        """Put another run's curves below these."""
        self.calibration += other.calibration
        self.roc += other.roc
        self.histograms += other.histograms


def risky(gold: Sequence[Question]) -> dict[int, Question]:
    """The true-or-false questions, by their place among all."""
    return {place: one for place, one in enumerate(gold) if not np.isnan(risk_label(one))}


def calibrate(
    folder: Folder, answers: Answers, right: Reals, claims: Mapping[int, Question], curves: Curves
) -> Row:
    """Calibration columns of a run; its curves are added to the others.

    Args:
        folder: The run's or ensemble's folder.
        answers: Its answers.
        right: 1 where the answer to a question is right, else 0, of shape (questions,); NaN where
            it was not judged.
        claims: The true-or-false questions; see `risky`.
        curves: The curves of the question set so far.
    """
    row: Row = {}
    confidence = answers.to_questions(answers.numbers["confidence"], len(right), np.nan)
    entries = {"confidence": (confidence, right), "risk": _risk(folder, answers, claims)}
    for form, (probabilities, outcomes) in entries.items():
        given, came = known(probabilities, outcomes)
        curve, path = reliability(given, came), roc(given, came)
        name = "" if form == "confidence" else "risk_"
        row |= {
            f"{form}_count": int(given.size),
            f"{form}_mean": float(given.mean()) if given.size else None,
            f"{name}ece": _figure(curve.error),
            f"{name}brier": _figure(brier_score(given, came)),
            f"{name}auc": _figure(path.area),
        }
        if given.size:
            _add(curves, folder, form, (curve, path, histogram(given, came)))
    return row


def _figure(value: float) -> float | None:
    return None if np.isnan(value) else value


def _risk(folder: Folder, answers: Answers, claims: Mapping[int, Question]) -> tuple[Reals, Reals]:
    """Risk score and label of every true-or-false question."""
    confidence = answers.numbers["confidence"]
    if not claims or np.isnan(confidence).all():
        return np.empty(0), np.empty(0)
    ours = np.flatnonzero(np.isin(answers.question, list(claims)))
    return risk_scores(
        [claims[place] for place in answers.question[ours].tolist()],
        folder.predictions["value"].take(ours).to_pylist(),
        confidence[ours].tolist(),
    )


def _add(
    curves: Curves, folder: Folder, form: str, found: tuple[Reliability, Roc, Histogram]
) -> None:
    curve, path, spread = found
    curves.calibration.append(
        _table(
            CALIBRATION, folder, form,
            bin=np.arange(curve.count.size), low=curve.low, high=curve.high,
            count=curve.count, predicted_mean=curve.predicted, observed_share=curve.observed,
        )
    )  # fmt: skip
    curves.histograms.append(
        _table(
            HISTOGRAMS, folder, form,
            bin=np.arange(spread.count.size), low=spread.low, high=spread.high,
            count=spread.count, positive=spread.positive,
        )
    )  # fmt: skip
    curves.roc.append(
        _table(
            ROC, folder, form,
            point=np.arange(path.threshold.size),
            threshold=np.where(np.isinf(path.threshold), np.nan, path.threshold),
            false_positive_rate=path.false_positive_rate,
            true_positive_rate=path.true_positive_rate,
        )
    )  # fmt: skip


def _table(table: Table, folder: Folder, form: str, **columns: Any) -> pa.Table:
    """Columns as rows of a table; NaN becomes null."""
    rows = len(next(iter(columns.values())))
    place = {
        "environment": folder.environment,
        "questions": folder.questions,
        "run": folder.name,
        "form": form,
    }
    arrays = [
        pa.repeat(pa.scalar(place[column.name], pa.string()), rows)
        if column.name in place
        else pa.array(columns[column.name], column.type, from_pandas=True)
        for column in table.columns
    ]
    return pa.Table.from_arrays(arrays, schema=table.schema)
