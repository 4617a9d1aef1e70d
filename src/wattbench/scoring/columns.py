"""Judging many answers at once: columns in, columns out, equal to `rules.judge` bit for bit.

Plain numbers, numbers with units, ranges and names are judged as columns; what is left (lists,
text beyond ASCII) is judged one by one, equal answers to one question once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from wattbench.scoring import texts, wattbot
from wattbench.scoring.column_refs import strict_overlaps, wattbot_overlaps
from wattbench.scoring.column_verdicts import LEFT_OUT, OPEN, Codes
from wattbench.scoring.custom import ValueRule
from wattbench.scoring.gold import Gold
from wattbench.scoring.rules import VALUE_RULES, WATTBOT
from wattbench.scoring.strict_columns import judge_strict
from wattbench.scoring.texts import Places, Reals, Truths
from wattbench.scoring.wattbot_columns import blanks, judge_wattbot
from wattbench.study.judgement import RuleName, Weights
from wattbench.tables.values import BLANK, is_abstention


@dataclass(frozen=True)
class Judged:
    """Judgements of many answers; all of shape (rows,).

    Args:
        judged: Where the rule judges the answer; the rest means nothing elsewhere.
        value: Where the value is right.
        ref: Jaccard index of cited and gold references.
        na: Where an unanswerable question was left blank; true for the rest.
        why: Places of the reasons.
        reasons: The clauses that decided.
    """

    judged: Truths
    value: Truths
    ref: Reals
    na: Truths
    why: NDArray[np.int32]
    reasons: tuple[str, ...]

    def weighted(self, weights: Weights) -> Reals:
        """Weighted score of each answer, 0 to 1."""
        return weights.value * self.value + weights.ref * self.ref + weights.na * self.na

    def reason_texts(self) -> pa.Array:
        """The clause that decided each answer."""
        reasons = pa.array(self.reasons or ("",), pa.string())
        return pa.DictionaryArray.from_arrays(pa.array(self.why), reasons).dictionary_decode()


def judge_columns(
    rule: RuleName,
    gold: Gold,
    question: Places,
    predictions: pa.Table,
    own: ValueRule | None = None,
) -> Judged:
    """Judge many answers.

    Args:
        rule: Name of the rule.
        gold: The gold answers.
        question: Place of each answer's question, of shape (rows,).
        predictions: The answers' columns value, refs and error (as in the table `predictions`)
            and `there`, which is false where there is no answer.
        own: What judges the value under a rule that is not built in.
    """
    columns = {name: _whole(predictions[name]) for name in ("value", "refs", "error", "there")}
    blank = gold.unanswerable(rule)[question]
    there = texts.truths(columns["there"])
    version = WATTBOT.get(rule)
    found = Codes(len(question))
    if version is not None:
        values = pc.fill_null(columns["value"], BLANK)
        unasked = np.flatnonzero(there & blank)
        found.set(unasked, (True, "an unanswerable question always counts as right"))
        na = ~blank
        na[unasked] = blanks(values.take(pa.array(unasked)))
        open_rows = np.flatnonzero(there & ~blank)
        judge_wattbot(found, gold.wattbot, question, values, open_rows, version=version)
        rest = open_rows[found.code[open_rows] == OPEN]
        _one_by_one(
            found,
            rest,
            question[rest],
            values.take(pa.array(rest)),
            lambda place, value: wattbot.value_correct(gold.questions[place].value, value, version),
        )
        ref = wattbot_overlaps(gold, question, columns["refs"])
        judged = there
    else:
        answered = there & texts.truths(
            pc.and_(pc.is_null(columns["error"]), pc.is_valid(columns["value"]))
        )
        _failures(found, there, answered, columns["error"])
        values = columns["value"]
        na = _blank_answers(found, np.flatnonzero(answered & blank), values) | ~blank
        open_rows = np.flatnonzero(answered & ~blank)
        if rule == "strict":
            judge_strict(found, gold.strict, question, values, open_rows)
        rest = open_rows[found.code[open_rows] == OPEN]
        value_rule = own or VALUE_RULES[rule]
        _one_by_one(
            found,
            rest,
            question[rest],
            values.take(pa.array(rest)),
            lambda place, value: value_rule(gold.questions[place], value),
        )
        ref = np.where(answered, strict_overlaps(gold, question, columns["refs"]), 0.0)
        judged = found.code != LEFT_OUT
    return Judged(judged, found.right(), ref, na, np.maximum(found.code, 0), found.reasons())


def _whole(column: Any) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _failures(found: Codes, there: Truths, answered: Truths, errors: pa.Array) -> None:
    found.set(np.flatnonzero(~there), (False, "no prediction"))
    rows = np.flatnonzero(there & ~answered)
    for row, error in zip(rows.tolist(), errors.take(pa.array(rows)).to_pylist(), strict=True):
        found.code[row] = found.code_of((False, f"failed: {error or 'no answer'}"))


def _blank_answers(found: Codes, rows: Places, values: pa.Array) -> Truths:
    """Judge answers to unanswerable questions; returns where they abstain, of shape (all rows,)."""
    mine = values.take(pa.array(rows))
    blank = texts.abstentions(texts.stripped(mine))
    for place in np.flatnonzero(~texts.printable(mine)).tolist():
        blank[place] = is_abstention(mine[place].as_py())
    found.choose(rows, blank, "abstained as it should", "answered an unanswerable question")
    na = np.zeros(len(values), dtype=np.bool_)
    na[rows] = blank
    return na


def _one_by_one(
    found: Codes,
    rows: Places,
    asked: Places,
    values: pa.Array,
    judge: Callable[[int, str], tuple[bool, str] | None],
) -> None:
    """Judge what is left, equal answers to one question once.

    Args:
        found: Where the verdicts go.
        rows: Places of the answers.
        asked: Places of their questions.
        values: Their values.
        judge: Judges a value, given the place of its question.
    """
    known: dict[tuple[int, str], int] = {}
    codes = np.empty(len(rows), dtype=np.int32)
    for at, key in enumerate(zip(asked.tolist(), values.to_pylist(), strict=True)):
        code = known.get(key)
        if code is None:
            verdict = judge(*key)
            code = LEFT_OUT if verdict is None else found.code_of(verdict)
            known[key] = code
        codes[at] = code
    found.code[rows] = codes
