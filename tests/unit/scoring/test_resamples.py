"""Resamples of questions and of clusters."""

from __future__ import annotations

import numpy as np

from wattbench.scoring.resamples import Clusters, clusters_of, resamples
from wattbench.study.questions import Question


def question(identifier: str, *refs: str) -> Question:
    return Question(
        id=identifier, position=0, line=1, text="?", unit=None, value="1", refs=refs,
        raw_refs="", kinds=(), explanation=None,
    )  # fmt: skip


def test_resamples_are_seeded() -> None:
    clusters = Clusters(np.arange(20), 20)
    assert (resamples(clusters, 9, 1) == resamples(clusters, 9, 1)).all()
    assert (resamples(clusters, 9, 1) != resamples(clusters, 9, 2)).any()
    assert (resamples(clusters, 9, 1).sum(axis=1) == 20).all()


def test_large_clusters_count_most() -> None:
    assert Clusters(np.repeat(np.arange(6), 4), 6).effective == 6
    assert Clusters(np.repeat([0, 1, 2], [8, 1, 1]), 3).effective == 100 / 66


def test_questions_that_share_a_document_stand_together() -> None:
    questions = [
        question("a", "x"), question("b"), question("c", "y", "x"), question("d", "z"),
        question("e", "y"), question("f"),
    ]  # fmt: skip
    found = clusters_of(questions, "document")
    assert found.of.tolist() == [0, 1, 0, 2, 0, 3]
    assert found.sizes.tolist() == [3, 1, 1, 1]
    assert clusters_of(questions, "question").of.tolist() == list(range(6))
    counts = resamples(found, 100, 0)
    assert (counts[:, 0] == counts[:, 2]).all()
    assert (counts[:, 0] == counts[:, 4]).all()
    values = np.arange(12.0).reshape(6, 2)
    assert found.sums(values).tolist() == [[12.0, 15.0], [2.0, 3.0], [6.0, 7.0], [10.0, 11.0]]
