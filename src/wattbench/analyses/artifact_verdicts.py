"""Judging result folders: by which gold answers, by which rule, with what verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wattbench.analyses.artifact_files import plain_number, shown
from wattbench.analyses.artifacts import Experiment
from wattbench.analyses.audit.checks import SCORE_TOLERANCE
from wattbench.analyses.audit.facts import some
from wattbench.errors import InputError
from wattbench.scoring import wattbot
from wattbench.scoring.rules import WATTBOT, Prediction, Verdict, judge, overall, unanswerable
from wattbench.study.judgement import RULES, RuleName, Weights
from wattbench.study.questions import Question
from wattbench.tables.values import BLANK, canonical_refs, canonical_value

GUIDE_RULES: tuple[RuleName, ...] = ("wattbot-v1", "wattbot-v2")
"""The rules that a folder of the guide may have been scored by; nothing in it says which."""

Verdicts = Mapping[str, Verdict | None]
"""Verdicts by question id; None where the rule leaves the question out."""


@dataclass(frozen=True)
class Dropped:
    """Something that was not used as it was found.

    Args:
        what: Folder or question concerned.
        reason: Why, in words.
    """

    what: str
    reason: str


def rule_of(experiments: Sequence[Experiment], gold: Mapping[str, Question]) -> RuleName:
    """The one rule that the experiments were scored by.

    Of the guide's rules it is the one that gives most of the scores that the folders hold.

    Args:
        experiments: The experiments.
        gold: Questions by id.

    Raises:
        InputError: They were scored by several.
    """
    own = {str(one.summary["rule"]) for one in experiments if one.summary.get("rule")}
    guides = [one for one in experiments if one.summary and not one.summary.get("rule")]
    if guides or not own:
        fitting = {
            rule: sum(judged_by(rule, one, gold).as_said(one) for one in guides)
            for rule in GUIDE_RULES
        }
        own.add(max(GUIDE_RULES, key=lambda rule: fitting[rule]))
    if len(own) > 1:
        raise InputError(
            f"the experiments were scored by several rules: {', '.join(sorted(own))}.",
            mend="Choose one with --rule; all answers are judged by it.",
        )
    (found,) = own
    if found not in RULES:
        raise InputError(
            f"the experiments were scored by '{found}', a rule of a study's own.",
            mend="Choose a built-in one with --rule; all answers are judged by it.",
        )
    return found


def weights_of(experiments: Sequence[Experiment]) -> Weights:
    """The weights that the experiments were scored with; the guide's where they do not say.

    Raises:
        InputError: They were scored with several.
    """
    found = [Weights.model_validate(one.summary.get("weights") or {}) for one in experiments]
    if any(one != found[0] for one in found):
        raise InputError(
            "the experiments were scored with several weights of value, references and "
            "abstentions, so their scores do not compare.",
            mend="Score them anew with the weights of one study.",
        )
    return found[0]


def gold_of_set(
    experiments: Sequence[Experiment], given: Sequence[Question] | None
) -> tuple[dict[str, Question], list[Dropped]]:
    """Gold answers of a question set: the given ones, and where they end those of the results.

    Args:
        experiments: Experiments on the set.
        given: Questions of a gold file, or None.
    """
    doubts: list[Dropped] = []
    if given is not None and not is_about(given, experiments):
        name = experiments[0].questions
        doubts.append(Dropped(name, "the gold file has none of its questions; its own count"))
        given = None
    gold = {question.id: question for question in given or ()}
    wanted = dict.fromkeys(id_ for one in experiments for id_ in one.answers)
    for identifier in wanted:
        # Most runs quote a question as the same object, which need not be compared again.
        quotes = (one.gold[identifier] for one in experiments if identifier in one.gold)
        quoted = list({id(one): one for one in quotes}.values())
        told = identifier in gold
        if not told and not quoted:
            doubts.append(Dropped(f"question {identifier}", "no gold answer is known: not judged"))
            continue
        counts = gold[identifier] = gold[identifier] if told else quoted[0]
        if other := next((one for one in quoted if not _same_gold(one, counts)), None):
            doubts.append(
                Dropped(
                    f"question {identifier}",
                    f"the results quote the gold answer '{other.value}' {other.raw_refs} beside "
                    f"'{counts.value}' {counts.raw_refs} of "
                    + ("the gold file" if told else "the first experiment")
                    + ", which counts",
                )
            )
    return gold, doubts


def is_about(given: Sequence[Question], experiments: Sequence[Experiment]) -> bool:
    """Whether a gold file has a question that one of the experiments answered."""
    answered = {identifier for one in experiments for identifier in one.answers}
    return any(question.id in answered for question in given)


def _same_gold(one: Question, other: Question) -> bool:
    return canonical_value(one.value, other.unit) == canonical_value(
        other.value, other.unit
    ) and canonical_refs(one.refs) == canonical_refs(other.refs)


def unused(experiments: Sequence[Experiment], asked: Sequence[str]) -> list[Dropped]:
    """What of experiments on one question set cannot be used: broken files, missing answers.

    Args:
        experiments: The experiments.
        asked: Ids of the questions.
    """
    found = []
    for one in experiments:
        folder = shown(one.folder)
        found += [Dropped(folder, problem.detail) for problem in one.problems if problem.dropped]
        missing = [identifier for identifier in asked if identifier not in one.answers]
        if not one.answers:
            found.append(Dropped(folder, "it holds no answer"))
        elif missing:
            what = f"it has no answer to {len(missing)} of {len(asked)} questions: {some(missing)}"
            found.append(Dropped(folder, what))
    return found


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
    verdicts: Verdicts,
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


@dataclass(frozen=True)
class Judged:
    """An experiment judged by one rule.

    Args:
        rule: The rule.
        verdicts: Verdicts by question id.
        score: Its score; None where nothing was judged.
    """

    rule: RuleName
    verdicts: Verdicts
    score: Scored | None

    def as_said(self, experiment: Experiment) -> bool:
        """Whether the experiment's summary says this score."""
        said = plain_number(experiment.summary.get("overall_score"))
        return (
            self.score is not None
            and said is not None
            and math.isclose(self.score.score, said, abs_tol=SCORE_TOLERANCE)
        )


def judged_by(rule: RuleName, experiment: Experiment, gold: Mapping[str, Question]) -> Judged:
    """An experiment's answers judged by a rule, with the weights it was scored with.

    Args:
        rule: The rule.
        experiment: The experiment.
        gold: Questions by id.
    """
    verdicts = {id_: verdict_of(rule, question, experiment) for id_, question in gold.items()}
    return Judged(rule, verdicts, scored(rule, weights_of([experiment]), gold, verdicts))
