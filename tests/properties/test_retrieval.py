from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from wattbench.corpus.tree import Section, nodes_of, prose
from wattbench.retrieval.bm25 import Bm25
from wattbench.retrieval.expand import expand
from wattbench.retrieval.planner import plan_rules, plan_with
from wattbench.retrieval.search import Hit, fuse
from wattbench.retrieval.tree import Tree
from wattbench.tables.documents import NODES
from wattbench.tables.files import to_arrow

TEXTS = st.lists(st.sampled_from(["One two three. Four five six.", "A b.", "Long " * 9 + "."]))
TREES = st.lists(st.lists(TEXTS, max_size=3), min_size=1, max_size=3).map(
    lambda documents: Tree.from_arrow(
        to_arrow(
            NODES,
            [
                row
                for n, sections in enumerate(documents)
                for row in nodes_of(
                    f"d{n}", "T", [Section("S", tuple(prose([t]) for t in ts)) for ts in sections]
                )
            ],
        )
    )
)


@settings(deadline=None)
@given(TREES, st.data())
def test_contexts_repeat_nothing_and_keep_the_limit(tree: Tree, data: st.DataObject) -> None:
    rows = list(tree.searched)
    picked = data.draw(st.lists(st.sampled_from(rows), unique=True) if rows else st.just([]))
    limit = data.draw(st.none() | st.integers(1, 60))
    found = expand(
        [Hit(row, 0.5, 1, "dense") for row in picked],
        tree,
        parents=data.draw(st.integers(0, 3)),
        children=data.draw(st.integers(0, 3)),
        max_words=limit,
    )
    shown = [snippet.row for snippet in found]
    assert len(set(shown)) == len(shown)
    assert not any(tree.depth(row) == 0 and tree.parents[row] in shown for row in shown)
    assert bool(shown) == bool(picked)
    if limit is not None and len(shown) > 1:
        assert sum(tree.words[row] for row in shown) <= limit
    if limit is None:
        assert all(row in shown or tree.parents[row] in shown for row in picked)


SCORES = st.lists(
    st.lists(st.tuples(st.integers(0, 9), st.floats(-1, 1)), unique_by=lambda pair: pair[0])
)


@given(SCORES, st.sampled_from(["frequency", "score", "combined"]))
def test_fusing_keeps_each_node_once(found: list[list[tuple[int, float]]], rerank: str) -> None:
    hits = fuse(found, rerank)  # type: ignore[arg-type]
    assert sorted(hit.row for hit in hits) == sorted({row for one in found for row, _ in one})
    for hit in hits:
        scores = [score for one in found for row, score in one if row == hit.row]
        assert (hit.score, hit.frequency) == (max(scores), len(scores))


@given(st.text(), st.lists(st.text()), st.integers(1, 5))
def test_the_question_is_always_the_first_query(
    question: str, written: list[str], limit: int
) -> None:
    for queries in (plan_rules(question, limit), plan_with(written, question, limit)):
        assert queries[0] == question
        assert len(queries) <= limit


@given(st.dictionaries(st.integers(0, 20), st.text(max_size=40)), st.text(max_size=20))
def test_bm25_survives_being_written(texts: dict[int, str], query: str) -> None:
    index = Bm25.build(texts, 21)
    found = index.search(query, 5)
    assert Bm25.from_arrow(index.to_arrow(), 21).search(query, 5) == found
    assert all(score > 0 for _, score in found)
