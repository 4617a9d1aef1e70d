"""The report as Markdown."""

from __future__ import annotations

import html
import re

from wattbench.report import formats
from wattbench.report.content import Content, GroupContent
from wattbench.report.grids import Cell, Grid

_SPECIAL = re.compile(r"([\\`*_{}\[\]#|~$])")
_BULLET = re.compile(r"^([-+=])")
_NUMBERED = re.compile(r"^(\d{1,9})([.)])(?=\s|$)")


def plain(text: str) -> str:
    """Text on one line that Markdown shows as it stands: no markup, link, HTML or table cell."""
    one_line = " ".join(formats.clean(text).split())
    escaped = _SPECIAL.sub(r"\\\1", html.escape(one_line, quote=False))
    escaped = _NUMBERED.sub(r"\1\\\2", _BULLET.sub(r"\\\1", escaped))
    return escaped.replace("://", ":&#47;&#47;").replace("@", "&#64;")


def report_markdown(content: Content, figures: dict[tuple[str, str], str]) -> str:
    """The whole report.

    Args:
        content: What it shows.
        figures: File of each figure, relative to the report, by group slug and view name.
    """
    data = content.data
    parts = [f"# {plain(data.title)}", _header(content)]
    if data.study.study.description:
        parts.append(plain(data.study.study.description))
    parts.append("## Summary")
    parts += [
        (f"**{plain(p.group.label)}.** " if len(content.groups) > 1 else "")
        + plain(p.headline.sentence)
        for p in content.groups
    ]
    parts.append(
        f"Intervals are at the {data.study.scoring.confidence_level * 100:g} % level. `~` marks an "
        "estimate; everything else about energy is measured, by the method named beside it."
    )
    for part in content.groups:
        parts += _group(part, figures, several=len(content.groups) > 1)
    if data.analysis is not None:
        parts += ["## In the study's own words", _quoted(data.analysis)]
    parts += _provenance(content)
    return "\n\n".join(parts) + "\n"


def _header(content: Content) -> str:
    data = content.data
    lines = [
        f"- Study: {plain(data.study.study.name)}",
        *(
            f"- Question set: {plain(p.group.label)} ({len(p.group.question_rows)} questions, "
            f"{len(p.group.runs)} runs and ensembles, environment {plain(p.group.environment)})"
            for p in content.groups
        ),
        f"- Scoring rule: {data.study.scoring.rule}",
    ]
    if data.filters["question_sets_left_out"]:
        left_out = ", ".join(plain(n) for n in data.filters["question_sets_left_out"])
        lines.append(f"- Left out: {left_out} ({data.filters['why']})")
    return "\n".join(lines)


def _group(part: GroupContent, figures: dict[tuple[str, str], str], *, several: bool) -> list[str]:
    parts = [f"## {plain(part.group.label)}"] if several else []

    def section(title: str, *grids: Grid, view: str | None = None) -> None:
        parts.append(f"### {title}" if several else f"## {title}")
        if view is not None:
            drawn = part.views[view]
            file = figures.get((part.group.slug, view))
            if drawn.reason is not None or file is None:
                parts.append(
                    f"The plot is left out: {plain(drawn.reason or 'it was not written')}."
                )
            else:
                parts.append(f"![{drawn.view.title}]({file})")
                parts.append(drawn.view.caption)
        parts.extend(_table(grid) for grid in grids)

    section("Accuracy against energy", view="frontier")
    if part.without_energy:
        listed = "; ".join(
            f"{plain(label)} ({plain(why)})" for label, why, _, _ in part.without_energy
        )
        parts.append(f"Not on the plot, for their energy is unknown: {listed}.")
    section("Models", part.models)
    section("Accuracy by question type", part.kinds, view="accuracy_by_type")
    section("Pairwise comparisons", part.comparisons, view="comparisons")
    section("Ensembles", part.ensembles)
    section("Energy over time", view="power")
    section("Compute", part.jobs, part.compute)
    if part.advice.rows:
        section("Resource recommendations", part.advice)
    if part.site is not None:
        section("Site energy, carbon and price", part.site)
    section("What was not measured, and why", part.not_measured)
    section("Notes on figures", part.notes)
    section("Failures", part.failures)
    section("Audit", part.audit)
    section("Weights and machines", part.weights)
    return parts


def _table(grid: Grid) -> str:
    if not grid.rows:
        return grid.empty
    split = [
        any(row[i].detail is not None and head.numeric for row in grid.rows)
        for i, head in enumerate(grid.heads)
    ]
    heads: list[str] = []
    rules: list[str] = []
    for head, extra in zip(grid.heads, split, strict=True):
        heads.append(plain(head.text))
        rules.append("---:" if head.numeric else "---")
        if extra:
            heads.append(_DETAILS.get(head.text, f"{plain(head.text)}: range"))
            rules.append("---:")
    lines = [f"| {' | '.join(heads)} |", f"| {' | '.join(rules)} |"]
    for row in grid.rows:
        cells: list[str] = []
        for cell, extra in zip(row, split, strict=True):
            cells.append(_cell(cell, with_detail=not extra))
            if extra:
                cells.append(plain(cell.detail or ""))
        lines.append(f"| {' | '.join(cells)} |")
    return f"{grid.caption}\n\n" + "\n".join(lines)


_DETAILS = {
    "Score": "Score interval",
    "Value acc.": "Value acc. interval",
    "Ref. overlap": "Ref. overlap interval",
    "NA recall": "NA recall interval",
    "Energy/correct": "Energy/correct interval (J)",
    "Energy, all": "Uncertainty",
    "Time/question": "95th percentile",
    "Peak memory": "Kind of memory",
    "Failed": "Abstentions",
    "Difference": "Difference interval",
    "Best member": "Which",
}


def _cell(cell: Cell, *, with_detail: bool) -> str:
    if cell.missing is not None:
        return f"{plain(cell.text)}: {plain(cell.missing)}"
    shown = plain(cell.text)
    if cell.badge is not None:
        shown = f"{shown} ({plain(cell.badge.text)})" if shown else plain(cell.badge.text)
    if with_detail and cell.detail:
        shown = f"{shown}, {plain(cell.detail)}"
    return shown or " "


def _quoted(markdown: str) -> str:
    """The study's own Markdown as a quotation, its HTML defused."""
    defused = formats.clean(markdown).replace("&", "&amp;").replace("<", "&lt;")
    return "\n".join(f"> {line}".rstrip() for line in defused.splitlines())


def _provenance(content: Content) -> list[str]:
    made = ", ".join(f"{name} {plain(v)}" for name, v in content.made_with.items())
    fence = "`" * max(3, _longest_run(content.settings) + 1)
    return [
        "## Provenance",
        f"Made with {made}. Make it again with:",
        f"    {formats.clean(content.command)}",
        _table(content.factors),
        _table(content.versions),
        _table(content.inputs),
        "The study's settings:",
        f"{fence}yaml\n{content.settings.rstrip()}\n{fence}",
    ]


def _longest_run(text: str) -> int:
    return max((len(m) for m in re.findall(r"`+", text)), default=0)
