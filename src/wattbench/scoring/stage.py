"""The stage `score`: answers and gold -> judgements and the guide's result files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from wattbench import __version__
from wattbench.errors import InputError
from wattbench.scoring.artefacts import results, submission
from wattbench.scoring.gold import Gold
from wattbench.scoring.judge import counts as judge_counts
from wattbench.scoring.judge import judgements, own_rules
from wattbench.scoring.judging import by_question, judge_runs
from wattbench.scoring.sources import addresses, snippets
from wattbench.scoring.summary import (
    answer_counts,
    answer_totals,
    guide_scores,
    hardware,
    scores_by_rule,
)
from wattbench.study.identity import ensemble_slice, run_identity, run_slice
from wattbench.study.layout import Layout, RunFiles
from wattbench.study.models import SMOKE, Study
from wattbench.study.questions import study_questions
from wattbench.tables.answers import PREDICTIONS, SEGMENTS
from wattbench.tables.files import (
    read_arrow,
    read_json,
    read_rows,
    write_arrow,
    write_json,
    write_text,
)
from wattbench.tables.verdicts import VOTES

Row = dict[str, Any]
MADE_BY = ("weights", "revision", "backend", "prompt", "versions", "cpu_model", "jobs")
"""What of job.json the summary repeats."""


def score(study: Study, questions: str, run: str) -> None:
    """Judge a run's answers and write its result files.

    Args:
        study: The study.
        questions: Name of the question set.
        run: Name of the run's model.

    Raises:
        InputError: There is no such run, its answers cannot be read, or a question was answered
            twice.
    """
    _check_names(study, questions, run, study.models, "model")
    layout = Layout(Path(study.study.results))
    score_folder(layout.run(study.study.environment, questions, run), study, questions, run)


def score_folder(files: RunFiles, study: Study, questions: str, name: str) -> None:
    """Judge the answers in a folder, of a run or an ensemble, and write its result files.

    Args:
        files: Files of the run or ensemble; predictions.parquet, and votes.parquet of an
            ensemble, are there.
        study: The study.
        questions: Name of the question set.
        name: Name of the model or ensemble.

    Raises:
        InputError: A file cannot be read, or the study's rule judges none of the answers.
    """
    gold = study_questions(study, questions)
    answers = read_arrow(files.predictions, PREDICTIONS)
    predictions = by_question(answers.to_pylist(), where=str(files.predictions))
    place = {"environment": study.study.environment, "questions": questions, "run": name}
    where = {"environment": place["environment"], "questions": questions}
    judged_by = judgements(study, questions)
    own = own_rules(study, questions, judged_by)
    scores = judge_runs(study.scoring, Gold(gold), {name: answers}, where, own)
    headline = scores.filter(pc.equal(scores["rule"], study.scoring.rule))
    if not headline.num_rows and not questions.endswith(SMOKE):
        raise InputError(
            f"the rule '{study.scoring.rule}' judges no answer to '{questions}'.",
            where=str(study.question_file(questions)),
            mend="Choose another scoring.rule; `numeric`, say, judges numbers alone.",
        )
    judged = {row["question_id"]: row for row in headline.to_pylist()}
    ensemble = study.ensembles.get(name)
    model = ensemble.members[0] if ensemble is not None else name
    sources = addresses(study, model)
    votes = _votes(files) if ensemble is not None else None
    entries = results(
        gold,
        predictions,
        judged,
        addresses=sources,
        snippets=None
        if ensemble is not None
        else snippets(study, questions, model, list(predictions.values())),
        votes=votes,
    )
    summary = _summary(study, place, files, predictions=predictions, judged=scores)
    if judged_by is not None:
        summary["judge"] = judge_counts(judged_by, predictions)
    write_arrow(files.scores, scores)
    write_json(files.results, entries)
    write_text(files.submission, submission(gold, predictions, sources))
    write_json(files.summary, summary)


def _check_names(study: Study, questions: str, name: str, known: dict[str, Any], what: str) -> None:
    if questions.removesuffix(SMOKE) not in study.questions:
        raise InputError(
            f"the study has no question set '{questions}'; it has: {', '.join(study.questions)}.",
            mend="Check --questions.",
        )
    if name not in known:
        raise InputError(
            f"the study has no {what} '{name}'; it has: {', '.join(known) or 'none'}.",
            mend=f"Check --{'run' if what == 'model' else what}.",
        )


def _votes(files: RunFiles) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for vote in read_rows(files.votes, VOTES):
        found.setdefault(vote["question_id"], []).append(vote)
    return found


def _summary(
    study: Study,
    place: dict[str, str],
    files: RunFiles,
    *,
    predictions: dict[str, Row],
    judged: pa.Table,
) -> Row:
    questions, name = place["questions"], place["run"]
    gold = study_questions(study, questions)
    scoring = study.scoring
    scores = scores_by_rule(scoring, gold, judged)
    counts = answer_counts(gold, predictions)
    kept = [row for row in predictions.values() if row["question_id"] in {q.id for q in gold}]
    segments = read_rows(files.segments, SEGMENTS) if files.segments.exists() else None
    last = max((row["answered_at"] for row in kept), default=None)
    summary: Row = {
        "name": name,
        "type": "ensemble" if name in study.ensembles else "model",
        **_what(study, name),
        "timestamp": None if last is None else last.isoformat(),
        "num_questions": len(gold),
        "total_time_seconds": (
            None if segments is None else sum(row["duration_s"] for row in segments)
        ),
        **answer_totals(kept),
        **guide_scores(scores[scoring.rule]),
        "error_count": counts["failed"],
        "estimated_cost_usd": None,
        "hardware": None if segments is None else hardware(segments),
        "config_snapshot": _snapshot(study, questions, name),
        "run_environment": study.study.environment,
        "questions_file": Path(study.question_file(questions)).name,
        "rule": scoring.rule,
        "weights": scoring.weights.model_dump(),
        "confidence_level": scoring.confidence_level,
        "bootstrap": scoring.bootstrap,
        "seed": scoring.seed,
        "counts": counts,
        "scores": scores,
        "wattbench_version": __version__,
    }
    if files.job.exists():
        job = read_json(files.job)
        summary["made_by"] = {name: job.get(name) for name in MADE_BY}
    return summary


def _what(study: Study, name: str) -> Row:
    ensemble = study.ensembles.get(name)
    if ensemble is not None:
        return {
            "ensemble_type": "cross-model",
            "strategy": ensemble.strategy,
            "ignore_blank": ensemble.ignore_blank,
            "votes": ensemble.votes,
            "weigh_by": ensemble.weigh_by if ensemble.strategy == "confidence" else None,
            "accuracy_on": ensemble.accuracy_on,
            "models": list(ensemble.members),
            "num_models": len(ensemble.members),
            "model_id": None,
        }
    model = study.models[name]
    return {
        "model_id": model.weights,
        "llm_provider": model.backend,
        "quantization": model.precision,
        "identity": run_identity(study, name),
    }


def _snapshot(study: Study, questions: str, name: str) -> Row:
    """The settings that made the result; what is only shown is in no result file."""
    ensemble = name in study.ensembles
    return {
        **(ensemble_slice(study, name) if ensemble else run_slice(study, name)),
        "_run_environment": study.study.environment,
        "_questions_file": Path(study.question_file(questions)).name,
    }
