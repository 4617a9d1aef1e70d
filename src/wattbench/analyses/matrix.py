"""The results matrix: a question a row, an experiment's value, references and verdict a column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wattbench.analyses.artifact_files import shown
from wattbench.analyses.artifact_verdicts import (
    Dropped,
    gold_of_set,
    rule_of,
    unused,
    verdict_of,
)
from wattbench.analyses.artifacts import Experiment, labels
from wattbench.analyses.audit.facts import some
from wattbench.errors import InputError
from wattbench.study.judgement import RuleName
from wattbench.study.questions import Question
from wattbench.tables.values import BLANK

FIXED = ("id", "question", "GT_Value", "GT_Ref", "GT_Explanation", "answer_unit", "question_type")
OWN = ("Value", "Ref", "ValCorrect", "RefScore", "NACorrect")


@dataclass(frozen=True)
class Matrix:
    """The matrix of one question set.

    Args:
        questions: Name of the question set.
        rule: Rule of the verdicts.
        columns: Names of its columns: those of the question, then five an experiment.
        rows: Its rows; None is an empty cell.
        experiments: Folder of each experiment by its name in the columns.
        dropped: What is not in it, and why.
    """

    questions: str
    rule: RuleName
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    experiments: Mapping[str, str]
    dropped: tuple[Dropped, ...]


def matrices(
    experiments: Sequence[Experiment],
    *,
    gold: Sequence[Question] | None,
    rule: RuleName | None,
) -> Iterator[Matrix]:
    """One matrix a question set: sets are never mixed.

    Args:
        experiments: The experiments.
        gold: Questions of a gold file; None takes what the results quote.
        rule: Rule to judge by; None takes the one that the experiments were scored by.

    Raises:
        InputError: No rule is given and the experiments on a set were scored by several, or none
            of them holds an answer.
    """
    if not any(one.answers for one in experiments):
        why = [f"{one.what}: {one.reason}" for one in unused(experiments, ())]
        raise InputError(f"no experiment holds an answer ({some(why, '; ')}).")
    for name in dict.fromkeys(one.questions for one in experiments):
        own = [one for one in experiments if one.questions == name]
        yield _matrix(name, own, gold, rule)


def _matrix(
    name: str,
    experiments: Sequence[Experiment],
    given: Sequence[Question] | None,
    rule: RuleName | None,
) -> Matrix:
    own = [one for one in experiments if one.answers]
    gold, doubts = gold_of_set(experiments, given)
    rule = rule or rule_of(own, gold)
    ids = list(dict.fromkeys([*gold, *(id_ for one in own for id_ in one.answers)]))
    heads = labels(own)
    typed = any(question.kinds for question in gold.values())
    fixed = FIXED if typed else FIXED[:-1]
    rows = tuple(
        (
            *_question(identifier, gold.get(identifier))[: len(fixed)],
            *(cell for one in own for cell in _cells(rule, identifier, gold.get(identifier), one)),
        )
        for identifier in ids
    )
    return Matrix(
        questions=name,
        rule=rule,
        columns=(*fixed, *(f"{head}_{column}" for head in heads for column in OWN)),
        rows=rows,
        experiments={head: shown(one.folder) for head, one in zip(heads, own, strict=True)},
        dropped=(*unused(experiments, ids), *doubts),
    )


def _question(identifier: str, gold: Question | None) -> tuple[Any, ...]:
    if gold is None:
        return (identifier, *(None,) * (len(FIXED) - 1))
    return (
        identifier,
        gold.text,
        gold.value,
        gold.raw_refs,
        gold.explanation,
        gold.unit or BLANK,
        "; ".join(gold.kinds),
    )


def _cells(
    rule: RuleName, identifier: str, gold: Question | None, experiment: Experiment
) -> tuple[Any, ...]:
    answer = experiment.answers.get(identifier)
    if answer is None:
        return (None,) * len(OWN)
    verdict = None if gold is None else verdict_of(rule, gold, experiment)
    if verdict is None:
        return (answer.written, answer.ref_cell, None, None, None)
    return (
        answer.written,
        answer.ref_cell,
        verdict.value_correct,
        verdict.ref_overlap,
        verdict.na_correct,
    )
