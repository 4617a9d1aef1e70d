"""What each run and ensemble on one question set says before it is set against the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from wattbench.analyses.audit.facts import Facts
from wattbench.analyses.beside import Beside
from wattbench.analyses.calibration import Curves, calibrate, risky
from wattbench.analyses.ensemble_costs import summed
from wattbench.analyses.folders import Absent, Folder, concatenated
from wattbench.analyses.joint import Metered
from wattbench.analyses.own import Own, all_from_kept, own
from wattbench.analyses.prices import per_correct, summed_prices
from wattbench.analyses.run_rows import (
    answer_columns,
    identity_columns,
    members_columns,
    refusal_columns,
)
from wattbench.analyses.shares import with_shares
from wattbench.analyses.standing import score_columns, standing
from wattbench.analyses.unpacked import Unpacked, unpacked
from wattbench.scoring.judging import rules_of
from wattbench.scoring.resamples import Reals
from wattbench.scoring.standing import Standing
from wattbench.study.models import Study
from wattbench.study.questions import Question
from wattbench.tables.verdicts import SCORES

Row = dict[str, Any]


@dataclass(frozen=True)
class Alone:
    """The runs and ensembles on one question set, each by itself; all lists in their order.

    Args:
        questions: Name of the question set.
        gold: Its questions.
        folders: The runs' and ensembles' files, runs first.
        contents: What lies in the folders of those that nothing was kept of, by name.
        standings: Where they stand, rule by rule, the headline's first; empty without runs.
        owns: What each run says by itself, by name.
        facts: What the audit looks at, of the runs of which that was kept, by name.
    """

    questions: str
    gold: Sequence[Question]
    folders: Sequence[Folder]
    contents: Mapping[str, Unpacked]
    standings: Sequence[Standing]
    owns: dict[str, Own]
    facts: Mapping[str, Facts]

    rows: list[Row] = field(default_factory=list)
    """Columns of the table `runs` so far."""

    reasons: list[Mapping[str, str]] = field(default_factory=list)
    """Reasons of columns that are null."""

    meters: list[Metered | None] = field(default_factory=list)
    """What their meters say; None of an ensemble and where the energy is unknown."""

    shares: list[Reals | None] = field(default_factory=list)
    """Each question's share of the answering energy, of shape (questions,)."""

    members: dict[int, list[int]] = field(default_factory=dict)
    """Places of each ensemble's members, by its own place."""

    predictions: list[pa.Table] = field(default_factory=list)
    curves: Curves = field(default_factory=Curves)
    compute: list[Row] = field(default_factory=list)


def alone(
    study: Study, questions: str, gold: Sequence[Question], folders: Sequence[Folder]
) -> Alone:
    """What each run and ensemble on one question set says by itself.

    Args:
        study: The study.
        questions: Name of the question set.
        gold: Its questions.
        folders: Its runs and ensembles, runs first; an ensemble that lacks a member is left out.
    """
    known = all_from_kept({one.name: one.kept for one in folders if one.kept is not None}, gold)
    folders = [one for one in folders if not one.ensemble or _has_members(study, one, folders)]
    names = [folder.name for folder in folders]
    scores = concatenated([folder.scores for folder in folders], SCORES)
    found = Alone(
        questions=questions,
        gold=gold,
        folders=folders,
        contents=unpacked([folder for folder in folders if folder.kept is None], gold),
        standings=[
            standing(study.scoring, rule, gold, names, scores)
            for rule in rules_of(study.scoring)
            if names
        ],
        owns={name: mine for name, (mine, _) in known.items()},
        facts={name: told for name, (_, told) in known.items()},
    )
    if names:
        _look_at_each(study, found)
    return found


def _has_members(study: Study, ensemble: Folder, folders: Sequence[Folder]) -> bool:
    there = {folder.name for folder in folders}
    return all(member in there for member in study.ensembles[ensemble.name].members)


def _look_at_each(study: Study, found: Alone) -> None:
    verdicts = found.standings[0].verdicts
    right = np.where(verdicts.judged > 0, verdicts.value, np.nan)
    claims = risky(found.gold)
    beside = Beside(study, found.questions)
    places = {folder.name: place for place, folder in enumerate(found.folders)}
    for place, folder in enumerate(found.folders):
        row = identity_columns(study, folder)
        scores = score_columns(found.standings[0], place)
        row |= scores
        if folder.ensemble:
            found.members[place] = [places[member] for member in row["members"]]
            _add_ensemble(study, found, folder, row, right[:, place], claims=claims)
        else:
            if folder.name not in found.owns:
                content = found.contents[folder.name]
                found.owns[folder.name] = own(
                    study, folder, content, scores, right[:, place], claims=claims
                )
            _add_run(found, found.owns[folder.name], row)
        paid, why = beside.columns(row["members"] or [folder.name])
        row |= paid | {"flags": [*row["flags"], *why]}
        found.rows.append(row)
        found.compute.extend(placed_compute(job, folder) for job in folder.compute)


def _add_run(found: Alone, mine: Own, row: Row) -> None:
    row |= mine.columns | {"flags": mine.flags}
    found.reasons.append(mine.reasons)
    found.meters.append(mine.metered)
    found.shares.append(mine.shares)
    found.predictions.append(mine.predictions)
    found.curves.add(mine.curves)


def _add_ensemble(
    study: Study,
    found: Alone,
    folder: Folder,
    row: Row,
    right: Reals,
    *,
    claims: Mapping[int, Question],
) -> None:
    answers = found.contents[folder.name].answers
    row |= answer_columns(answers, len(found.gold))
    row |= refusal_columns(row, study.scoring.confidence_level)
    row |= calibrate(folder, answers, right, claims, found.curves)
    members = found.members[len(found.rows)]
    row |= _of_members(
        row, [found.rows[at] for at in members], [found.meters[at] for at in members]
    )
    shares = _summed([found.shares[at] for at in members])
    found.reasons.append({})
    found.meters.append(None)
    found.shares.append(shares)
    found.predictions.append(with_shares(folder.predictions, answers, shares, row["energy_method"]))


def _of_members(row: Row, members: Sequence[Row], meters: Sequence[Metered | None]) -> Row:
    """What an ensemble's members took together."""
    energy, flags = summed(members, meters)
    price, told = summed_prices(members)
    of_them = members_columns(members) | energy | price | per_correct(price, row["correct"])
    return of_them | {"flags": [*flags, *told]}


def _summed(shares: Sequence[Reals | None]) -> Reals | None:
    known = [one for one in shares if one is not None]
    return np.sum(known, axis=0) if len(known) == len(shares) else None


def placed_compute(job: Row, folder: Folder | Absent) -> Row:
    """A row of `compute` with its names.

    Args:
        job: The row.
        folder: The run that its job worked for.
    """
    return {
        "environment": folder.environment,
        "questions": folder.questions,
        "run": folder.name,
        **job,
    }
