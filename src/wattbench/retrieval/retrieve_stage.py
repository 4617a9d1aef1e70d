"""The stage `retrieve`: questions become contexts."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from wattbench.errors import InputError
from wattbench.progress import Progress
from wattbench.retrieval.embedders import open_embedder
from wattbench.retrieval.expand import contexts_digest, expand, snippet_rows
from wattbench.retrieval.index import AGAIN, read_index
from wattbench.retrieval.planner import plan_question, plan_rules, plan_with
from wattbench.retrieval.search import Searcher, fuse
from wattbench.study.identity import retrieval_slice
from wattbench.study.layout import Layout
from wattbench.study.models import SMOKE, Study
from wattbench.study.questions import Question, study_questions
from wattbench.study.retrieval import Retrieval
from wattbench.tables.contract import SCHEMA_VERSION
from wattbench.tables.documents import CONTEXTS, QUERIES
from wattbench.tables.files import digest, read_rows, write_json, write_rows

Planner = Callable[[Question], list[str]]

PLANNERS: dict[str, Callable[[str, int], list[str]]] = {
    "question": plan_question,
    "rules": plan_rules,
}


def retrieve(study: Study, questions: str, retrieval: str) -> None:
    """Find what each question is given, and write the contexts and their manifest.

    Args:
        study: The study.
        questions: Name of the question set, or of its one-question twin.
        retrieval: Name of the retrieval.

    Raises:
        InputError: A name is unknown, the index is missing or was made by another embedder, or
            a model's queries are missing.
        FaultError: The embedder failed, or the disk did.
    """
    settings = _settings(study, questions, retrieval)
    asked = study_questions(study, questions)
    layout = Layout(Path(study.study.results))
    planner = _planner(settings, layout.queries(questions, retrieval))
    searcher = open_searcher(study, study.index_of(retrieval))
    rows: list[dict[str, Any]] = []
    with Progress(f"retrieve {questions}", total=len(asked), unit="questions") as progress:
        for question in asked:
            rows.append(_context(question, settings, planner, searcher))
            progress.advance()
    write_rows(layout.contexts(questions, retrieval), CONTEXTS, rows)
    timeless = [{k: v for k, v in row.items() if k != "retrieval_s"} for row in rows]
    write_json(
        layout.contexts_manifest(questions, retrieval),
        {
            "schema_version": SCHEMA_VERSION,
            "questions": questions,
            "retrieval": retrieval,
            "settings": retrieval_slice(study, retrieval),
            "embedder": searcher.index.embedder_identity,
            "count": len(rows),
            "abstain": sum(row["abstain"] for row in rows),
            "contexts_sha256": digest(timeless),
        },
    )


def open_searcher(study: Study, index: str) -> Searcher:
    """A study's index, ready to be searched.

    Raises:
        InputError: It is unknown or missing, or was made by another embedder.
    """
    if index not in study.indexes:
        known = ", ".join(study.indexes)
        raise InputError(f"the study has no index '{index}'.", mend=f"It has: {known}.")
    folder = Layout(Path(study.study.results)).index(index)
    found = read_index(folder)
    embedder = open_embedder(study.indexes[index].embedder)
    if embedder.identity != found.embedder_identity:
        raise InputError(
            f"the index was made by the embedder '{found.embedder_identity}', the study asks for "
            f"'{embedder.identity}'.",
            where=str(folder),
            mend=AGAIN,
        )
    return Searcher(found, embedder)


def _settings(study: Study, questions: str, retrieval: str) -> Retrieval:
    if retrieval not in study.retrievals:
        known = ", ".join(study.retrievals)
        raise InputError(f"the study has no retrieval '{retrieval}'.", mend=f"It has: {known}.")
    if questions.removesuffix(SMOKE) not in study.questions:
        known = ", ".join(study.questions)
        raise InputError(f"the study has no question set '{questions}'.", mend=f"It has: {known}.")
    settings = study.retrievals[retrieval]
    index = study.index_of(retrieval)
    if settings.bm25_top_k and not study.indexes[index].bm25:
        raise InputError(
            f"'bm25_top_k' is {settings.bm25_top_k}, but the index '{index}' keeps no BM25.",
            where=f"retrievals.{retrieval}.bm25_top_k",
            mend=f"Set 'indexes.{index}.bm25' to true, or 'bm25_top_k' to 0.",
        )
    return settings


def _planner(settings: Retrieval, queries: Path) -> Planner:
    limit = settings.planner.max_queries
    if settings.planner.model is None:
        plan = PLANNERS[settings.planner.kind]
        return lambda question: plan(question.text, limit)
    planned = {row["question_id"]: row["queries"] for row in read_rows(queries, QUERIES)}
    return lambda question: plan_with(planned.get(question.id, ()), question.text, limit)


def _context(
    question: Question, settings: Retrieval, planner: Planner, searcher: Searcher
) -> dict[str, Any]:
    started = time.perf_counter()
    queries = planner(question)
    most = 1 + settings.abstention_retries
    found = [searcher.nearest(query, settings.top_k * most) for query in queries]
    shown = [_shown(question, settings, found, searcher, times) for times in range(1, most + 1)]
    snippets = shown[0]["snippets"]
    top_score = max((score for hits in found for _, score in hits), default=None)
    wider = [
        one
        for place, one in enumerate(shown)
        if all(one["contexts_digest"] != before["contexts_digest"] for before in shown[:place])
    ]
    return {
        "question_id": question.id,
        "position": question.position,
        "question": question.text,
        "answer_unit": question.unit,
        "queries": queries,
        "snippets": snippets,
        "top_score": top_score,
        "abstain": _abstains(top_score, settings),
        "contexts_digest": shown[0]["contexts_digest"],
        "wider": wider[1:] if settings.abstention_retries else None,
        "retrieval_s": time.perf_counter() - started,
    }


def _shown(
    question: Question,
    settings: Retrieval,
    found: Sequence[Sequence[tuple[int, float]]],
    searcher: Searcher,
    times: int,
) -> dict[str, Any]:
    """Snippets of a question and their digest, with so many times the hits of the first try.

    Args:
        question: The question.
        settings: The retrieval.
        found: Rows and scores by query, best first: a shorter search finds the first of them.
        searcher: The index.
        times: 1 for the first try.
    """
    nearest = [hits[: settings.top_k * times] for hits in found]
    dense = fuse(nearest, settings.rerank)[: settings.top_k_final * times]
    hits = dense + searcher.lexical(question.text, settings.bm25_top_k * times, dense)
    expanded = expand(
        hits,
        searcher.index.tree,
        parents=settings.parents,
        children=settings.children,
        max_words=settings.max_context_words,
    )
    snippets = snippet_rows(expanded, searcher.index.tree)
    return {"contexts_digest": contexts_digest(snippets), "snippets": snippets}


def _abstains(top_score: float | None, settings: Retrieval) -> bool:
    threshold = settings.retrieval_threshold
    if threshold is None or settings.below_threshold != "abstain":
        return False
    return top_score is None or top_score < threshold
