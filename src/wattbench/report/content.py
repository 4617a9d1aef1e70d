"""What the page and the Markdown report both show, worked out once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wattbench.analyses.headline import Headline, headline
from wattbench.report import curves, findings, formats, models, provenance, thresholds
from wattbench.report.data import Group, ReportData
from wattbench.report.grids import Grid
from wattbench.report.sections import Section, sections
from wattbench.report.views.frontier import without_energy
from wattbench.report.views.registry import Drawn, chosen, draw


@dataclass(frozen=True)
class GroupContent:
    """One question set's part of the report."""

    group: Group
    headline: Headline
    opening: str
    """The headline's first sentence; `rest` holds what follows it."""

    rest: str
    lacking: str
    """Which runs of the study have no results; empty where all have."""

    models: Grid
    parts: Grid
    thresholds: Grid | None
    """What is good enough; None where the report sets no threshold."""

    sections: tuple[Section, ...]
    without_energy: tuple[tuple[str, str, str, bool], ...]
    """Label, reason, colour class and whether an ensemble, of runs that the frontier lacks."""

    views: dict[str, Drawn]
    """Views whose figures are files too, by name."""

    curves: dict[str, curves.Curves]
    """Plots of the page alone, by name."""

    def section(self, slug: str) -> Section | None:
        """The section of that slug."""
        return next((s for s in self.sections if s.slug == slug), None)


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


_NEEDED = ("score", "score_low", "score_high")
"""Without these no run can be the headline, nor be set against it."""


def _lacking(names: Sequence[str]) -> str:
    if not names:
        return ""
    return (
        f"This report is partial: {', '.join(names)} {'have' if len(names) > 1 else 'has'} no "
        "results; what was not measured says why."
    )


def _group(data: ReportData, group: Group) -> GroupContent:
    scored = [r.row for r in group.runs if None not in [r.row[name] for name in _NEEDED]]
    said = headline(scored, {r.name: r.label for r in group.runs})
    return GroupContent(
        group=group,
        headline=said,
        opening=formats.unbroken(said.opening),
        rest=formats.unbroken(" ".join(said.rest)),
        lacking=_lacking([*findings.without_results(group)]),
        models=models.models(data, group),
        parts=models.parts(data, group),
        thresholds=thresholds.verdicts(data, group),
        sections=sections(data, group),
        without_energy=tuple(
            (run.label, reason, run.css, run.is_ensemble) for run, reason in without_energy(group)
        ),
        views={view.name: draw(view, data, group) for view in chosen(data.definition)},
        curves=curves.all_curves(group),
    )
