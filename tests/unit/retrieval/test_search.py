from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from wattbench.retrieval.bm25 import Bm25, terms_of
from wattbench.retrieval.embedder import Vectors, unit_length
from wattbench.retrieval.expand import expand
from wattbench.retrieval.index import Index
from wattbench.retrieval.search import Hit, Searcher, fuse
from wattbench.retrieval.tree import Tree
from wattbench.retrieval.vectors import node_vectors


class Letters:
    """Counts letters: an embedder whose vectors a test can work out."""

    identity = "letters"
    dimensions = 26

    def embed(self, texts: Sequence[str]) -> Vectors:
        counts = [[text.lower().count(chr(97 + n)) for n in range(26)] for text in texts]
        return unit_length(np.array(counts, dtype=np.float64).reshape(len(texts), 26))


def made(tree: Tree) -> Searcher:
    vectors = node_vectors(tree, Letters(), batch_size=2, what="test")
    return Searcher(Index(tree, vectors, None, "letters"), Letters())


def test_parents_are_the_word_weighted_mean_of_their_children(tree: Tree) -> None:
    vectors = made(tree).index.vectors
    row = tree.node_ids.index("bloom:sec1:p1")
    children = tree.children[row]
    assert [tree.words[child] for child in children] == [7, 6]
    expected = unit_length(sum(vectors[c].astype(float) * tree.words[c] for c in children))
    assert np.allclose(vectors[row], expected, atol=1e-7)
    section = tree.node_ids.index("bloom:sec1")
    below = [sum(tree.words[s] for s in tree.children[p]) for p in tree.children[section]]
    paragraphs = vectors[list(tree.children[section])].astype(float)
    assert np.allclose(vectors[section], unit_length(np.array(below) @ paragraphs), atol=1e-7)
    only = tree.node_ids.index("cats:sec1")
    assert (vectors[only] == vectors[tree.children[only][0]]).all()
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_search_is_exact_and_filters_before_taking_k(tree: Tree) -> None:
    searcher = made(tree)
    rows = list(tree.searched)
    assert {tree.kinds[row] for row in rows} == {"sentence", "paragraph"}
    scores = searcher.index.vectors[rows] @ Letters().embed(["French grid"])[0]
    order = sorted(range(len(rows)), key=lambda i: (-round(float(scores[i]), 6), rows[i]))
    for k in (1, 3, len(rows), len(rows) + 5):
        found = searcher.nearest("French grid", k)
        assert [row for row, _ in found] == [rows[i] for i in order[:k]]
        assert all(
            abs(score - scores[i]) < 2e-6 for (_, score), i in zip(found, order, strict=False)
        )


def test_short_sentences_are_found_with_their_paragraph_only() -> None:
    tree = Tree(
        ["d", "d:p", "d:p:s1", "d:p:s2"],
        [-1, 0, 1, 1],
        ["document", "paragraph", "sentence", "sentence"],
        ["d"] * 4,
        ["D"] * 4,
        ["D", "Power use. The GPU draws power.", "Power use.", "The GPU draws power."],
        [1, 6, 2, 4],
    )
    assert list(tree.searched) == [1, 3]


FOUND = [[(1, 0.9), (2, 0.5)], [(2, 0.6), (3, 0.3)], [(2, 0.1), (3, 0.3)]]


@pytest.mark.parametrize(
    ("rerank", "order"), [("frequency", [2, 3, 1]), ("score", [2, 1, 3]), ("combined", [2, 1, 3])]
)
def test_agreement_of_queries_counts_before_duplicates_are_dropped(
    rerank: Any, order: list[int]
) -> None:
    hits = fuse(FOUND, rerank)
    assert [hit.row for hit in hits] == order
    assert {hit.row: (hit.score, hit.frequency) for hit in hits} == {
        1: (0.9, 1),
        2: (0.6, 3),
        3: (0.3, 2),
    }


def test_combined_is_the_documented_formula() -> None:
    # 0.4 * 1/2 + 0.6 * 0.9/0.9 = 0.8 against 0.4 * 2/2 + 0.6 * 0.61/0.9 = 0.80666...
    assert [h.row for h in fuse([[(1, 0.9), (2, 0.3)], [(2, 0.31)]], "combined")] == [2, 1]
    # 0.6 * 0.59/0.9 gives 0.79333...
    assert [h.row for h in fuse([[(1, 0.9), (2, 0.3)], [(2, 0.29)]], "combined")] == [1, 2]
    assert fuse([], "combined") == []


def test_ties_go_by_row() -> None:
    assert [h.row for h in fuse([[(7, 0.5), (3, 0.5)]], "combined")] == [3, 7]


def test_bm25_is_the_documented_formula() -> None:
    texts = {0: "energy of training", 2: "energy energy use", 5: "cats"}
    index = Bm25.build(texts, 6)
    mean = 7 / 3

    def part(n: int, f: int, length: int) -> float:
        idf = math.log(1 + (3 - n + 0.5) / (n + 0.5))
        return idf * f * 2.2 / (f + 1.2 * (0.25 + 0.75 * length / mean))

    found = index.search("Energy, energy TRAINING", 9)
    assert [row for row, _ in found] == [0, 2]
    assert found[0][1] == pytest.approx(part(2, 1, 3) + part(1, 1, 3))
    assert found[1][1] == pytest.approx(part(2, 2, 3))
    assert index.search("energy of training", 1) == [
        (0, pytest.approx(found[0][1] + part(1, 1, 3)))
    ]
    assert index.search("dogs", 3) == []
    assert Bm25.from_arrow(index.to_arrow(), 6).search("energy use", 3) == index.search(
        "energy use", 3
    )
    assert Bm25.build({}, 0).search("energy", 3) == []


def test_terms_keep_numbers_whole() -> None:
    assert terms_of("GPT-3 used 1,287 MWh (5.4 %), m²") == [
        "gpt",
        "3",
        "used",
        "1287",
        "mwh",
        "5.4",
        "m",
        "2",
    ]


def hit(tree: Tree, node_id: str, score: float = 0.5) -> Hit:
    return Hit(tree.node_ids.index(node_id), score, 1, "dense")


def shown(tree: Tree, hits: list[Hit], **settings: Any) -> list[tuple[str, str]]:
    asked = {"parents": 1, "children": 0, "max_words": None, **settings}
    return [(tree.node_ids[s.row], s.source) for s in expand(hits, tree, **asked)]


def test_a_paragraph_stands_for_its_sentences(tree: Tree) -> None:
    hits = [hit(tree, f"bloom:sec1:{n}") for n in ("p1:s1", "p2:s3", "p1:s2", "p2")]
    assert shown(tree, hits) == [("bloom:sec1:p1", "parent"), ("bloom:sec1:p2", "dense")]
    assert shown(tree, hits, parents=0) == [
        ("bloom:sec1:p1:s1", "dense"),
        ("bloom:sec1:p2", "dense"),
        ("bloom:sec1:p1:s2", "dense"),
    ]


def test_levels_up_and_down(tree: Tree) -> None:
    hits = [hit(tree, "bloom:sec1:p2:s3")]
    assert shown(tree, hits, parents=3) == [
        ("bloom", "parent"),
        ("bloom:sec1", "parent"),
        ("bloom:sec1:p2", "parent"),
    ]
    assert shown(tree, hits, parents=2, children=1) == [
        ("bloom:sec1", "parent"),
        ("bloom:sec1:p1", "parent"),
        ("bloom:sec1:p2", "parent"),
    ]


def test_only_whole_snippets_within_the_limit(tree: Tree) -> None:
    words = dict(zip(tree.node_ids, tree.words, strict=True))
    hits = [hit(tree, n) for n in ("cats:sec1:p1:s1", "bloom:sec1:p1:s1", "gpus:sec1:p1:s1")]
    whole = words["cats:sec1:p1"] + words["bloom:sec1:p1"]
    assert len(shown(tree, hits, max_words=None)) == 3
    assert shown(tree, hits, max_words=whole) == [
        ("cats:sec1:p1", "parent"),
        ("bloom:sec1:p1", "parent"),
    ]
    # The paragraph is too long by one word, the sentence that was found is not.
    assert shown(tree, hits, max_words=whole - 1) == [
        ("cats:sec1:p1", "parent"),
        ("bloom:sec1:p1:s1", "dense"),
    ]
    assert shown(tree, hits, max_words=1) == [("cats:sec1:p1:s1", "dense")]
    assert shown(tree, [], max_words=1) == []
