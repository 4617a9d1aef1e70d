from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wattbench.errors import InputError
from wattbench.files import digest
from wattbench.retrieval.index import read_index
from wattbench.retrieval.index_stage import build_index
from wattbench.retrieval.minilm import MiniLm
from wattbench.retrieval.retrieve_stage import retrieve
from wattbench.study.layout import Layout
from wattbench.study.models import Study
from wattbench.tables.documents import CONTEXTS
from wattbench.tables.files import read_json, read_rows

Make = Callable[..., Study]


def layout_of(study: Study) -> Layout:
    return Layout(Path(study.study.results))


def contexts(study: Study, questions: str = "q") -> list[dict[str, Any]]:
    return read_rows(layout_of(study).contexts(questions, "r"), CONTEXTS)


@pytest.mark.usefixtures("weights")
def test_a_text_gets_the_same_vector_alone_and_in_company() -> None:
    embedder = MiniLm()
    texts = ["Short.", "A much longer sentence about the energy of language models. " * 40, "", "é"]
    together = embedder.embed(texts)
    assert together.shape == (4, 384)
    assert together.dtype == np.float32
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-6)
    alone = np.concatenate([embedder.embed([text]) for text in texts])
    assert (together == alone).all()
    assert (together == MiniLm().embed(texts)).all()
    assert embedder.embed([]).shape == (0, 384)


@pytest.mark.usefixtures("weights")
def test_near_meanings_are_near() -> None:
    a, b, c = MiniLm().embed(
        ["How much power does a GPU draw?", "electric consumption of graphics cards", "Cats sleep."]
    )
    assert a @ b > 0.5
    assert a @ c < 0.2


@pytest.mark.usefixtures("weights")
def test_building_again_gives_the_same_bytes(make_study: Make) -> None:
    study = make_study()
    folder = layout_of(study).index("i")
    build_index(study, "i")
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    build_index(make_study(batch_size=1), "i")
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
    assert set(before) == {"nodes.parquet", "vectors.npy", "bm25.parquet", "manifest.json"}
    manifest = read_json(folder / "manifest.json")
    assert manifest["embedder"].startswith("minilm:")
    assert manifest["dimensions"] == 384


@pytest.mark.usefixtures("weights")
def test_questions_find_their_documents(make_study: Make) -> None:
    study = make_study({"planner": {"kind": "rules"}, "top_k_final": 2, "bm25_top_k": 1})
    build_index(study, "i")
    retrieve(study, "q", "r")
    first, second, third = contexts(study)
    assert first["snippets"][0]["text"].startswith("Training BLOOM consumed 433,196 kWh")
    assert (first["answer_unit"], third["answer_unit"]) == ("kWh", None)
    assert second["snippets"][0]["document_id"] == "gpus"
    assert second["queries"][1:] == ["What is the power of the H100", "the A100"]
    assert [s["rank"] for s in first["snippets"]] == list(range(1, len(first["snippets"]) + 1))
    assert first["top_score"] > 0.7
    assert third["top_score"] < 0.4
    assert not any(row["abstain"] for row in (first, second, third))
    assert first["contexts_digest"] == digest(
        [[s["node_id"], s["text"]] for s in first["snippets"]]
    )
    manifest = layout_of(study).contexts_manifest("q", "r")
    before = manifest.read_bytes()
    retrieve(study, "q", "r")
    assert manifest.read_bytes() == before


@pytest.mark.usefixtures("weights")
def test_bm25_adds_paragraphs_that_the_dense_search_left_out(make_study: Make) -> None:
    study = make_study({"top_k": 1, "top_k_final": 1, "bm25_top_k": 2})
    build_index(study, "i")
    retrieve(study, "q", "r")
    found = contexts(study)[1]["snippets"]
    assert found[0]["document_id"] == "gpus"
    assert [s["source"] for s in found[1:]] == ["bm25", "bm25"]
    assert [s["score"] for s in found[1:]] == [None, None]
    assert len({s["node_id"] for s in found}) == 3


@pytest.mark.usefixtures("weights")
def test_a_model_that_abstains_may_be_shown_more(make_study: Make) -> None:
    few = {"top_k": 1, "top_k_final": 1, "bm25_top_k": 1}
    study = make_study(few)
    build_index(study, "i")
    retrieve(study, "q", "r")
    plain = contexts(study)
    assert [row["wider"] for row in plain] == [None, None, None]
    retrieve(make_study({**few, "abstention_retries": 2}), "q", "r")
    wide = contexts(study)
    # The first try is what it was; each further one is what a larger search finds.
    assert [row["contexts_digest"] for row in wide] == [row["contexts_digest"] for row in plain]
    for times in (2, 3):
        retrieve(make_study({name: k * times for name, k in few.items()}), "q", "r")
        for row, larger in zip(wide, contexts(study), strict=True):
            digests = [row["contexts_digest"], *(one["contexts_digest"] for one in row["wider"])]
            assert larger["contexts_digest"] in digests
            assert len(digests) == len(set(digests))
    retrieve(make_study({**few, "abstention_retries": 2, "max_context_words": 1}), "q", "r")
    assert all(row["wider"] == [] for row in contexts(study))


@pytest.mark.usefixtures("weights")
def test_below_the_threshold_a_run_may_abstain(make_study: Make) -> None:
    settings = {"retrieval_threshold": 0.4}
    study = make_study(settings)
    build_index(study, "i")
    retrieve(study, "q", "r")
    assert [row["abstain"] for row in contexts(study)] == [False, False, False]
    study = make_study({**settings, "below_threshold": "abstain"})
    retrieve(study, "q", "r")
    assert [row["abstain"] for row in contexts(study)] == [False, False, True]


@pytest.mark.usefixtures("weights")
def test_a_smoke_twin_holds_the_first_question(make_study: Make) -> None:
    study = make_study()
    build_index(study, "i")
    retrieve(study, "q.smoke", "r")
    retrieve(study, "q", "r")
    [only] = contexts(study, "q.smoke")
    assert only["contexts_digest"] == contexts(study)[0]["contexts_digest"]


@pytest.mark.usefixtures("weights")
def test_a_changed_index_file_is_refused(make_study: Make) -> None:
    study = make_study()
    build_index(study, "i")
    folder = layout_of(study).index("i")
    read_index(folder)
    vectors = folder / "vectors.npy"
    vectors.write_bytes(vectors.read_bytes()[:-1] + b"\x00")
    with pytest.raises(InputError, match=r"vectors\.npy: is not the file .* build-index"):
        retrieve(study, "q", "r")
    (folder / "manifest.json").unlink()
    with pytest.raises(InputError, match="there is no index here"):
        retrieve(study, "q", "r")


@pytest.mark.usefixtures("weights")
def test_settings_that_cannot_work_are_refused(make_study: Make, tmp_path: Path) -> None:
    study = make_study({"planner": {"kind": "model", "model": "m"}})
    with pytest.raises(InputError, match=r"r\.queries\.parquet"):
        retrieve(study, "q", "r")
    for arguments in (("x", "r"), ("q", "x")):
        with pytest.raises(InputError, match="the study has no"):
            retrieve(study, *arguments)
    with pytest.raises(InputError, match="the study has no index"):
        build_index(study, "x")
    layout_of(study).nodes("c").unlink()
    with pytest.raises(InputError, match="was not parsed"):
        build_index(study, "i")
