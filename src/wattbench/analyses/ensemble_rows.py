"""Rows of the table `ensembles`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wattbench.analyses.folders import Folder
from wattbench.ensembles.strategies import Ballot, decide
from wattbench.study.models import Study
from wattbench.study.questions import Question

Row = dict[str, Any]


def ensemble_row(
    study: Study,
    folder: Folder,
    row: Mapping[str, Any],
    members: Sequence[Mapping[str, Any]],
    folders: Sequence[Folder],
    *,
    gold: Sequence[Question],
) -> Row:
    """How an ensemble voted, and what it takes beside its members.

    Args:
        study: The study.
        folder: The ensemble's folder.
        row: Its row of the table `runs`.
        members: Its members' rows of the table `runs`, in their order.
        folders: Its members' folders, in the same order.
        gold: The questions.
    """
    settings = study.ensembles[folder.name]
    best = max(members, key=lambda member: member["score"])
    units = {question.id: question.unit for question in gold}
    ballots: dict[str, list[Ballot]] = {}
    for vote in sorted(folder.votes.to_pylist(), key=lambda vote: vote["position"]):
        ballot = Ballot(vote["member"], vote["value"], tuple(vote["refs"]), vote["weight"])
        ballots.setdefault(vote["question_id"], []).append(ballot)
    outcomes = [
        decide(
            cast,
            settings.strategy,
            ignore_blank=settings.ignore_blank,
            unit=units.get(identifier),
            votes=settings.votes,
        )
        for identifier, cast in ballots.items()
    ]
    latencies = [member["latency_mean_s"] for member in members]
    known = all(latency is not None for latency in latencies)
    return {
        "environment": folder.environment,
        "questions": folder.questions,
        "run": folder.name,
        "strategy": settings.strategy,
        "ignore_blank": settings.ignore_blank,
        "members": list(settings.members),
        "score": row["score"],
        "best_member": best["run"],
        "best_member_score": best["score"],
        "unanimous": sum(outcome.unanimous for outcome in outcomes),
        "decided_by_order": sum(outcome.by_order for outcome in outcomes),
        "energy_gross_j": row["energy_gross_j"],
        "latency_sequential_s": sum(latencies) if known else None,
        "latency_parallel_s": _parallel_s(folder, folders),
    }


def _parallel_s(folder: Folder, members: Sequence[Folder]) -> float | None:
    """Mean over questions of the slowest member's seconds; None where one is unknown."""
    slowest: dict[str, float] = {}
    for member in members:
        asked = member.predictions.filter(member.predictions["asked"])
        if asked["total_s"].null_count:
            return None
        columns = asked["question_id"].to_pylist(), asked["total_s"].to_pylist()
        for identifier, seconds in zip(*columns, strict=True):
            slowest[identifier] = max(slowest.get(identifier, 0.0), seconds)
    taken = [slowest[i] for i in folder.predictions["question_id"].to_pylist() if i in slowest]
    return sum(taken) / len(taken) if taken else None
