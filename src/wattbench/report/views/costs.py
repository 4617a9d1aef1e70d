"""Plots of what answers cost: energy, price, and how well they are for it."""

from __future__ import annotations

from wattbench.report.data import Group, ReportData
from wattbench.report.metrics import METRICS, Metric, Value
from wattbench.report.views import plotting, rows, scatter
from wattbench.report.views.registry import CannotDraw, Plot, view
from wattbench.report.views.scatter import Axis

PAYMENT = "Squares ran on the study's own machines, circles are paid by the token."


def currency(group: Group) -> str:
    """What prices are in.

    Raises:
        CannotDraw: They are in several currencies.
    """
    named = {str(c) for r in group.runs if (c := r.row["token_price_currency"]) is not None}
    if len(named) > 1:
        raise CannotDraw(f"prices are in several currencies: {', '.join(sorted(named))}")
    return named.pop() if named else "the study's currency"


def priced(group: Group) -> Metric:
    """The price of a run, its label naming the currency; raises CannotDraw where nobody has one."""
    unit = currency(group)
    price = METRICS["price"]
    known = [v for r in group.runs if isinstance(v := price.read(r, 0.95), Value)]
    if not any(v.value > 0 for v in known):
        raise CannotDraw(
            "no run has a price above zero: the study gives no price of tokens or of energy "
            "(`prices`, `energy.price_per_kwh`)"
        )
    return Metric(f"Price of the run ({unit})", price.read, write=price.write)


def over(
    data: ReportData, group: Group, x: Metric, y_name: str, *, front: bool, threshold: float | None
) -> Plot:
    """A score over what it costs, on a logarithmic axis."""
    confidence = data.study.scoring.confidence_level
    y = METRICS[y_name]
    found, lacking = scatter.marks(group, x, y, confidence, log=True, payment=True)
    if not found:
        raise CannotDraw(lacking[0][1] if lacking else "there is no run")
    figure = scatter.draw(
        found, Axis(f"{x.label}, log scale; less is better", log=True, threshold=threshold),
        Axis(y.label, ends=scatter.share_ends(found),
             threshold=getattr(data.definition.thresholds, y_name)),
        left_out=lacking, front=front,
    )  # fmt: skip
    return Plot(figure, tuple(lacking))


@view(
    "cost_vs_score",
    title="Price against score",
    caption=f"Score with its interval over the price of the whole run: of its tokens, or else of "
    f"its energy. {PAYMENT}",
    section="Energy and cost",
)
def cost_vs_score(data: ReportData, group: Group) -> Plot:
    """Score over price."""
    return over(
        data, group, priced(group), "score", front=False,
        threshold=data.definition.thresholds.price,
    )  # fmt: skip


@view(
    "cost_vs_performance",
    title="Price against accuracy",
    caption="Share of right values over the price of the whole run; the dashed line joins the "
    f"runs that no other beats on both. {PAYMENT}",
    section="Energy and cost",
)
def cost_vs_performance(data: ReportData, group: Group) -> Plot:
    """Accuracy over price with the frontier."""
    return over(
        data, group, priced(group), "value_accuracy", front=True,
        threshold=data.definition.thresholds.price,
    )  # fmt: skip


@view(
    "energy_per_experiment",
    title="Energy of each run",
    caption="Gross energy of all segments, loading and failed attempts included, with its "
    "interval by the meter's uncertainty. Hollow bars are estimates, not measurements.",
    section="Energy and cost",
)
def energy_per_experiment(data: ReportData, group: Group) -> Plot:
    """Energy as bars."""
    confidence = data.study.scoring.confidence_level
    metric = METRICS["energy_gross_j"]
    named = plotting.names(group.runs)
    entries = [rows.entry(run, named[run.name], metric, confidence) for run in group.runs]
    if not any(isinstance(e.value, Value) for e in entries):
        raise CannotDraw(f"no run has a known energy; the first because: {entries[0].value}")
    panel = rows.Panel(
        "", rows.best_first(entries, more_is_better=False),
        f"{metric.label}, {confidence * 100:g} % interval by the meter's uncertainty",
        threshold=data.definition.thresholds.energy_gross_wh,
    )  # fmt: skip
    return Plot(rows.draw([panel], bars=True))


@view(
    "energy_quality_pareto",
    title="Energy against quality",
    caption="The dashed line is the Pareto front: runs that no other beats on both energy and "
    "quality. Whiskers are intervals; hollow marks are estimates.",
    section="Energy and cost",
)
def energy_quality_pareto(data: ReportData, group: Group) -> Plot:
    """Quality over energy with the Pareto front."""
    settings = data.definition.outputs.figures.energy_quality_pareto
    thresholds = data.definition.thresholds
    limits = {
        "energy_gross_j": thresholds.energy_gross_wh,
        "energy_per_question_j": thresholds.energy_per_question_j,
        "energy_per_correct_j": thresholds.energy_per_correct_j,
    }
    return over(
        data, group, METRICS[settings.energy_col], settings.quality_col, front=True,
        threshold=limits.get(settings.energy_col),
    )  # fmt: skip
