"""Which fields define a result, and which are display or resources: the one place that says so.

Each function gives the slice of the study that one stage depends on, as plain JSON values; a
stage is invalid when its slice changes and never otherwise. Labels, colours, titles, resources,
request limits and batch sizes are in no slice.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from wattbench.study.custom import rule_digests
from wattbench.study.models import Study

Slice = dict[str, Any]


def digest_of(value: object) -> str:
    """First 16 hex digits (64 bits) of the sha256 of a value's canonical JSON."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def corpus_slice(study: Study, corpus: str) -> Slice:
    """What parsing a corpus depends on, beside the documents' bytes."""
    entry = study.corpora[corpus]
    return {"fetch": entry.fetch}


def index_slice(study: Study, index: str) -> Slice:
    """What an index depends on, beside its corpus."""
    entry = study.indexes[index]
    return {
        "corpus": study.corpus_of(index),
        "embedder": entry.embedder.model_dump(mode="json", exclude={"batch_size", "api_key_env"}),
        "bm25": entry.bm25,
    }


def retrieval_slice(study: Study, retrieval: str) -> Slice:
    """What contexts depend on, beside the index and the questions."""
    entry = study.retrievals[retrieval]
    planner: Slice = entry.planner.model_dump(mode="json")
    if entry.planner.model is not None:
        planner["model"] = _model_fields(study, entry.planner.model)
    settings: Slice = entry.model_dump(mode="json", exclude={"index", "planner"})
    return {**settings, "index": index_slice(study, study.index_of(retrieval)), "planner": planner}


def planner_identity(study: Study, retrieval: str) -> str:
    """Digest of what a retrieval's planned queries depend on, beside the questions."""
    return digest_of(retrieval_slice(study, retrieval)["planner"])


def _model_fields(study: Study, model: str) -> Slice:
    entry = study.models[model]
    fields: Slice = entry.model_dump(
        mode="json",
        include={"backend", "weights", "revision", "precision", "prompt", "generation", "options"},
    )
    return fields


def run_slice(study: Study, model: str) -> Slice:
    """What a run's answers depend on, beside the contexts: model, settings, prompt, retrieval.

    Retries after an abstention are left out: they change no answer that is none.
    """
    retrieval = retrieval_slice(study, study.retrieval_of(model))
    del retrieval["abstention_retries"]
    return {**_model_fields(study, model), "retrieval": retrieval}


def scoring_slice(study: Study) -> Slice:
    """What scores depend on, beside predictions and gold answers.

    Raises:
        InputError: The file of a rule of the study's own is missing.
    """
    fields: Slice = study.scoring.model_dump(mode="json")
    fields["custom"] = rule_digests(study.scoring.custom)
    if study.scoring.judge is not None:
        fields["judge"]["model"] = _model_fields(study, study.scoring.judge.model)
    return fields


def judge_identity(study: Study, judge: str) -> str:
    """Digest of what a judging model's verdicts depend on, beside the answers."""
    return digest_of({"model": _model_fields(study, judge)})


def verdicts_identity(study: Study) -> str:
    """Digest of what verdicts depend on beside the answers: the judge, and how often it is asked.

    The journal does not depend on the second: with more attempts, what it holds still counts.
    """
    asked = study.scoring.judge_asked()
    return digest_of(
        None if asked is None else [judge_identity(study, asked.model), asked.attempts]
    )


def ensemble_slice(study: Study, ensemble: str) -> Slice:
    """What an ensemble's answers depend on, beside its members' predictions."""
    fields: Slice = study.ensembles[ensemble].model_dump(mode="json", exclude={"label"})
    return {**fields, "scoring": scoring_slice(study)}


def tables_slice(study: Study) -> Slice:
    """What the aggregated tables depend on, beside the runs' files."""
    return {
        "study": study.study.name,
        "models": {
            name: model.model_dump(mode="json", include={"family", "parameters_b", "repeat_of"})
            for name, model in study.models.items()
        },
        "ensembles": sorted(study.ensembles),
        "energy": study.energy.model_dump(mode="json", exclude={"sampling_hz"}),
        "prices": {
            model.weights: study.prices[model.weights].model_dump(mode="json")
            for model in study.models.values()
            if model.weights in study.prices
        },
        "scoring": scoring_slice(study),
    }


def report_slice(study: Study) -> Slice:
    """What the report depends on, beside the tables: all that is only shown."""
    return {
        "report": study.report.model_dump(mode="json"),
        "reports": {n: r.model_dump(mode="json") for n, r in study.reports.items()},
        "description": study.study.description,
        "models": {n: [m.label, m.colour] for n, m in study.models.items()},
        "ensembles": {n: e.label for n, e in study.ensembles.items()},
        "questions": {n: q.label for n, q in study.questions.items()},
    }


def run_identity(study: Study, model: str) -> str:
    """Name of the journal's folder: the digest of `run_slice`."""
    return digest_of(run_slice(study, model))


def file_bytes_digest(path: Path) -> str:
    """sha256 of a file's bytes, as 64 hex digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
