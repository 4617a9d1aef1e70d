"""What the commands that read result folders share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, get_args

from wattbench.errors import InputError

if TYPE_CHECKING:
    from wattbench.analyses.artifacts import Experiment
    from wattbench.study.judgement import RuleName


def named_rule(rule: str | None) -> RuleName | None:
    """A scoring rule by its name.

    Raises:
        InputError: There is no such rule.
    """
    from wattbench.study.judgement import RuleName

    for name in get_args(RuleName):
        if rule == name:
            known: RuleName = name
            return known
    if rule is None:
        return None
    raise InputError(
        f"there is no scoring rule '{rule}'; known: {', '.join(get_args(RuleName))}.",
        mend="Check --rule.",
    )


def chosen(experiments: Sequence[Experiment], questions: str | None) -> list[Experiment]:
    """Experiments on one question set, or all of them.

    Raises:
        InputError: None is on that set.
    """
    found = [one for one in experiments if questions in {None, one.questions}]
    if not found:
        known = ", ".join(sorted({one.questions for one in experiments})) or "none"
        raise InputError(
            f"no experiment is on the question set '{questions}'; there are: {known}.",
            mend="Check --questions.",
        )
    return found
