"""Rules of a study's own: functions in a Python file or module, marked with `@rule("name")`.

    from wattbench.scoring.custom import rule

    @rule("within-5-percent")
    def near(question, answer):
        try:
            return abs(float(answer) - float(question.value)) <= 0.05 * abs(float(question.value))
        except ValueError:
            return False

The function is asked about answerable questions that were answered. It returns True or False, or
one of them and a sentence that says why.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, TypeVar

import numpy as np

from wattbench.errors import InputError
from wattbench.study.custom import rule_file
from wattbench.study.questions import Question
from wattbench.text_files import storable

ValueRule = Callable[[Question, str], tuple[bool, str] | None]
"""Judges an answer's value, and says why; None: the rule leaves the question out."""

Function = TypeVar("Function", bound=Callable[..., Any])
MARK = "__wattbench_rule__"


def rule(name: str) -> Callable[[Function], Function]:
    """Mark a function as the scoring rule that a study names.

    Args:
        name: The rule's name under `scoring.custom`.
    """

    def marked(function: Function) -> Function:
        setattr(function, MARK, name)
        return function

    return marked


def load_rules(custom: Mapping[str, str]) -> dict[str, ValueRule]:
    """The functions of the rules that a study names, by name.

    Args:
        custom: Files or modules by the rules' names.

    Raises:
        InputError: A file or module cannot be loaded, or does not hold the rule.
    """
    return {name: _checked(name, where, _function(name, where)) for name, where in custom.items()}


def _function(name: str, where: str) -> Callable[..., Any]:
    module = _module(where)
    found = {id(one): one for one in vars(module).values() if getattr(one, MARK, None) == name}
    if len(found) > 1:
        raise InputError(
            f"holds {len(found)} rules '{name}'.", where=where, mend="Give each a name of its own."
        )
    if not found:
        raise InputError(
            f"holds no rule '{name}'.",
            where=where,
            mend=f'Mark its function with @rule("{name}"), imported from wattbench.scoring.custom.',
        )
    function: Callable[..., Any] = next(iter(found.values()))
    return function


def _module(where: str) -> ModuleType:
    file = rule_file(where)
    spec = importlib.util.spec_from_file_location(f"wattbench_rule_{file.stem}", file)
    try:
        if spec is None or spec.loader is None or not where.endswith(".py"):
            return importlib.import_module(where)
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise InputError(
            f"cannot be loaded: {type(error).__name__}: {error}.",
            where=where,
            mend="Mend it, or take it out of scoring.custom.",
        ) from error
    return module


def _checked(name: str, where: str, function: Callable[..., Any]) -> ValueRule:
    def judged(question: Question, answer: str) -> tuple[bool, str]:
        try:
            found = function(question, answer)
        except (Exception, SystemExit) as error:
            raise InputError(
                f"the rule '{name}' failed on question '{question.id}' with the answer "
                f"{answer[:80]!r}: {type(error).__name__}: {error}.",
                where=where + _line(error),
                mend="Mend the rule; it has to judge any answer.",
            ) from error
        right, why = found if isinstance(found, tuple) and len(found) == 2 else (found, None)
        if isinstance(right, np.bool_):
            right = bool(right)
        if right is not True and right is not False:
            raise InputError(
                f"the rule '{name}' gave {found!r} for question '{question.id}'.",
                where=where,
                mend="It returns True or False, or one of them and a sentence.",
            )
        said = str(why or f"'{name}' says so")
        return right, storable(said)

    return judged


def _line(error: BaseException) -> str:
    """The line of the rule's own file that an error came through last, as it follows the file."""
    _, *frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == frames[0].filename]
    return f", line {lines[-1]}" if lines else ""
