"""The root command and the list of its subcommands."""

from __future__ import annotations

import importlib
import sys
from typing import Annotated

import typer

COMMANDS = (
    "study",
    "fetch",
    "doctor",
    "listing",
    "profiles",
    "corpus",
    "retrieval",
    "plan",
    "partitions",
    "inference",
    "collect",
    "slurm",
    "scoring",
    "ensembles",
    "matrix",
    "audit",
    "aggregate",
    "partial",
    "report",
    "export",
)
"""Modules of this package that add commands, in the order of the help."""


def _show_version(wanted: bool) -> None:
    if wanted:
        from wattbench import __version__

        typer.echo(f"wattbench {__version__}")
        raise typer.Exit


def build() -> typer.Typer:
    """The command line with all its subcommands."""
    app = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        help="Which language model, or ensemble, answers my questions well enough for the fewest "
        "joules, and how sure can I be?",
    )

    @app.callback()
    def root(
        version: Annotated[
            bool,
            typer.Option(
                "--version", callback=_show_version, is_eager=True, help="Print the version."
            ),
        ] = False,
    ) -> None:
        pass

    for name in COMMANDS:
        importlib.import_module(f"wattbench.cli.{name}").register(app)
    return app


def main() -> None:
    """Entry point of the `wattbench` command."""
    sys.exit(build()())
