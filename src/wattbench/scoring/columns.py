"""Judging many answers at once: columns in, columns out, equal to `rules.judge` bit for bit.

Plain numbers, numbers with units, ranges, names and plain lists are judged as columns; what is left
(nested lists, prose with numbers, text beyond ASCII) is judged one by one, equal answers to one
question once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
from wattbench.scoring.plain_columns import judge_contains, judge_exact, judge_numeric
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
    refs, error, value = (_whole(predictions[name]) for name in ("refs", "error", "value"))
    there = texts.truths(_whole(predictions["there"]))
    cells = pa.table({"value": value, "error": error, "there": pa.array(there)})
    known = _distinct(gold, question, cells)
    if known is None:
        found, na, judged = _judge_values(rule, gold, question, cells, own)
        code = found.code
    else:
        at, inverse = known
        found, na, judged = _judge_values(rule, gold, question[at], cells.take(pa.array(at)), own)
        code, na, judged = found.code[inverse], na[inverse], judged[inverse]
    if rule in WATTBOT:
        ref = wattbot_overlaps(gold, question, refs)
    else:
        answered = there & texts.truths(pc.and_(pc.is_null(error), pc.is_valid(value)))
        ref = np.where(answered, strict_overlaps(gold, question, refs), 0.0)
    return Judged(judged, found.right(code), ref, na, np.maximum(code, 0), found.reasons())


def _judge_values(
    rule: RuleName, gold: Gold, question: Places, cells: pa.Table, own: ValueRule | None
) -> tuple[Codes, Truths, Truths]:
    """Verdicts on values, where an unanswerable question was left blank, and what is judged."""
    values, errors, there = (_whole(cells[name]) for name in ("value", "error", "there"))
    there = texts.truths(there)
    blank = gold.unanswerable(rule)[question]
    version = WATTBOT.get(rule)
    found = Codes(len(question))
    if version is not None:
        values = pc.fill_null(values, BLANK)
        unasked = np.flatnonzero(there & blank)
        found.set(unasked, (True, "an unanswerable question always counts as right"))
        na = ~blank
        na[unasked] = blanks(values.take(pa.array(unasked)))
        open_rows = np.flatnonzero(there & ~blank)
        judge_wattbot(found, gold.wattbot, question, values, open_rows, version=version)

        def one(place: int, value: str) -> tuple[bool, str] | None:
            return wattbot.value_correct(gold.questions[place].value, value, version)

    else:
        answered = there & texts.truths(pc.and_(pc.is_null(errors), pc.is_valid(values)))
        _failures(found, there, answered, errors)
        na = _blank_answers(found, np.flatnonzero(answered & blank), values) | ~blank
        open_rows = np.flatnonzero(answered & ~blank)
        if rule in COLUMN_RULES:
            COLUMN_RULES[rule](found, gold, question, values, open_rows)
        value_rule = own or VALUE_RULES[rule]

        def one(place: int, value: str) -> tuple[bool, str] | None:
            return value_rule(gold.questions[place], value)

    rest = open_rows[found.code[open_rows] == OPEN]
    _one_by_one(found, rest, question[rest], values.take(pa.array(rest)), one)
    return found, na, there if version is not None else found.code != LEFT_OUT


ColumnRule = Callable[[Codes, Gold, Places, pa.Array, Places], None]
COLUMN_RULES: Mapping[RuleName, ColumnRule] = {
    "strict": judge_strict,
    "exact": judge_exact,
    "contains": judge_contains,
    "numeric": judge_numeric,
}
"""What judges many values at once under each rule but WattBot's, as far as columns can tell."""

SAMPLE = 4_096
REPEATED = 0.2
"""Share of a sample's values that stand in it before, from which it pays to sort them out."""


def _distinct(gold: Gold, question: Places, cells: pa.Table) -> tuple[Places, Places] | None:
    """Rows that give all answers to all questions once, and for every row its place in them.

    None where hardly an answer repeats.
    """
    rows, values, errors = len(question), _whole(cells["value"]), _whole(cells["error"])
    both = pc.and_(pc.is_valid(values), pc.is_valid(errors))
    if rows <= len(gold.questions) or pc.any(both).as_py():
        return None
    some = values.take(pa.array(np.linspace(0, rows - 1, min(SAMPLE, rows)).astype(np.int64)))
    if 1 - pc.count_distinct(some).as_py() / len(some) < REPEATED:
        return None
    coded = values.dictionary_encode()
    failed = errors.dictionary_encode()
    nothing = len(coded.dictionary)
    # Behind the values' codes: no answer, a failure of no kind, then the kinds of failures.
    kind = pc.fill_null(pc.add(failed.indices, nothing + 2), nothing + 1)
    kind = pc.if_else(_whole(cells["there"]), kind, nothing)
    codes = pc.coalesce(coded.indices, kind.cast(pa.int32())).to_numpy().astype(np.int64)
    keys = pa.array(codes * len(gold.questions) + question).dictionary_encode()
    inverse = keys.indices.to_numpy().astype(np.intp)
    at = np.empty(len(keys.dictionary), dtype=np.intp)
    at[inverse[::-1]] = np.arange(rows - 1, -1, -1)
    return at, inverse


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
