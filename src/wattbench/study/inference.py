"""Study sections of models, their generation settings and their resources."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from pydantic import Field, JsonValue, field_validator, model_validator

from wattbench.study.section import Name, Section, Text

COMMIT = re.compile(r"[0-9a-f]{40}")
PromptName = Literal["guide-v1", "guide-v2", "compact-v1", "compact-v2"]
Strategy = Literal["majority", "first_non_blank", "answer_priority", "confidence"]
Votes = Literal["canonical", "raw"]


class Generation(Section):
    """How a model generates; all of it defines the result."""

    temperature: float = Field(default=0.0, ge=0, le=2)
    top_p: float = Field(default=1.0, gt=0, le=1)
    seed: int = Field(default=0, ge=0)
    max_new_tokens: int = Field(default=256, ge=1)
    """Tokens generated at most for one answer."""

    context_length: int = Field(default=4096, ge=256)
    """Tokens of prompt and answer together."""

    constrain: bool = True
    """Constrain the reply to the prompt's JSON schema where the backend can."""

    logprobs: bool = True
    """Ask for log-probabilities, from which the confidence comes."""

    cache_prompt: bool = False
    """Read what prompts share at their beginning once (prompts of version 2 share most); faster,
    but can change a greedy answer."""


class Requests(Section):
    """How questions are sent; no part of the result's identity."""

    timeout_s: float = Field(default=300.0, gt=0)
    """Limit of one request."""

    retries: int = Field(default=2, ge=0, le=20)
    """Further tries of a question that failed."""

    concurrency: int = Field(default=1, ge=1, le=1024)
    """Questions in flight at once. The embedded backend answers them in one batch: faster, but
    now and then another greedy answer."""

    budget_s: float | None = Field(default=None, gt=0)
    """Seconds after which a question is not tried again; a server that is busy (429, 503) is asked
    until then, and costs no retry. Default: timeout_s times the tries."""

    api_key_env: str | None = None
    """Environment variable that holds the server's key; the key itself belongs in no file."""

    ready_s: float = Field(default=1800.0, gt=0)
    """Seconds that a server which the job starts may take until it is ready."""

    @field_validator("api_key_env")
    @classmethod
    def _is_a_name(cls, name: str | None) -> str | None:
        # Says nothing of what was found: it may be the key.
        if name is not None and not re.fullmatch(r"[A-Z_][A-Z0-9_]{0,63}", name):
            raise ValueError(
                "give the name of an environment variable, of capital letters, digits and '_', "
                "never the key itself"
            )
        return name

    def question_s(self) -> float:
        """Seconds after which a question is not tried again."""
        return self.budget_s or self.timeout_s * (self.retries + 1)


@dataclass(frozen=True)
class Asked:
    """What a job asks of the machine where the study leaves nothing open."""

    gpus: int = 0
    cpus: int = 2
    memory_gib: float = 4.0
    walltime_min: int = 60


class Resources(Section):
    """What a run's job asks of the machine; no part of the result's identity.

    What is left open is derived from the model where `cluster.partitions` names a partition file.
    """

    gpus: int | None = Field(default=None, ge=0, le=64)
    """GPUs; default: as many as hold the model, or none without a partition file."""

    vram_gib: float | None = Field(default=None, gt=0)
    """GPU memory that the model needs in all; default: estimated from parameters_b, precision
    and context."""

    cpus: int | None = Field(default=None, ge=1, le=1024)
    """CPUs; default: 4 a GPU, 2 without."""

    memory_gib: float | None = Field(default=None, gt=0)
    """Memory of the first attempt; default: 4, and what the weights take while they load."""

    walltime_min: int | None = Field(default=None, ge=1)
    """Walltime of the first attempt; default: 60, or estimated from the model and the number of
    questions where there is a partition file."""

    partition: Text | None = None
    """Entry of the partition file to use; default: the smallest that fits."""

    group_question_sets: bool = False
    """One job for all question sets, so that the model is loaded once; default: a job for each."""

    def asked(self) -> Asked:
        """What is given, and the plain defaults for what is not."""
        plain = Asked()
        return Asked(
            gpus=plain.gpus if self.gpus is None else self.gpus,
            cpus=self.cpus or plain.cpus,
            memory_gib=self.memory_gib or plain.memory_gib,
            walltime_min=self.walltime_min or plain.walltime_min,
        )


class Model(Section):
    """One model under test: one run, one job."""

    label: str | None = None
    """Shown instead of the model's name."""

    colour: str | None = Field(default=None, pattern=r"^#[0-9a-fA-F]{6}$")
    """Colour in plots, #rrggbb."""

    backend: Text = "llamacpp"
    """One of those that `wattbench list backends` shows."""

    weights: Text
    """A pinned file (`wattbench list weights`), a path, or the backend's model id."""

    revision: str | None = None
    """Revision of the model on its hub."""

    family: str | None = None
    """Models of one family are compared over their sizes."""

    parameters_b: float | None = Field(default=None, gt=0)
    """Number of parameters in billions."""

    precision: str | None = None
    """Precision of the weights, such as q4_k_m, 4bit or bf16."""

    repeat_of: Name | None = None
    """Model that this entry runs again: with another `generation.seed`, and all else equal."""

    retrieval: Name | None = None
    """Retrieval whose contexts the model is given; default: the study's first."""

    prompt: PromptName = "guide-v1"
    generation: Generation = Generation()
    options: dict[str, JsonValue] = Field(default_factory=dict)
    """Further settings of the backend; part of the identity."""

    requests: Requests = Requests()
    resources: Resources = Resources()

    @model_validator(mode="after")
    def _foreign_code_is_pinned(self) -> Model:
        server = self.options.get("server")
        words = server.get("args") if isinstance(server, dict) else None
        asked = bool(self.options.get("trust_remote_code")) or any(
            str(word).replace("_", "-").startswith("--trust-remote-code")
            for word in (words if isinstance(words, list) else ())
        )
        if asked and not COMMIT.fullmatch(self.revision or ""):
            raise ValueError(
                "trust_remote_code runs code that lies beside the weights, so it needs 'revision': "
                "the 40 hexadecimal digits of the commit that you have read"
            )
        return self


class Ensemble(Section):
    """Several runs that vote."""

    label: str | None = None
    members: tuple[Name, ...] = Field(min_length=2)
    """Models that vote, in the order that decides ties."""

    strategy: Strategy = "majority"
    ignore_blank: bool = False
    """Drop abstentions before the count while any other answer stands."""

    votes: Votes = "canonical"
    """What one vote is: canonical counts '0.5', '.50' and '5e-1' as one answer; raw counts equal
    texts, as the benchmark guide's ensembles do."""

    weigh_by: Literal["confidence", "accuracy"] = "confidence"
    """What the strategy `confidence` weighs votes by: the answer's own confidence, or its
    member's share of right values on the question set `accuracy_on`."""

    accuracy_on: Name | None = None
    """Question set that `weigh_by: accuracy` takes the members' accuracy from; a question that
    is in it is weighed by the others (cross-fitting)."""

    @model_validator(mode="after")
    def _no_member_votes_twice(self) -> Ensemble:
        twice = sorted({m for m in self.members if self.members.count(m) > 1})
        if twice:
            raise ValueError(f"members named more than once: {', '.join(twice)}")
        return self

    @model_validator(mode="after")
    def _accuracy_is_of_something(self) -> Ensemble:
        by_accuracy = self.strategy == "confidence" and self.weigh_by == "accuracy"
        if by_accuracy and self.accuracy_on is None:
            raise ValueError("weigh_by: accuracy needs accuracy_on, the question set it is from")
        if not by_accuracy and self.accuracy_on is not None:
            raise ValueError(
                "accuracy_on is used only with strategy: confidence and weigh_by: accuracy"
            )
        return self
