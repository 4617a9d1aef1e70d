"""The study as a whole, and the rules that hold between its sections."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator
from typing import Self

from pydantic import Field, model_validator

from wattbench.study.cluster import Cluster
from wattbench.study.inference import Ensemble, Model
from wattbench.study.judgement import JUDGE, RULES, Energy, Price, Scoring
from wattbench.study.reporting import RESERVED, Report
from wattbench.study.retrieval import Corpus, Index, QuestionSet, Retrieval
from wattbench.study.section import Name, Section, Text

SMOKE = ".smoke"
"""Suffix of the one-question twin that every question set has."""

NO_PART_OF_A_REPEAT = frozenset(
    {"label", "colour", "family", "parameters_b", "repeat_of", "requests", "resources"}
)
"""Keys in which a model and its repeat may differ, beside the seed."""


class StudyInfo(Section):
    """What the study is called and where its results go."""

    name: Name
    environment: Name = "local"
    """The machine or cluster; results of two environments never share a folder."""

    results: Text = "results"
    """Folder of everything the workflow writes."""

    description: str | None = None


class Study(Section):
    """Everything a user decides."""

    study: StudyInfo
    corpora: dict[Name, Corpus] = Field(min_length=1)
    questions: dict[Name, QuestionSet] = Field(min_length=1)
    indexes: dict[Name, Index] = Field(default={"minilm": Index()}, min_length=1)
    retrievals: dict[Name, Retrieval] = Field(default={"default": Retrieval()}, min_length=1)
    models: dict[Name, Model] = Field(min_length=1)
    ensembles: dict[Name, Ensemble] = Field(default_factory=dict)
    scoring: Scoring = Scoring()
    energy: Energy = Energy()
    prices: dict[Text, Price] = Field(default_factory=dict)
    """Prices by model id, which is a model's `weights` to the letter."""

    report: Report = Report()
    """The report of everything, in `report/`."""

    reports: dict[Name, Report] = Field(default_factory=dict)
    """Further reports by name, each in `report/<name>/`."""

    cluster: Cluster = Cluster()

    @model_validator(mode="after")
    def _names_refer_to_something(self) -> Self:
        problems = [*self._dangling_names(), *self._reserved_names(), *self._odd_repeats()]
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def _references(self) -> Iterator[tuple[str, str | None, Collection[str], str]]:
        """Every place that names an entry: (place, named or None, known names, what)."""
        for name, index in self.indexes.items():
            yield f"indexes.{name}.corpus", index.corpus, self.corpora, "corpus"
        for name, retrieval in self.retrievals.items():
            yield f"retrievals.{name}.index", retrieval.index, self.indexes, "index"
            if retrieval.planner.model is not None:
                place = f"retrievals.{name}.planner.model"
                yield place, retrieval.planner.model, self.models, "model"
        rules = self.scoring.known_rules()
        yield "scoring.rule", self.scoring.rule, rules, "rule"
        for position, rule in enumerate(self.scoring.also):
            yield f"scoring.also.{position}", rule, rules, "rule"
        if self.scoring.judge is not None:
            yield "scoring.judge.model", self.scoring.judge.model, self.models, "model"
        for name, model in self.models.items():
            if model.retrieval is not None:
                yield f"models.{name}.retrieval", model.retrieval, self.retrievals, "retrieval"
            if model.repeat_of is not None:
                yield f"models.{name}.repeat_of", model.repeat_of, self.models, "model"
        for name, ensemble in self.ensembles.items():
            for position, member in enumerate(ensemble.members):
                yield f"ensembles.{name}.members.{position}", member, self.models, "model"
            if ensemble.accuracy_on is not None:
                place = f"ensembles.{name}.accuracy_on"
                yield place, ensemble.accuracy_on, self.questions, "question set"
        yield from self._selected()

    def _selected(self) -> Iterator[tuple[str, str | None, Collection[str], str]]:
        """As `_references`, what reports select: a slip would cost them after the last job."""
        runs = self.models.keys() | self.ensembles.keys()
        for name, report in ((None, self.report), *self.reports.items()):
            place = "report" if name is None else f"reports.{name}"
            select = report.inputs.select
            for key, values, known, what in (
                ("run", select.run, runs, "model or ensemble"),
                ("questions", select.questions, self.questions, "question set"),
                ("retrieval", select.retrieval, self.retrievals, "retrieval"),
            ):
                for position, value in enumerate(values):
                    named = value.removesuffix(SMOKE) if key == "questions" else value
                    yield f"{place}.inputs.select.{key}.{position}", named, known, what

    def _dangling_names(self) -> Iterator[str]:
        for place, named, known, what in self._references():
            if named is None and len(known) > 1:
                yield f"{place}: name the {what}, for the study has {len(known)}"
            elif named is not None and named not in known:
                names = ", ".join(sorted(known)) or "none"
                near = difflib.get_close_matches(named, known, n=1)
                hint = f" (did you mean '{near[0]}'?)" if near else ""
                yield f"{place}: there is no {what} named '{named}'{hint}; known: {names}"

    def _reserved_names(self) -> Iterator[str]:
        for name in self.scoring.custom.keys() & {*RULES, JUDGE}:
            yield f"scoring.custom.{name}: a built-in rule has that name"
        for name in self.ensembles.keys() & self.models.keys():
            yield f"ensembles.{name}: a model has that name already"
        for name in self.questions:
            if name.endswith(SMOKE):
                yield f"questions.{name}: names ending in '{SMOKE}' are kept for the smoke target"
        folders: dict[str, str] = {}
        for name in self.reports:
            # Of names that differ in case alone, some file systems make one folder.
            if name.lower() in RESERVED:
                yield f"reports.{name}: the default report has a file or folder of that name"
            other = folders.setdefault(name.lower(), name)
            if other != name:
                yield f"reports.{name}: differs from '{other}' in upper and lower case alone"

    def _odd_repeats(self) -> Iterator[str]:
        for name, model in self.models.items():
            base = self.models.get(model.repeat_of or "")
            if base is None:
                continue
            place = f"models.{name}.repeat_of"
            if base.repeat_of is not None:
                yield f"{place}: name {base.repeat_of}, which '{model.repeat_of}' repeats itself"
            for key in sorted(type(model).model_fields.keys() - NO_PART_OF_A_REPEAT):
                own, other = getattr(model, key), getattr(base, key)
                if key == "generation":
                    own, other = (one.model_copy(update={"seed": 0}) for one in (own, other))
                if own != other:
                    yield (
                        f"{place}: '{key}' differs from that of '{model.repeat_of}', "
                        "so it is no repeat"
                    )

    def corpus_of(self, index: str) -> str:
        """Name of the corpus that an index is built over."""
        return self.indexes[index].corpus or next(iter(self.corpora))

    def index_of(self, retrieval: str) -> str:
        """Name of the index that a retrieval searches."""
        return self.retrievals[retrieval].index or next(iter(self.indexes))

    def retrieval_of(self, model: str) -> str:
        """Name of the retrieval whose contexts a model is given."""
        return self.models[model].retrieval or next(iter(self.retrievals))

    def question_file(self, questions: str) -> str:
        """Path of a question set's file; a smoke twin shares its set's file."""
        return self.questions[questions.removesuffix(SMOKE)].file
