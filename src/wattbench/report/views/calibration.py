"""How sure runs were against how often they were right: curves, ROC, histograms."""

from __future__ import annotations

from collections.abc import Iterable

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from wattbench.report import formats
from wattbench.report.data import Group, ReportData, Row, Run
from wattbench.report.views import plotting
from wattbench.report.views.registry import CannotDraw, Plot, view
from wattbench.scoring.intervals import wilson

COLUMNS = 4
FORMS = {"confidence": "Confidence in the answer", "risk": "Probability of 'true'"}


def _form(rows: Iterable[Row]) -> str | None:
    """The form that the rows have most of; confidence of two alike."""
    counted = {form: sum(r["form"] == form for r in rows) for form in FORMS}
    return max(counted, key=lambda f: counted[f]) if any(counted.values()) else None


def _curves(
    group: Group, rows: tuple[Row, ...], what: str
) -> tuple[str, dict[str, list[Row]], list[tuple[str, str]]]:
    """The form drawn, rows by run, and the runs without any with their reasons."""
    form = _form(rows)
    if form is None:
        raise CannotDraw(f"no answer has a confidence, so there is no {what}")
    found: dict[str, list[Row]] = {}
    lacking: list[tuple[str, str]] = []
    for run in group.runs:
        mine = [r for r in rows if r["run"] == run.name and r["form"] == form]
        if mine:
            found[run.name] = mine
        else:
            lacking.append((run.label, "its answers have no confidence, or all came out alike"))
    return form, found, lacking


def _panels(
    group: Group, found: dict[str, list[Row]], heads: dict[str, str]
) -> tuple[Figure, list[tuple[Axes, Run]]]:
    """A small square panel a run, titled with its name and figure."""
    runs = [r for r in group.runs if r.name in found]
    named = plotting.names(runs, 112)
    across = min(COLUMNS, max(len(runs), 3))
    down = -(-len(runs) // across)
    figure = plotting.sheet(plotting.WIDTH, 0.45 + (plotting.WIDTH / across + 0.25) * down)
    panels = []
    for place, run in enumerate(runs):
        axes = figure.add_subplot(down, across, place + 1)
        plotting.plain(axes)
        axes.tick_params(labelsize=plotting.SMALL_PT)
        axes.set_title(
            f"{named[run.name]}\n{heads[run.name]}", fontsize=plotting.SMALL_PT, loc="left"
        )
        axes.set_xlim(-0.02, 1.02)
        axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
        panels.append((axes, run))
    return figure, panels


def _figure(run: Run, form: str, name: str) -> float | None:
    value = run.row["risk_" * (form == "risk") + name]
    return None if value is None else float(value)


def _said(run: Run, form: str, *names: str) -> str:
    """Figures such as 'ECE 0.08' of a run."""
    found = {name: _figure(run, form, name) for name in names}
    return "  ".join(
        f"{'Brier' if name == 'brier' else name.upper()} {formats.share(value)}"
        for name, value in found.items()
        if value is not None
    )


@view(
    "calibration_curves",
    title="Calibration",
    caption="Share that came true over the mean probability of each of ten bins, with Wilson "
    "intervals; a larger mark is a bin of more answers. On the diagonal a run is as sure as it is "
    "right. ECE is the expected calibration error.",
    section="Calibration",
)
def calibration_curves(data: ReportData, group: Group) -> Plot:
    """A reliability curve a run."""
    form, found, lacking = _curves(group, group.calibration, "calibration curve")
    heads = {r.name: _said(r, form, "ece", "brier") for r in group.runs}
    figure, panels = _panels(group, found, heads)
    for axes, run in panels:
        bins = [r for r in found[run.name] if r["count"]]
        most = max((r["count"] for r in bins), default=1)
        axes.plot([0, 1], [0, 1], color="#999999", linewidth=0.8, linestyle="--")
        axes.plot(
            [r["predicted_mean"] for r in bins], [r["observed_share"] for r in bins],
            color=run.colour, linewidth=1.2, alpha=0.7,
        )  # fmt: skip
        for r in bins:
            ends = wilson(
                round(r["observed_share"] * r["count"]), r["count"],
                data.study.scoring.confidence_level,
            )  # fmt: skip
            if ends is not None:
                axes.vlines(r["predicted_mean"], *ends, color=run.colour, linewidth=1, alpha=0.55)
        axes.scatter(
            [r["predicted_mean"] for r in bins], [r["observed_share"] for r in bins],
            s=[8 + 40 * r["count"] / most for r in bins], color=run.colour, zorder=4,
        )  # fmt: skip
        axes.set_ylim(-0.03, 1.03)
        axes.set_yticks([0, 0.5, 1], ["0", "0.5", "1"])
    figure.supxlabel(f"{FORMS[form]} (mean of the bin)", fontsize=9)
    figure.supylabel("Share that came true", fontsize=9)
    plotting.foot(figure, lacking)
    return Plot(figure, tuple(lacking))


@view(
    "roc_curves",
    title="ROC",
    caption="True-positive over false-positive rate as the threshold of probability falls; the "
    "diagonal is chance, AUC the area beneath.",
    section="Calibration",
)
def roc_curves(_data: ReportData, group: Group) -> Plot:
    """A ROC curve a run."""
    form, found, lacking = _curves(group, group.roc, "ROC curve")
    heads = {r.name: _said(r, form, "auc") for r in group.runs}
    figure, panels = _panels(group, found, heads)
    for axes, run in panels:
        points = found[run.name]
        across = [r["false_positive_rate"] for r in points]
        up = [r["true_positive_rate"] for r in points]
        axes.plot([0, 1], [0, 1], color="#999999", linewidth=0.8, linestyle="--")
        axes.plot(across, up, color=run.colour, linewidth=1.5)
        axes.fill_between(across, up, color=run.colour, alpha=0.15)
        axes.set_ylim(-0.03, 1.03)
        axes.set_yticks([0, 0.5, 1], ["0", "0.5", "1"])
    figure.supxlabel("False-positive rate", fontsize=9)
    figure.supylabel("True-positive rate", fontsize=9)
    plotting.foot(figure, lacking)
    return Plot(figure, tuple(lacking))


@view(
    "prediction_histogram",
    title="How sure the runs are",
    caption="Answers by probability in thirty bins; the full part of a bar came true. The base "
    "rate is the share of all that came true.",
    section="Calibration",
)
def prediction_histogram(_data: ReportData, group: Group) -> Plot:
    """A histogram a run."""
    form, found, lacking = _curves(group, group.histograms, "histogram")
    heads = {}
    for name, bins in found.items():
        count, positive = sum(r["count"] for r in bins), sum(r["positive"] for r in bins)
        heads[name] = f"n = {count:,}, base rate {formats.share(positive / count)}" if count else ""
    figure, panels = _panels(group, found, heads)
    for axes, run in panels:
        bins = found[run.name]
        lows = [r["low"] for r in bins]
        wide = [r["high"] - r["low"] for r in bins]
        for column, alpha in (("count", 0.3), ("positive", 0.9)):
            axes.bar(
                lows, [r[column] for r in bins], width=wide, align="edge", color=run.colour,
                alpha=alpha, linewidth=0,
            )  # fmt: skip
        axes.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    figure.supxlabel(FORMS[form], fontsize=9)
    figure.supylabel("Answers", fontsize=9)
    plotting.foot(figure, lacking)
    return Plot(figure, tuple(lacking))
