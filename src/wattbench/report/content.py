"""What the page and the Markdown report both show, worked out once."""

from __future__ import annotations

from dataclasses import dataclass

from wattbench.analyses.headline import Headline, headline
from wattbench.report import findings, formats, jobs, provenance, tables
from wattbench.report.data import Group, ReportData
from wattbench.report.grids import Grid
from wattbench.report.views.frontier import without_energy
from wattbench.report.views.registry import VIEWS, Drawn, draw


@dataclass(frozen=True)
class GroupContent:
    """One question set's part of the report."""

    group: Group
    headline: Headline
    opening: str
    """The headline's first sentence; `rest` holds what follows it."""

    rest: str
    models: Grid
    kinds: Grid
    comparisons: Grid
    ensembles: Grid
    jobs: Grid
    compute: Grid
    advice: Grid
    site: Grid | None
    not_measured: Grid
    notes: Grid
    failures: Grid
    audit: Grid
    weights: Grid
    without_energy: tuple[tuple[str, str, str, bool], ...]
    """Label, reason, colour class and whether an ensemble, of runs that the frontier lacks."""

    views: dict[str, Drawn]


@dataclass(frozen=True)
class Content:
    """The whole report."""

    data: ReportData
    groups: tuple[GroupContent, ...]
    versions: Grid
    factors: Grid
    inputs: Grid
    settings: str
    command: str
    made_with: dict[str, str]


def content(data: ReportData) -> Content:
    """Work out everything that is shown."""
    return Content(
        data=data,
        groups=tuple(_group(data, group) for group in data.groups),
        versions=provenance.run_versions(data),
        factors=provenance.factors(data),
        inputs=provenance.inputs(data),
        settings=provenance.settings(data),
        command=provenance.command(data),
        made_with=provenance.versions(),
    )


def _group(data: ReportData, group: Group) -> GroupContent:
    said = headline([r.row for r in group.runs], {r.name: r.label for r in group.runs})
    return GroupContent(
        group=group,
        headline=said,
        opening=formats.unbroken(said.opening),
        rest=formats.unbroken(" ".join(said.rest)),
        models=tables.models(data, group),
        kinds=tables.kinds(data, group),
        comparisons=tables.comparisons(data, group),
        ensembles=tables.ensembles(group),
        jobs=jobs.short(group),
        compute=jobs.compute(group),
        advice=jobs.advice(data, group),
        site=provenance.site(data, group),
        not_measured=findings.not_measured(group),
        notes=findings.warnings(group),
        failures=findings.failures(group),
        audit=findings.audit(group),
        weights=provenance.weights(group),
        without_energy=tuple(
            (run.label, reason, run.css, run.is_ensemble) for run, reason in without_energy(group)
        ),
        views={name: draw(view, data, group) for name, view in VIEWS.items()},
    )
