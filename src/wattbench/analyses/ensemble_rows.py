"""Rows of the table `ensembles`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wattbench.analyses.ensemble_costs import latencies, uncertainty_of_sum
from wattbench.analyses.flags import complete
from wattbench.analyses.folders import Folder
from wattbench.analyses.joint import Metered
from wattbench.ensembles.strategies import Ballot, decide
from wattbench.ensembles.weights import FOLDS, without_confidence
from wattbench.study.inference import Ensemble
from wattbench.study.models import Study
from wattbench.study.questions import Question
from wattbench.tables.contract import reason_for
from wattbench.tables.runs import ENSEMBLES

Row = dict[str, Any]
TAKEN = (
    "energy_gross_j", "energy_gross_uncertainty_j", "energy_answer_j",
    "energy_answer_uncertainty_j", "wall_s", "prompt_tokens", "completion_tokens", "token_price",
    "token_price_currency",
)  # fmt: skip
"""What the members take together, as the table `runs` has it."""

SECONDS = ("latency_sequential_s", "latency_parallel_s")


def ensemble_row(
    study: Study,
    folder: Folder,
    row: Mapping[str, Any],
    members: Sequence[Mapping[str, Any]],
    folders: Sequence[Folder],
    *,
    meters: Sequence[Metered | None],
    gold: Sequence[Question],
) -> Row:
    """How an ensemble voted, and what it takes beside its members.

    Args:
        study: The study.
        folder: The ensemble's folder.
        row: Its row of the table `runs`.
        members: Its members' rows of the table `runs`, in their order.
        folders: Its members' folders, in the same order.
        meters: What its members' meters say, in the same order.
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
    seconds, unknown_seconds = _latencies(folder, folders)
    parts = uncertainty_of_sum(members, "energy_gross_j", meters)
    found: Row = {
        "environment": folder.environment,
        "questions": folder.questions,
        "run": folder.name,
        "strategy": settings.strategy,
        "ignore_blank": settings.ignore_blank,
        "votes": settings.votes,
        "weighed_by": _weighed_by(settings, folders),
        "members": list(settings.members),
        "score": row["score"],
        "best_member": best["run"],
        "best_member_score": best["score"],
        "unanimous": sum(outcome.unanimous for outcome in outcomes),
        "decided_by_order": sum(outcome.by_order for outcome in outcomes),
        **{column: row[column] for column in TAKEN},
        "energy_correlated_j": None if parts is None else parts.correlated_j,
        "energy_independent_j": None if parts is None else parts.independent_j,
        **dict(zip(SECONDS, seconds, strict=True)),
    }
    reasons = {column: why for column in TAKEN if (why := reason_for(row, column)) is not None}
    why = reasons.get("energy_gross_uncertainty_j", "")
    reasons |= {"energy_correlated_j": why, "energy_independent_j": why}
    reasons |= dict.fromkeys(SECONDS, unknown_seconds)
    return complete(found, ENSEMBLES, reasons)


def _weighed_by(settings: Ensemble, folders: Sequence[Folder]) -> str:
    """What made the weights of the votes, in words."""
    if settings.strategy != "confidence":
        return "each vote counts once"
    if settings.accuracy_on is not None:
        return (
            f"the members' accuracy on '{settings.accuracy_on}'; a question that is in it by the "
            f"others outside its fold of {FOLDS}"
        )
    columns = ["question_id", "blank", "confidence"]
    rows = {one.name: one.predictions.select(columns).to_pylist() for one in folders}
    without = without_confidence(
        {name: {row["question_id"]: row for row in own} for name, own in rows.items()}
    )
    if without:
        return f"each vote counts once, for {', '.join(without)} gives no confidence"
    return "the answers' own confidence"


def _latencies(
    folder: Folder, members: Sequence[Folder]
) -> tuple[tuple[float | None, float | None], str]:
    """Mean seconds of a question, members one after another and side by side, or why not."""
    seconds: list[dict[str, float]] = []
    for member in members:
        asked = member.predictions.filter(member.predictions["asked"])
        if asked["total_s"].null_count:
            return (None, None), f"the seconds of a question of {member.name} are unknown"
        columns = asked["question_id"].to_pylist(), asked["total_s"].to_pylist()
        seconds.append(dict(zip(*columns, strict=True)))
    found = latencies(seconds, folder.predictions["question_id"].to_pylist())
    return ((None, None), "no member was asked a question") if found is None else (found, "")
