"""The nodes table in memory, with ways up and down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa

DEPTHS = {"sentence": 0, "paragraph": 1, "attachment": 1, "section": 2, "document": 3}
"""Levels of a kind above the sentence."""

LEAST_WORDS = 3
"""Words of a sentence that a search may find on its own."""

NO_ROW = -1


@dataclass(frozen=True)
class Tree:
    """Nodes by row, parents before children, in reading order.

    Args:
        node_ids: Ids.
        parents: Row of each node's parent; NO_ROW for a document.
        kinds: Kinds.
        document_ids: Ids of the documents.
        titles: Titles of the documents.
        texts: Texts.
        words: Words of the texts.
    """

    node_ids: Sequence[str]
    parents: Sequence[int]
    kinds: Sequence[str]
    document_ids: Sequence[str]
    titles: Sequence[str]
    texts: Sequence[str]
    words: Sequence[int]

    @classmethod
    def from_arrow(cls, nodes: pa.Table) -> Tree:
        """The tree of a nodes table."""
        ids: list[str] = nodes.column("node_id").to_pylist()
        row_of = {node_id: row for row, node_id in enumerate(ids)}
        parents = nodes.column("parent_id").to_pylist()
        return cls(
            ids,
            [NO_ROW if parent is None else row_of[parent] for parent in parents],
            *(
                nodes.column(name).to_pylist()
                for name in ("kind", "document_id", "document_title", "text", "words")
            ),
        )

    def __len__(self) -> int:
        return len(self.node_ids)

    @cached_property
    def children(self) -> Sequence[Sequence[int]]:
        """Rows of each node's children, in reading order."""
        found: list[list[int]] = [[] for _ in self.node_ids]
        for row, parent in enumerate(self.parents):
            if parent != NO_ROW:
                found[parent].append(row)
        return found

    @cached_property
    def searched(self) -> Sequence[int]:
        """Rows that a search may find.

        Shorter sentences than LEAST_WORDS are found with their paragraph only: a bare heading or
        the 'al.' of 'et al.' says nothing alone.
        """
        return [
            row
            for row, kind in enumerate(self.kinds)
            if kind == "paragraph" or (kind == "sentence" and self.words[row] >= LEAST_WORDS)
        ]

    def depth(self, row: int) -> int:
        """Levels of a node above the sentence."""
        return DEPTHS[self.kinds[row]]

    def ancestors(self, row: int) -> list[int]:
        """Rows of the nodes above, nearest first."""
        found = []
        while (row := self.parents[row]) != NO_ROW:
            found.append(row)
        return found

    def descendants(self, row: int, levels: int) -> list[int]:
        """Rows of the nodes below, down to a number of levels, in reading order."""
        if levels == 0:
            return []
        found = []
        for child in self.children[row]:
            found.append(child)
            found += self.descendants(child, levels - 1)
        return found
