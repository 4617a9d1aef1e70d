"""The checks of runs beside each other, and all checks of a question set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from wattbench.analyses.audit.checks import RUN_CHECKS
from wattbench.analyses.audit.facts import Facts, Row, finding, some

SetCheck = Callable[[Sequence[Facts]], Iterator[Row]]


def duplicates(runs: Sequence[Facts]) -> Iterator[Row]:
    """Runs that are one result twice."""
    by_identity: dict[str, str] = {}
    by_content: dict[str, str] = {}
    for run in runs:
        if run.ensemble:
            continue
        same = by_content.get(run.content or "")
        if same is not None:
            yield finding(
                "duplicates",
                "error",
                f"it has the answers and seconds of {same}, to the last digit: a copy.",
                "Remove one of the two.",
                run.run,
            )
        elif run.identity is not None and run.identity in by_identity:
            yield finding(
                "duplicates",
                "warning",
                f"its model and settings, as far as the files tell, are those of "
                f"{by_identity[run.identity]}.",
                "Keep one of the two, unless you know what tells them apart.",
                run.run,
            )
        if run.identity is not None:
            by_identity.setdefault(run.identity, run.run)
        if run.content is not None:
            by_content.setdefault(run.content, run.run)


def mixed_versions(runs: Sequence[Facts]) -> Iterator[Row]:
    """Runs to be compared that several versions of one software made."""
    names = dict.fromkeys(name for run in runs for name in run.versions)
    for name in sorted(names):
        made: dict[str, list[str]] = {}
        for run in runs:
            if name in run.versions:
                made.setdefault(run.versions[name], []).append(run.run)
        if len(made) > 1:
            told = "; ".join(f"{version}: {some(of)}" for version, of in sorted(made.items()))
            yield finding(
                "mixed_versions",
                "warning",
                f"several versions of {name} made the results ({told}).",
                "Compare runs of one version, or run the older ones again.",
            )


def unequal_questions(runs: Sequence[Facts]) -> Iterator[Row]:
    """Runs to be compared that answered other questions, where nothing says what was asked."""
    bare = [run for run in runs if not run.asked]
    every = {identifier for run in bare for identifier in run.answers}
    for run in bare:
        if missing := sorted(every - set(run.answers)):
            yield finding(
                "unequal_questions",
                "error",
                f"it has no answer to {len(missing)} of {len(every)} questions that others "
                f"answered: {some(missing)}.",
                "Answer them too; a score on other questions is no score to compare.",
                run.run,
            )


SET_CHECKS: tuple[SetCheck, ...] = (duplicates, mixed_versions, unequal_questions)


def audit_facts(runs: Sequence[Facts]) -> Iterator[Row]:
    """Every finding about runs on one question set.

    Args:
        runs: Their facts.
    """
    for run in runs:
        for check in RUN_CHECKS:
            yield from check(run)
    for set_check in SET_CHECKS:
        yield from set_check(runs)
