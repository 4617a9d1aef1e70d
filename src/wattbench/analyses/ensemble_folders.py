"""An ensemble over result folders, wattbench's or the benchmark guide's, in the guide's files."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wattbench.analyses.artifact_files import Answer, shown
from wattbench.analyses.artifact_verdicts import (
    Scored,
    gold_of_set,
    rule_of,
    scored,
    unused,
    verdict_of,
    weights_of,
)
from wattbench.analyses.artifacts import Experiment, holds_results, labels, read_experiment
from wattbench.analyses.ensemble_field import Rules
from wattbench.analyses.ensemble_folder_costs import costs_of
from wattbench.ensembles.strategies import Ballot, Outcome, decide
from wattbench.ensembles.weights import FOLDS, by_accuracy
from wattbench.errors import InputError
from wattbench.files import write_json, write_text
from wattbench.scoring.artefacts import SUBMISSION
from wattbench.scoring.rules import Verdict, ref_cell
from wattbench.study.judgement import RuleName
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
        InputError: There are fewer than two members, one is named twice, they are on several
            question sets or share no question, none holds an answer, or `confidence` has no gold
            answers to weigh by.
    """
    _check(members)
    names = labels(members)
    by_name = dict(zip(names, members, strict=True))
    known, doubts = gold_of_set(members, gold)
    judged_by, scored_with = rule or rule_of(members, known), weights_of(members)
    ids = list(dict.fromkeys([*known, *(id_ for one in members for id_ in one.answers)]))
    ids = [identifier for identifier in ids if any(identifier in one.answers for one in members)]
    left_out = [*unused(members, ids), *doubts]
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
            **_scores(scored(judged_by, scored_with, known, verdicts)),
            "votes": rules.votes,
            "weighed_by": WEIGHED if rules.strategy == "confidence" else None,
            "rule": judged_by,
            "weights": scored_with.model_dump(),
            "run_environment": members[0].environment,
            "questions_file": f"{members[0].questions}.csv",
            **costs_of(by_name, ids),
            "left_out": [{"what": one.what, "reason": one.reason} for one in left_out],
        },
    )


def _check(members: Sequence[Experiment]) -> None:
    if len(members) < 2:
        raise InputError("an ensemble needs two members at least.", mend="Name more folders.")
    folders = [one.folder.resolve() for one in members]
    for place, folder in enumerate(folders):
        if folder in folders[:place]:
            raise InputError(
                "is named twice: it would vote twice.", where=shown(members[place].folder),
                mend="Name every member once.",
            )  # fmt: skip
    sets = sorted({one.questions for one in members})
    if len(sets) > 1:
        raise InputError(
            f"the members are on several question sets: {', '.join(sets)}.",
            mend="Name folders of one set.",
        )
    for one in members:
        others = {id_ for other in members if other is not one for id_ in other.answers}
        if others.isdisjoint(one.answers):
            raise InputError(
                "has no answer to a question that another member answered.",
                where=shown(one.folder),
                mend="Name folders of one question set; `wattbench audit` tells what is broken.",
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


def refuse_to_overwrite(folder: Path, members: Sequence[Experiment]) -> None:
    """Make sure that a folder may hold an ensemble: what a run answered is never written over.

    Args:
        folder: The folder to write to.
        members: The ensemble's members.

    Raises:
        InputError: It is a member's, or holds the results of a run.
    """
    mend = "Give another --output."
    if folder.resolve() in {one.folder.resolve() for one in members}:
        raise InputError("is the folder of a member.", where=shown(folder), mend=mend)
    if holds_results(folder) and not read_experiment(folder).ensemble:
        raise InputError("holds the results of a run.", where=shown(folder), mend=mend)


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
