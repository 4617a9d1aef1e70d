"""Study sections of scoring, energy and the report."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from wattbench.study.section import Factor, Section, Text

RuleName = Literal["strict", "wattbot-v1", "wattbot-v2"]


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

    weights: Weights = Weights()
    confidence_level: float = Field(default=0.95, gt=0.5, lt=1)
    """Level of every interval."""

    bootstrap: int = Field(default=2000, ge=100, le=100_000)
    """Resamples of a bootstrap interval."""

    seed: int = Field(default=0, ge=0)


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
