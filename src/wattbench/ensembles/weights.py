"""Weights of votes under the strategy `confidence`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from wattbench.study.questions import Question

Row = dict[str, Any]
Weights = dict[tuple[str, str], float]
"""Weights by member and question id."""

FOLDS = 5


def by_confidence(answers: Mapping[str, Mapping[str, Row]]) -> Weights:
    """Every vote weighs as much as its answer's own confidence.

    An answer without one (an abstention) takes its member's mean, 0 where it only abstains.
    Confidences are left out altogether, so that every vote weighs 1, unless every member that
    answers has some: a member that gives none would outweigh the rest.

    Args:
        answers: Predictions by member and question id.
    """
    if without_confidence(answers):
        return {}
    weights: Weights = {}
    for member, rows in answers.items():
        known = [row["confidence"] for row in rows.values() if row["confidence"] is not None]
        mean = sum(known) / len(known) if known else 0.0
        for identifier, row in rows.items():
            own = row["confidence"]
            weights[member, identifier] = mean if own is None else own
    return weights


def without_confidence(answers: Mapping[str, Mapping[str, Row]]) -> list[str]:
    """Members that answer and give no confidence.

    Args:
        answers: Predictions by member and question id.
    """
    return [
        member
        for member, rows in answers.items()
        if any(row["blank"] is False for row in rows.values())
        and all(row["confidence"] is None for row in rows.values())
    ]


def text_key(text: str) -> str:
    """What makes two questions one: their words, whatever their ids and sets."""
    return " ".join(text.split()).casefold()


def fold_of(text: str, folds: int = FOLDS) -> int:
    """Fold of a question by its words: the same in every set and every order."""
    return int.from_bytes(hashlib.sha256(text_key(text).encode()).digest()[:8]) % folds


def by_accuracy(
    right: Mapping[str, Mapping[str, bool]],
    known: Sequence[Question],
    voted: Sequence[Question],
) -> Weights:
    """Every vote weighs as much as its member's share of right values on a known set.

    A question is never voted with weights that its own gold answer made: one that is in the known
    set too is weighed by the questions outside its fold (cross-fitting in `FOLDS` folds by the
    question's words). Where nothing lies outside, every vote weighs 1.

    Args:
        right: Whether the value is right, by member and question id of the known set.
        known: Questions of the known set.
        voted: Questions voted on.
    """
    texts = {text_key(question.text) for question in known}
    shares: dict[int | None, dict[str, float | None]] = {None: _shares(right, known)}
    weights: Weights = {}
    for question in voted:
        fold = fold_of(question.text) if text_key(question.text) in texts else None
        if fold not in shares:
            outside = [one for one in known if fold_of(one.text) != fold]
            shares[fold] = _shares(right, outside)
        found = shares[fold]
        unjudged = 1.0 if all(share is None for share in found.values()) else 0.0
        for member, share in found.items():
            weights[member, question.id] = unjudged if share is None else share
    return weights


def _shares(
    right: Mapping[str, Mapping[str, bool]], questions: Sequence[Question]
) -> dict[str, float | None]:
    found: dict[str, float | None] = {}
    for member, verdicts in right.items():
        judged = [verdicts[one.id] for one in questions if one.id in verdicts]
        found[member] = sum(judged) / len(judged) if judged else None
    return found


def is_cross_fitted(known: Sequence[Question], voted: Sequence[Question]) -> bool:
    """Whether a question voted on is one that the weights are made of."""
    texts = {text_key(question.text) for question in known}
    return any(text_key(question.text) in texts for question in voted)
