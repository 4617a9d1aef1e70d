"""The sections of one question set, in the order of the page."""

from __future__ import annotations

from dataclasses import dataclass

from wattbench.report import (
    beside,
    ensembles,
    findings,
    jobs,
    models,
    provenance,
    statistics,
    tables,
)
from wattbench.report.data import Group, ReportData
from wattbench.report.grids import Grid

BROWSER = "browse"
"""The section of the question browser, which only the page has."""


@dataclass(frozen=True)
class Shown:
    """A table in its section.

    Args:
        grid: The table.
        heading: A heading of its own, or None.
        folded: On the page it stays closed under this line until it is opened; None: it is open.
    """

    grid: Grid
    heading: str | None = None
    folded: str | None = None


@dataclass(frozen=True)
class Section:
    """One section.

    Args:
        slug: Stem of its element id.
        title: Its heading.
        link: Its name in the page's navigation, or None.
        views: Names of the views that it shows.
        tables: Its tables, in order.
        hint: A sentence behind them, or None.
    """

    slug: str
    title: str
    link: str | None = None
    views: tuple[str, ...] = ()
    tables: tuple[Shown, ...] = ()
    hint: str | None = None


def sections(data: ReportData, group: Group) -> tuple[Section, ...]:
    """Everything behind the first screen."""
    return (
        Section(
            "types", "Accuracy by question type", "Types", ("accuracy_by_type",),
            (Shown(tables.kinds(data, group), folded="Every type in figures"),),
        ),
        Section(
            "pairs", "Pairwise comparisons", "Pairs", ("comparisons",),
            (Shown(tables.comparisons(data, group), folded="Every pair in figures"),),
        ),
        Section(
            "ensembles", "Ensembles and votes", "Ensembles",
            tables=_ensembles(group),
            hint="Every vote stands with its question in the question browser."
            if group.ensembles
            else None,
        ),
        *_repeats(data, group),
        Section(
            "scaling", "Scaling with model size", "Scaling", ("scaling",),
            (Shown(statistics.scaling(data, group)),),
        ),
        Section(
            "calibration", "Calibration and risk", "Calibration", ("reliability",),
            (Shown(statistics.calibration(group)),),
        ),
        Section("compute", "Compute", "Compute", (), _compute(data, group)),
        Section("power", "Energy over time", "Energy", ("power",)),
        Section("unknown", "What was not measured, and why", "Unknown", (), _unknown(group)),
        Section("audit", "Audit", "Audit", (), (Shown(findings.audit(group)),)),
        Section(BROWSER, "Questions", "Questions"),
        Section("weights", "Weights and machines", None, (), (Shown(provenance.weights(group)),)),
    )  # fmt: skip


def _ensembles(group: Group) -> tuple[Shown, ...]:
    taken = Shown(ensembles.costs(group), "What they take")
    return (Shown(ensembles.votes(group)), *((taken,) if group.ensembles else ()))


def _repeats(data: ReportData, group: Group) -> tuple[Section, ...]:
    grid = statistics.repeats(data, group)
    return (Section("repeats", "Repeats", None, (), (Shown(grid),)),) if grid.rows else ()


def _compute(data: ReportData, group: Group) -> tuple[Shown, ...]:
    site = provenance.site(data, group)
    paid = beside.beside(data, group)
    return (
        Shown(jobs.short(group)),
        Shown(jobs.advice(data, group), "Resource recommendations"),
        Shown(jobs.compute(group), folded="Every source, side by side"),
        *((Shown(paid, "Planning and judging"),) if paid is not None else ()),
        *((Shown(site, "Site energy, carbon and price"),) if site is not None else ()),
    )


def _unknown(group: Group) -> tuple[Shown, ...]:
    further = (
        Shown(findings.warnings(group), "Notes on figures"),
        Shown(findings.failures(group), "Failures"),
    )
    return (
        Shown(findings.not_measured(group)),
        Shown(models.every_figure(group), folded="Every figure of every run"),
        *(shown for shown in further if shown.grid.rows),
    )
