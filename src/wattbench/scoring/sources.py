"""What result files quote of the documents: their addresses, and the snippets a run was given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wattbench.study.layout import Layout
from wattbench.study.models import Study
from wattbench.tables.documents import CONTEXTS
from wattbench.tables.files import read_arrow
from wattbench.text_files import open_csv


def addresses(study: Study, model: str) -> dict[str, str]:
    """Addresses of the documents that a model's contexts come from, by folded document id."""
    corpus = study.corpora[study.corpus_of(study.index_of(study.retrieval_of(model)))]
    if corpus.metadata is None:
        return {}
    path = Path(corpus.metadata)
    rows, _ = open_csv(
        path,
        what="the table of sources",
        mend="Check 'corpora.<name>.metadata' in the study.",
    )
    return {
        (row.get("id") or "").strip().casefold(): (row.get("url") or "").strip()
        for row in rows
        if (row.get("url") or "").strip()
    }


def snippets(
    study: Study, questions: str, model: str, predictions: Sequence[Mapping[str, Any]]
) -> dict[str, list[dict[str, Any]]] | None:
    """Snippets that each question's answer saw, by question id.

    Args:
        study: The study.
        questions: Name of the question set.
        model: Name of the model entry.
        predictions: The run's rows of `predictions`.

    Returns:
        None where the contexts are not kept.
    """
    layout = Layout(Path(study.study.results))
    path = layout.contexts(questions, study.retrieval_of(model))
    if not path.exists():
        return None
    columns = ["question_id", "contexts_digest", "snippets", "wider"]
    table = read_arrow(path, CONTEXTS).select(columns)
    seen = {row["question_id"]: row.get("contexts_digest") for row in predictions}
    return {
        row["question_id"]: [
            {
                "node_id": snippet["node_id"],
                "document_title": snippet["document_title"],
                "text": snippet["text"],
                "score": None if snippet["score"] is None else round(snippet["score"], 4),
                "rank": snippet["rank"],
                "metadata": {
                    "document_id": snippet["document_id"],
                    "kind": snippet["kind"],
                    "source": snippet["source"],
                    "frequency": snippet["frequency"],
                },
            }
            for snippet in _seen(row, seen.get(row["question_id"]))
        ]
        for row in table.to_pylist()
    }


def _seen(row: Mapping[str, Any], digest: str | None) -> Sequence[Mapping[str, Any]]:
    """The snippets of a digest: a model that abstained was shown more."""
    shown = [row, *(row["wider"] or ())]
    found: Sequence[Mapping[str, Any]] = next(
        (one["snippets"] for one in shown if one["contexts_digest"] == digest), row["snippets"]
    )
    return found
