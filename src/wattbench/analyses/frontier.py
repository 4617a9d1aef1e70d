"""The frontier of score and energy: the runs that no other beats on both."""

from __future__ import annotations

from collections.abc import Sequence


def frontier(points: Sequence[tuple[float, float | None]]) -> list[bool]:
    """Which points are not dominated.

    A point is dominated where another has at least its score for at most its energy, and is
    better in one of the two. Equal points do not dominate each other, so all of them stay. A
    point whose energy is unknown is on no frontier, and dominates nothing.

    Args:
        points: Score (higher is better) and energy in joules (lower is better) of each run.

    Returns:
        For each point, whether it is on the frontier.
    """
    known = sorted(
        (energy, -score, place)
        for place, (score, energy) in enumerate(points)
        if energy is not None
    )
    on = [False] * len(points)
    best_score, best_energy = float("-inf"), float("-inf")
    for energy, negative, place in known:
        score = -negative
        # Sorted by energy, so only a cheaper or equal point can dominate this one.
        if score > best_score or (score == best_score and energy == best_energy):
            best_score, best_energy = score, energy
            on[place] = True
    return on
