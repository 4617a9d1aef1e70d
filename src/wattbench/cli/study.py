"""The subcommands `study ...`: check, show, schema."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wattbench.cli.common import JsonOption, open_study, print_json, stage
from wattbench.errors import InputError

if TYPE_CHECKING:
    from wattbench.study.models import Study

FileArgument = Annotated[Path, typer.Argument(help="Study file (YAML or JSON).")]


def register(app: typer.Typer) -> None:
    """Add the subcommands."""
    group = typer.Typer(no_args_is_help=True, help="Look at a study without running it.")

    @group.command(epilog="Example: wattbench study check config/demo/study.yaml")
    def check(
        file: FileArgument,
        as_json: JsonOption = False,
    ) -> None:
        """Name every mistake in a study, and every file it needs that is not there."""
        with stage():
            if as_json:
                _check_json(file)
            else:
                typer.echo(_check(file))

    @group.command(epilog="Example: wattbench study show config/demo/study.yaml")
    def show(file: FileArgument) -> None:
        """Print a study with every default filled in, and the identity of each result (JSON)."""
        with stage():
            settings = open_study(file)
            print_json(
                {"study": settings.model_dump(mode="json"), "identities": identities(settings)}
            )

    @group.command(epilog="Example: wattbench study schema --check config/schema/study.schema.json")
    def schema(
        check: Annotated[
            Path | None, typer.Option("--check", help="Fail unless this file is the schema.")
        ] = None,
        write: Annotated[
            Path | None, typer.Option("--write", help="Write the schema to this file.")
        ] = None,
    ) -> None:
        """Print the JSON schema of a study: every key, its meaning and its default."""
        with stage():
            from wattbench.study.schema import check_schema, schema_text, write_schema

            if write is not None:
                write_schema(write)
            if check is not None:
                check_schema(check)
            if write is None and check is None:
                typer.echo(schema_text(), nl=False)

    app.add_typer(group, name="study")


def identities(study: Study) -> dict[str, Any]:
    """Digest of the settings that each result depends on, by kind and name."""
    from wattbench.study import identity

    return {
        "corpora": {n: identity.digest_of(identity.corpus_slice(study, n)) for n in study.corpora},
        "indexes": {n: identity.digest_of(identity.index_slice(study, n)) for n in study.indexes},
        "retrievals": {
            n: identity.digest_of(identity.retrieval_slice(study, n)) for n in study.retrievals
        },
        "runs": {n: identity.run_identity(study, n) for n in study.models},
        "ensembles": {
            n: identity.digest_of(identity.ensemble_slice(study, n)) for n in study.ensembles
        },
        "scoring": identity.digest_of(identity.scoring_slice(study)),
    }


def _check(file: Path) -> str:
    from wattbench.study.preflight import preflight

    study = open_study(file)
    preflight(study)
    counts = [
        f"{len(found)} {what}{'' if len(found) == 1 else 's'}"
        for what, found in (
            ("question set", study.questions),
            ("model", study.models),
            ("ensemble", study.ensembles),
        )
    ]
    return f"{file}: sound; {', '.join(counts)}; results go to {study.study.results}"


def _check_json(file: Path) -> None:
    """Print {'sound': ..., 'problems': [...]}; the exit code is that of the plain check."""
    try:
        _check(file)
    except InputError as error:
        print_json({"sound": False, "problems": _problems(file, error)})
        raise typer.Exit(error.exit_code) from None
    print_json({"sound": True, "problems": []})


def _problems(file: Path, error: InputError) -> list[dict[str, Any]]:
    from wattbench.study.load import mistakes_in
    from wattbench.study.preflight import problems_of

    mistakes = mistakes_in(file)
    if mistakes is None:
        return [{"key": None, "where": error.where, "what": error.what, "mend": error.mend}]
    if mistakes:
        return [
            {
                "key": m.key or None,
                "where": str(m.place) if m.place else str(file),
                "what": m.text,
                "mend": None,
            }
            for m in mistakes
        ]
    return [
        {"key": None, "where": p.where, "what": p.what, "mend": p.mend}
        for p in problems_of(open_study(file))
    ]
