"""All tables' rows of one question set in one environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from wattbench.analyses.alone import Alone, placed_compute
from wattbench.analyses.audit.across import audit_facts
from wattbench.analyses.audit.facts import Facts
from wattbench.analyses.audit.gold import audit_corpus, audit_gold, documents_of
from wattbench.analyses.audit.judging import audit_judging
from wattbench.analyses.audit.of_study import audit_absent, audit_skipped, facts_of, placed
from wattbench.analyses.comparisons import comparisons, energies_of
from wattbench.analyses.costs import site
from wattbench.analyses.ensemble_rows import ensemble_row
from wattbench.analyses.flags import complete
from wattbench.analyses.folders import Absent
from wattbench.analyses.frontier import frontier
from wattbench.analyses.headline import choose
from wattbench.analyses.joint import Joint, joint
from wattbench.analyses.joint_columns import joint_columns
from wattbench.analyses.kept import Kept
from wattbench.analyses.own import to_kept
from wattbench.analyses.question_types import question_types
from wattbench.analyses.repeats import repeats
from wattbench.analyses.scaling import guide_row, scaling
from wattbench.analyses.standing import Pairs, pairs_of, set_columns
from wattbench.study.layout import Layout
from wattbench.study.models import Study
from wattbench.study.questions import Question
from wattbench.tables.runs import RUNS

Row = dict[str, Any]

OF_ANSWERING = ("frontier", "frontier_probability")
"""Columns that are unknown for the reason that the answering energy is."""


@dataclass
class SetTables:
    """Rows of one question set, table by table."""

    runs: list[Row] = field(default_factory=list)
    compute: list[Row] = field(default_factory=list)
    ensembles: list[Row] = field(default_factory=list)
    question_types: list[Row] = field(default_factory=list)
    repeats: list[Row] = field(default_factory=list)
    scaling: list[Row] = field(default_factory=list)
    sizes: list[Row] = field(default_factory=list)
    """The guide's comparison over model sizes."""

    audit: list[Row] = field(default_factory=list)
    facts: list[Facts] = field(default_factory=list)
    """What the audit looked at, run by run."""


@dataclass(frozen=True)
class Together:
    """What the runs of one question set say of each other.

    Args:
        draws: Scores and energy, drawn together; None where there is no run.
        pairs: Every two of them, by scoring rule.
        comparisons: Rows of the table `comparisons`, by scoring rule.
    """

    draws: Joint | None = None
    pairs: Sequence[Future[Pairs]] = ()
    comparisons: Sequence[Future[pa.Table]] = ()


def together(study: Study, found: Alone, pool: Executor) -> Together:
    """Begin to set the runs of one question set against each other.

    Args:
        study: The study.
        found: What each of its runs and ensembles says by itself.
        pool: Does the work, while the caller goes on.
    """
    if not found.folders:
        return Together()
    scoring, rules = study.scoring, found.standings
    place = {"environment": study.study.environment, "questions": found.questions}
    pairs = [pool.submit(pairs_of, one, scoring) for one in rules]
    draws = joint(rules[0], found.meters, found.members, scoring)
    scopes = [row["energy_scope"] if _priced(row) else None for row in found.rows]

    # Whoever waits in the pool waits for what was submitted before, so somebody always works.
    def energies(at: int) -> dict[str, pa.Array]:
        under = draws.under(rules[at])
        return energies_of(pairs[at].result(), under, scopes, scoring.confidence_level)

    priced = [pool.submit(energies, at) for at in range(len(rules))]

    def compared(at: int) -> pa.Table:
        return comparisons(rules[at], pairs[at].result(), priced[at].result, scoring, **place)

    return Together(draws, pairs, [pool.submit(compared, at) for at in range(len(rules))])


def set_tables(
    study: Study,
    found: Alone,
    others: Together,
    *,
    absent: Sequence[Absent],
    skipped: Mapping[str, str],
    kept: Kept | None = None,
) -> SetTables:
    """Everything the tables say of one question set beside `predictions`, curves and pairs.

    Args:
        study: The study.
        found: What each of its runs and ensembles says by itself.
        others: What they say of each other.
        absent: Runs of the study without results on it.
        skipped: Why runs and ensembles were left out, by name.
        kept: Where to keep what is made of each run by itself; default: nowhere.
    """
    tables = SetTables(compute=list(found.compute))
    place = {"environment": study.study.environment, "questions": found.questions}
    if others.draws is not None:
        _rows_of_runs(study, tables, found, others.pairs[0].result(), others.draws)
        for one in found.standings:
            tables.question_types += placed(question_types(one, found.gold, study.scoring), place)
            tables.repeats += placed(repeats(one, tables.runs, study.scoring), place)
        level = study.scoring.confidence_level
        tables.scaling = placed(scaling(tables.runs, others.draws, level), place)
    tables.facts = facts_of(study, tables.runs, found)
    for folder, told in zip(found.folders, tables.facts, strict=True):
        if kept is not None and folder.key is not None and folder.kept is None:
            kept.put(folder.name, folder.key, to_kept(found.owns[folder.name], told, folder))
    tables.compute += [placed_compute(job, one) for one in absent for job in one.compute]
    tables.audit = placed(
        [
            *audit_skipped(skipped),
            *audit_absent(absent),
            *audit_facts(tables.facts),
            *audit_judging(study, found.folders),
            *_audit_sources(study, found.gold),
        ],
        place,
    )
    return tables


def _audit_sources(study: Study, gold: Sequence[Question]) -> list[Row]:
    layout = Layout(Path(study.study.results))
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


def _rows_of_runs(
    study: Study, tables: SetTables, found: Alone, pairs: Pairs, draws: Joint
) -> None:
    others = set_columns(found.standings[0], pairs)
    rows = [row | more for row, more in zip(found.rows, others, strict=True)]
    on = frontier([(row["score"], row["energy_answer_j"]) for row in rows])
    derived = joint_columns(draws, rows, study.scoring)
    tables.runs = [
        _derived(study, row | {"frontier": on[place] if _priced(row) else None}, more, why)
        for place, (row, more, why) in enumerate(zip(rows, derived, found.reasons, strict=True))
    ]
    chosen = choose(tables.runs)
    for place, row in enumerate(tables.runs):
        row["headline"] = place == chosen
        if row["kind"] == "ensemble":
            theirs = found.members[place]
            tables.ensembles.append(
                ensemble_row(
                    study,
                    found.folders[place],
                    row,
                    [rows[at] for at in theirs],
                    [found.folders[at] for at in theirs],
                    meters=[found.meters[at] for at in theirs],
                    gold=found.gold,
                )
            )
        elif row["family"] is not None:
            tables.sizes.append(guide_row(row, found.folders[place].summary))


def _priced(row: Row) -> bool:
    return row["energy_answer_j"] is not None


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
    own = [*row["flags"], *flags]
    if answer is None:
        why = next((f["detail"] for f in own if f["column"] == "energy_answer_j"), None)
        for name in OF_ANSWERING:
            reasons[name] = why or "the answering energy is unknown"
    if row["kind"] == "ensemble":
        reasons["job_state"] = "an ensemble has no job of its own"
    return complete(row | each | columns | {"flags": own}, RUNS, reasons)
