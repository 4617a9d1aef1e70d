"""Study sections of scoring, energy and the report."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from wattbench.study.section import Factor, Name, Section, Text

RuleName = Name
"""A scoring rule: one of `RULES`, `judge`, or one that the study names under `scoring.custom`."""

RULES = ("strict", "wattbot-v1", "wattbot-v2", "exact", "contains", "numeric")
"""Rules that need nothing but the answer."""

JUDGE = "judge"
"""The rule under which a model says which answers are right."""


class Judge(Section):
    """The model behind the rule `judge`."""

    model: Name
    """A model entry of the study."""

    attempts: int = Field(default=3, ge=1, le=20)
    """Times an answer is shown to it before its verdict counts as failed."""


Clustering = Literal["question", "document"]


class Weights(Section):
    """Weights of the score's components; they sum to 1."""

    value: float = Field(default=0.75, ge=0, le=1)
    ref: float = Field(default=0.15, ge=0, le=1)
    na: float = Field(default=0.10, ge=0, le=1)

    @model_validator(mode="after")
    def _sum_to_one(self) -> Weights:
        if abs(self.value + self.ref + self.na - 1) > 1e-9:
            raise ValueError(f"value + ref + na must be 1, not {self.value + self.ref + self.na:g}")
        return self


class Scoring(Section):
    """How answers are judged."""

    rule: RuleName = "strict"
    """The rule of the headline."""

    also: tuple[RuleName, ...] = ()
    """Further rules whose scores are kept beside it."""

    custom: dict[Name, Text] = Field(default_factory=dict)
    """Rules of your own by name: the Python file or module that holds each."""

    judge: Judge | None = None
    """The model behind the rule `judge`."""

    weights: Weights = Weights()
    confidence_level: float = Field(default=0.95, gt=0.5, lt=1)
    """Level of every interval."""

    bootstrap: int = Field(default=2000, ge=100, le=100_000)
    """Resamples of a bootstrap interval."""

    seed: int = Field(default=0, ge=0)
    cluster: Clustering = "question"
    """What is drawn independently: questions, or all questions that cite a common document."""

    def judge_asked(self) -> Judge | None:
        """The judging model's section; None where no rule asks it."""
        return self.judge if JUDGE in {self.rule, *self.also} else None

    def known_rules(self) -> tuple[RuleName, ...]:
        """Rules that answers may be judged by."""
        return (*RULES, *self.custom, *([JUDGE] if self.judge is not None else []))


class Estimate(Section):
    """Energy from CPU time and declared power: no measurement, and labelled so everywhere."""

    watts_per_core: float = Field(gt=0)
    """Power of one busy core, its share of the package included."""

    relative_uncertainty: float = Field(gt=0, le=2)
    """Standard uncertainty as a share of the estimate."""

    source: Text


class Energy(Section):
    """How energy is measured, estimated and converted."""

    sampling_hz: float = Field(default=10.0, gt=0, le=100)
    """Samples a second of energy and power; memory, CPU time and the like are read every second."""

    calibration_relative_uncertainty: float = Field(default=0.05, ge=0, le=1)
    """Standard uncertainty of a meter's calibration as a share of its reading."""

    calibration_source: Text = "NVML documents +-5 % for its power reading"
    estimate: Estimate | None = None
    """Off unless given; used only where no meter exists."""

    pue: Factor | None = None
    """Power usage effectiveness of the site."""

    carbon_g_per_kwh: Factor | None = None
    price_per_kwh: Factor | None = None


class Price(Section):
    """What a server charges for a model's tokens."""

    input_per_million: float = Field(ge=0)
    """Of prompt tokens."""

    cached_input_per_million: float | None = Field(default=None, ge=0)
    """Of prompt tokens that the server took from its cache; left out, a run with such tokens has
    no known price."""

    output_per_million: float = Field(ge=0)
    """Of generated tokens."""

    currency: Text = "USD"
    source: Text
    """Where the prices come from, with their date."""
