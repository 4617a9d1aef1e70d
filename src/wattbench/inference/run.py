"""One run on one question set: what it reads, where it writes, and the key of every question."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from wattbench.inference.backends import backend_class
from wattbench.inference.backends.base import Backend, Message, Setup
from wattbench.inference.engine import Task
from wattbench.inference.journal import Outcome, keys_of, outcomes
from wattbench.inference.prompts import PROMPTS, Prompt
from wattbench.inference.replies import parse_reply
from wattbench.inference.steps import Course, Step, course
from wattbench.records import Record
from wattbench.study.identity import run_identity
from wattbench.study.inference import Model
from wattbench.study.layout import Layout, RunFiles
from wattbench.study.models import Study
from wattbench.tables.documents import CONTEXTS
from wattbench.tables.files import read_rows
from wattbench.telemetry.ledger import Names
from wattbench.weights import identity as weights_identity
from wattbench.weights import locate
from wattbench.weights.catalogue import CATALOGUE
from wattbench.weights.folders import folder_identity, model_on_disk

NATIVE_LOG = "backend.log"

Row = dict[str, Any]


@dataclass(frozen=True)
class Weights:
    """What the model's weights are; path, hash and size are None where they are no file here."""

    name: str
    path: Path | None = None
    sha256: str | None = None
    bytes: int | None = None


@dataclass(frozen=True)
class Run:
    """One run on one question set.

    Args:
        study: The study.
        questions: Name of the question set.
        name: Name of the model entry.
    """

    study: Study
    questions: str
    name: str

    @property
    def model(self) -> Model:
        """The study's entry of the model."""
        return self.study.models[self.name]

    @property
    def title(self) -> str:
        """What the progress display says."""
        return f"infer {self.name} on {self.questions}"

    @property
    def prompt(self) -> Prompt:
        """The prompt."""
        return PROMPTS[self.model.prompt]

    @property
    def names(self) -> Names:
        """What every row of the run carries."""
        return Names(self.study.study.environment, self.questions, self.name)

    @property
    def layout(self) -> Layout:
        """Where the study's files lie."""
        return Layout(Path(self.study.study.results))

    @property
    def files(self) -> RunFiles:
        """Where the run's files lie."""
        return self.layout.run(self.study.study.environment, self.questions, self.name)

    @cached_property
    def identity(self) -> str:
        """Digest of all that defines the run's answers, beside the contexts."""
        return run_identity(self.study, self.name)

    @property
    def journal(self) -> Path:
        """Folder of the journal."""
        return self.files.journal(self.identity)

    @cached_property
    def backend_class(self) -> type[Backend]:
        """The class of the backend."""
        return backend_class(self.model.backend)

    @cached_property
    def contexts(self) -> list[Row]:
        """Rows of `contexts`, in the order of the question file.

        Raises:
            InputError: They are not there or cannot be read.
        """
        path = self.layout.contexts(self.questions, self.study.retrieval_of(self.name))
        return sorted(read_rows(path, CONTEXTS), key=lambda row: int(row["position"]))

    @cached_property
    def weights(self) -> Weights:
        """The model's weights.

        Raises:
            InputError: The weights should be on this machine and are not, or are damaged.
        """
        name, abilities = self.model.weights, self.backend_class.capabilities
        if name not in CATALOGUE and not abilities.local_weights:
            folder = model_on_disk(name) if abilities.hub else None
            if folder is None:
                return Weights(name)
            if folder.is_dir():
                return Weights(name, folder, *folder_identity(folder))
        path = locate(name)
        return Weights(name, path, weights_identity(name), path.stat().st_size)

    @cached_property
    def steps(self) -> list[tuple[Step, ...]]:
        """The steps in which each question is asked, in the order of the question file."""
        growing = self.backend_class.capabilities.growing_weights
        sha256 = None if growing else self.weights.sha256
        key = keys_of(self.prompt, self.model, sha256)
        return [
            tuple(Step(key(shown), place, shown) for place, shown in enumerate(_shown(row)))
            for row in self.contexts
        ]

    def courses(self, known: Mapping[str, Outcome]) -> list[Course]:
        """How far each question has come, in the order of the question file.

        Args:
            known: What came of every key of the journal.
        """
        return [course(steps, known) for steps in self.steps]

    def missing(self, records: Sequence[Record]) -> list[Sequence[Step]]:
        """Steps that a journal leaves open, by question; one question for each key.

        Args:
            records: The journal's records.
        """
        found: dict[str, Sequence[Step]] = {}
        for one in self.courses(outcomes(records)):
            if one.left:
                found.setdefault(one.left[0].key, one.left)
        return list(found.values())

    def messages(self, row: Mapping[str, Any]) -> tuple[Message, ...]:
        """The prompt of a question as sent."""
        return self.prompt.messages(row["question"], row["answer_unit"], row["snippets"])

    def task(self, steps: Sequence[Step]) -> Task:
        """What the engine asks for a question.

        Args:
            steps: Its open steps; each is asked where the model abstains at the one before.
        """
        row = steps[0].row
        return Task(
            key=steps[0].key,
            question_id=row["question_id"],
            question=row["question"],
            messages=self.messages(row),
            schema=self.prompt.schema(row["snippets"]),
            otherwise=(lambda: self.task(steps[1:])) if len(steps) > 1 else None,
        )

    def parse(self, text: str) -> object:
        """What a reply says, or Unparsable."""
        return parse_reply(text)

    def setup(self) -> Setup:
        """What the backend is made with."""
        return Setup(
            model=self.model.weights,
            weights=self.weights.path,
            revision=self.model.revision,
            options=self.model.options,
            generation=self.model.generation,
            cpus=self.model.resources.asked().cpus,
            gpus=self.model.resources.asked().gpus,
            concurrency=self.model.requests.concurrency,
            log=self.journal / NATIVE_LOG,
            requests=self.model.requests,
            precision=self.model.precision,
        )


def _shown(row: Row) -> Iterator[Row]:
    """A row of contexts with its snippets, and with more and more of them."""
    yield row
    for wider in row.get("wider") or ():
        yield {**row, **wider}
