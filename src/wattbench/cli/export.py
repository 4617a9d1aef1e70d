"""`wattbench export`: a table as CSV, JSON or LaTeX."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wattbench.cli.common import StudyOption, open_study, stage


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command(
        "export",
        epilog="Example: wattbench export runs --study results/study.json --format latex "
        "--columns run,score,energy_gross_j --float-format %.3g --output runs.tex",
    )
    def export(
        table: Annotated[str, typer.Argument(help="Name of a table, such as runs.")],
        study: StudyOption,
        *,
        form: Annotated[
            str, typer.Option("--format", help="csv, json or latex.", metavar="FORMAT")
        ] = "csv",
        columns: Annotated[
            str, typer.Option("--columns", help="Columns, separated by commas; default: all.")
        ] = "",
        questions: Annotated[
            str | None, typer.Option("--questions", help="Rows of this question set only.")
        ] = None,
        float_format: Annotated[
            str, typer.Option("--float-format", help="printf format of numbers in LaTeX.")
        ] = "%.4g",
        output: Annotated[
            Path | None, typer.Option("--output", help="File to write; default: print it.")
        ] = None,
    ) -> None:
        """Write a table for a spreadsheet (CSV), a program (JSON) or a paper (LaTeX).

        Unknown figures read "not measured" in CSV and LaTeX and null in JSON, each with its
        reason. No CSV cell is a formula to a spreadsheet; LaTeX is escaped and uses booktabs.
        """
        with stage():
            from wattbench.api import TABLES
            from wattbench.errors import InputError
            from wattbench.files import write_text
            from wattbench.report.exports import FORMATS, exported, known_columns
            from wattbench.study.layout import Layout
            from wattbench.tables.files import read_rows

            if table not in TABLES:
                raise InputError(
                    f"there is no table '{table}'.", mend=f"There are: {', '.join(TABLES)}."
                )
            if form not in FORMATS:
                raise InputError(f"'{form}' is not one of: {', '.join(FORMATS)}.", where="--format")
            contract = TABLES[table]
            names = known_columns(contract, [c.strip() for c in columns.split(",") if c.strip()])
            settings = open_study(study)
            rows = read_rows(Layout(Path(settings.study.results)).table(table), contract)
            if questions is not None:
                known_columns(contract, ["questions"])
                if questions not in settings.questions:
                    raise InputError(
                        f"the study has no question set '{questions}'; it has: "
                        f"{', '.join(settings.questions)}.",
                        where="--questions",
                    )
                rows = [row for row in rows if row["questions"] == questions]
            text = exported(contract, rows, form, columns=names, float_format=float_format)
            if output is None:
                typer.echo(text, nl=False)
            else:
                write_text(output, text)
                typer.echo(f"export: {output}")
