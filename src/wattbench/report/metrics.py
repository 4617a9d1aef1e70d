"""Figures of a run as plots and thresholds read them: value, interval, or why there is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

from wattbench.report import formats, measures
from wattbench.report.data import Run
from wattbench.report.grids import why_null
from wattbench.tables.runs import RUNS

NOT_FOR_ENSEMBLES = "an ensemble has no such figure of its own"


@dataclass(frozen=True)
class Value:
    """A figure with its interval, whose ends are None where they are not known."""

    value: float
    low: float | None = None
    high: float | None = None
    estimate: bool = False


Reading = Value | str
"""A value, or the reason why there is none."""


@dataclass(frozen=True)
class Metric:
    """One figure of a run.

    Args:
        label: Its name with its unit, as an axis shows it.
        read: Reads it from a run; the second argument is the level of the interval.
        more_is_better: Which way is up.
        share: Whether it lies from 0 to 1.
        write: Writes a value for people, without the unit.
    """

    label: str
    read: Callable[[Run, float], Reading]
    more_is_better: bool = False
    share: bool = False
    write: Callable[[float], str] = formats.figures


def beside(name: str, what: str) -> str:
    """Name of the column that says `low`, `high` or `uncertainty` of another."""
    return f"{name.removesuffix('_j')}_{what}" + "_j" * name.endswith("_j")


def _column(name: str, *, factor: float = 1.0, energy: bool = False) -> Callable[..., Reading]:
    """Reads a column, its interval from `<name>_low` and `_high` or from its uncertainty."""
    low, high, spread = (beside(name, what) for what in ("low", "high", "uncertainty"))

    def read(run: Run, level: float) -> Reading:
        row = run.row
        value = row[name]
        if value is None:
            if run.is_ensemble and row.get("weights") is None and name in _OF_MODELS:
                return NOT_FOR_ENSEMBLES
            return formats.clean(why_null(RUNS, row, name))
        estimate = energy and measures.is_estimate(run)
        if row.get(spread) is not None:
            half = NormalDist().inv_cdf(0.5 + level / 2) * row[spread]
            return Value(
                value * factor, max(value - half, 0.0) * factor, (value + half) * factor, estimate
            )
        least, most = row.get(low), row.get(high)
        return Value(
            value * factor,
            None if least is None else least * factor,
            None if most is None else most * factor,
            estimate,
        )

    return read


_OF_MODELS = frozenset({"parameters_b", "weights_bytes"})


def _price(run: Run, _level: float) -> Reading:
    row = run.row
    if row["token_price"] is not None:
        return Value(row["token_price"])
    if row["energy_price"] is not None:
        return Value(row["energy_price"], estimate=measures.is_estimate(run))
    return formats.clean(why_null(RUNS, row, "token_price", "energy_price"))


def by_token(run: Run) -> bool:
    """Whether the run is paid by the token, on a machine of someone else's."""
    return run.row["token_price"] is not None


def _share(label: str, name: str) -> Metric:
    return Metric(label, _column(name), more_is_better=True, share=True, write=formats.share)


METRICS: dict[str, Metric] = {
    "score": _share("Score", "score"),
    "value_accuracy": _share("Value accuracy", "value_accuracy"),
    "ref_overlap": _share("Reference overlap", "ref_overlap"),
    "na_recall": _share("NA recall", "na_recall"),
    "parameters_b": Metric("Parameters (billions)", _column("parameters_b")),
    "energy_gross_j": Metric(
        "Energy of the run (Wh)",
        _column("energy_gross_j", factor=1 / formats.JOULES_PER_WH, energy=True),
    ),
    "energy_answer_j": Metric(
        "Energy of answering (Wh)",
        _column("energy_answer_j", factor=1 / formats.JOULES_PER_WH, energy=True),
    ),
    "energy_per_question_j": Metric(
        "Energy per question (J)", _column("energy_per_question_j", energy=True)
    ),
    "energy_per_correct_j": Metric(
        "Energy per correct answer (J)", _column("energy_per_correct_j", energy=True)
    ),
    "latency_mean_s": Metric("Mean time a question (s)", _column("latency_mean_s")),
    "latency_p50_s": Metric("Median time a question (s)", _column("latency_p50_s")),
    "latency_p95_s": Metric("95th percentile of time a question (s)", _column("latency_p95_s")),
    "rss_peak_bytes": Metric(
        "Peak memory (GiB)", _column("rss_peak_bytes", factor=1 / formats.GIB)
    ),
    "vram_peak_bytes": Metric(
        "Peak GPU memory (GiB)", _column("vram_peak_bytes", factor=1 / formats.GIB)
    ),
    "carbon_g": Metric("Carbon (g CO2e)", _column("carbon_g", energy=True)),
    "price": Metric("Price of the run", _price),
}
"""Figures by name: the column of `runs`, and `price`, which is of tokens or else of energy."""
