"""Exact search, and the order of hits that several queries found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from wattbench.retrieval.embedder import Embedder
from wattbench.retrieval.index import Index

DECIMALS = 6
"""Scores are rounded to what float32 resolves, so that a tie is a tie on every CPU."""

FREQUENCY_SHARE = 0.4
SCORE_SHARE = 0.6
LEAST_TOTAL = 0.001

Rerank = Literal["frequency", "score", "combined"]


@dataclass(frozen=True)
class Hit:
    """A node that a search found.

    Args:
        row: Its row.
        score: Best cosine similarity, or None where BM25 found it.
        frequency: Queries that found it.
        source: 'dense' or 'bm25'.
    """

    row: int
    score: float | None
    frequency: int
    source: str


class Searcher:
    """Searches an index.

    Args:
        index: The index.
        embedder: Embeds the queries; the one that made the index' vectors.
    """

    def __init__(self, index: Index, embedder: Embedder) -> None:
        self.index = index
        self._embedder = embedder
        self._rows: npt.NDArray[np.intp] = np.array(index.tree.searched, dtype=np.intp)
        self._vectors = index.vectors[self._rows]

    def nearest(self, query: str, k: int) -> list[tuple[int, float]]:
        """The k sentences and paragraphs nearest to a query.

        Every one is compared, so the recall is 1. Other kinds are left out before k are taken, so
        k are found wherever the corpus has as many.

        Args:
            query: The query.
            k: Nodes wanted.

        Returns:
            Rows and cosine similarities, best first, ties in the order of the rows.
        """
        vector = self._embedder.embed([query])[0]
        # einsum adds in one fixed order; a threaded BLAS may not.
        scores = np.round(np.einsum("ij,j->i", self._vectors, vector), DECIMALS)
        if 0 < k < len(scores):
            least = np.partition(scores, len(scores) - k)[len(scores) - k]
            near = np.flatnonzero(scores >= least)
        else:
            near = np.arange(len(scores))
        best = near[np.argsort(-scores[near], kind="stable")[:k]]
        return [(int(self._rows[i]), round(float(scores[i]), DECIMALS)) for i in best]

    def lexical(self, query: str, k: int, known: Sequence[Hit]) -> list[Hit]:
        """Further paragraphs that BM25 finds, those left out that `known` has whole or in part.

        Args:
            query: The query.
            k: Paragraphs wanted.
            known: Hits already there.
        """
        if self.index.bm25 is None or k == 0:
            return []
        parents = self.index.tree.parents
        rows = {hit.row for hit in known} | {parents[hit.row] for hit in known}
        found = self.index.bm25.search(query, k + len(rows))
        return [Hit(row, None, 1, "bm25") for row, _ in found if row not in rows][:k]


def fuse(found: Sequence[Sequence[tuple[int, float]]], rerank: Rerank) -> list[Hit]:
    """Hits of several queries as one order.

    A node's frequency is the number of queries that found it, its total the sum of its scores;
    both are counted before duplicates are dropped, so that agreement between queries counts.

    - frequency: by frequency, then total
    - score: by total
    - combined: by 0.4 * frequency / max frequency + 0.6 * total / max(max total, 0.001)

    Args:
        found: Rows and scores by query.
        rerank: The order.

    Returns:
        Each node once, best first; ties in the order of the rows.
    """
    frequency: dict[int, int] = {}
    total: dict[int, float] = {}
    best: dict[int, float] = {}
    for hits in found:
        for row, score in hits:
            frequency[row] = frequency.get(row, 0) + 1
            total[row] = total.get(row, 0.0) + score
            best[row] = max(best.get(row, -1.0), score)
    most = max(frequency.values(), default=1)
    largest = max([LEAST_TOTAL, *total.values()])

    def key(row: int) -> tuple[float, ...]:
        if rerank == "frequency":
            return (-frequency[row], -round(total[row], DECIMALS), row)
        if rerank == "score":
            return (-round(total[row], DECIMALS), row)
        share = FREQUENCY_SHARE * frequency[row] / most + SCORE_SHARE * total[row] / largest
        return (-round(share, DECIMALS), row)

    return [Hit(row, best[row], frequency[row], "dense") for row in sorted(best, key=key)]
