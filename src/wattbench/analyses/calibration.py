"""A run's calibration: columns of the table `runs`, and its curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wattbench.analyses.folders import Folder
from wattbench.scoring.calibration import (
    Reals,
    auc,
    brier_score,
    expected_calibration_error,
    histogram,
    known,
    reliability,
    risk_label,
    risk_scores,
    roc,
)
from wattbench.study.judgement import RuleName
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


def risky(gold: Sequence[Question]) -> dict[str, Question]:
    """The true-or-false questions, by id."""
    return {one.id: one for one in gold if not np.isnan(risk_label(one))}


def calibrate(
    folder: Folder, rule: RuleName, claims: Mapping[str, Question], curves: Curves
) -> Row:
    """Calibration columns of a run; its curves are added to the others.

    Args:
        folder: The run's or ensemble's folder.
        rule: The rule that says which answers are right.
        claims: The true-or-false questions; see `risky`.
        curves: The curves of the question set so far.
    """
    row: Row = {}
    entries = {"confidence": _confidence(folder, rule), "risk": _risk(folder, claims)}
    for form, (probabilities, outcomes) in entries.items():
        given, came = known(probabilities, outcomes)
        name = "" if form == "confidence" else "risk_"
        row |= {
            f"{form}_count": int(given.size),
            f"{form}_mean": float(given.mean()) if given.size else None,
            f"{name}ece": _figure(expected_calibration_error(given, came)),
            f"{name}brier": _figure(brier_score(given, came)),
            f"{name}auc": _figure(auc(given, came)),
        }
        if given.size:
            _add(curves, folder, form, given, came)
    return row


def _figure(value: float) -> float | None:
    return None if np.isnan(value) else value


def _confidence(folder: Folder, rule: RuleName) -> tuple[Reals, Reals]:
    """Confidence of every judged answer, and whether it is right."""
    mine = folder.scores.filter(pc.equal(folder.scores["rule"], rule))
    places = pc.index_in(mine["question_id"], folder.predictions["question_id"].combine_chunks())
    confidence = folder.predictions["confidence"].combine_chunks().take(places.combine_chunks())
    return (
        confidence.to_numpy(zero_copy_only=False).astype(np.float64),
        mine["value_correct"].cast(pa.uint8()).to_numpy().astype(np.float64),
    )


def _risk(folder: Folder, claims: Mapping[str, Question]) -> tuple[Reals, Reals]:
    """Risk score and label of every true-or-false question."""
    columns = folder.predictions.select(["question_id", "value", "confidence"])
    if not claims or columns["confidence"].null_count == columns.num_rows:
        return np.empty(0), np.empty(0)
    ours = pc.is_in(columns["question_id"], pa.array(list(claims), pa.string()))
    rows = columns.filter(ours).to_pylist()
    return risk_scores(
        [claims[row["question_id"]] for row in rows],
        [row["value"] for row in rows],
        [row["confidence"] for row in rows],
    )


def _add(curves: Curves, folder: Folder, form: str, given: Reals, came: Reals) -> None:
    curve = reliability(given, came)
    curves.calibration.append(
        _table(
            CALIBRATION, folder, form,
            bin=np.arange(curve.count.size), low=curve.low, high=curve.high,
            count=curve.count, predicted_mean=curve.predicted, observed_share=curve.observed,
        )
    )  # fmt: skip
    spread = histogram(given, came)
    curves.histograms.append(
        _table(
            HISTOGRAMS, folder, form,
            bin=np.arange(spread.count.size), low=spread.low, high=spread.high,
            count=spread.count, positive=spread.positive,
        )
    )  # fmt: skip
    path = roc(given, came)
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
