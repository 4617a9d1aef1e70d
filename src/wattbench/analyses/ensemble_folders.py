"""An ensemble over result folders, wattbench's or the benchmark guide's, in the guide's files."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wattbench.analyses.artifact_figures import power_of, times_of, tokens_of
from wattbench.analyses.artifact_files import Answer
from wattbench.analyses.artifact_verdicts import Scored, gold_of_set, rule_of, scored, verdict_of
from wattbench.analyses.artifacts import Experiment, labels
from wattbench.analyses.ensemble_field import Rules
from wattbench.ensembles.strategies import Ballot, Outcome, decide
from wattbench.ensembles.weights import FOLDS, by_accuracy
from wattbench.errors import InputError
from wattbench.files import write_json, write_text
from wattbench.scoring.artefacts import SUBMISSION
from wattbench.scoring.rules import Verdict, ref_cell
from wattbench.study.judgement import RuleName, Weights
from wattbench.study.questions import Question
from wattbench.tables.values import BLANK

Row = dict[str, Any]
WEIGHED = f"the members' accuracy on this set, cross-fitted in {FOLDS} folds"


@dataclass(frozen=True)
class FolderEnsemble:
    """What members of result folders decided.

    Args:
        name: Its name.
        members: Names of the members, in the order that decides ties.
        outcomes: Outcomes by question id.
        results: Entries of results.json, as the guide's ensembles write them.
        summary: Content of summary.json; the guide's keys come first.
    """

    name: str
    members: tuple[str, ...]
    outcomes: Mapping[str, Outcome]
    results: tuple[Row, ...]
    summary: Row


def vote_folders(
    members: Sequence[Experiment],
    rules: Rules,
    *,
    name: str,
    gold: Sequence[Question] | None = None,
    rule: RuleName | None = None,
) -> FolderEnsemble:
    """Count the members' votes on every question that one of them answered.

    Args:
        members: The members, in the order that decides ties.
        rules: How they vote. `confidence` weighs by the members' share of right values on this
            set, cross-fitted.
        name: Name of the ensemble.
        gold: Questions of a gold file; None takes what the members' results quote.
        rule: Rule to judge by; None takes the one that the members were scored by.

    Raises:
        InputError: There are fewer than two members, they are on several question sets, or
            `confidence` has no gold answers to weigh by.
    """
    if len(members) < 2:
        raise InputError("an ensemble needs two members at least.", mend="Name more folders.")
    sets = sorted({one.questions for one in members})
    if len(sets) > 1:
        raise InputError(
            f"the members are on several question sets: {', '.join(sets)}.",
            mend="Name folders of one set.",
        )
    names = labels(members)
    by_name = dict(zip(names, members, strict=True))
    known, _ = gold_of_set(members, gold)
    judged_by = rule or rule_of(members)
    ids = list(dict.fromkeys([*known, *(id_ for one in members for id_ in one.answers)]))
    ids = [identifier for identifier in ids if any(identifier in one.answers for one in members)]
    weights = _weights(by_name, known, judged_by) if rules.strategy == "confidence" else {}
    outcomes: dict[str, Outcome] = {}
    for identifier in ids:
        question = known.get(identifier)
        ballots = [
            _ballot(
                label, one.answers.get(identifier), weights.get((label, identifier), 1.0), rules
            )
            for label, one in zip(names, members, strict=True)
        ]
        outcomes[identifier] = decide(
            ballots,
            rules.strategy,
            ignore_blank=rules.ignore_blank,
            unit=None if question is None else question.unit,
            votes=rules.votes,
        )
    voted = _as_experiment(name, members[0], outcomes)
    verdicts = {id_: verdict_of(judged_by, question, voted) for id_, question in known.items()}
    return FolderEnsemble(
        name=name,
        members=tuple(names),
        outcomes=outcomes,
        results=tuple(
            _entry(id_, known.get(id_), verdicts.get(id_), voted, by_name) for id_ in ids
        ),
        summary={
            "name": name,
            "type": "ensemble",
            "ensemble_type": "cross-model",
            "strategy": rules.strategy,
            "ignore_blank": rules.ignore_blank,
            "models": names,
            "num_models": len(names),
            "num_questions": len(ids),
            **_scores(scored(judged_by, Weights(), known, verdicts)),
            "votes": rules.votes,
            "weighed_by": WEIGHED if rules.strategy == "confidence" else None,
            "rule": judged_by,
            "run_environment": members[0].environment,
            "questions_file": f"{members[0].questions}.csv",
            **_costs(by_name),
        },
    )


def _ballot(member: str, answer: Answer | None, weight: float, rules: Rules) -> Ballot:
    if answer is None:
        return Ballot(member, None, (), weight)
    if rules.votes == "raw":
        # The guide's runs write a failure as is_blank, and its ensembles count that.
        return Ballot(member, answer.written, answer.refs, weight)
    refs = tuple(ref for ref in answer.refs if ref.strip().lower() != BLANK)
    return Ballot(member, answer.value, refs, weight)


def _weights(
    members: Mapping[str, Experiment], gold: Mapping[str, Question], rule: RuleName
) -> dict[tuple[str, str], float]:
    if not gold:
        raise InputError(
            "the strategy 'confidence' weighs votes by accuracy, and no gold answer is known.",
            mend="Give --gold, or choose another strategy.",
        )
    right = {
        name: {
            id_: verdict.value_correct
            for id_, question in gold.items()
            if (verdict := verdict_of(rule, question, one)) is not None
        }
        for name, one in members.items()
    }
    questions = list(gold.values())
    return by_accuracy(right, questions, questions)


def _as_experiment(name: str, first: Experiment, outcomes: Mapping[str, Outcome]) -> Experiment:
    answers = {
        id_: Answer(
            value=outcome.value,
            written=outcome.value if outcome.value is not None else BLANK,
            refs=outcome.refs,
            ref_cell=ref_cell(outcome.refs),
            error="every member failed" if outcome.value is None else None,
        )
        for id_, outcome in outcomes.items()
    }
    return Experiment(
        folder=Path(name),
        environment=first.environment,
        questions=first.questions,
        name=name,
        ours=False,
        answers=answers,
    )


def _entry(
    identifier: str,
    question: Question | None,
    verdict: Verdict | None,
    voted: Experiment,
    members: Mapping[str, Experiment],
) -> Row:
    answer = voted.answers[identifier]
    there = {name: one.answers.get(identifier) for name, one in members.items()}
    return {
        "id": identifier,
        "question": None if question is None else question.text,
        "gt_value": None if question is None else question.value,
        "gt_unit": None if question is None else question.unit or BLANK,
        "gt_ref": None if question is None else question.raw_refs,
        "pred_value": answer.written,
        "pred_unit": BLANK if question is None else question.unit or BLANK,
        "pred_ref": answer.ref_cell,
        "pred_explanation": f"Ensemble of {', '.join(members)}",
        "raw_response": "",
        "individual_answers": {n: None if one is None else one.written for n, one in there.items()},
        "individual_refs": {n: None if one is None else one.ref_cell for n, one in there.items()},
        "error": answer.error,
    } | (
        {}
        if verdict is None
        else {
            "value_correct": verdict.value_correct,
            "ref_score": verdict.ref_overlap,
            "na_correct": verdict.na_correct,
        }
    )


def _scores(score: Scored | None) -> Row:
    """The guide's keys of a score; null where nothing was judged."""
    return {
        "value_accuracy": None if score is None else score.value_accuracy,
        "ref_overlap": None if score is None else score.ref_overlap,
        "na_accuracy": None if score is None else score.na_recall,
        "overall_score": None if score is None else score.score,
        "questions_correct": None if score is None else score.correct,
        "questions_wrong": None if score is None else score.judged - score.correct,
    }


def _costs(members: Mapping[str, Experiment]) -> Row:
    """What the members take together; under `unknown`, why a figure is null."""
    values: dict[str, list[float | None]] = {}
    reasons: dict[str, str] = {}

    def add(column: str, member: str, value: float | None, why: str) -> None:
        values.setdefault(column, []).append(value)
        if value is None:
            reasons.setdefault(column, f"of {member}: {why}")

    for name, one in members.items():
        power, times, tokens = power_of(one), times_of(one), tokens_of(one)
        part = power.measured_gpus is not None and power.measured_gpus < (power.gpus or 0)
        add(
            "energy_j",
            name,
            None if part else power.energy_j,
            f"of its {power.gpus} GPUs {power.measured_gpus} was measured"
            if part
            else power.reason or "the folder holds none",
        )
        # Nothing says which meters they share: all of it counts as common to all members.
        add(
            "energy_uncertainty_j",
            name,
            power.uncertainty_j,
            "its folder holds no uncertainty of its energy",
        )
        why = tokens.reason or "0 is written, which is no count"
        add("input_tokens", name, tokens.prompt or None, why)
        add("output_tokens", name, tokens.completion or None, why)
        add("estimated_cost_usd", name, tokens.price, tokens.price_reason or "no price is recorded")
        add("total_time_seconds", name, times.wall_s, "the folder holds none")
        add("latency_sequential_s", name, times.latency_mean_s, "the folder holds none")
    sums = {
        column: None if None in known else math.fsum(value or 0.0 for value in known)
        for column, known in values.items()
    }
    slowest: dict[str, float] = {}
    for name, one in members.items():
        for identifier, answer in one.answers.items():
            if answer.latency_s is None:
                reasons.setdefault(
                    "latency_parallel_s", f"of {name}: a question's seconds are not known"
                )
                continue
            slowest[identifier] = max(slowest.get(identifier, 0.0), answer.latency_s)
    whole = "latency_parallel_s" not in reasons and slowest
    parallel = math.fsum(slowest.values()) / len(slowest) if whole else None
    return {
        **sums, "latency_parallel_s": parallel, "unknown": reasons,
    }  # fmt: skip


def write_ensemble(found: FolderEnsemble, folder: Path) -> None:
    """Write submission.csv, results.json and summary.json as the guide's ensembles do.

    Args:
        found: The ensemble.
        folder: Where to write.
    """
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(SUBMISSION)
    for entry in found.results:
        why = entry["pred_explanation"] if entry["error"] is None else f"Error: {entry['error']}"
        writer.writerow(
            [
                entry["id"], entry["question"] or "", why, entry["pred_value"], entry["pred_unit"],
                entry["pred_ref"], BLANK, BLANK, why,
            ]
        )  # fmt: skip
    write_text(folder / "submission.csv", stream.getvalue())
    write_json(folder / "results.json", list(found.results))
    write_json(folder / "summary.json", found.summary)
