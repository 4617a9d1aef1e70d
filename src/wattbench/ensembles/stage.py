"""The stage `ensemble`: members' answers -> voted answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wattbench.ensembles.strategies import Ballot, Outcome, decide
from wattbench.ensembles.weights import Weights, by_accuracy, by_confidence
from wattbench.errors import InputError
from wattbench.study.inference import Ensemble
from wattbench.study.layout import Layout
from wattbench.study.models import SMOKE, Study
from wattbench.study.questions import Question, study_questions
from wattbench.tables.answers import PREDICTIONS
from wattbench.tables.files import read_rows, write_rows
from wattbench.tables.values import BLANK, is_abstention
from wattbench.tables.verdicts import SCORES, VOTES

Row = dict[str, Any]
Answers = Mapping[str, Mapping[str, Row]]
"""Predictions by member and question id."""


def vote(study: Study, questions: str, ensemble: str) -> None:
    """Count the members' votes on every question; writes predictions and votes.

    An ensemble costs what its members cost: its tokens and times are their sums.

    Args:
        study: The study.
        questions: Name of the question set.
        ensemble: Name of the ensemble.

    Raises:
        InputError: There is no such ensemble or set, or a member's files cannot be read.
    """
    if ensemble not in study.ensembles:
        raise InputError(
            f"the study has no ensemble '{ensemble}'; "
            f"it has: {', '.join(study.ensembles) or 'none'}.",
            mend="Check --ensemble.",
        )
    if questions.removesuffix(SMOKE) not in study.questions:
        raise InputError(
            f"the study has no question set '{questions}'; it has: {', '.join(study.questions)}.",
            mend="Check --questions.",
        )
    settings = study.ensembles[ensemble]
    layout, environment = Layout(Path(study.study.results)), study.study.environment
    answers = {
        member: {
            row["question_id"]: row
            for row in read_rows(
                layout.run(environment, questions, member).predictions, PREDICTIONS
            )
        }
        for member in settings.members
    }
    asked = study_questions(study, questions)
    weights = _weights(study, settings, answers, asked)
    place = {"environment": environment, "questions": questions, "run": ensemble}
    predictions: list[Row] = []
    votes: list[Row] = []
    for question in asked:
        ballots = ballots_of(settings, question, answers, weights)
        outcome = decide(
            ballots,
            settings.strategy,
            ignore_blank=settings.ignore_blank,
            unit=question.unit,
            votes=settings.votes,
        )
        rows = [answers[member].get(question.id) for member in settings.members]
        if not any(rows):
            continue
        predictions.append(
            {**place, **_prediction(study, settings, question, rows, outcome=outcome)}
        )
        votes += [{**place, "question_id": question.id, **row} for row in _votes(ballots, outcome)]
    files = layout.ensemble(environment, questions, ensemble)
    write_rows(files.votes, VOTES, votes)
    write_rows(files.predictions, PREDICTIONS, predictions)


def _weights(
    study: Study, settings: Ensemble, answers: Answers, asked: Sequence[Question]
) -> Weights:
    if settings.strategy != "confidence":
        return {}
    if settings.accuracy_on is None:
        return by_confidence(answers)
    return by_accuracy(
        {member: _right(study, settings.accuracy_on, member) for member in settings.members},
        study_questions(study, settings.accuracy_on),
        asked,
    )


def _right(study: Study, questions: str, member: str) -> dict[str, bool]:
    """Whether a member's values are right on a set, under the headline's rule."""
    path = Layout(Path(study.study.results)).run(study.study.environment, questions, member).scores
    if not path.exists():
        raise InputError(
            f"'{member}' is not scored on '{questions}', which weighs its votes.",
            where=str(path),
            mend=f"Run `wattbench score --questions {questions} --run {member}` first.",
        )
    return {
        row["question_id"]: row["value_correct"]
        for row in read_rows(path, SCORES)
        if row["rule"] == study.scoring.rule
    }


def ballots_of(
    settings: Ensemble,
    question: Question,
    answers: Answers,
    weights: Mapping[tuple[str, str], float],
) -> list[Ballot]:
    """The members' ballots on one question, in their order.

    Args:
        settings: The ensemble.
        question: The question.
        answers: Predictions by member and question id.
        weights: Weights by member and question id; 1 where none is given.
    """
    ballots = []
    for member in settings.members:
        row = answers[member].get(question.id)
        failed = row is None or row["error"] is not None
        ballots.append(
            Ballot(
                member=member,
                value=None if failed or row is None else row["value"],
                refs=() if row is None else tuple(row["refs"] or ()),
                weight=weights.get((member, question.id), 1.0),
            )
        )
    return ballots


def _votes(ballots: Sequence[Ballot], outcome: Outcome) -> list[Row]:
    return [
        {
            "member": ballot.member,
            "position": position,
            "value": ballot.value,
            "refs": list(ballot.refs),
            "counted": outcome.counted[position],
            "weight": ballot.weight,
            "won": outcome.won[position],
        }
        for position, ballot in enumerate(ballots)
    ]


def _prediction(
    study: Study,
    settings: Ensemble,
    question: Question,
    rows: Sequence[Row | None],
    *,
    outcome: Outcome,
) -> Row:
    there = [row for row in rows if row is not None]
    asked = [row for row in there if row["asked"]]
    failed = outcome.value is None
    blank = None if failed else is_abstention(outcome.value)
    methods = {row["allocated_method"] for row in there if row["allocated_method"] is not None}
    allocated = _sum(row["allocated_j"] for row in there)
    retrieval = {
        study.retrieval_of(member): row["retrieval_s"]
        for member, row in zip(settings.members, rows, strict=True)
        if row is not None
    }
    errors = [row["error"] for row in there if row["error"] is not None]
    return {
        "question_id": question.id,
        "position": question.position,
        "value": BLANK if blank else outcome.value,
        "unit": question.unit,
        "refs": list(outcome.refs),
        "blank": blank,
        "asked": bool(asked),
        "explanation": _explanation(settings, outcome),
        "prompt_tokens": _sum(row["prompt_tokens"] for row in asked),
        "completion_tokens": _sum(row["completion_tokens"] for row in asked),
        "cached_tokens": _sum(row["cached_tokens"] for row in asked),
        "retrieval_s": sum(retrieval.values()),
        "queue_s": _sum(row["queue_s"] for row in asked),
        "prefill_s": _sum(row["prefill_s"] for row in asked),
        "decode_s": _sum(row["decode_s"] for row in asked),
        "total_s": _sum(row["total_s"] for row in asked),
        "answered_at": max(row["answered_at"] for row in there),
        "segment": "",
        "tries": sum(row["tries"] for row in there),
        "error": errors[0] if failed and errors else None,
        "error_detail": "every member failed" if failed else None,
        "allocated_j": allocated if len(there) == len(rows) else None,
        "allocated_method": (
            None if allocated is None else methods.pop() if len(methods) == 1 else "mixed"
        ),
    }


def _explanation(settings: Ensemble, outcome: Outcome) -> str | None:
    if outcome.value is None:
        return None
    winners = [member for member, won in zip(settings.members, outcome.won, strict=True) if won]
    order = ", a tie decided by the members' order" if outcome.by_order else ""
    return (
        f"Ensemble ({settings.strategy}) of {', '.join(settings.members)}: "
        f"{len(winners)} for this answer ({', '.join(winners)}){order}."
    )


def _sum(values: Any) -> Any:
    """Sum of values; None where one is unknown or there are none."""
    found = list(values)
    return None if not found or any(value is None for value in found) else sum(found)
