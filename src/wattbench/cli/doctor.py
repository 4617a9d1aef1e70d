"""The subcommand `doctor`: what this machine, or this cluster, can measure and run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wattbench.cli.common import JsonOption, print_json, stage
from wattbench.errors import EXIT_CANNOT_RUN, InputError

if TYPE_CHECKING:
    from wattbench.cli.doctor_checks import Check
    from wattbench.study.models import Study

STYLES = {"ok": "green", "missing": "yellow", "blocks": "red"}
PROBE_TIMEOUT_S = 600.0


def register(app: typer.Typer) -> None:
    """Add the subcommand."""

    @app.command(
        epilog="Examples: wattbench doctor --study config/demo/study.yaml; "
        "wattbench doctor --slurm --study config/config.yaml --partition gpu --gpus 1"
    )
    def doctor(  # noqa: PLR0917
        study: Annotated[
            list[Path] | None,
            typer.Option(
                "--study",
                help="Also say whether this study can run; several files are merged as "
                "`snakemake --configfile` does.",
            ),
        ] = None,
        slurm: Annotated[
            bool,
            typer.Option("--slurm", help="Submit a job of one minute and say what works."),
        ] = False,
        partition: Annotated[
            str | None,
            typer.Option(help="With --slurm: partition; default: that of the study's runs."),
        ] = None,
        gpus: Annotated[
            int | None,
            typer.Option(min=0, help="With --slurm: GPUs; default: 1 where runs want any."),
        ] = None,
        profile: Annotated[
            str, typer.Option(help="With --slurm: Snakemake profile, by name or folder.")
        ] = "slurm",
        timeout_s: Annotated[
            float,
            typer.Option("--timeout-s", min=1, help="With --slurm: longest wait, queue included."),
        ] = PROBE_TIMEOUT_S,
        quick: Annotated[
            bool, typer.Option("--quick", help="Hash no weights and ask no scheduler.")
        ] = False,
        as_json: JsonOption = False,
    ) -> None:
        """Say what this machine can measure and run; exit code 1 where runs cannot work."""
        with stage():
            from wattbench.cli.doctor_checks import (
                BLOCKS,
                machine_checks,
                study_checks,
                this_machine,
            )
            from wattbench.study.load import load_studies

            if not slurm and (partition is not None or gpus is not None):
                raise InputError("--partition and --gpus are of the probe.", mend="Add --slurm.")
            settings = load_studies(study) if study else None
            report: dict[str, Any] = {"machine": this_machine()}
            if slurm:
                from wattbench.cli.doctor_slurm import probe_checks

                probed, report["probe"] = probe_checks(
                    settings,
                    study or [],
                    profile=profile,
                    partition=partition,
                    gpus=gpus,
                    timeout_s=timeout_s,
                )
                checks = [*_beside(settings, quick=quick), *probed]
            else:
                checks = list(machine_checks(quick=quick))
                checks += study_checks(settings) if settings is not None else []
            can_run = None
            if settings is not None or slurm:
                can_run = all(check.state != BLOCKS for check in checks)
            if can_run and slurm and report["probe"]["node"] is None:
                # The queue was too long to see.
                can_run = None
            if as_json:
                print_json(
                    {**report, "checks": [check.record() for check in checks], "can_run": can_run}
                )
            else:
                _print([check.record() for check in checks])
            if can_run is False:
                what = "runs cannot work" if slurm else f"{_names(study)} cannot run"
                if not as_json:
                    typer.echo(f"{what} here: see the lines that block.", err=True)
                raise typer.Exit(EXIT_CANNOT_RUN)


def _names(study: list[Path] | None) -> str:
    return " + ".join(map(str, study or []))


def _beside(study: Study | None, *, quick: bool) -> list[Check]:
    """What the login node itself must have: its own meters and size do not matter."""
    from wattbench.cli.doctor_checks import slurm_checks, study_checks, weight_checks

    found = [*slurm_checks(), *weight_checks(quick=quick)]
    return found + (list(study_checks(study)) if study is not None else [])


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
