"""The subcommand `audit`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from wattbench.cli.common import JsonOption, LogOption, open_study, print_json, print_rows, stage

Row = dict[str, Any]
FAILS: Mapping[str, frozenset[str]] = {
    "error": frozenset({"error"}),
    "warning": frozenset({"error", "warning"}),
    "never": frozenset(),
}
ORDER = ("error", "warning", "note")


def register(app: typer.Typer) -> None:
    """Add the subcommand."""

    @app.command(
        epilog="Examples: wattbench audit artifacts/experiments --gold data/train_QA.csv\n\n"
        "wattbench audit --study study.yaml --json\n\n"
        "Folders are wattbench's or the benchmark guide's. Exit code: 0 where nothing of --fail-on "
        "was found, 1 where something was, 2 where the input cannot be used."
    )
    def audit(
        folders: Annotated[
            list[Path] | None, typer.Argument(help="Result folders, or folders that hold some.")
        ] = None,
        *,
        study: Annotated[
            Path | None, typer.Option(help="Audit all results of this study instead of folders.")
        ] = None,
        gold: Annotated[
            Path | None,
            typer.Option(help="Question file with gold answers; default: what the results quote."),
        ] = None,
        documents: Annotated[
            Path | None, typer.Option(help="metadata.csv whose ids the gold references must be of.")
        ] = None,
        questions: Annotated[
            str | None, typer.Option(help="One question set; default: all that are there.")
        ] = None,
        rule: Annotated[
            str | None, typer.Option(help="Scoring rule; default: the one each was scored by.")
        ] = None,
        fail_on: Annotated[
            Literal["error", "warning", "never"],
            typer.Option(help="Least severity that gives exit code 1."),
        ] = "error",
        as_json: JsonOption = False,
        log: LogOption = None,
    ) -> None:
        """Tell what looks wrong in results, and what to do about it."""
        with stage(log):
            from wattbench.errors import InputError

            if bool(folders) == (study is not None):
                raise InputError(
                    "give either result folders or --study.", mend="See `wattbench audit --help`."
                )
            if study is not None:
                unused = {"--gold": gold, "--documents": documents, "--rule": rule}
                if given := [name for name, value in unused.items() if value is not None]:
                    raise InputError(f"{', '.join(given)}: the study says that itself.")
                rows, clean = _of_study(study, questions)
            else:
                rows, clean = _of_folders(
                    folders or [], gold=gold, documents=documents, questions=questions, rule=rule
                )
            rows.sort(key=lambda row: (ORDER.index(row["severity"]), row["check"]))
            if as_json:
                print_json({"findings": rows, "clean": clean})
            else:
                _print(rows, clean)
        if any(row["severity"] in FAILS[fail_on] for row in rows):
            raise typer.Exit(1)


def _of_study(path: Path, questions: str | None) -> tuple[list[Row], list[Row]]:
    from wattbench.analyses.study_audit import audit_study
    from wattbench.errors import InputError

    settings = open_study(path)
    if questions is not None and questions not in settings.questions:
        raise InputError(
            f"the study has no question set '{questions}'; it has: "
            f"{', '.join(settings.questions)}.",
            mend="Check --questions.",
        )
    rows: list[Row] = []
    clean: list[Row] = []
    for name in [questions] if questions is not None else settings.questions:
        found, passed = audit_study(settings, name)
        rows += found
        clean += [_clean(settings.study.environment, name, one) for one in passed]
    return rows, clean


def _of_folders(
    folders: Sequence[Path],
    *,
    gold: Path | None,
    documents: Path | None,
    questions: str | None,
    rule: str | None,
) -> tuple[list[Row], list[Row]]:
    from wattbench.analyses.artifact_files import shown
    from wattbench.analyses.artifacts import read_experiments
    from wattbench.analyses.audit.facts import finding
    from wattbench.analyses.audit.of_folders import audit_folders
    from wattbench.cli.folders import chosen, document_ids, named_rule
    from wattbench.study.questions import read_questions

    judged_by = named_rule(rule)
    asked = None if gold is None else read_questions(gold)
    known = None if documents is None else document_ids(documents)
    experiments, left_out = read_experiments(folders)
    audits = audit_folders(
        chosen(experiments, questions), gold=asked, documents=known, rule=judged_by
    )
    rows: list[Row] = [
        {"environment": "", "questions": shown(Path(folder.parent.name))}
        | finding("left_out", "note", f"{shown(folder)}: {why}.", run=shown(Path(folder.name)))
        for folder, why in left_out
    ]
    rows += [row for one in audits for row in one.findings]
    return rows, [
        _clean(one.environment, one.questions, run) for one in audits for run in one.clean
    ]


def _clean(environment: str, questions: str, run: Any) -> Row:
    return {
        "run": run.run,
        "environment": environment,
        "questions": questions,
        "model": run.model,
        "score": run.score,
        "latency_mean_s": run.times.latency_mean_s,
        "energy_j": run.power.energy_j,
    }


def _print(rows: Sequence[Row], clean: Sequence[Row]) -> None:
    from wattbench.analyses.audit.facts import some

    runs: dict[tuple[str, ...], list[str]] = {}
    for row in rows:
        told = f"{row['severity']}: {row['check']}: {row['detail']} {row['mend'] or ''}".rstrip()
        place = "/".join(filter(None, (row["environment"], row["questions"])))
        runs.setdefault((told, place), []).extend(filter(None, [row["run"]]))
    for (told, place), names in runs.items():
        typer.echo(f"{told}\n    in {place}" + (f": {some(names)}" if names else ""))
    counts = ", ".join(
        f"{count} {severity}{'s' if count != 1 else ''}"
        for severity in ORDER
        if (count := sum(row["severity"] == severity for row in rows))
    )
    typer.echo(f"found: {counts or 'nothing'}")
    if clean:
        typer.echo("clean, best first, each model once:")
        print_rows(
            [
                {
                    "run": row["run"],
                    "environment": row["environment"],
                    "questions": row["questions"],
                    "score": f"{row['score']:.3f}",
                    "latency": f"{row['latency_mean_s']:.2f} s",
                }
                for row in clean
            ]
        )
