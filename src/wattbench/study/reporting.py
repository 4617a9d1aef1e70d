"""What a report shows: which runs, which figures, which thresholds; the section `report`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from wattbench.study.section import Section, Text

FigureName = Literal[
    "frontier",
    "accuracy_by_type",
    "comparisons",
    "power",
    "overall_scores",
    "overall_ranking",
    "score_breakdown",
    "score_breakdown_top10",
    "agreement_heatmap",
    "unique_wins",
    "refusal_rates",
    "cost_vs_score",
    "cost_vs_performance",
    "energy_per_experiment",
    "energy_quality_pareto",
    "size_vs_scores",
    "size_vs_latency",
    "size_vs_cost",
    "size_score_cost_bubble",
    "scores_by_task",
    "scores_by_model",
    "scores_by_factor",
    "scores_heatmap",
    "scores_radar_by_task",
    "calibration_curves",
    "roc_curves",
    "prediction_histogram",
]
"""Every view that the report can draw."""

ScoreName = Literal["score", "value_accuracy", "ref_overlap", "na_recall"]
Level = Annotated[float, Field(gt=0.5, lt=1)]


class Select(Section):
    """Which runs a report is about: those whose column has one of the values; empty is all."""

    environment: tuple[Text, ...] = ()
    questions: tuple[Text, ...] = ()
    run: tuple[Text, ...] = ()
    kind: tuple[Literal["model", "ensemble"], ...] = ()
    family: tuple[Text, ...] = ()
    parameters_b: tuple[float, ...] = ()
    precision: tuple[Text, ...] = ()
    backend: tuple[Text, ...] = ()
    weights: tuple[Text, ...] = ()
    retrieval: tuple[Text, ...] = ()
    prompt: tuple[Text, ...] = ()
    seed: tuple[int, ...] = ()


class Inputs(Section):
    """What a report is made from."""

    select: Select = Select()


class ScoresByTask(Section):
    """Settings of `scores_by_task`."""

    score_value: ScoreName = "score"
    score_label: str | None = None
    ci: Level | None = None
    """Level of its intervals; default: the study's."""


class ScoresHeatmap(Section):
    """Settings of `scores_heatmap`."""

    score_value: ScoreName = "score"
    title: str = ""
    model_label: str = "Model"
    orientation: Literal["vertical", "horizontal"] = "vertical"
    """vertical: a row a model; horizontal: a column a model."""


class ScoresRadar(Section):
    """Settings of `scores_radar_by_task`."""

    score_value: ScoreName = "score"
    invert: tuple[Text, ...] = ()
    """Tasks whose scores are turned around, for less is better on them."""

    normalization: Literal["min_max", "percentile", "absolute"] = "absolute"
    domain: tuple[float, float] = (0.0, 1.0)
    """Ends of the scores under `absolute`."""

    @model_validator(mode="after")
    def _domain_rises(self) -> ScoresRadar:
        if self.domain[0] >= self.domain[1]:
            raise ValueError("domain: its first number must be below its second")
        return self


class ScoresByFactor(Section):
    """Settings of `scores_by_factor`."""

    factor: Literal["answerable", "quote", "table", "figure", "math"] = "answerable"
    """What splits the questions in two: whether they have an answer, or are of a type."""

    factor_labels: tuple[Text, Text] | None = None
    """Names of the two sides, the false one first."""

    score_value: ScoreName = "score"
    score_label: str | None = None
    ci: Level | None = None


class ScoresByModel(Section):
    """Settings of `scores_by_model`."""

    score_value: ScoreName = "score"
    score_label: str | None = None
    ci: Level | None = None
    height: float | None = Field(default=None, gt=40, le=4000)
    """Height in pixels of 1/96 inch; default: by the number of models."""


class EnergyQuality(Section):
    """Settings of `energy_quality_pareto`."""

    energy_col: Literal[
        "energy_gross_j", "energy_answer_j", "energy_per_question_j", "energy_per_correct_j"
    ] = "energy_gross_j"
    quality_col: ScoreName = "score"


class FigureSettings(Section):
    """Settings of the figures that have any, by figure."""

    scores_by_task: ScoresByTask = ScoresByTask()
    scores_heatmap: ScoresHeatmap = ScoresHeatmap()
    scores_radar_by_task: ScoresRadar = ScoresRadar()
    scores_by_factor: ScoresByFactor = ScoresByFactor()
    scores_by_model: ScoresByModel = ScoresByModel()
    energy_quality_pareto: EnergyQuality = EnergyQuality()


class Outputs(Section):
    """What a report draws."""

    which_figures: tuple[FigureName, ...] = ()
    """Figures by name; empty is all of them."""

    fig_format: tuple[Literal["png", "svg", "pdf"], ...] = Field(
        default=("png", "svg", "pdf"), min_length=1
    )
    dpi: int = Field(default=300, ge=50, le=1200)
    """Of PNG files."""

    figures: FigureSettings = FigureSettings()


class Thresholds(Section):
    """What is good enough, by figure: scores at least, everything else at most.

    Drawn as a dotted line wherever a plot has that axis, and judged run by run.
    """

    score: float | None = Field(default=None, ge=0, le=1)
    value_accuracy: float | None = Field(default=None, ge=0, le=1)
    ref_overlap: float | None = Field(default=None, ge=0, le=1)
    na_recall: float | None = Field(default=None, ge=0, le=1)
    energy_gross_wh: float | None = Field(default=None, gt=0)
    energy_per_question_j: float | None = Field(default=None, gt=0)
    energy_per_correct_j: float | None = Field(default=None, gt=0)
    latency_p50_s: float | None = Field(default=None, gt=0)
    latency_p95_s: float | None = Field(default=None, gt=0)
    vram_peak_gib: float | None = Field(default=None, gt=0)
    rss_peak_gib: float | None = Field(default=None, gt=0)
    carbon_g: float | None = Field(default=None, gt=0)
    price: float | None = Field(default=None, ge=0)


class Report(Section):
    """How results are shown; changing it re-renders the report only."""

    title: str | None = None
    analysis: str | None = None
    """Markdown file with the study's own words, shown in the report."""

    inputs: Inputs = Inputs()
    outputs: Outputs = Outputs()
    thresholds: Thresholds = Thresholds()


RESERVED = frozenset(
    {"figures", "tables", "index.html", "report.md", "manifest.yaml", "partial.yaml"}
)
"""Names of what lies in the default report's folder, beside the folders of the named ones."""
