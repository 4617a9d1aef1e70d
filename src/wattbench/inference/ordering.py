"""The order in which questions are asked: prompts that begin alike follow each other.

A backend that keeps the states of a prompt reads the shared beginning once. Servers such as vLLM
share them between all requests, llama.cpp keeps those of the last prompt in each of its slots; so
each asker works through one group of prompts, and several askers through several groups.
"""

from __future__ import annotations

import bisect
import itertools
import threading
from collections import deque
from collections.abc import Sequence
from typing import Generic, TypeVar

LEAST_SHARED = 64
"""Characters, some 16 tokens, that prompts share beyond what all share: below, no group is made."""

WORTH_READING_AGAIN = 3
"""Prompts that a group must have left for a second slot to read their beginning too."""

T = TypeVar("T")


def shared_length(one: str, other: str) -> int:
    """Length of the longest common prefix, in characters."""
    # Comparing slices in C is a hundred times faster than comparing characters in Python.
    return bisect.bisect_left(
        range(min(len(one), len(other))), True, key=lambda n: one[: n + 1] != other[: n + 1]
    )


def prefix_groups(prompts: Sequence[str]) -> list[list[int]]:
    """Places of prompts, grouped by how they begin.

    In a group those that share a longer prefix stand together. The largest groups come first, for
    what begins late should be short (Graham 1969, longest processing time); groups of one size come
    in the order of their first prompt, so that prompts which share nothing keep their order.

    Args:
        prompts: The prompts.
    """
    places = sorted(range(len(prompts)), key=lambda place: prompts[place])
    if not places:
        return []
    least = shared_length(prompts[places[0]], prompts[places[-1]]) + LEAST_SHARED
    groups = [[places[0]]]
    for before, place in itertools.pairwise(places):
        if shared_length(prompts[before], prompts[place]) >= least:
            groups[-1].append(place)
        else:
            groups.append([place])
    return sorted(groups, key=lambda group: (-len(group), min(group)))


class Lanes(Generic[T]):
    """Hands items out to workers: each stays in a group, and helps in another when its own ends.

    Args:
        groups: The items.
        helped_from: Items that a group must have left to be helped with.
    """

    def __init__(self, groups: Sequence[Sequence[T]], helped_from: int = 1) -> None:
        self._helped_from = helped_from
        self._lock = threading.Lock()
        self._fresh = deque(deque(group) for group in groups if group)
        self._begun: list[deque[T]] = []
        self._own: dict[int, deque[T]] = {}

    def take(self, worker: int) -> T | None:
        """The next item of a worker, or None where none is left for it.

        It is the next of the worker's group; else the first of a group that nobody has begun; else
        one of the group that has most left, where those are as many as make help worth it.
        """
        with self._lock:
            own = self._own.get(worker)
            if not own:
                own = self._next_group()
            if own is None:
                return None
            self._own[worker] = own
            item = own.popleft()
            self._begun = [group for group in self._begun if group]
            return item

    def _next_group(self) -> deque[T] | None:
        if self._fresh:
            self._begun.append(self._fresh.popleft())
            return self._begun[-1]
        longest = max(self._begun, key=len, default=None)
        return longest if longest is not None and len(longest) >= self._helped_from else None
