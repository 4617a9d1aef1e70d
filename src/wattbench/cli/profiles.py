"""Linking the workflow's profiles to where `snakemake --profile NAME` looks for them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from wattbench.cli.common import stage
from wattbench.errors import FaultError, InputError


def profile_home() -> Path:
    """Snakemake's folder of user profiles (its documentation: 'Profiles')."""
    config = os.environ.get("XDG_CONFIG_HOME")
    return (Path(config) if config else Path.home() / ".config") / "snakemake"


def link_profiles(source: Path, home: Path) -> list[tuple[Path, str]]:
    """Link every profile of `source` into `home`.

    Returns:
        Each link with what became of it: 'linked' or 'there already'.

    Raises:
        InputError: `source` holds no profile, or another profile has a name already; nothing
            was linked then.
    """
    profiles = sorted(p.parent.resolve() for p in source.glob("*/profile.v9+.yaml"))
    if not profiles:
        raise InputError(
            "there are no profiles here.",
            where=str(source),
            mend="Run this in wattbench's folder, or name its profiles folder with --source.",
        )
    taken = [
        home / profile.name
        for profile in profiles
        if os.path.lexists(home / profile.name) and (home / profile.name).resolve() != profile
    ]
    if taken:
        raise InputError(
            "another profile has that name.",
            where=", ".join(map(str, taken)),
            mend="Move it away, or leave it and type `snakemake --workflow-profile NAME`.",
        )
    done: list[tuple[Path, str]] = []
    try:
        home.mkdir(parents=True, exist_ok=True)
        for profile in profiles:
            link = home / profile.name
            there = link.is_symlink()
            if not there:
                link.symlink_to(profile)
            done.append((link, "there already" if there else "linked"))
    except OSError as error:
        raise FaultError(f"cannot link profiles: {error.strerror}.", where=str(home)) from error
    return done


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("install-profiles")
    def install_profiles(
        source: Annotated[Path, typer.Option(help="Folder that holds the profiles.")] = Path(
            "profiles"
        ),
    ) -> None:
        """Make `snakemake --profile slurm` and `--profile local` work from any folder.

        Example: wattbench install-profiles
        """
        with stage():
            for link, state in link_profiles(source, profile_home()):
                typer.echo(f"{link} -> {link.resolve()} ({state})")
