"""All tables' rows of one question set in one environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from wattbench.analyses.audit.across import audit_facts
from wattbench.analyses.audit.gold import audit_corpus, audit_gold, documents_of
from wattbench.analyses.audit.of_study import audit_absent, audit_skipped, facts_of, placed
from wattbench.analyses.beside import Beside
from wattbench.analyses.calibration import Curves, calibrate, risky
from wattbench.analyses.comparisons import comparisons
from wattbench.analyses.costs import site
from wattbench.analyses.ensemble_costs import summed
from wattbench.analyses.ensemble_rows import ensemble_row
from wattbench.analyses.flags import complete
from wattbench.analyses.folders import Absent, Folder, concatenated
from wattbench.analyses.frontier import frontier
from wattbench.analyses.headline import choose
from wattbench.analyses.joint import Joint, Metered, joint
from wattbench.analyses.joint_columns import joint_columns
from wattbench.analyses.kept import Kept
from wattbench.analyses.own import Own, all_from_kept, own, to_kept
from wattbench.analyses.prices import per_correct, summed_prices
from wattbench.analyses.question_types import question_types
from wattbench.analyses.repeats import repeats
from wattbench.analyses.run_rows import (
    answer_columns,
    identity_columns,
    members_columns,
    refusal_columns,
)
from wattbench.analyses.scaling import guide_row, scaling
from wattbench.analyses.shares import with_shares
from wattbench.analyses.standing import Pairs, pairs_of, score_columns, set_columns, standing
from wattbench.scoring.judging import rules_of
from wattbench.scoring.resamples import Reals
from wattbench.scoring.standing import Standing
from wattbench.study.layout import Layout
from wattbench.study.models import Study
from wattbench.study.questions import Question
from wattbench.tables.runs import RUNS
from wattbench.tables.verdicts import SCORES

Row = dict[str, Any]

OF_ANSWERING = ("energy_per_question_j", "frontier", "frontier_probability")
"""Columns that are unknown for the reason that the answering energy is."""


@dataclass
class SetTables:
    """Rows of one question set, table by table."""

    runs: list[Row] = field(default_factory=list)
    predictions: list[pa.Table] = field(default_factory=list)
    compute: list[Row] = field(default_factory=list)
    ensembles: list[Row] = field(default_factory=list)
    comparisons: list[pa.Table] = field(default_factory=list)
    question_types: list[Row] = field(default_factory=list)
    repeats: list[Row] = field(default_factory=list)
    scaling: list[Row] = field(default_factory=list)
    sizes: list[Row] = field(default_factory=list)
    """The guide's comparison over model sizes."""

    curves: Curves = field(default_factory=Curves)
    audit: list[Row] = field(default_factory=list)


def set_tables(
    study: Study,
    layout: Layout,
    questions: str,
    gold: Sequence[Question],
    folders: Sequence[Folder],
    *,
    absent: Sequence[Absent],
    skipped: Mapping[str, str],
    kept: Kept | None = None,
) -> SetTables:
    """Everything the tables say of one question set.

    Args:
        study: The study.
        layout: Where its files lie.
        questions: Name of the question set.
        gold: Its questions.
        folders: Its runs and ensembles, runs first.
        absent: Runs of the study without results on it.
        skipped: Why runs and ensembles were left out, by name.
        kept: Where to keep what is made of each run by itself; default: nowhere.
    """
    tables = SetTables()
    known = all_from_kept(
        {folder.name: folder.kept for folder in folders if folder.kept is not None}, gold
    )
    owns = {name: found for name, (found, _) in known.items()}
    folders = [
        folder for folder in folders if not folder.ensemble or _has_members(study, folder, folders)
    ]
    place = {"environment": study.study.environment, "questions": questions}
    if folders:
        names = [folder.name for folder in folders]
        scores = concatenated([folder.scores for folder in folders], SCORES)
        standings = [
            standing(study.scoring, rule, gold, names, scores) for rule in rules_of(study.scoring)
        ]
        pairs = [(found, pairs_of(found, study.scoring)) for found in standings]
        draws = _runs(study, tables, folders, gold, standing_pairs=pairs[0], owns=owns)
        _together(study, tables, pairs, draws=draws, gold=gold, place=place)
    facts = facts_of(
        tables.runs, folders, gold, study, {name: told for name, (_, told) in known.items()}
    )
    for folder, told in zip(folders, facts, strict=True):
        if kept is not None and folder.key is not None and folder.kept is None:
            kept.put(folder.name, folder.key, to_kept(owns[folder.name], told, folder))
    tables.compute += [_placed_compute(job, one) for one in absent for job in one.compute]
    tables.audit = placed(
        [
            *audit_skipped(skipped),
            *audit_absent(absent),
            *audit_facts(facts),
            *_audit_sources(study, layout, gold),
        ],
        place,
    )
    return tables


def _has_members(study: Study, ensemble: Folder, folders: Sequence[Folder]) -> bool:
    there = {folder.name for folder in folders}
    return all(member in there for member in study.ensembles[ensemble.name].members)


def _audit_sources(study: Study, layout: Layout, gold: Sequence[Question]) -> list[Row]:
    corpora = list(
        dict.fromkeys(
            study.corpus_of(study.index_of(study.retrieval_of(model))) for model in study.models
        )
    )
    known = [documents_of(layout, corpus) for corpus in corpora]
    there = [ids for ids in known if ids is not None]
    documents = frozenset().union(*there) if len(there) == len(known) else None
    problems = [row for corpus in corpora for row in audit_corpus(layout, corpus)]
    return [*audit_gold(gold, documents), *problems]


def _runs(
    study: Study,
    tables: SetTables,
    folders: Sequence[Folder],
    gold: Sequence[Question],
    *,
    standing_pairs: tuple[Standing, Pairs],
    owns: dict[str, Own],
) -> Joint:
    found, pairs = standing_pairs
    by_name: dict[str, Row] = {}
    places = {folder.name: place for place, folder in enumerate(folders)}
    parts: dict[str, Reals | None] = {}
    meters: list[Metered | None] = []
    members_of: dict[int, list[int]] = {}
    others = set_columns(found, pairs)
    claims = risky(gold)
    beside = Beside(study, folders[0].questions)
    reasons: list[dict[str, str]] = []
    for place, folder in enumerate(folders):
        row = identity_columns(study, folder)
        scores = score_columns(found, study.scoring, place)
        row |= scores | others[place]
        if folder.ensemble:
            row |= answer_columns(folder.predictions, len(gold))
            row |= refusal_columns(row, study.scoring.confidence_level)
            row |= calibrate(folder, found.rule, claims, tables.curves)
            members = [by_name[member] for member in row["members"]]
            members_of[place] = [places[member] for member in row["members"]]
            row |= _of_members(row, members, [meters[at] for at in members_of[place]])
            parts[folder.name] = _summed_shares(parts, row["members"])
            meters.append(None)
            reasons.append({})
            predictions = with_shares(
                folder.predictions, parts[folder.name], row["energy_method"], gold
            )
        else:
            mine = owns.get(folder.name) or own(
                study, folder, gold, found.rule, scores, claims=claims
            )
            owns[folder.name] = mine
            row |= mine.columns | {"flags": mine.flags}
            parts[folder.name] = mine.shares
            meters.append(mine.metered)
            reasons.append(mine.reasons)
            tables.curves.add(mine.curves)
            predictions = mine.predictions
        paid, why = beside.columns(row["members"] or [folder.name])
        by_name[folder.name] = row | paid | {"flags": [*row["flags"], *why]}
        tables.predictions.append(predictions)
        tables.compute += [_placed_compute(job, folder) for job in folder.compute]
    draws = joint(found, meters, members_of, study.scoring)
    rows = list(by_name.values())
    on = frontier([(row["score"], row["energy_answer_j"]) for row in rows])
    derived = joint_columns(draws, rows, study.scoring)
    tables.runs = [
        _derived(study, row | {"frontier": on[place] if _priced(row) else None}, more, why)
        for place, (row, more, why) in enumerate(zip(rows, derived, reasons, strict=True))
    ]
    chosen = choose(tables.runs)
    for place, row in enumerate(tables.runs):
        row["headline"] = place == chosen
        if row["kind"] == "ensemble":
            theirs = [places[member] for member in row["members"]]
            tables.ensembles.append(
                ensemble_row(
                    study,
                    folders[place],
                    row,
                    [rows[at] for at in theirs],
                    [folders[at] for at in theirs],
                    meters=[meters[at] for at in theirs],
                    gold=gold,
                )
            )
        elif row["family"] is not None:
            tables.sizes.append(guide_row(row, folders[place].summary))
    return draws


def _of_members(row: Row, members: Sequence[Row], meters: Sequence[Metered | None]) -> Row:
    """What an ensemble's members took together."""
    energy, flags = summed(members, meters)
    price, told = summed_prices(members)
    of_them = members_columns(members) | energy | price | per_correct(price, row["correct"])
    return of_them | {"flags": [*flags, *told]}


def _priced(row: Row) -> bool:
    return row["energy_answer_j"] is not None


def _together(
    study: Study,
    tables: SetTables,
    standings: Sequence[tuple[Standing, Pairs]],
    *,
    draws: Joint,
    gold: Sequence[Question],
    place: Mapping[str, str],
) -> None:
    """What the runs say together, under every rule."""
    scopes = [row["energy_scope"] if _priced(row) else None for row in tables.runs]
    for found, pair in standings:
        ours = draws.under(found)
        tables.comparisons.append(comparisons(found, pair, ours, scopes, study.scoring, **place))
        tables.question_types += placed(question_types(found, gold, study.scoring), place)
        tables.repeats += placed(repeats(found, tables.runs, study.scoring), place)
    tables.scaling = placed(scaling(tables.runs, draws, study.scoring.confidence_level), place)


def _derived(
    study: Study,
    row: Row,
    drawn: tuple[Row, list[dict[str, str]]],
    why_not: Mapping[str, str],
) -> Row:
    """Columns made of others, and a reason for every null that is left."""
    each, flags = drawn
    columns, reasons = site(study.energy, row["energy_gross_j"])
    reasons |= why_not
    answer = row["energy_answer_j"]
    columns["energy_per_question_j"] = None if answer is None else answer / row["question_count"]
    own = [*row["flags"], *flags]
    if answer is None:
        why = next((f["detail"] for f in own if f["column"] == "energy_answer_j"), None)
        for name in OF_ANSWERING:
            reasons[name] = why or "the answering energy is unknown"
    if row["kind"] == "ensemble":
        reasons["job_state"] = "an ensemble has no job of its own"
    return complete(row | each | columns | {"flags": own}, RUNS, reasons)


def _summed_shares(shares: Mapping[str, Reals | None], members: Sequence[str]) -> Reals | None:
    known = [found for member in members if (found := shares[member]) is not None]
    return np.sum(known, axis=0) if len(known) == len(members) else None


def _placed_compute(job: Row, folder: Folder | Absent) -> Row:
    """A row of `compute` with its names."""
    return {
        "environment": folder.environment,
        "questions": folder.questions,
        "run": folder.name,
        **job,
    }
