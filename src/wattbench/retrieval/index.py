"""The index on disk: nodes, their vectors, BM25 postings and a manifest."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from wattbench.errors import InputError
from wattbench.retrieval.bm25 import Bm25
from wattbench.retrieval.embedder import Vectors
from wattbench.retrieval.tree import Tree
from wattbench.tables.contract import SCHEMA_VERSION
from wattbench.tables.documents import NODES
from wattbench.tables.files import (
    file_digest,
    read_arrow,
    read_json,
    write_arrow,
    write_json,
    write_whole,
)

NODES_FILE = "nodes.parquet"
VECTORS_FILE = "vectors.npy"
BM25_FILE = "bm25.parquet"
MANIFEST_FILE = "manifest.json"
AGAIN = "Run `wattbench build-index` again."


@dataclass(frozen=True)
class Index:
    """An index in memory.

    Args:
        tree: The nodes.
        vectors: float32 array of shape [nodes, dimensions], each row of L2 norm 1.
        bm25: BM25 over the paragraphs, or None where the study wants none.
        embedder_identity: What the vectors depend on.
    """

    tree: Tree
    vectors: Vectors
    bm25: Bm25 | None
    embedder_identity: str


def write_index(
    folder: Path,
    nodes: pa.Table,
    vectors: Vectors,
    bm25: Bm25 | None,
    manifest: dict[str, Any],
) -> None:
    """Write an index; the manifest comes last, so that it never vouches for other files.

    The nodes are kept beside the vectors: parsing the corpus anew must not part row from vector.

    Args:
        folder: The index' folder.
        nodes: The nodes table.
        vectors: Vectors of its rows.
        bm25: BM25 over its paragraphs, or None.
        manifest: What the manifest says besides the files' digests.
    """
    path = folder / MANIFEST_FILE
    path.unlink(missing_ok=True)
    write_arrow(folder / NODES_FILE, nodes)
    write_whole(folder / VECTORS_FILE, lambda stream: np.save(stream, vectors, allow_pickle=False))
    names = [NODES_FILE, VECTORS_FILE]
    if bm25 is None:
        (folder / BM25_FILE).unlink(missing_ok=True)
    else:
        write_arrow(folder / BM25_FILE, bm25.to_arrow())
        names.append(BM25_FILE)
    write_json(
        path,
        {
            "schema_version": SCHEMA_VERSION,
            **manifest,
            "nodes": nodes.num_rows,
            "sha256": {name: file_digest(folder / name) for name in names},
        },
    )


def read_index(folder: Path) -> Index:
    """Read an index that `write_index` wrote.

    Raises:
        InputError: It is missing, or its files are not those that the manifest vouches for.
    """
    path = folder / MANIFEST_FILE
    if not path.is_file():
        raise InputError(
            "there is no index here.", where=str(folder), mend="Run `wattbench build-index`."
        )
    manifest = read_json(path)
    try:
        digests = dict(manifest["sha256"])
        identity = str(manifest["embedder"])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError("is no manifest of an index.", where=str(path), mend=AGAIN) from error
    for name, expected in digests.items():
        try:
            found = file_digest(folder / name)
        except OSError as error:
            raise InputError(
                f"cannot be read: {error.strerror}.", where=str(folder / name), mend=AGAIN
            ) from error
        if found != expected:
            raise InputError(
                "is not the file that the index' manifest vouches for.",
                where=str(folder / name),
                mend=AGAIN,
            )
    tree = Tree.from_arrow(read_arrow(folder / NODES_FILE, NODES))
    vectors: Vectors = np.load(folder / VECTORS_FILE, allow_pickle=False)
    bm25 = None
    if BM25_FILE in digests:
        bm25 = Bm25.from_arrow(pq.read_table(folder / BM25_FILE), len(tree))
    return Index(tree, vectors, bm25, identity)
