"""Properties of the order in which questions are asked."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wattbench.inference.ordering import LEAST_SHARED, Lanes, prefix_groups, shared_length

# Pieces long enough to make groups, and few enough to be shared.
PIECES = st.lists(
    st.sampled_from(["a" * LEAST_SHARED, "b" * LEAST_SHARED, "ä" * 3, "c", ""]), max_size=5
)
PROMPTS = st.lists(PIECES.map("".join), max_size=12)


@given(PROMPTS)
def test_every_prompt_has_its_place_once(prompts: list[str]) -> None:
    groups = prefix_groups(prompts)
    assert sorted(place for group in groups for place in group) == list(range(len(prompts)))
    assert all(groups)
    places = [(-len(group), min(group)) for group in groups]
    assert places == sorted(places)


@given(PROMPTS)
def test_those_that_share_a_prefix_stand_together(prompts: list[str]) -> None:
    order = [place for group in prefix_groups(prompts) for place in group]
    base = min((shared_length(a, b) for a in prompts for b in prompts), default=0)
    for length in {base + LEAST_SHARED, base + LEAST_SHARED + 1, base + 2 * LEAST_SHARED}:
        beginnings = [prompts[place][:length] for place in order]
        for beginning in {b for b in beginnings if len(b) == length}:
            found = [n for n, b in enumerate(beginnings) if b == beginning]
            assert found == list(range(found[0], found[0] + len(found)))


@given(st.text(alphabet="ab", max_size=20), st.text(alphabet="ab", max_size=20))
def test_the_shared_length_is_that_of_the_longest_common_prefix(one: str, other: str) -> None:
    length = shared_length(one, other)
    assert one[:length] == other[:length]
    assert one[length : length + 1] != other[length : length + 1] or length == len(one) == len(
        other
    )


@given(
    st.lists(st.integers(0, 6), max_size=8),
    st.lists(st.integers(0, 3), max_size=60),
    st.integers(2, 5),
)
def test_workers_that_help_with_much_alone_leave_nothing(
    sizes: list[int], workers: list[int], helped_from: int
) -> None:
    items = [[(n, k) for k in range(size)] for n, size in enumerate(sizes)]
    lanes = Lanes(items, helped_from)
    taken = [lanes.take(worker) for worker in workers]
    # Whoever has begun a group goes on until it is empty, however few are left.
    for worker in (0, 1, 2, 3):
        while (item := lanes.take(worker)) is not None:
            taken.append(item)
    found = [item for item in taken if item is not None]
    assert sorted(found) == sorted(item for group in items for item in group)


@given(st.lists(st.integers(0, 4), max_size=8), st.lists(st.integers(0, 3), max_size=60))
def test_lanes_hand_out_everything_once_and_keep_nobody_waiting(
    sizes: list[int], workers: list[int]
) -> None:
    items = [[(n, k) for k in range(size)] for n, size in enumerate(sizes)]
    lanes = Lanes(items)
    left = sum(sizes)
    taken = []
    for worker in [*workers, *[0] * left]:
        item = lanes.take(worker)
        assert (item is None) == (left == 0)
        if item is not None:
            taken.append(item)
            left -= 1
    assert sorted(taken) == sorted(item for group in items for item in group)
