"""Hits become the snippets that a model is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wattbench.retrieval.search import Hit
from wattbench.retrieval.tree import Tree
from wattbench.tables.files import digest


@dataclass(frozen=True)
class Snippet:
    """One snippet.

    Args:
        row: Row of its node.
        score: Cosine similarity of a dense hit, else None.
        frequency: Queries that found it; 0 for parents and children.
        source: 'dense', 'bm25', 'parent' or 'child'.
    """

    row: int
    score: float | None
    frequency: int
    source: str


def expand(
    hits: Sequence[Hit], tree: Tree, *, parents: int, children: int, max_words: int | None
) -> list[Snippet]:
    """Snippets of hits, in the hits' order.

    Each hit brings the nodes above it up to `parents` levels above the sentence (1 paragraph,
    2 section, 3 document) and, of each of these and of itself, the nodes `children` levels below.
    What one hit brings stands in reading order. No text is shown twice: not a node again, nor a
    sentence of a paragraph that is shown; a paragraph takes the place of its sentences.

    Only whole snippets are shown. Where what a hit brings passes `max_words`, the hit alone is
    taken; where that does too, the context ends there. A hit that is too long while nothing is
    shown yet is passed over, and the best one is shown where all are.

    Args:
        hits: Hits, best first.
        tree: The nodes.
        parents: Levels upwards, 0 to 3.
        children: Levels downwards.
        max_words: Words at most, or None for no limit.
    """
    found = {hit.row: hit for hit in reversed(hits)}
    shown: dict[int, Snippet] = {}
    words = 0
    for hit in hits:
        brought = _brought(hit.row, tree, parents, children)
        for rows in (brought, [hit.row]):
            new = _unseen(rows, shown, tree)
            replaced = [row for row in shown if tree.parents[row] in new and tree.depth(row) == 0]
            length = sum(tree.words[row] for row in new)
            length -= sum(tree.words[row] for row in replaced)
            if max_words is None or words + length <= max_words:
                break
        else:
            if shown:
                break
            continue
        words += length
        shown = _merged(shown, {row: _snippet(row, hit.row, found) for row in new}, tree)
    if hits and not shown:
        return [_snippet(hits[0].row, hits[0].row, found)]
    return list(shown.values())


def _brought(row: int, tree: Tree, parents: int, children: int) -> list[int]:
    above = [up for up in tree.ancestors(row) if tree.depth(up) <= parents]
    members = {row, *above}
    for member in (row, *above):
        members.update(tree.descendants(member, children))
    return sorted(members)


def _unseen(rows: Sequence[int], shown: dict[int, Snippet], tree: Tree) -> list[int]:
    here = set(rows)
    return [
        row
        for row in rows
        if row not in shown
        and not (tree.depth(row) == 0 and (tree.parents[row] in shown or tree.parents[row] in here))
    ]


def _merged(shown: dict[int, Snippet], new: dict[int, Snippet], tree: Tree) -> dict[int, Snippet]:
    """What is shown: a new paragraph where its first sentence stood, other new nodes at the end."""
    merged: dict[int, Snippet] = {}
    for row, snippet in shown.items():
        parent = tree.parents[row]
        if tree.depth(row) == 0 and parent in new:
            merged.setdefault(parent, new[parent])
        else:
            merged[row] = snippet
    for row, snippet in new.items():
        merged.setdefault(row, snippet)
    return merged


def _snippet(row: int, brought_by: int, found: dict[int, Hit]) -> Snippet:
    if row in found:
        hit = found[row]
        return Snippet(row, hit.score, hit.frequency, hit.source)
    return Snippet(row, None, 0, "parent" if row < brought_by else "child")


def snippet_rows(snippets: Sequence[Snippet], tree: Tree) -> list[dict[str, Any]]:
    """Snippets as entries of the contexts table, ranked from 1."""
    return [
        {
            "rank": rank,
            "node_id": tree.node_ids[snippet.row],
            "document_id": tree.document_ids[snippet.row],
            "document_title": tree.titles[snippet.row],
            "kind": tree.kinds[snippet.row],
            "text": tree.texts[snippet.row],
            "score": snippet.score,
            "frequency": snippet.frequency,
            "source": snippet.source,
        }
        for rank, snippet in enumerate(snippets, start=1)
    ]


def contexts_digest(snippets: Sequence[dict[str, Any]]) -> str:
    """sha256 of the snippets' ids and texts, in order."""
    return digest([[snippet["node_id"], snippet["text"]] for snippet in snippets])
