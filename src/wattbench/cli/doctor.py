"""The subcommand `doctor`: what this machine can measure and run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from wattbench.cli.common import JsonOption, open_study, print_json, stage
from wattbench.errors import EXIT_CANNOT_RUN

STYLES = {"ok": "green", "missing": "yellow", "blocks": "red"}


def register(app: typer.Typer) -> None:
    """Add the subcommand."""

    @app.command(epilog="Example: wattbench doctor --study config/demo/study.yaml")
    def doctor(
        study: Annotated[
            Path | None, typer.Option("--study", help="Also say whether this study can run here.")
        ] = None,
        as_json: JsonOption = False,
    ) -> None:
        """Say what this machine can measure and run; exit code 1 where the study cannot run."""
        with stage():
            from wattbench.cli.doctor_checks import BLOCKS, machine_checks, study_checks

            settings = open_study(study) if study is not None else None
            checks = list(machine_checks())
            if settings is not None:
                checks += study_checks(settings)
            rows = [check.record() for check in checks]
            can_run = None
            if settings is not None:
                can_run = all(check.state != BLOCKS for check in checks)
            if as_json:
                print_json({"checks": rows, "can_run": can_run})
            else:
                _print(rows)
            if can_run is False:
                if not as_json:
                    typer.echo(f"{study} cannot run here: see the lines that block it.", err=True)
                raise typer.Exit(EXIT_CANNOT_RUN)


def _print(rows: list[dict[str, Any]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in ("", "what", "state", "found, or why not"):
        table.add_column(column, overflow="fold", no_wrap=column in {"", "state"})
    area = None
    for row in rows:
        if area is not None and row["area"] != area:
            table.add_section()
        text = row["detail"] if row["mend"] is None else f"{row['detail']}. {row['mend']}"
        table.add_row(
            Text(row["area"] if row["area"] != area else "", style="bold"),
            Text(row["what"]),
            Text(row["state"], style=STYLES[row["state"]]),
            Text(text),
        )
        area = row["area"]
    Console().print(table)
