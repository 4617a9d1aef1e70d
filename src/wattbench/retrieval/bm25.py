"""Okapi BM25 over paragraphs.

score(q, d) = sum over the distinct terms t of q of
    ln(1 + (N - n_t + 0.5) / (n_t + 0.5)) * f * (k1 + 1) / (f + k1 * (1 - b + b * |d| / avgdl))
with f the count of t in d, n_t the paragraphs that hold t, N all paragraphs, |d| the terms of d
and avgdl their mean; k1 = 1.2 and b = 0.75 (Robertson and Zaragoza 2009, with the non-negative
idf that Lucene uses).
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

K1 = 1.2
B = 0.75
TERM = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+")

SCHEMA = pa.schema(
    [
        pa.field("term", pa.string(), nullable=False),
        pa.field("rows", pa.list_(pa.int32()), nullable=False),
        pa.field("counts", pa.list_(pa.int32()), nullable=False),
    ]
)

Ints = npt.NDArray[np.int32]


def terms_of(text: str) -> list[str]:
    """Terms of a text: words and numbers in lower case, commas in numbers left out."""
    folded = unicodedata.normalize("NFKC", text).lower()
    return [term.replace(",", "") for term in TERM.findall(folded)]


@dataclass(frozen=True)
class Bm25:
    """Postings by term.

    Args:
        postings: Per term the rows that hold it, ascending, and its counts there.
        lengths: Terms of each row; 0 where a row is not indexed.
    """

    postings: Mapping[str, tuple[Ints, Ints]]
    lengths: Ints

    @classmethod
    def build(cls, texts: Mapping[int, str], size: int) -> Bm25:
        """An index of texts by row.

        Args:
            texts: Texts by row.
            size: Rows of the whole table.
        """
        gathered: dict[str, tuple[list[int], list[int]]] = {}
        for row in sorted(texts):
            for term, count in Counter(terms_of(texts[row])).items():
                rows, counts = gathered.setdefault(term, ([], []))
                rows.append(row)
                counts.append(count)
        postings = {
            term: (np.array(rows, dtype=np.int32), np.array(counts, dtype=np.int32))
            for term, (rows, counts) in sorted(gathered.items())
        }
        return cls(postings, _lengths(postings, size))

    @classmethod
    def from_arrow(cls, table: pa.Table, size: int) -> Bm25:
        """An index that `to_arrow` gave, over a table of `size` rows."""
        postings = {
            term: (np.array(rows, dtype=np.int32), np.array(counts, dtype=np.int32))
            for term, rows, counts in zip(
                *(table.column(name).to_pylist() for name in SCHEMA.names), strict=True
            )
        }
        return cls(postings, _lengths(postings, size))

    def to_arrow(self) -> pa.Table:
        """The index as a table: one row a term, in the order of the terms."""
        return pa.table(
            {
                "term": list(self.postings),
                "rows": [rows for rows, _ in self.postings.values()],
                "counts": [counts for _, counts in self.postings.values()],
            },
            schema=SCHEMA,
        )

    def search(self, query: str, k: int) -> list[tuple[int, float]]:
        """The best rows for a query.

        Args:
            query: The query.
            k: Rows at most.

        Returns:
            Rows and scores, best first, ties in the order of the rows; only rows that hold a term
            of the query.
        """
        indexed = int(np.count_nonzero(self.lengths))
        if indexed == 0 or k < 1:
            return []
        mean = float(self.lengths.sum()) / indexed
        scores = np.zeros(len(self.lengths))
        for term in dict.fromkeys(terms_of(query)):
            if term not in self.postings:
                continue
            rows, counts = self.postings[term]
            idf = np.log1p((indexed - len(rows) + 0.5) / (len(rows) + 0.5))
            damped = K1 * (1 - B + B * self.lengths[rows] / mean)
            scores[rows] += idf * counts * (K1 + 1) / (counts + damped)
        found = np.flatnonzero(scores)
        best = found[np.argsort(-scores[found], kind="stable")[:k]]
        return [(int(row), float(scores[row])) for row in best]


def _lengths(postings: Mapping[str, tuple[Ints, Ints]], size: int) -> Ints:
    lengths = np.zeros(size, dtype=np.int32)
    for rows, counts in postings.values():
        lengths[rows] += counts
    return lengths
