"""Vectors of all nodes: leaves embedded, parents the mean of their children."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from wattbench.progress import Progress
from wattbench.retrieval.embedder import Embedder, Vectors, unit_length
from wattbench.retrieval.tree import NO_ROW, Tree


def node_vectors(tree: Tree, embedder: Embedder, *, batch_size: int, what: str) -> Vectors:
    """Vectors of a tree's nodes.

    Sentences, attachments and empty sections are embedded. The vector of any other node is the
    mean of its children's vectors, each weighted by the words below it (at least 1), scaled to
    length 1; that of an only child is taken as it is.

    Args:
        tree: The nodes.
        embedder: What embeds.
        batch_size: Texts given to the embedder at once.
        what: Name shown with the progress.

    Returns:
        float32 array of shape [nodes, dimensions], each row of L2 norm 1.
    """
    leaves = [row for row, children in enumerate(tree.children) if not children]
    vectors = np.zeros((len(tree), embedder.dimensions), dtype=np.float32)
    rows_of: dict[str, list[int]] = {}
    for row in leaves:
        rows_of.setdefault(tree.texts[row], []).append(row)
    texts = list(rows_of)
    with Progress(what, total=len(texts), unit="texts") as progress:
        for start in range(0, len(texts), batch_size):
            batch = texts[start : start + batch_size]
            for text, vector in zip(batch, embedder.embed(batch), strict=True):
                vectors[rows_of[text]] = vector
            progress.advance(len(batch))
    _fill_parents(tree, vectors)
    return vectors


def _fill_parents(tree: Tree, vectors: Vectors) -> None:
    sums: dict[int, npt.NDArray[np.float64]] = {}
    words = [max(count, 1) for count in tree.words]
    for row in range(len(tree) - 1, -1, -1):
        children = tree.children[row]
        if children:
            words[row] = sum(words[child] for child in children)
            total = sums.pop(row)
            vectors[row] = vectors[children[0]] if len(children) == 1 else unit_length(total)
        parent = tree.parents[row]
        if parent != NO_ROW:
            weighted = vectors[row].astype(np.float64) * words[row]
            sums[parent] = sums[parent] + weighted if parent in sums else weighted
