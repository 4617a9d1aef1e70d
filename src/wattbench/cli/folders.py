"""What the commands that read result folders share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from wattbench.errors import InputError

if TYPE_CHECKING:
    from wattbench.analyses.artifacts import Experiment
    from wattbench.study.judgement import RuleName

NAMED = 5
"""Things named in a line before the rest is counted."""


def named_rule(rule: str | None) -> RuleName | None:
    """A scoring rule by its name; None where none is named.

    Raises:
        InputError: There is no such rule.
    """
    from wattbench.study.judgement import RULES

    if rule is not None and rule not in RULES:
        raise InputError(
            f"there is no scoring rule '{rule}'; known: {', '.join(RULES)}.",
            mend="Check --rule.",
        )
    return rule


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


def tell_left_out(entries: Iterable[Mapping[str, str]]) -> None:
    """Print what was left out, a line for each reason; `--json` names all of them.

    Args:
        entries: What was left out under `what`, why under `reason`.
    """
    by_reason: dict[str, list[str]] = {}
    for entry in entries:
        by_reason.setdefault(entry["reason"], []).append(entry["what"])
    for reason, whats in by_reason.items():
        more = f" and {len(whats) - NAMED} more" if len(whats) > NAMED else ""
        typer.echo(f"  left out: {', '.join(whats[:NAMED])}{more}: {reason}")


def document_ids(path: Path) -> frozenset[str]:
    """Canonical ids of the documents that a metadata.csv lists.

    Raises:
        InputError: It cannot be read or has no column `id`.
    """
    from wattbench.tables.values import canonical_ref
    from wattbench.text_files import check_columns, open_csv

    what, mend = "the table of documents", "Name the file that lists the documents, one a row."
    reader, _ = open_csv(path, what=what, mend="Check --documents.")
    check_columns(reader.fieldnames or (), ["id"], what=what, where=path, mend=mend)
    return frozenset(canonical_ref(row["id"]) for row in reader if row["id"])


def holding_results(paths: Sequence[Path]) -> list[Path]:
    """The one result folder, or submission file, that each path stands for, in their order.

    Raises:
        InputError: One is not there, or holds no results or several.
    """
    from wattbench.analyses.artifact_files import shown
    from wattbench.analyses.artifacts import find_folders

    members: list[Path] = []
    for path in paths:
        found, left_out = find_folders([path])
        if len(found) != 1:
            what = "holds several results; a member is one folder" if found else left_out[0][1]
            raise InputError(
                f"{what}.", where=shown(path),
                mend="Name the members' folders, in the order that decides ties.",
            )  # fmt: skip
        members += found
    return members
