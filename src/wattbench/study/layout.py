"""Where every file of a study lies, relative to its results folder: the one place that says so."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

LEDGER = "ledger.jsonl"
"""Name of the file in a journal's folder that says when which job worked."""


@dataclass(frozen=True)
class RunFiles:
    """Files of one run or ensemble on one question set."""

    folder: Path

    @property
    def predictions(self) -> Path:
        return self.folder / "predictions.parquet"

    @property
    def segments(self) -> Path:
        return self.folder / "segments.parquet"

    @property
    def samples(self) -> Path:
        return self.folder / "samples.parquet"

    @property
    def job(self) -> Path:
        return self.folder / "job.json"

    @property
    def compute(self) -> Path:
        return self.folder / "compute.json"

    @property
    def scores(self) -> Path:
        return self.folder / "scores.parquet"

    @property
    def results(self) -> Path:
        return self.folder / "results.json"

    @property
    def summary(self) -> Path:
        return self.folder / "summary.json"

    @property
    def submission(self) -> Path:
        return self.folder / "submission.csv"

    @property
    def votes(self) -> Path:
        return self.folder / "votes.parquet"

    def journal(self, identity: str) -> Path:
        return self.folder / "journal" / identity


@dataclass(frozen=True)
class Layout:
    """Folders and files under a results folder."""

    results: Path

    TABLES: ClassVar[tuple[str, ...]] = (
        "questions",
        "runs",
        "predictions",
        "scores",
        "segments",
        "samples",
        "compute",
        "ensembles",
        "votes",
        "comparisons",
        "calibration",
        "roc",
        "histograms",
        "question_types",
        "repeats",
        "scaling",
        "audit",
    )
    """Names of the aggregated tables."""

    def nodes(self, corpus: str) -> Path:
        return self.results / "corpus" / corpus / "nodes.parquet"

    def corpus_problems(self, corpus: str) -> Path:
        return self.results / "corpus" / corpus / "problems.parquet"

    def corpus_manifest(self, corpus: str) -> Path:
        return self.results / "corpus" / corpus / "manifest.json"

    def index(self, index: str) -> Path:
        return self.results / "index" / index

    def index_manifest(self, index: str) -> Path:
        return self.index(index) / "manifest.json"

    def contexts(self, questions: str, retrieval: str) -> Path:
        return self.results / "contexts" / questions / f"{retrieval}.parquet"

    def queries(self, questions: str, retrieval: str) -> Path:
        return self.results / "contexts" / questions / f"{retrieval}.queries.parquet"

    def queries_segments(self, questions: str, retrieval: str) -> Path:
        return self.results / "contexts" / questions / f"{retrieval}.queries.segments.parquet"

    def queries_job(self, questions: str, retrieval: str) -> Path:
        return self.results / "contexts" / questions / f"{retrieval}.queries.json"

    def queries_journal(self, questions: str, retrieval: str, identity: str) -> Path:
        return self.results / "contexts" / questions / f"{retrieval}.queries" / identity

    def judge(self, environment: str, questions: str) -> Path:
        """Folder of what the judging model made of a question set's answers."""
        return self.results / "verdicts" / environment / questions

    def judge_verdicts(self, environment: str, questions: str) -> Path:
        return self.judge(environment, questions) / "verdicts.parquet"

    def judge_segments(self, environment: str, questions: str) -> Path:
        return self.judge(environment, questions) / "segments.parquet"

    def judge_job(self, environment: str, questions: str) -> Path:
        return self.judge(environment, questions) / "job.json"

    def judge_journal(self, environment: str, questions: str, identity: str) -> Path:
        return self.judge(environment, questions) / "journal" / identity

    def contexts_manifest(self, questions: str, retrieval: str) -> Path:
        return self.results / "contexts" / questions / f"{retrieval}.manifest.json"

    def run(self, environment: str, questions: str, run: str) -> RunFiles:
        return RunFiles(self.results / "runs" / environment / questions / run)

    def ensemble(self, environment: str, questions: str, name: str) -> RunFiles:
        return RunFiles(self.results / "ensembles" / environment / questions / name)

    @property
    def tables(self) -> Path:
        return self.results / "tables"

    def table(self, name: str) -> Path:
        return self.tables / f"{name}.parquet"

    @property
    def tables_manifest(self) -> Path:
        return self.tables / "manifest.json"

    @property
    def partial_manifest(self) -> Path:
        """What stands in the place of the manifest of tables that lack runs.

        The workflow knows the other one alone, so that it makes such tables anew.
        """
        return self.tables / "partial.json"

    def kept(self, environment: str, questions: str) -> Path:
        """What aggregation made of each run; it may be deleted at any time."""
        return self.results / "kept" / environment / questions

    @property
    def scaling_csv(self) -> Path:
        """The guide's comparison over model sizes; beside it the same as JSON."""
        return self.tables / "scaling.csv"

    @property
    def scaling_json(self) -> Path:
        return self.tables / "scaling.json"

    @property
    def report(self) -> Path:
        return self.results / "report"

    @property
    def study(self) -> Path:
        """The resolved study that every command of the workflow reads."""
        return self.results / "study.json"

    @property
    def skipped(self) -> Path:
        """Why runs and ensembles were left out; there only where some were."""
        return self.results / "skipped.json"

    def log(self, rule: str, *wildcards: str) -> Path:
        """What a job of the workflow printed: one folder a rule, one file a job."""
        return self._job_file("logs", rule, wildcards, "log")

    def benchmark(self, rule: str, *wildcards: str) -> Path:
        """What Snakemake measured of a job."""
        return self._job_file("benchmarks", rule, wildcards, "jsonl")

    def _job_file(self, kind: str, rule: str, wildcards: tuple[str, ...], ending: str) -> Path:
        *folders, name = wildcards or (rule,)
        return self.results.joinpath(kind, rule, *folders, f"{name}.{ending}")
