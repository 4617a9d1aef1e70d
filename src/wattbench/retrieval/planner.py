"""A question becomes search queries."""

from __future__ import annotations

import re
from collections.abc import Iterable

COMPARISON = re.compile(
    r",?\s+(?:(?<!more )(?<!less )(?<!fewer )than|versus|vs\.?|compared\s+(?:to|with)|"
    r"in\s+comparison\s+(?:to|with)|"
    r"rather\s+than|as\s+opposed\s+to|relative\s+to)\s+",
    re.IGNORECASE,
)
CLAUSE = re.compile(
    r"\s*;\s+|,?\s+and\s+(?=(?:how|what|which|who|when|where|why|is|are|was|were|do|does|did|"
    r"has|have|can|could|will|would|should)\b)",
    re.IGNORECASE,
)
NAME = r"(?:the\s+)?(?=[^\s,]*[A-Z])[\w][\w./+-]*(?:\s+(?=[^\s,]*[A-Z\d])[\w][\w./+-]*)*"
NAMES = re.compile(rf"\b(?:between\s+|both\s+)?({NAME}(?:,\s+{NAME})*),?\s+(?:and|or)\s+({NAME})")
MIN_WORDS = 2


def plan_question(question: str, max_queries: int) -> list[str]:  # noqa: ARG001
    """The question itself as the only query."""
    return [question]


def plan_rules(question: str, max_queries: int) -> list[str]:
    """The question, then its parts.

    It is split at clauses ('; ', 'and how'), at comparisons ('than', 'compared to', 'versus'),
    and where names stand side by side ('A, B and C') into one question for each name.

    Args:
        question: The question.
        max_queries: Queries at most, the question included.
    """
    body = question.strip().rstrip("?").rstrip()
    clauses = CLAUSE.split(body)
    sides = [side for clause in clauses for side in COMPARISON.split(clause)]
    parts = [part for side in sides for part in _one_name_each(side)]
    return _distinct([question, *parts], max_queries)


def _one_name_each(text: str) -> list[str]:
    found = NAMES.search(text)
    if found is None or found.start(1) == 0:
        return [text]
    names = [*re.split(r",\s+", found.group(1)), found.group(2)]
    return [text[: found.start()] + name + text[found.end() :] for name in names]


def plan_with(queries: Iterable[str], question: str, max_queries: int) -> list[str]:
    """The question, then the queries that a language model made of it.

    Args:
        queries: The model's queries; none where it failed.
        question: The question.
        max_queries: Queries at most, the question included.
    """
    return _distinct([question, *queries], max_queries)


def _distinct(queries: Iterable[str], limit: int) -> list[str]:
    found: dict[str, str] = {}
    for position, query in enumerate(queries):
        text = query if position == 0 else " ".join(query.split()).strip(" ,;")
        if position == 0 or len(text.split()) >= MIN_WORDS:
            found.setdefault(text.lower().rstrip("? "), text)
    return list(found.values())[:limit]
