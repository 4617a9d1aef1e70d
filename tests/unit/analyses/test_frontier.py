"""The frontier against its definition."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wattbench.analyses.frontier import frontier

POINTS = st.lists(
    st.tuples(st.integers(0, 5).map(float), st.one_of(st.none(), st.integers(0, 5).map(float))),
    max_size=12,
)


@given(POINTS)
def test_a_point_is_on_it_where_no_other_dominates(
    points: list[tuple[float, float | None]],
) -> None:
    def dominated(place: int) -> bool:
        score, energy = points[place]
        return energy is None or any(
            other is not None and s >= score and other <= energy and (s > score or other < energy)
            for s, other in points
        )

    assert frontier(points) == [not dominated(place) for place in range(len(points))]


def test_equal_points_stay() -> None:
    assert frontier([(0.9, 1.0), (0.9, 1.0), (0.8, 2.0), (0.95, 3.0)]) == [True, True, False, True]
