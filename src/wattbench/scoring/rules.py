"""One door to every scoring rule: `judge` for an answer, `overall` for a run."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from wattbench.errors import InputError
from wattbench.scoring import plain, strict, wattbot
from wattbench.scoring.custom import ValueRule
from wattbench.study.judgement import RuleName, Weights
from wattbench.study.questions import Question
from wattbench.tables.values import BLANK, canonical_refs, is_abstention

Share = TypeVar("Share", float, NDArray[np.float64])


@dataclass(frozen=True)
class Prediction:
    """An answer as a rule sees it.

    Args:
        value: The answer's value; None where the question failed.
        refs: Ids of the documents it cites.
        error: Kind of failure, or None.
    """

    value: str | None
    refs: tuple[str, ...] = ()
    error: str | None = None


@dataclass(frozen=True)
class Verdict:
    """The judgement of one answer.

    Args:
        value_correct: Whether the value is right.
        ref_overlap: Jaccard index of cited and gold references, 0 to 1.
        na_correct: Whether an unanswerable question was left blank; true for the rest.
        why: The clause that decided the value.
    """

    value_correct: bool
    ref_overlap: float
    na_correct: bool
    why: str

    def weighted(self, weights: Weights) -> float:
        """This question's weighted score, 0 to 1."""
        return (
            weights.value * self.value_correct
            + weights.ref * self.ref_overlap
            + weights.na * self.na_correct
        )


def ref_cell(refs: tuple[str, ...] | list[str]) -> str:
    """References as a ref_id cell: a JSON list, or is_blank."""
    return json.dumps(list(refs), ensure_ascii=False) if refs else BLANK


def unanswerable(rule: RuleName, gold: Question) -> bool:
    """Whether a rule takes a question for one that the documents do not answer."""
    if rule in WATTBOT:
        return wattbot.is_blank(gold.value)
    return not gold.answerable


def judge(
    rule: RuleName, gold: Question, prediction: Prediction | None, own: ValueRule | None = None
) -> Verdict | None:
    """Judge one answer.

    Args:
        rule: Name of the rule.
        gold: The question with its gold answer.
        prediction: The answer; None where there is none.
        own: What judges the value under a rule that is not built in.

    Returns:
        The verdict; None where the rule leaves the answer out of its means: both WattBot rules
        do so with a missing answer (the others count it as wrong), `numeric` with a question
        whose gold answer is no number.
    """
    version = WATTBOT.get(rule)
    if version is not None:
        return _wattbot(gold, prediction, version)
    return _judge(VALUE_RULES[rule] if own is None else own, gold, prediction)


def _of_texts(
    function: Callable[[str, str, str | None], tuple[bool, str] | None],
) -> ValueRule:
    return lambda question, value: function(question.value, value, question.unit)


WATTBOT: Mapping[RuleName, wattbot.Version] = {"wattbot-v1": 1, "wattbot-v2": 2}
VALUE_RULES: Mapping[RuleName, ValueRule] = {
    "strict": _of_texts(strict.value_correct),
    "exact": _of_texts(plain.exact),
    "contains": _of_texts(plain.contains),
    "numeric": _of_texts(plain.numeric),
}
"""What each rule but WattBot's calls the right value of an answerable question."""


def _judge(value_rule: ValueRule, gold: Question, prediction: Prediction | None) -> Verdict | None:
    if prediction is None or prediction.error is not None or prediction.value is None:
        why = (
            f"failed: {prediction.error or 'no answer'}"
            if prediction is not None
            else "no prediction"
        )
        return Verdict(value_correct=False, ref_overlap=0.0, na_correct=gold.answerable, why=why)
    cited, wanted = canonical_refs(prediction.refs), canonical_refs(gold.refs)
    overlap = len(cited & wanted) / len(cited | wanted) if cited | wanted else 1.0
    if not gold.answerable:
        blank = is_abstention(prediction.value)
        why = "abstained as it should" if blank else "answered an unanswerable question"
        return Verdict(value_correct=blank, ref_overlap=overlap, na_correct=blank, why=why)
    found = value_rule(gold, prediction.value)
    if found is None:
        return None
    return Verdict(value_correct=found[0], ref_overlap=overlap, na_correct=True, why=found[1])


def _wattbot(
    gold: Question, prediction: Prediction | None, version: wattbot.Version
) -> Verdict | None:
    if prediction is None:
        return None
    # The guide's runs write a failed question as is_blank and score it, so do we under its rule.
    value = BLANK if prediction.value is None else prediction.value
    right, why = wattbot.value_correct(gold.value, value, version)
    return Verdict(
        value_correct=right,
        ref_overlap=wattbot.ref_overlap(gold.raw_refs, ref_cell(prediction.refs)),
        na_correct=wattbot.na_correct(gold.value, value),
        why=why,
    )


def overall(
    rule: RuleName, weights: Weights, *, value: Share, ref: Share, na: Share | None
) -> Share:
    """Weighted score of a run, 0 to 1; of many at once where arrays are given.

    Args:
        rule: Name of the rule.
        weights: Weights of the components.
        value: Share of right values.
        ref: Mean Jaccard index of references.
        na: Share of unanswerable questions left blank; None without such questions. The WattBot
            rules then count it as 1; the others give its weight to the other two in proportion.

    Raises:
        InputError: Only unanswerable questions have weight, there are none, and the rule is not
            WattBot's.
    """
    counted = weights.value * value + weights.ref * ref
    if na is not None:
        return counted + weights.na * na
    if rule in WATTBOT:
        return counted + weights.na
    rest = weights.value + weights.ref
    if rest <= 0:
        raise InputError(
            "only unanswerable questions count (scoring.weights.na is 1), but the set has none.",
            mend="Give scoring.weights.value or scoring.weights.ref some weight.",
        )
    return counted / rest


def slopes(rule: RuleName, weights: Weights, *, unanswerable: bool) -> tuple[float, float, float]:
    """What one unit of value accuracy, reference overlap and abstention adds to the score.

    Args:
        rule: Name of the rule.
        weights: Weights of the components.
        unanswerable: Whether the set has unanswerable questions.
    """
    na = 1.0 if unanswerable else None
    none = overall(rule, weights, value=0.0, ref=0.0, na=na)
    value = overall(rule, weights, value=1.0, ref=0.0, na=na) - none
    ref = overall(rule, weights, value=0.0, ref=1.0, na=na) - none
    return value, ref, weights.na if unanswerable else 0.0
