"""What holds of comparisons whatever the verdicts are."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from wattbench.analyses.frontier import frontier
from wattbench.analyses.headline import choose
from wattbench.scoring.paired import differences, holm, mcnemar_clustered, ranks
from wattbench.scoring.resamples import Clusters

Reals = NDArray[np.float64]
SCORES = st.integers(3, 30).flatmap(
    lambda n: arrays(np.float64, (n, 2), elements=st.sampled_from([0.0, 0.25, 0.5, 1.0]))
)
CLUSTERS = st.integers(1, 5)


def clusters(count: int, size: int) -> Clusters:
    numbers = np.arange(count) // size
    return Clusters(numbers, int(numbers[-1]) + 1)


@given(SCORES, CLUSTERS)
def test_a_comparison_read_backwards_is_its_mirror(scores: Reals, size: int) -> None:
    means = scores.mean(axis=0)
    groups = clusters(len(scores), size)
    one, other = np.array([0]), np.array([1])
    forth = differences(means, scores - means, groups, (one, other), 0.95)
    back = differences(means, scores - means, groups, (other, one), 0.95)
    assert forth.estimate[0] == -back.estimate[0]
    assert np.isclose(forth.low[0], -back.high[0])
    assert np.isclose(forth.p[0], back.p[0])
    assert forth.low[0] <= forth.estimate[0] <= forth.high[0]
    assert 0 < forth.p[0] <= 1


@given(SCORES, CLUSTERS)
def test_clustered_p_is_a_probability(scores: Reals, size: int) -> None:
    hits = (scores > 0.3).astype(np.float64)
    groups = clusters(len(scores), size)
    p = mcnemar_clustered(hits, np.ones_like(hits), groups, np.array([0]), np.array([1]))[0]
    assert 0 < p <= 1
    if (hits[:, 0] == hits[:, 1]).all():
        assert p == 1


@given(st.lists(st.floats(0, 1), max_size=40))
def test_holm_lowers_no_p_and_keeps_their_order(p: list[float]) -> None:
    found = holm(p)
    assert (found >= np.array(p)).all()
    order = np.argsort(p, kind="stable")
    assert (np.diff(found[order]) >= 0).all()
    assert (found <= 1).all()


@given(st.integers(1, 12), st.randoms(use_true_random=False))
def test_ranks_agree_with_what_is_told_apart(count: int, draw: Random) -> None:
    scores = np.array([draw.random() for _ in range(count)])
    apart = np.array([[draw.random() < 0.4 for _ in range(count)] for _ in range(count)])
    apart = np.triu(apart, 1) | np.triu(apart, 1).T
    found = ranks(scores, apart)
    place = 1 + (scores[:, None] < scores[None, :]).sum(axis=1)
    assert ((found.low <= place) & (place <= found.high)).all()
    assert found.group[np.argmax(scores)] == 1


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "top_group": st.booleans(),
                "score": st.integers(0, 3).map(float),
                "energy_answer_j": st.none() | st.integers(1, 4).map(float),
            }
        ),
        max_size=8,
    )
)
def test_the_headline_is_the_cheapest_of_the_top_group(rows: list[dict[str, Any]]) -> None:
    top = [row for row in rows if row["top_group"]]
    place = choose(rows)
    if not top:
        assert place is None
        return
    assert place is not None
    chosen, known = rows[place], [row for row in top if row["energy_answer_j"] is not None]
    assert chosen["top_group"]
    if not known:
        assert chosen["score"] == max(row["score"] for row in top)
        return
    least = min(row["energy_answer_j"] for row in known)
    assert chosen["energy_answer_j"] == least
    assert chosen["score"] == max(r["score"] for r in known if r["energy_answer_j"] == least)


@given(
    st.lists(
        st.tuples(st.integers(0, 4).map(float), st.none() | st.integers(0, 4).map(float)),
        max_size=12,
    )
)
def test_the_frontier_is_what_nothing_dominates(points: list[tuple[float, float | None]]) -> None:
    def dominated(one: tuple[float, float | None]) -> bool:
        return any(
            other[1] is not None
            and one[1] is not None
            and other[0] >= one[0]
            and other[1] <= one[1]
            and (other[0] > one[0] or other[1] < one[1])
            for other in points
        )

    assert frontier(points) == [one[1] is not None and not dominated(one) for one in points]
