"""What the workflow needs to know of a study: files, parameters and resources of every stage.

Snakemake re-runs a job when its parameters change, so each stage's parameters are digests of
just what that stage depends on: its slice of the study, its source data, and its code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from wattbench.errors import InputError
from wattbench.study import identity
from wattbench.study.demands import Demands, demands_of, fitting, with_devices
from wattbench.study.digests import file_digest, last_digest, tree_digest
from wattbench.study.fingerprint import code_fingerprint
from wattbench.study.layout import Layout, RunFiles
from wattbench.study.load import study_from_mapping
from wattbench.study.models import SMOKE, Study
from wattbench.study.placement import Misfit, Placement
from wattbench.study.preflight import startable
from wattbench.study.questions import Question, asked_digest, gold_digest, study_questions
from wattbench.study.resolve import write_resolved, write_skipped

ROOTS: Mapping[str, tuple[str, ...]] = {
    "parse_corpus": ("wattbench.corpus.stage",),
    "build_index": ("wattbench.retrieval.index_stage",),
    "plan_queries": ("wattbench.inference.planning",),
    "retrieve": ("wattbench.retrieval.retrieve_stage",),
    "infer": ("wattbench.inference.stage",),
    "collect_compute": ("wattbench.slurm.stage",),
    "score": ("wattbench.scoring.stage",),
    "judge": ("wattbench.inference.judging",),
    "ensemble": ("wattbench.ensembles.stage", "wattbench.scoring.stage"),
    "aggregate": ("wattbench.analyses.aggregate",),
    "report": ("wattbench.report.stage",),
}
"""Modules whose code, with all they import, a stage's results depend on."""


@dataclass(frozen=True)
class Plan:
    """A study as the workflow sees it.

    Args:
        study: The validated study, without what was left out of it.
        skipped: Why each run or ensemble that was left out was.
        lacking: What this machine lacks for jobs of some models, should they be needed.
    """

    study: Study
    skipped: Mapping[str, str] = field(default_factory=dict)
    lacking: tuple[InputError, ...] = ()

    @cached_property
    def layout(self) -> Layout:
        """Where the study's files lie."""
        return Layout(Path(self.study.study.results))

    @property
    def environment(self) -> str:
        """Name of the machine or cluster."""
        return self.study.study.environment

    def questions(self, *, smoke: bool = False) -> list[str]:
        """Names of the question sets, or of their one-question twins."""
        return [name + SMOKE if smoke else name for name in self.study.questions]

    def run(self, questions: str, run: str) -> RunFiles:
        """Files of a run; wildcards such as '{run}' may stand for the names."""
        return self.layout.run(self.environment, questions, run)

    def ensemble(self, questions: str, name: str) -> RunFiles:
        """Files of an ensemble."""
        return self.layout.ensemble(self.environment, questions, name)

    def members(self, questions: str, ensemble: str) -> list[RunFiles]:
        """Files of the runs that vote in an ensemble."""
        return [self.run(questions, name) for name in self.study.ensembles[ensemble].members]

    def weighing(self, ensemble: str) -> list[RunFiles]:
        """Files of the members on the question set whose accuracy weighs their votes."""
        known = self.study.ensembles[ensemble].accuracy_on
        return [] if known is None else self.members(known, ensemble)

    def runs(self, *, smoke: bool = False) -> Iterable[RunFiles]:
        """Files of every run."""
        return (self.run(q, m) for q in self.questions(smoke=smoke) for m in self.study.models)

    def ensembles(self) -> Iterable[RunFiles]:
        """Files of every ensemble."""
        return (self.ensemble(q, e) for q in self.questions() for e in self.study.ensembles)

    def contexts_of(self, questions: str, run: str) -> tuple[Path, Path]:
        """The contexts a run is given, and their manifest."""
        retrieval = self.study.retrieval_of(run)
        return (
            self.layout.contexts(questions, retrieval),
            self.layout.contexts_manifest(questions, retrieval),
        )

    def code(self, stage: str) -> str:
        """Fingerprint of a stage's code."""
        return code_fingerprint(*ROOTS[stage])

    def documents_digest(self, corpus: str) -> str:
        """Digest of a corpus' documents and metadata, by content.

        Where they are gone it is the last that was seen: what was made from them stays.

        Raises:
            InputError: They are gone and were never seen.
        """
        entry = self.study.corpora[corpus]
        cache = self.layout.results / ".digests.json"
        found = [_digest(tree_digest, Path(entry.documents), cache)]
        if entry.metadata is not None:
            found.append(_digest(file_digest, Path(entry.metadata), cache))
        return identity.digest_of(found)

    def corpus_identity(self, corpus: str) -> str:
        """Digest of a corpus' settings."""
        return identity.digest_of(identity.corpus_slice(self.study, corpus))

    def index_identity(self, index: str) -> str:
        """Digest of an index' settings."""
        return identity.digest_of(identity.index_slice(self.study, index))

    def retrieval_identity(self, retrieval: str) -> str:
        """Digest of a retrieval's settings."""
        return identity.digest_of(identity.retrieval_slice(self.study, retrieval))

    def planner_identity(self, retrieval: str) -> str:
        """Digest of how a model plans a retrieval's queries."""
        return identity.planner_identity(self.study, retrieval)

    @property
    def judge(self) -> str | None:
        """The model that judges answers, or None where no rule asks one."""
        asked = self.study.scoring.judge_asked()
        return None if asked is None else asked.model

    def judge_identity(self) -> str:
        """Digest of how the judging model works, and of how often it is asked."""
        return identity.verdicts_identity(self.study)

    def judged(self) -> list[tuple[str, str]]:
        """Environment and question sets whose answers a model judges."""
        return [(self.environment, q) for q in self.questions() if self.judge is not None]

    def planner_of(self, retrieval: str) -> str | None:
        """The model that plans a retrieval's queries, or None."""
        return self.study.retrievals[retrieval].planner.model

    def planned(self) -> list[tuple[str, str]]:
        """Question sets and retrievals of the runs whose queries a model plans."""
        used = dict.fromkeys(self.study.retrieval_of(run) for run in self.study.models)
        return [(q, r) for q in self.questions() for r in used if self.planner_of(r)]

    def run_identity(self, run: str) -> str:
        """Digest of a run's settings."""
        return identity.run_identity(self.study, run)

    def scoring_identity(self) -> str:
        """Digest of how answers are judged."""
        return identity.digest_of(identity.scoring_slice(self.study))

    def ensemble_identity(self, ensemble: str) -> str:
        """Digest of how an ensemble votes."""
        return identity.digest_of(identity.ensemble_slice(self.study, ensemble))

    def tables_identity(self) -> str:
        """Digest of what the tables take from the study itself."""
        tables = identity.tables_slice(self.study)
        return identity.digest_of([tables, *([dict(self.skipped)] if self.skipped else [])])

    def report_identity(self) -> str:
        """Digest of how results are shown, the study's own words included."""
        shown = (self.study.report, *self.study.reports.values())
        words = [r.analysis and identity.file_bytes_digest(Path(r.analysis)) for r in shown]
        return identity.digest_of([identity.report_slice(self.study), words])

    def asked(self, questions: str) -> str:
        """Digest of what the models are asked."""
        return asked_digest(self._questions(questions))

    def gold(self, questions: str) -> str:
        """Digest of what their answers are judged by."""
        return gold_digest(self._questions(questions))

    def _questions(self, questions: str) -> tuple[Question, ...]:
        return study_questions(self.study, questions)

    @cached_property
    def _demands(self) -> Demands:
        return demands_of(self.study)

    @cached_property
    def _counts(self) -> dict[str, int]:
        return {
            name: len(self._questions(name))
            for name in (*self.questions(), *self.questions(smoke=True))
        }

    @cached_property
    def grouped(self) -> tuple[str, ...]:
        """Models of which one job works through all question sets."""
        models = self.study.models.items()
        return tuple(name for name, one in models if one.resources.group_question_sets)

    @cached_property
    def alone(self) -> tuple[str, ...]:
        """Models with a job for each question set."""
        return tuple(name for name in self.study.models if name not in self.grouped)

    def asks(self, questions: str | Sequence[str], run: str) -> Placement:
        """What a run's job asks of the machine or cluster.

        Args:
            questions: The question set, or those that the job works through.
            run: Name of the model entry.

        Raises:
            InputError: No partition can hold it.
        """
        sets = [questions] if isinstance(questions, str) else questions
        found = self._demands.of(run, sum(self._counts[name] for name in sets))
        if isinstance(found, Misfit):
            raise InputError(f"the model {found.sentence()}.", where=f"models.{run}")
        return found

    def gpus(self, questions: str | Sequence[str], run: str) -> int:
        """GPUs asked for by number; none where they are asked for as a generic resource."""
        return 0 if self.study.cluster.gpu_syntax == "gres" else self.asks(questions, run).gpus

    @cached_property
    def site(self) -> dict[str, str]:
        """What every job asks of Slurm by the study's `cluster`; the profile says the rest."""
        cluster = self.study.cluster
        wanted = {
            "slurm_account": cluster.account,
            "slurm_partition": cluster.partition,
            "qos": cluster.qos,
            "constraint": cluster.constraint,
            "slurm_extra": cluster.extra,
        }
        return {name: value for name, value in wanted.items() if value is not None}

    @cached_property
    def sbatch(self) -> tuple[str, ...]:
        """Names of what a run's job asks of Slurm beside memory, walltime and number of GPUs."""
        names = list(self.site)
        partitions = self._demands.partitions
        if partitions is not None:
            names += ["slurm_partition", "gpu_model", "cpus_per_task"]
            names += ["qos"] if any(one.qos for one in partitions.values()) else []
            names += ["constraint"] if any(one.constraint for one in partitions.values()) else []
        if self.study.cluster.gpu_syntax == "gres":
            names = [*(name for name in names if name != "gpu_model"), "gres"]
        return tuple(dict.fromkeys(names))

    def sbatch_of(self, questions: str | Sequence[str], run: str) -> dict[str, str | int | None]:
        """Values of `sbatch` for a run; None asks for nothing."""
        asks = self.asks(questions, run)
        values: dict[str, str | int | None] = {
            "gpu_model": asks.gpu_type,
            "gres": asks.gres(),
            "cpus_per_task": asks.cpus,
            "slurm_partition": asks.partition,
            "qos": asks.qos,
            "constraint": asks.constraint,
        }
        return {
            name: self.site.get(name) if values.get(name) is None else values[name]
            for name in self.sbatch
        }


def _digest(digest: Callable[[Path, Path], str], path: Path, cache: Path) -> str:
    try:
        return digest(path, cache)
    except InputError:
        known = last_digest(path, cache)
        if known is None:
            raise
        return known


def open_plan(config: Mapping[str, Any], files: Iterable[str]) -> Plan:
    """The plan of a configuration that Snakemake merged.

    Args:
        config: The merged configuration.
        files: The configuration files it came from, for naming lines in errors.

    Returns:
        The plan; the resolved study now lies in its results folder for the stages to read.

    Raises:
        InputError: The study cannot be used, no model can run and none has results, or a model
            fits no partition; nothing was written then.
    """
    study, skipped = fitting(study_from_mapping(config, [Path(file) for file in files]))
    plan = Plan(study, skipped, startable(study))
    for corpus in study.corpora if plan.lacking else ():
        plan.documents_digest(corpus)
    write_resolved(with_devices(study), plan.layout.study)
    write_skipped(skipped, plan.layout.skipped)
    return plan
