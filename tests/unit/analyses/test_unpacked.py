"""What lies in folders, as arrays: each run gets its own rows, whatever the others hold."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
from tests.unit.made_results import RIGHT, make_study, prediction

from wattbench.analyses.unpacked import answers_of, identifiers_of
from wattbench.study.questions import study_questions
from wattbench.tables.answers import PREDICTIONS
from wattbench.tables.files import to_arrow


def table(*rows: dict[str, object]) -> pa.Table:
    return to_arrow(PREDICTIONS, rows)


def test_each_run_has_its_own_answers(tmp_path: Path) -> None:
    gold = study_questions(make_study(tmp_path, ["one"]), "set")
    ids = [question.id for question in gold]
    first = prediction("whole", ids[0], 0, "1")
    whole = table(*(prediction("whole", name, at, "1") for at, name in enumerate(RIGHT)))
    odd = table(
        first | {"question_id": ids[1], "asked": False, "total_s": None, "blank": None},
        first | {"question_id": "none of them", "error": "timeout", "segment": "another"},
        first | {"question_id": ids[0], "answered_at": first["answered_at"] + timedelta(seconds=2)},
    )
    found = answers_of([whole, table(), odd], gold)
    assert [len(one) for one in found] == [len(ids), 0, 3]
    assert found[0].question.tolist() == list(range(len(ids)))
    assert not found[0].failed.any()
    assert found[0].of_model is found[0]
    assert found[2].question.tolist() == [1, -1, 0]
    assert found[2].asked.tolist() == [False, True, True]
    assert found[2].failed.tolist() == [False, True, False]
    assert found[2].blank.tolist() == [False, False, False]
    assert np.isnan(found[2].numbers["total_s"]).tolist() == [True, False, False]
    assert found[2].end[2] - found[2].end[0] == 2
    assert found[2].segment[0] == found[2].segment[2] != found[2].segment[1]
    assert found[2].of_model.question.tolist() == [-1, 0]
    values = found[2].to_questions(np.array([1.0, 2.0, 3.0]), len(ids), np.nan)
    assert values[:2].tolist() == [3.0, 1.0]
    assert np.isnan(values[2:]).all()


def test_ids_of_a_run_that_answers_everything_in_order_are_those_of_the_questions() -> None:
    asked = ["q1", "q2"]
    first = prediction("run", "q1", 0, "1")
    second = first | {"question_id": "q2"}
    same, turned, fewer = identifiers_of(
        [table(first, second), table(second, first), table(second)], asked
    )
    assert same is asked
    assert (turned, fewer) == (["q2", "q1"], ["q2"])
