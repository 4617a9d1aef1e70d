"""The subcommand `partitions`: a first version of a partition file, from the live cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wattbench.cli.common import stage


def register(app: typer.Typer) -> None:
    """Add the subcommand."""

    @app.command(epilog="Example: wattbench partitions --write config/partitions.yaml")
    def partitions(
        write: Annotated[
            Path | None, typer.Option("--write", help="Write it to this new file.")
        ] = None,
    ) -> None:
        """Print a partition file for the cluster this runs on, for you to complete (YAML)."""
        with stage():
            from wattbench.errors import InputError
            from wattbench.files import write_text
            from wattbench.slurm.inventory import cluster_text

            if write is not None and write.exists():
                raise InputError(
                    "the file is there already, and you may have completed it.",
                    where=str(write),
                    mend="Name another, or remove it first.",
                )
            found = cluster_text()
            if write is None:
                typer.echo(found, nl=False)
            else:
                write_text(write, found)
                typer.echo(f"{write}: complete it and name it in the study as cluster.partitions")
