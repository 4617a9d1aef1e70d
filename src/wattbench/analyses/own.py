"""What a model's run says by itself, whatever other runs there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import pyarrow as pa

from wattbench.analyses.audit.facts import Facts, JobEnd, Power, Times, Tokens, Trouble
from wattbench.analyses.calibration import Curves, calibrate
from wattbench.analyses.costs import measured
from wattbench.analyses.efficiency import efficiency
from wattbench.analyses.folders import Folder, concatenated, real_column
from wattbench.analyses.joint import Metered, metered
from wattbench.analyses.kept import KeptRun
from wattbench.analyses.prices import per_correct, token_price
from wattbench.analyses.run_rows import answer_columns, ledger_columns, refusal_columns
from wattbench.analyses.shares import question_shares, with_shares
from wattbench.analyses.unpacked import Unpacked, answers_of, identifiers_of
from wattbench.scoring.resamples import Reals
from wattbench.study.models import Study
from wattbench.study.questions import Question
from wattbench.tables.verdicts import CALIBRATION, HISTOGRAMS, ROC
from wattbench.telemetry.energy import run_energy

Row = dict[str, Any]
CURVES = ("calibration", "roc", "histograms")
OF_METERS = ("energy_j", "shared", "own", "meters")
OF_SUMMARY = (
    "overall_score",
    "avg_retrieval_seconds",
    "avg_generation_seconds",
    "hardware",
    "judge",
)
"""Keys of summary.json that the tables are made from."""


@dataclass(frozen=True)
class Own:
    """What a model's run says by itself.

    Args:
        columns: Columns of the table `runs`.
        flags: Its flags.
        reasons: Reasons of columns that are null.
        shares: Each question's share of the answering energy, of shape (questions,); None where
            it is unknown.
        metered: What its meters say.
        predictions: Its rows of `predictions`, the shares in them.
        curves: Its calibration.
    """

    columns: Row
    flags: list[dict[str, str]]
    reasons: dict[str, str]
    shares: Reals | None
    metered: Metered | None
    predictions: pa.Table
    curves: Curves


Known = tuple[Own, Facts]


def own(
    study: Study,
    folder: Folder,
    content: Unpacked,
    scores: Row,
    right: Reals,
    *,
    claims: Mapping[int, Question],
) -> Own:
    """Work out what a model's run says by itself.

    Args:
        study: The study.
        folder: The run's folder.
        content: What lies in it.
        scores: Its columns of scores.
        right: Which of its answers are right; see `calibrate`.
        claims: The true-or-false questions; see `risky`.
    """
    answers, segments, count = content.answers, content.segments, len(right)
    curves = Curves()
    columns = answer_columns(answers, count)
    columns |= refusal_columns(columns, study.scoring.confidence_level)
    columns |= calibrate(folder, answers, right, claims, curves) | ledger_columns(folder, segments)
    energy, flags = measured(run_energy(segments, study.energy), folder.job)
    price, told = token_price(study, folder.name, folder.job)
    columns |= energy | price | per_correct(price, scores["correct"])
    flags = [*flags, *told]
    bought, reasons = efficiency(columns | scores | {"flags": flags}, answers, segments)
    shares = question_shares(answers, energy["energy_answer_j"], count)
    return Own(
        columns=columns | bought,
        flags=flags,
        reasons=reasons,
        shares=shares,
        metered=metered(energy, segments, study.energy, parts_of(shares), folder.name),
        predictions=with_shares(folder.predictions, answers, shares, energy["energy_method"]),
        curves=curves,
    )


def parts_of(shares: Reals | None) -> Reals | None:
    """Shares of energy as parts of their sum; None where they say nothing."""
    return None if shares is None or shares.sum() <= 0 else shares / shares.sum()


def to_kept(found: Own, facts: Facts, folder: Folder) -> KeptRun:
    """What to keep of a run.

    Args:
        found: What it says by itself.
        facts: What the audit looks at.
        folder: Its files.
    """
    meters = found.metered
    entry = {
        "columns": found.columns,
        "flags": found.flags,
        "reasons": found.reasons,
        "metered": None if meters is None else {name: getattr(meters, name) for name in OF_METERS},
        # The ids of all questions and answers would be the most of it.
        "facts": asdict(replace(facts, asked=(), answers=())),
        "job": folder.job,
        "summary": {name: folder.summary.get(name) for name in OF_SUMMARY},
        "compute": [
            {k: v.isoformat() if isinstance(v, datetime) else v for k, v in row.items()}
            for row in folder.compute
        ],
    }
    tables = {
        "predictions": found.predictions,
        "scores": folder.scores,
        "segments": folder.segments,
        "samples": folder.samples,
    }
    schemas = (CALIBRATION, ROC, HISTOGRAMS)
    for name, table in zip(CURVES, schemas, strict=True):
        tables[name] = concatenated(getattr(found.curves, name), table)
    return KeptRun(entry, tables)


def all_from_kept(kept: Mapping[str, KeptRun], gold: Sequence[Question]) -> dict[str, Known]:
    """What was kept of runs, by name.

    Args:
        kept: What was kept of each.
        gold: The questions.
    """
    asked = [question.id for question in gold]
    answered = identifiers_of([one.tables["predictions"] for one in kept.values()], asked)
    return {
        name: _from_kept(one, gold, asked, identifiers)
        for (name, one), identifiers in zip(kept.items(), answered, strict=True)
    }


def _from_kept(
    kept: KeptRun, gold: Sequence[Question], asked: Sequence[str], identifiers: Sequence[str]
) -> Known:
    entry, tables = kept.entry, kept.tables
    predictions = tables["predictions"]
    shares = None
    if entry["columns"]["energy_answer_j"] is not None:
        shares = real_column(predictions, "allocated_j")
        if identifiers is not asked:
            (answers,) = answers_of([predictions], gold)
            shares = answers.to_questions(shares, len(gold), 0.0)
    meters = entry["metered"]
    found = Own(
        columns=entry["columns"],
        flags=entry["flags"],
        reasons=entry["reasons"],
        shares=shares,
        metered=None if meters is None else Metered(**meters, parts=parts_of(shares)),
        predictions=predictions,
        curves=Curves(*([tables[name]] for name in CURVES)),
    )
    told = entry["facts"]
    facts = Facts(
        **told
        | {
            "asked": asked,
            "answers": identifiers,
            "kinds_of_failure": tuple(told["kinds_of_failure"]),
            "times": Times(
                **told["times"]
                | {name: tuple(told["times"][name]) for name in ("overfull", "negative")}
            ),
            "power": Power(**told["power"]),
            "tokens": Tokens(**told["tokens"]),
            "jobs": tuple(JobEnd(**job) for job in told["jobs"]),
            "troubles": tuple(Trouble(**trouble) for trouble in told["troubles"]),
        }
    )
    return found, facts
