"""Cells for energy, intervals and memory, each labelled with how it was measured."""

from __future__ import annotations

from dataclasses import replace

from wattbench.report import formats
from wattbench.report.data import Row, Run
from wattbench.report.grids import Badge, Bar, Cell, unknown, why_null
from wattbench.tables.runs import RUNS

METHODS = {
    "counter": "read from the hardware's energy counter",
    "sampled": "integrated from sampled power",
    "estimated": "estimated from CPU time and declared power: no measurement",
    "mixed": "partly measured, partly estimated",
}
SCOPES = {
    "device": "the devices given to the job",
    "node": "the whole node, whoever else used it",
    "process": "the process tree of the run",
}
ESTIMATES = frozenset({"estimated", "mixed"})


def energy_badge(run: Run) -> Badge | None:
    """How the energy of a run was found and what the figure covers."""
    method = run.row["energy_method"]
    if method is None:
        return None
    scope = run.row["energy_scope"]
    covers = SCOPES.get(scope, scope) if scope else "a scope that is not recorded"
    return Badge(
        text=f"{method} · {scope or 'scope unknown'}",
        explanation=f"{METHODS.get(method, method)}; covers {covers}",
        tone="estimate" if method in ESTIMATES else "measured",
    )


def is_estimate(run: Run) -> bool:
    """Whether any part of its energy is no measurement."""
    return run.row["energy_method"] in ESTIMATES


def estimate_mark(run: Run) -> str:
    """What stands behind a run's name where its energy is no measurement."""
    return {"estimated": " (estimated)", "mixed": " (partly estimated)"}.get(
        run.row["energy_method"], ""
    )


def energy_text(run: Run, value: float, unit: str) -> str:
    """A figure of energy with its unit, '~' before an estimate."""
    return f"{formats.energy_prefix(run.row['energy_method'])}{formats.figures(value)} {unit}"


def per_correct(run: Run) -> Cell:
    """Answering energy per right value with its interval and how it was measured."""
    row = run.row
    value = row["energy_per_correct_j"]
    if value is None:
        return unknown(no_per_correct(run))
    return Cell(
        energy_text(run, value, "J"),
        sort=value,
        detail=formats.interval(
            row["energy_per_correct_low_j"], row["energy_per_correct_high_j"], "figures"
        ),
        badge=energy_badge(run),
        title="Answering energy over right values; the interval covers questions and meter.",
    )


def no_per_correct(run: Run) -> str:
    """Why a run has no figure of joules per right value."""
    row = run.row
    if row["energy_answer_j"] is not None and row["correct"] == 0:
        return "no value is right, so there is nothing to share the energy among"
    return why_null(
        RUNS, row, "energy_per_correct_j", "energy_answer_j", "energy_gross_j", "energy_method"
    )


def no_per_question(run: Run) -> str:
    """Why a run has no figure of joules per question."""
    columns = ("energy_per_question_j", "energy_answer_j", "energy_gross_j", "energy_method")
    return why_null(RUNS, run.row, *columns)


def gross_wh(run: Run) -> Cell:
    """Energy of all segments in watt-hours."""
    row = run.row
    value = row["energy_gross_j"]
    if value is None:
        return unknown(why_null(RUNS, row, "energy_gross_j", "energy_method", "energy_answer_j"))
    return Cell(
        energy_text(run, value / formats.JOULES_PER_WH, "Wh"),
        sort=value,
        detail=standard_uncertainty(row["energy_gross_uncertainty_j"]),
        title="All segments and phases, loading and failed attempts included; ± one standard "
        "uncertainty.",
    )


def standard_uncertainty(joules: float | None) -> str:
    """An energy's standard uncertainty in watt-hours."""
    if joules is None:
        return "uncertainty not known"
    return f"± {formats.figures(joules / formats.JOULES_PER_WH, 2)} Wh"


def latency(run: Run) -> Cell:
    """Median and 95th percentile of seconds a question."""
    row = run.row
    middle, tail = row["latency_p50_s"], row["latency_p95_s"]
    if middle is None:
        return unknown(why_null(RUNS, row, "latency_p50_s", "latency_mean_s"))
    return Cell(
        f"{formats.figures(middle)} s",
        sort=middle,
        detail=f"p95 {formats.figures(tail)} s"
        if tail is not None
        else f"p95 not measured: {why_null(RUNS, row, 'latency_p95_s')}",
        title="Median seconds a question, and the 95th percentile.",
    )


def peak_memory(run: Run) -> Cell:
    """Peak GPU memory, and beneath it peak resident memory."""
    row = run.row
    resident, video = row["rss_peak_bytes"], row["vram_peak_bytes"]
    beneath = (
        f"RAM not measured: {why_null(RUNS, row, 'rss_peak_bytes')}"
        if resident is None
        else f"RAM {formats.gib(resident)}"
    )
    if video is None:
        missing = unknown(why_null(RUNS, row, "vram_peak_bytes"))
        return missing if resident is None else replace(missing, detail=beneath)
    return Cell(
        formats.gib(video),
        sort=video,
        detail=beneath if resident is not None else "RAM not measured",
        title=f"Peak GPU memory of the job. {beneath}.",
    )


def token_price(row: Row) -> str:
    """The price of a row's tokens with its currency; it has one."""
    currency = formats.clean(row["token_price_currency"] or "of no known currency")
    return f"{formats.figures(row['token_price'])} {currency}"


def cost(run: Run) -> Cell:
    """Price of the tokens with its currency, or else of the energy."""
    row = run.row
    if row["token_price"] is not None:
        each = row["token_price_per_correct"]
        return Cell(
            token_price(row),
            sort=row["token_price"],
            detail="per correct not known" if each is None else f"{formats.figures(each)} each",
            title="Price of all tokens, those of failed tries among them; beneath it per right "
            "value.",
        )
    if row["energy_price"] is not None:
        return Cell(
            f"{formats.energy_prefix(row['energy_method'])}{formats.figures(row['energy_price'])}",
            sort=row["energy_price"],
            detail="for energy",
            title="Price of the energy in the study's currency.",
        )
    return unknown(why_null(RUNS, row, "token_price", "energy_price"))


def rated(run: Run, column: str, *, bar: bool = False, title: str) -> Cell:
    """A share from 0 to 1 with its interval."""
    row = run.row
    value = row[column]
    if value is None:
        return unknown(why_null(RUNS, row, column))
    low, high = row[f"{column}_low"], row[f"{column}_high"]
    return Cell(
        formats.share(value),
        sort=value,
        detail=formats.interval(low, high),
        bar=Bar(low, value, high, run.css)
        if bar and low is not None and high is not None
        else None,
        title=title,
    )


def of_column(run: Run, column: str) -> Cell:
    """A count or a figure of a run without an interval."""
    value = run.row[column]
    if value is None:
        return unknown(why_null(RUNS, run.row, column))
    return Cell(f"{value:,}" if isinstance(value, int) else formats.share(value), sort=value)
