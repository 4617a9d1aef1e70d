"""The rule `judge`: verdicts that a model gave, as another stage stored them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from wattbench.errors import InputError
from wattbench.scoring.custom import ValueRule, load_rules
from wattbench.study.judgement import JUDGE, RuleName
from wattbench.study.layout import Layout
from wattbench.study.models import Study
from wattbench.study.questions import Question
from wattbench.tables.files import read_rows
from wattbench.tables.values import is_abstention
from wattbench.tables.verdicts import JUDGEMENTS

Row = dict[str, Any]
Judgements = dict[tuple[str, str], Row]
"""Rows of the table `judgements` by question id and value."""


def own_rules(study: Study, questions: str, judged: Judgements | None) -> dict[RuleName, ValueRule]:
    """What judges values under the rules of a study that are not built in.

    Args:
        study: The study.
        questions: Name of the question set.
        judged: The judging model's verdicts on it; None where no rule asks it.

    Raises:
        InputError: A rule of the study's own cannot be loaded.
    """
    found = load_rules(study.scoring.custom)
    return found if judged is None else found | {JUDGE: _rule(study, questions, judged)}


def judgements(study: Study, questions: str) -> Judgements | None:
    """The judging model's verdicts on a question set; None where no rule asks it.

    Raises:
        InputError: They are not there yet or cannot be read.
    """
    if study.scoring.judge_asked() is None:
        return None
    path = _path(study, questions)
    if not path.exists():
        raise InputError(
            "the judging model was not asked yet.", where=str(path), mend=_mend(questions)
        )
    return {(row["question_id"], row["value"]): row for row in read_rows(path, JUDGEMENTS)}


def _path(study: Study, questions: str) -> Path:
    return Layout(Path(study.study.results)).judge_verdicts(study.study.environment, questions)


def _mend(questions: str) -> str:
    return f"Run `wattbench judge --questions {questions}` with the study first."


def _rule(study: Study, questions: str, judged: Judgements) -> ValueRule:
    def verdict(question: Question, value: str) -> tuple[bool, str] | None:
        if is_abstention(value):
            return False, "abstained on an answerable question"
        row = judged.get((question.id, value))
        # Left out, an answer that the judge never saw would change the score without a word.
        if row is None or row["gold_value"] != question.value:
            raise InputError(
                f"the judging model has not seen the answer {value[:80]!r} to question "
                f"'{question.id}'" + (" beside its gold answer of now." if row else "."),
                where=str(_path(study, questions)),
                mend=_mend(questions),
            )
        # Neither the answer's fault nor its merit: the means are over what was judged.
        if row["right"] is None:
            return None
        return row["right"], "the judge says TRUE" if row["right"] else "the judge says FALSE"

    return verdict


def counts(judged: Judgements, predictions: dict[str, Row]) -> Row:
    """How a run's answers were judged: verdicts, and what they took.

    Args:
        judged: The verdicts.
        predictions: The run's predictions by question id.
    """
    keys = [(name, row["value"]) for name, row in predictions.items()]
    rows = [judged[key] for key in keys if key in judged]
    tokens = [row["prompt_tokens"] for row in rows], [row["completion_tokens"] for row in rows]
    read, written = (None if None in part else sum(part) for part in tokens)
    return {
        "right": sum(row["right"] is True for row in rows),
        "wrong": sum(row["right"] is False for row in rows),
        "failed": sum(row["right"] is None for row in rows),
        "attempts": sum(row["attempts"] for row in rows),
        "failures": sum(row["failures"] for row in rows),
        "prompt_tokens": read,
        "completion_tokens": written,
        "total_s": sum(row["total_s"] for row in rows),
    }
