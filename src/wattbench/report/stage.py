"""The report stage: tables in, a folder that can be mailed out for each report of the study."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path

import yaml

from wattbench.progress import Progress
from wattbench.report.content import Content, GroupContent, content
from wattbench.report.csvs import csv_files
from wattbench.report.data import ReportData, read_report_data
from wattbench.report.drawing import Drawers, Files
from wattbench.report.exports import json_text
from wattbench.report.manifest import manifest
from wattbench.report.markdown import report_markdown
from wattbench.report.page import page
from wattbench.report.paper import models_latex, not_measured_latex
from wattbench.report.selection import shown_by
from wattbench.report.tables import level
from wattbench.study.layout import Layout
from wattbench.study.models import Study
from wattbench.study.reporting import Report
from wattbench.tables.files import write_whole
from wattbench.tables.runs import RUNS

MANIFEST, PARTIAL = "manifest.yaml", "partial.yaml"
"""Name of a report's manifest, and the one it has where the tables lack runs: the workflow waits
for the first, so that it makes such a report anew."""


def render(study: Study) -> None:
    """Write every report of a study: the default one, and those it names in folders beside it.

    The same tables give the same bytes. What cannot be drawn is left out with its reason on the
    page, in the Markdown and in the manifest; files of an earlier report that are made no more
    are removed. Of tables that lack runs the manifest is called partial.yaml.

    Raises:
        InputError: A needed table or a file of the study's own words is missing or broken, or a
            report selects no run.
        FaultError: The folder cannot be written.
    """
    layout = Layout(Path(study.study.results))
    folder = layout.report
    data = read_report_data(study)
    reports: list[tuple[str | None, Report]] = [(None, study.report), *study.reports.items()]
    # All are made before one is written: a mistake in the last leaves the folder as it was.
    with Drawers() as drawers:
        made = {
            name: _made(shown_by(data, definition, name), drawers) for name, definition in reports
        }
    with Progress("report", total=sum(map(len, made.values())), unit="files") as progress:
        for name, files in made.items():
            own = folder if name is None else folder / name
            if layout.partial_manifest.exists():
                files[PARTIAL] = files.pop(MANIFEST)
            for other in {MANIFEST, PARTIAL} - set(files):
                (own / other).unlink(missing_ok=True)
            for path, written in files.items():
                write_whole(own / path, lambda stream, written=written: stream.write(written))  # type: ignore[misc]
                progress.advance()
            _remove_leftovers(own, set(files))
            # The workflow counts on the folder, whether or not a plot could be drawn.
            (own / "figures").mkdir(exist_ok=True)
    _remove_reports(folder, frozenset(study.reports))


def render_one(study: Study, definition: Report, source: Path, folder: Path) -> None:
    """Write one report of a definition that the study does not hold into a folder.

    The folder may be one that people keep their own figures and tables in: of what is made no
    more, only what the manifest of an earlier report lists is removed.

    Args:
        study: The study.
        definition: What the report shows.
        source: File of the definition; the report is named after it.
        folder: Where to.

    Raises:
        InputError: As of `render`.
        FaultError: The folder cannot be written.
    """
    earlier = _listed(folder / MANIFEST)
    data = read_report_data(study)
    with Drawers() as drawers:
        files = _made(shown_by(data, definition, source.stem, str(source)), drawers)
    for path, written in files.items():
        write_whole(folder / path, lambda stream, written=written: stream.write(written))  # type: ignore[misc]
    _remove_leftovers(folder, set(files), among=earlier)


def _listed(manifest_file: Path) -> frozenset[str]:
    """Files that a report's manifest lists; none where it is no such manifest."""
    try:
        found = yaml.safe_load(manifest_file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return frozenset()
    outputs = found.get("outputs") if isinstance(found, dict) else None
    return frozenset(outputs) if isinstance(outputs, dict) else frozenset()


def _made(data: ReportData, drawers: Drawers) -> Files:
    """Every file of one report, of what it shows, by its path in the report's folder."""
    shown = content(data)
    outputs: Files = {}
    links: dict[tuple[str, str], str] = {}
    failed: dict[str, str] = {}
    _draw_figures(shown, outputs, links, failed, drawers)
    for part in shown.groups:
        ending = _ending(shown, part)
        for stem, text in csv_files(part.group).items():
            outputs[f"tables/{stem}{ending}.csv"] = text.encode()
        rows = [run.row for run in part.group.runs]
        outputs[f"tables/models{ending}.json"] = json_text(RUNS, rows).encode()
        outputs[f"tables/models{ending}.tex"] = models_latex(part.group, level(data)).encode()
        outputs[f"tables/not-measured{ending}.tex"] = not_measured_latex(part.group).encode()
    outputs["report.md"] = report_markdown(shown, links).encode()
    outputs["index.html"] = page(shown).encode()
    outputs[MANIFEST] = manifest(shown, outputs, failed).encode()
    return outputs


def _ending(shown: Content, part: GroupContent) -> str:
    return f"-{part.group.slug}" if len(shown.groups) > 1 else ""


def _draw_figures(
    shown: Content,
    outputs: Files,
    links: dict[tuple[str, str], str],
    failed: dict[str, str],
    drawers: Drawers,
) -> None:
    wanted = shown.data.definition.outputs
    figures = {
        _key(shown, part, name): drawn.figure
        for part in shown.groups
        for name, drawn in part.views.items()
        if drawn.figure is not None
    }
    saved: dict[Hashable, Files | str] = {}
    with Progress("plots", total=len(figures), unit="plots") as progress:
        for key, files in drawers.saved(figures, wanted):
            saved[key] = files
            progress.advance()
    for part in shown.groups:
        for name in part.views:
            stem = f"figures/{name}{_ending(shown, part)}"
            made = saved.get(_key(shown, part, name), {})
            if isinstance(made, str):
                failed[stem] = made
            elif made:
                outputs |= {f"{stem}.{suffix}": written for suffix, written in made.items()}
                links[part.group.slug, name] = f"{stem}.{wanted.fig_format[0]}"


def _key(shown: Content, part: GroupContent, name: str) -> Hashable:
    """All that a figure is made from within one build: reports that agree in it share it."""
    group, definition = part.group, shown.data.definition
    return (
        name,
        group.environment,
        group.questions,
        tuple((run.name, run.row["top_group"], run.row["headline"]) for run in group.runs),
        definition.thresholds,
        definition.outputs.figures,
        definition.outputs.fig_format,
        definition.outputs.dpi,
    )


MADE = {
    "figures": frozenset({".png", ".svg", ".pdf"}),
    "tables": frozenset({".csv", ".json", ".tex"}),
}


def _remove_leftovers(folder: Path, written: set[str], among: frozenset[str] | None = None) -> None:
    """Remove figures and tables that were not written; only those of `among`, unless None."""
    for sub, suffixes in MADE.items():
        for path in sorted((folder / sub).glob("*")):
            name = f"{sub}/{path.name}"
            if path.suffix in suffixes and name not in written and (among is None or name in among):
                path.unlink()


def _remove_reports(folder: Path, named: frozenset[str]) -> None:
    """Remove what was written for reports that the study names no more; other files stay."""
    for own in sorted(folder.iterdir()):
        is_report = any((own / name).is_file() for name in (MANIFEST, PARTIAL))
        if own.name in named or own.name in MADE or not is_report:
            continue
        _remove_leftovers(own, set())
        for file in ("index.html", "report.md", MANIFEST, PARTIAL):
            (own / file).unlink(missing_ok=True)
        for mark in own.glob("*/.*"):
            mark.unlink()  # of a workflow manager, which marks the folders that it counts on
        for empty in (own / "figures", own / "tables", own):
            if empty.is_dir() and not any(empty.iterdir()):
                empty.rmdir()
