"""Judging result folders: by which gold answers, by which rule, with what verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wattbench.analyses.artifacts import Experiment
from wattbench.errors import InputError
from wattbench.scoring import wattbot
from wattbench.scoring.rules import WATTBOT, Prediction, Verdict, judge, overall, unanswerable
from wattbench.study.judgement import RULES, RuleName, Weights
from wattbench.study.questions import Question
from wattbench.tables.values import BLANK

GUIDE_RULE: RuleName = "wattbot-v1"
"""The rule that a folder of the guide was scored by."""


@dataclass(frozen=True)
class Dropped:
    """Something that a matrix does not hold as it was found.

    Args:
        what: Folder or question concerned.
        reason: Why, in words.
    """

    what: str
    reason: str


def rule_of(experiments: Sequence[Experiment]) -> RuleName:
    """The one rule that the experiments were scored by; the guide's folders by the guide's.

    Raises:
        InputError: They were scored by several.
    """
    rules: set[Any] = {
        one.summary.get("rule") or GUIDE_RULE for one in experiments if one.summary
    } or {GUIDE_RULE}
    if len(rules) > 1:
        raise InputError(
            f"the experiments were scored by several rules: {', '.join(sorted(rules))}.",
            mend="Choose one with --rule; all answers are judged by it.",
        )
    found: RuleName = rules.pop()
    if found not in RULES:
        raise InputError(
            f"the experiments were scored by '{found}', a rule of a study's own.",
            mend="Choose a built-in one with --rule; all answers are judged by it.",
        )
    return found


def gold_of_set(
    experiments: Sequence[Experiment], given: Sequence[Question] | None
) -> tuple[dict[str, Question], list[Dropped]]:
    """Gold answers of a question set: the given ones, and where they end those of the results.

    Args:
        experiments: Experiments on the set.
        given: Questions of a gold file, or None.
    """
    gold = {question.id: question for question in given or ()}
    dropped: list[Dropped] = []
    wanted = list(dict.fromkeys(id_ for one in experiments for id_ in one.answers))
    for identifier in wanted:
        quoted = [one.gold[identifier] for one in experiments if identifier in one.gold]
        if identifier in gold:
            continue
        if not quoted:
            dropped.append(Dropped(f"question {identifier}", "no gold answer is known: not judged"))
            continue
        gold[identifier] = quoted[0]
        if len({(q.value, q.raw_refs) for q in quoted}) > 1:
            dropped.append(
                Dropped(
                    f"question {identifier}",
                    "the results quote several gold answers; the first experiment's counts",
                )
            )
    return gold, dropped


def verdict_of(rule: RuleName, question: Question, experiment: Experiment) -> Verdict | None:
    """Judgement of an experiment's answer; None where there is none and the rule leaves it out.

    The guide's rules read the cells as they are written, which lists of references cannot keep.

    Args:
        rule: The rule.
        question: The question with its gold answer.
        experiment: The experiment.
    """
    answer = experiment.answers.get(question.id)
    if answer is None:
        return judge(rule, question, None)
    version = WATTBOT.get(rule)
    if version is None:
        refs = tuple(ref for ref in answer.refs if ref.strip().lower() != BLANK)
        return judge(rule, question, Prediction(answer.value, refs, answer.error))
    right, why = wattbot.value_correct(question.value, answer.written, version)
    return Verdict(
        value_correct=right,
        ref_overlap=wattbot.ref_overlap(question.raw_refs, answer.ref_cell),
        na_correct=wattbot.na_correct(question.value, answer.written),
        why=why,
    )


@dataclass(frozen=True)
class Scored:
    """Score of an experiment on the questions whose gold answer is known.

    Args:
        score: Weighted score, 0 to 1.
        value_accuracy: Share of right values.
        ref_overlap: Mean Jaccard index of references.
        na_recall: Share of unanswerable questions left blank; None without such questions.
        correct: Right values.
        judged: Answers judged.
    """

    score: float
    value_accuracy: float
    ref_overlap: float
    na_recall: float | None
    correct: int
    judged: int


def scored(
    rule: RuleName,
    weights: Weights,
    gold: Mapping[str, Question],
    verdicts: Mapping[str, Verdict | None],
) -> Scored | None:
    """Score of verdicts by question id; None where none was judged.

    Args:
        rule: The rule.
        weights: Weights of the components.
        gold: Questions by id.
        verdicts: Verdicts by question id.
    """
    judged = {i: verdict for i, verdict in verdicts.items() if verdict is not None}
    if not judged:
        return None
    blank = [verdict for i, verdict in judged.items() if unanswerable(rule, gold[i])]
    na = sum(verdict.na_correct for verdict in blank) / len(blank) if blank else None
    correct = sum(verdict.value_correct for verdict in judged.values())
    value = correct / len(judged)
    ref = sum(verdict.ref_overlap for verdict in judged.values()) / len(judged)
    score = overall(rule, weights, value=value, ref=ref, na=na)
    return Scored(score, value, ref, na, correct, len(judged))
