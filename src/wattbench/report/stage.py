"""The report stage: tables in, a folder that can be mailed out."""

from __future__ import annotations

from pathlib import Path

from wattbench.progress import Progress
from wattbench.report.content import Content, content
from wattbench.report.csvs import csv_files
from wattbench.report.data import read_report_data
from wattbench.report.figures import figure_bytes
from wattbench.report.manifest import manifest
from wattbench.report.markdown import report_markdown
from wattbench.report.page import page
from wattbench.study.layout import Layout
from wattbench.study.models import Study
from wattbench.tables.files import write_whole


def render(study: Study) -> None:
    """Write the report of a study's tables.

    The same tables give the same bytes. What cannot be drawn is left out with its reason on the
    page, in the Markdown and in the manifest; files of an earlier report that are made no more
    are removed.

    Raises:
        InputError: A needed table or the study's analysis file is missing or broken.
        FaultError: The folder cannot be written.
    """
    shown = content(read_report_data(study))
    folder = Layout(Path(study.study.results)).report
    outputs: dict[str, bytes] = {}
    links: dict[tuple[str, str], str] = {}
    failed: dict[str, str] = {}
    _draw_figures(shown, outputs, links, failed)
    for part in shown.groups:
        ending = f"-{part.group.slug}" if len(shown.groups) > 1 else ""
        for stem, text in csv_files(shown.data, part.group).items():
            outputs[f"tables/{stem}{ending}.csv"] = text.encode()
    outputs["report.md"] = report_markdown(shown, links).encode()
    outputs["index.html"] = page(shown).encode()
    outputs["manifest.yaml"] = manifest(shown, outputs, failed).encode()
    with Progress("report", total=len(outputs), unit="files") as progress:
        for path, written in outputs.items():
            write_whole(folder / path, lambda stream, written=written: stream.write(written))  # type: ignore[misc]
            progress.advance()
    _remove_leftovers(folder, set(outputs))


def _draw_figures(
    shown: Content,
    outputs: dict[str, bytes],
    links: dict[tuple[str, str], str],
    failed: dict[str, str],
) -> None:
    for part in shown.groups:
        ending = f"-{part.group.slug}" if len(shown.groups) > 1 else ""
        for name, drawn in part.views.items():
            if drawn.figure is None:
                continue
            stem = f"figures/{name}{ending}"
            try:
                for suffix, written in figure_bytes(drawn.figure).items():
                    outputs[f"{stem}.{suffix}"] = written
            except Exception as error:  # noqa: BLE001 - a plot's fault must not cost the rest
                failed[stem] = f"{type(error).__name__}: {error}"
            else:
                links[part.group.slug, name] = f"{stem}.png"


def _remove_leftovers(folder: Path, written: set[str]) -> None:
    for sub, suffixes in (("figures", {".png", ".svg", ".pdf"}), ("tables", {".csv"})):
        for path in sorted((folder / sub).glob("*")):
            if path.suffix in suffixes and f"{sub}/{path.name}" not in written:
                path.unlink()
