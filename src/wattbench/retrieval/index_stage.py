"""The stage `build_index`: nodes become vectors and BM25 postings."""

from __future__ import annotations

from pathlib import Path

from wattbench.errors import InputError
from wattbench.retrieval.bm25 import Bm25
from wattbench.retrieval.embedders import open_embedder
from wattbench.retrieval.index import write_index
from wattbench.retrieval.tree import Tree
from wattbench.retrieval.vectors import node_vectors
from wattbench.study.identity import index_slice
from wattbench.study.layout import Layout
from wattbench.study.models import Study
from wattbench.tables.documents import NODES
from wattbench.tables.files import read_arrow, read_json

NO_CORPUS = "Run `wattbench parse-corpus` first."


def build_index(study: Study, index: str) -> None:
    """Embed a corpus' nodes and write the index' folder, manifest.json last.

    Building it again gives the same bytes.

    Args:
        study: The study.
        index: Name of the index.

    Raises:
        InputError: There is no such index, its corpus was not parsed, or its embedder cannot be
            used.
        FaultError: The embedder failed, or the disk did.
    """
    if index not in study.indexes:
        known = ", ".join(study.indexes)
        raise InputError(f"the study has no index '{index}'.", mend=f"It has: {known}.")
    settings = study.indexes[index]
    layout = Layout(Path(study.study.results))
    corpus = study.corpus_of(index)
    path = layout.nodes(corpus)
    if not path.is_file():
        raise InputError(f"the corpus '{corpus}' was not parsed.", where=str(path), mend=NO_CORPUS)
    nodes = read_arrow(path, NODES)
    tree = Tree.from_arrow(nodes)
    embedder = open_embedder(settings.embedder)
    vectors = node_vectors(
        tree, embedder, batch_size=settings.embedder.batch_size, what=f"embed {index}"
    )
    bm25 = None
    if settings.bm25:
        paragraphs = (row for row, kind in enumerate(tree.kinds) if kind == "paragraph")
        bm25 = Bm25.build({row: tree.texts[row] for row in paragraphs}, len(tree))
    manifest = {
        "index": index,
        "settings": index_slice(study, index),
        "corpus_sha256": read_json(layout.corpus_manifest(corpus))["nodes_sha256"],
        "embedder": embedder.identity,
        "dimensions": embedder.dimensions,
        "metric": "cosine",
    }
    write_index(layout.index(index), nodes, vectors, bm25, manifest)
