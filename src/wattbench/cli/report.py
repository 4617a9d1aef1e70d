"""`wattbench report` and `wattbench docs outputs`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wattbench.cli.common import LogOption, StudyOption, open_study, stage


def register(app: typer.Typer) -> None:
    """Add the commands."""

    @app.command(
        "report",
        epilog="Example: wattbench report --study results/study.json\n\n"
        "Example: wattbench report --study results/study.json --definition small.yaml "
        "--output reports/small",
    )
    def report(
        study: StudyOption,
        definition: Annotated[
            Path | None,
            typer.Option(
                "--definition",
                help="Write one report of this file instead: the keys of the study's `report` "
                "(inputs.select, outputs.which_figures, thresholds, ...).",
            ),
        ] = None,
        output: Annotated[
            Path | None, typer.Option("--output", help="Its folder; needed with --definition.")
        ] = None,
        log: LogOption = None,
    ) -> None:
        """Write the reports of a study: index.html, report.md, figures, tables and a manifest.

        The default report goes to report/, each one of the study's `reports` to report/<name>/.
        """
        with stage(log):
            from wattbench.errors import InputError
            from wattbench.report.stage import render, render_one
            from wattbench.study.layout import Layout
            from wattbench.study.report_files import read_definition

            if (definition is None) != (output is None):
                raise InputError(
                    "--definition and --output belong together.", mend="Give both or none."
                )
            opened = open_study(study)
            if definition is not None and output is not None:
                render_one(opened, read_definition(definition), definition, output)
                typer.echo(f"report: {output / 'index.html'}")
                return
            render(opened)
            folder = Layout(Path(opened.study.results)).report
            for own in (folder, *(folder / name for name in opened.reports)):
                typer.echo(f"report: {own / 'index.html'}")

    docs = typer.Typer(
        no_args_is_help=True, help="Documentation that is made from the code.", name="docs"
    )
    app.add_typer(docs)

    @docs.callback()
    def _docs() -> None:
        """Documentation that is made from the code."""

    @docs.command("outputs", epilog="Example: wattbench docs outputs --check")
    def outputs(
        *,
        check: Annotated[
            bool, typer.Option("--check", help="Fail where the file differs from the schemas.")
        ] = False,
        write: Annotated[bool, typer.Option("--write", help="Write the file.")] = False,
        file: Annotated[Path, typer.Option("--file", help="The file to check or write.")] = Path(
            "docs/outputs.md"
        ),
        log: LogOption = None,
    ) -> None:
        """Show, check or write docs/outputs.md: every output file and every column."""
        with stage(log):
            from wattbench.errors import InputError
            from wattbench.report.outputs_doc import document
            from wattbench.tables.files import write_text

            if check and write:
                raise InputError(
                    "--check and --write exclude each other.", mend="Give one of them."
                )
            if write:
                write_text(file, document())
                typer.echo(f"docs: {file}")
            elif check:
                found = file.read_text(encoding="utf-8") if file.is_file() else None
                if found != document():
                    raise InputError(
                        "differs from the schemas of the tables."
                        if found is not None
                        else "is missing.",
                        where=str(file),
                        mend="Run `wattbench docs outputs --write` and commit the file.",
                    )
                typer.echo(f"docs: {file} is true")
            else:
                typer.echo(document(), nl=False)
