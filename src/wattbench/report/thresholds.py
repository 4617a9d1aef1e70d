"""What a report calls good enough, judged run by run with the intervals in mind."""

from __future__ import annotations

from wattbench.report import formats
from wattbench.report.data import Group, ReportData, Run
from wattbench.report.grids import Badge, Cell, Grid, Head, unknown
from wattbench.report.metrics import METRICS, Metric, Value
from wattbench.report.tables import level, run_cell

METRIC_OF = {
    "energy_gross_wh": "energy_gross_j",
    "vram_peak_gib": "vram_peak_bytes",
    "rss_peak_gib": "rss_peak_bytes",
}
"""Name of the figure where a threshold's name has another unit."""


def verdict(value: Value, limit: float, *, more_is_better: bool) -> str:
    """'met', 'missed', or 'cannot tell' where the interval holds the limit.

    A figure without an interval is judged by itself.
    """
    low = value.value if value.low is None else value.low
    high = value.value if value.high is None else value.high
    if value.low is not None and value.high is None:
        high = float("inf")
    worst, best = (low, high) if more_is_better else (-high, -low)
    bound = limit if more_is_better else -limit
    if worst >= bound:
        return "met"
    return "missed" if best < bound else "cannot tell"


def verdicts(data: ReportData, group: Group) -> Grid | None:
    """Every run against every threshold; None where the report sets none."""
    limits = {
        name: limit
        for name, limit in data.definition.thresholds.model_dump().items()
        if limit is not None
    }
    if not limits:
        return None
    metrics = {name: METRICS[METRIC_OF.get(name, name)] for name in limits}
    heads = [
        Head(
            f"{metric.label} {'≥' if metric.more_is_better else '≤'} {metric.write(limits[name])}",
            numeric=True,
        )
        for name, metric in metrics.items()
    ]
    confidence = data.study.scoring.confidence_level
    return Grid(
        name="thresholds",
        caption=f"Which runs are good enough: met or missed where the whole {level(data)} interval "
        "is on one side of the threshold, else the data cannot tell.",
        heads=(Head("Model"), *heads),
        rows=tuple(
            (
                run_cell(group, run.name),
                *(_cell(run, metric, limits[name], confidence) for name, metric in metrics.items()),
            )
            for run in group.runs
        ),
    )


def _cell(run: Run, metric: Metric, limit: float, confidence: float) -> Cell:
    value = metric.read(run, confidence)
    if not isinstance(value, Value):
        return unknown(value)
    said = verdict(value, limit, more_is_better=metric.more_is_better)
    shown = f"{'~' if value.estimate else ''}{metric.write(value.value)}"
    detail = None
    if value.low is not None or value.high is not None:
        write = "share" if metric.share else "figures"
        detail = formats.interval(value.low, value.high, write)
    tone = {"met": "measured", "missed": "error", "cannot tell": "plain"}[said]
    return Cell(shown, sort=value.value, detail=detail, badge=Badge(said, "", tone))
