from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from wattbench.corpus.tree import Section, nodes_of, prose
from wattbench.errors import InputError
from wattbench.retrieval.tree import Tree
from wattbench.study.layout import Layout
from wattbench.study.models import Study
from wattbench.tables.documents import NODES
from wattbench.tables.files import to_arrow, write_json, write_rows
from wattbench.weights import locate
from wattbench.weights.catalogue import EMBEDDER, TOKENIZER

PAGES: dict[str, Sequence[tuple[str, Sequence[str]]]] = {
    "bloom": [
        (
            "Training",
            [
                "Training BLOOM consumed 433,196 kWh of electricity. It took 118 days in France.",
                "The carbon intensity of the French grid is 57 g per kWh. Nuclear power helps.",
            ],
        ),
        ("Use", ["Serving the model used 40 kWh a day. Most of it went to idle GPUs."]),
    ],
    "cats": [("Cats", ["Cats sleep most of the day. They hunt mice at night."])],
    "gpus": [("GPUs", ["The H100 draws up to 700 W. The A100 draws up to 400 W."])],
}


def rows_of(pages: dict[str, Sequence[tuple[str, Sequence[str]]]] = PAGES) -> list[dict[str, Any]]:
    return [
        row
        for document, sections in pages.items()
        for row in nodes_of(
            document,
            document.title(),
            [Section(title, tuple(prose([t]) for t in texts)) for title, texts in sections],
        )
    ]


@pytest.fixture
def tree() -> Tree:
    return Tree.from_arrow(to_arrow(NODES, rows_of()))


@pytest.fixture
def make_study(tmp_path: Path) -> Callable[..., Study]:
    def make(retrieval: dict[str, Any] | None = None, **embedder: Any) -> Study:
        questions = tmp_path / "questions.csv"
        questions.write_text(
            "id,question,answer_value,answer_unit,ref_id\n"
            "q1,How much electricity did training BLOOM consume?,433196,kWh,bloom\n"
            "q2,What is the power of the H100 compared to the A100?,700,W,gpus\n"
            "q3,Who won the chess championship of 1937?,is_blank,is_blank,is_blank\n"
        )
        study = Study.model_validate(
            {
                "study": {"name": "s", "results": str(tmp_path / "results")},
                "corpora": {"c": {"documents": str(tmp_path)}},
                "questions": {"q": {"file": str(questions)}},
                "indexes": {"i": {"embedder": embedder}},
                "retrievals": {"r": retrieval or {}},
                "models": {"m": {"weights": "unused"}},
            }
        )
        layout = Layout(Path(study.study.results))
        write_rows(layout.nodes("c"), NODES, rows_of())
        write_json(layout.corpus_manifest("c"), {"nodes_sha256": "0" * 64})
        return study

    return make


@pytest.fixture
def weights() -> None:
    try:
        locate(EMBEDDER)
        locate(TOKENIZER)
    except InputError as error:
        pytest.skip(error.what)
