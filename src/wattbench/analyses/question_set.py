"""All tables' rows of one question set in one environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wattbench.analyses.audit.gold import audit_corpus, audit_gold, documents_of
from wattbench.analyses.audit.of_study import audit_runs, audit_skipped, placed
from wattbench.analyses.calibration import Curves, calibrate
from wattbench.analyses.comparisons import comparisons
from wattbench.analyses.costs import measured, site
from wattbench.analyses.efficiency import efficiency
from wattbench.analyses.ensemble_costs import summed
from wattbench.analyses.ensemble_rows import ensemble_row
from wattbench.analyses.flags import complete
from wattbench.analyses.folders import Absent, Folder, concatenated, real_column
from wattbench.analyses.frontier import frontier
from wattbench.analyses.headline import choose
from wattbench.analyses.joint import Joint, Metered, joint, metered
from wattbench.analyses.joint_columns import joint_columns
from wattbench.analyses.planning import planning_columns
from wattbench.analyses.prices import per_correct, summed_prices, token_price
from wattbench.analyses.question_types import question_types
from wattbench.analyses.repeats import repeats
from wattbench.analyses.run_rows import (
    answer_columns,
    identity_columns,
    ledger_columns,
    members_columns,
    refusal_columns,
)
from wattbench.analyses.scaling import guide_row, scaling
from wattbench.analyses.standing import Pairs, pairs_of, score_columns, set_columns, standing
from wattbench.scoring.judging import rules_of
from wattbench.scoring.resamples import Reals
from wattbench.scoring.standing import Standing
from wattbench.study.layout import Layout
from wattbench.study.models import Study
from wattbench.study.questions import Question
from wattbench.tables.answers import PREDICTIONS
from wattbench.tables.runs import RUNS
from wattbench.tables.verdicts import SCORES
from wattbench.telemetry.allocation import SHARED_BY, Asked, shares
from wattbench.telemetry.energy import run_energy

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
    """
    tables = SetTables()
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
        draws = _runs(study, tables, folders, gold, found=pairs[0][0], pairs=pairs[0][1])
        _together(study, tables, pairs, draws=draws, gold=gold, place=place)
    tables.audit = placed(
        [
            *audit_skipped(skipped),
            *audit_runs(tables.runs, folders, absent, gold, study),
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
    found: Standing,
    pairs: Pairs,
) -> Joint:
    by_name: dict[str, Row] = {}
    by_folder = {folder.name: folder for folder in folders}
    places = {folder.name: place for place, folder in enumerate(folders)}
    parts: dict[str, Reals | None] = {}
    meters: list[Metered | None] = []
    members_of: dict[int, list[int]] = {}
    others = set_columns(found, pairs)
    for place, folder in enumerate(folders):
        row = identity_columns(study, folder) | answer_columns(folder.predictions, len(gold))
        row |= score_columns(found, study.scoring, place) | others[place]
        row |= refusal_columns(row, study.scoring.confidence_level)
        row |= calibrate(folder, found.rule, gold, tables.curves)
        if folder.ensemble:
            members = [by_name[member] for member in row["members"]]
            row |= members_columns(members)
            energy, flags = summed(members, [meters[places[name]] for name in row["members"]])
            price, told = summed_prices(members)
            parts[folder.name] = _summed_shares(parts, row["members"])
            members_of[place] = [places[member] for member in row["members"]]
            meters.append(None)
        else:
            segments = folder.segments.to_pylist()
            row |= ledger_columns(folder, segments)
            energy, flags = measured(run_energy(segments, study.energy), folder.job)
            price, told = token_price(study, folder.name, folder.job)
            parts[folder.name] = _shares(folder.predictions, energy["energy_answer_j"], gold)
            normal = _parts(parts[folder.name])
            meters.append(metered(energy, segments, study.energy, normal, folder.name))
        price |= per_correct(price, row["correct"])
        models = row["members"] if folder.ensemble else [folder.name]
        planned, why = planning_columns(study, folder.questions, models)
        by_name[folder.name] = row | energy | planned | price | {"flags": [*flags, *why, *told]}
        tables.predictions.append(
            _with_shares(folder.predictions, parts[folder.name], energy["energy_method"], gold)
        )
        tables.compute += [_placed_compute(job, folder) for job in folder.compute]
    draws = joint(found, meters, members_of, study.scoring)
    rows = list(by_name.values())
    on = frontier([(row["score"], row["energy_answer_j"]) for row in rows])
    derived = joint_columns(draws, rows, study.scoring)
    tables.runs = [
        _derived(study, row | {"frontier": on[place] if _priced(row) else None}, more, folder)
        for place, (row, more, folder) in enumerate(zip(rows, derived, folders, strict=True))
    ]
    chosen = choose(tables.runs)
    for place, row in enumerate(tables.runs):
        row["headline"] = place == chosen
        if row["kind"] == "ensemble":
            members = [by_name[member] for member in row["members"]]
            theirs = [by_folder[member] for member in row["members"]]
            read = [meters[places[member]] for member in row["members"]]
            tables.ensembles.append(
                ensemble_row(study, folders[place], row, members, theirs, meters=read, gold=gold)
            )
        elif row["family"] is not None:
            tables.sizes.append(guide_row(row, folders[place].summary))
    return draws


def _priced(row: Row) -> bool:
    return row["energy_answer_j"] is not None


def _parts(shares: Reals | None) -> Reals | None:
    """Shares of energy as parts of their sum; None where they say nothing."""
    return None if shares is None or shares.sum() <= 0 else shares / shares.sum()


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
    study: Study, row: Row, drawn: tuple[Row, list[dict[str, str]]], folder: Folder
) -> Row:
    """Columns made of others, and a reason for every null that is left."""
    each, flags = drawn
    columns, reasons = site(study.energy, row["energy_gross_j"])
    if not folder.ensemble:
        bought, why_not = efficiency(row, folder.predictions, folder.segments.to_pylist())
        columns |= bought
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


def _shares(
    predictions: pa.Table, answer_j: float | None, gold: Sequence[Question]
) -> Reals | None:
    """Every question's share of a run's answering energy, of shape (questions,)."""
    if answer_j is None:
        return None
    truths = predictions["asked"].to_numpy()
    numbers = (real_column(predictions, name) for name in SHARED_BY)
    joules = shares(Asked(truths, *numbers), answer_j)
    places = pc.index_in(
        pa.array([question.id for question in gold], pa.string()),
        predictions["question_id"].combine_chunks(),
    )
    known = pc.is_valid(places).to_numpy(zero_copy_only=False)
    found = np.zeros(len(gold))
    found[known] = joules[places.drop_null().to_numpy()]
    return found


def _summed_shares(shares: Mapping[str, Reals | None], members: Sequence[str]) -> Reals | None:
    known = [found for member in members if (found := shares[member]) is not None]
    return np.sum(known, axis=0) if len(known) == len(members) else None


def _with_shares(
    predictions: pa.Table, shares: Reals | None, method: str | None, gold: Sequence[Question]
) -> pa.Table:
    """The predictions with every question's share of the energy filled in."""
    rows = predictions.num_rows
    if shares is None:
        joules, methods = pa.nulls(rows, pa.float64()), pa.nulls(rows, pa.string())
    else:
        identifiers = pa.array([question.id for question in gold], pa.string())
        places = pc.index_in(predictions["question_id"], identifiers).combine_chunks()
        joules = pa.array(shares).take(places)
        methods = pc.if_else(pc.is_valid(joules), pa.scalar(method), pa.scalar(None, pa.string()))
    for name, values in (("allocated_j", joules), ("allocated_method", methods)):
        at = predictions.schema.get_field_index(name)
        predictions = predictions.set_column(at, PREDICTIONS.schema.field(name), values)
    return predictions


def _placed_compute(job: Row, folder: Folder) -> Row:
    """A row of `compute` with its names."""
    return {
        "environment": folder.environment,
        "questions": folder.questions,
        "run": folder.name,
        **job,
    }
