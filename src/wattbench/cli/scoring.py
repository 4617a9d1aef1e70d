"""The subcommand `score`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from wattbench.cli.common import (
    AttemptOption,
    IdentityOption,
    JsonOption,
    LogOption,
    QuestionsOption,
    StudyOption,
    check_identity,
    open_study,
    print_json,
    slurm_scheduler,
    stage,
)

Row = dict[str, Any]


def register(app: typer.Typer) -> None:
    """Add the subcommand."""

    @app.command(
        epilog="Examples: wattbench score --study study.yaml --questions demo --run qwen-0.5b; "
        "wattbench score train_QA.csv submission.csv --rule wattbot-v1 --json"
    )
    def score(  # noqa: PLR0917 - typer makes them options
        gold: Annotated[
            Path | None, typer.Argument(help="CSV file of questions with gold answers.")
        ] = None,
        submission: Annotated[
            Path | None, typer.Argument(help="submission.csv to score, of any system.")
        ] = None,
        study: Annotated[
            Path | None, typer.Option("--study", help="Score a run of this study instead.")
        ] = None,
        questions: Annotated[
            str | None, typer.Option("--questions", help="Name of the study's question set.")
        ] = None,
        run: Annotated[
            str | None, typer.Option("--run", help="Name of the study's model entry.")
        ] = None,
        rule: Annotated[
            str | None, typer.Option("--rule", help="Scoring rule of the files; strict by default.")
        ] = None,
        subset_check: Annotated[
            bool,
            typer.Option(
                "--subset-check",
                help="Refuse a submission that leaves questions out, repeats or adds some.",
            ),
        ] = False,
        empty_cells: Annotated[
            str | None,
            typer.Option(
                "--empty-cells",
                help="How an empty cell is read: kept (empty, so an abstention) or nan (as pandas "
                "reads it, which the WattBot rules take for an answer). [default: kept]",
            ),
        ] = None,
        as_json: JsonOption = False,
        identity: IdentityOption = None,
        log: LogOption = None,
    ) -> None:
        """Judge answers: a run's of a study, or those of a submission file.

        Of a run it writes scores.parquet, results.json, summary.json and submission.csv; of a
        file it prints the score.
        """
        with stage(log):
            from wattbench.errors import InputError

            files = (gold, submission)
            if (study is None) == (gold is None) or (gold is None) != (submission is None):
                raise InputError(
                    "give either a gold file and a submission, or --study.",
                    mend="See `wattbench score --help`.",
                )
            if study is None:
                _refuse({"--questions": questions, "--run": run, "--identity": identity})
                _print(_of_files(files, rule, subset_check, empty_cells), as_json)
                return
            unused = {
                "--rule": rule,
                "--subset-check": subset_check or None,
                "--empty-cells": empty_cells,
                "--json": as_json or None,
            }
            _refuse(unused)
            if questions is None or run is None:
                raise InputError("--study needs --questions and --run.")
            from wattbench.scoring.stage import score as run_stage
            from wattbench.study.identity import digest_of, scoring_slice

            settings = open_study(study)
            check_identity(identity, digest_of(scoring_slice(settings)), "scoring")
            run_stage(settings, questions, run)

    @app.command("judge")
    def judge(
        study: StudyOption,
        questions: QuestionsOption,
        identity: IdentityOption = None,
        attempt: AttemptOption = 1,
        log: LogOption = None,
    ) -> None:
        """Let the study's judging model say which answers of all runs are right, TRUE or FALSE.

        Example: wattbench judge --study my.yaml --questions mine
        """
        from wattbench.inference.judging import judge_answers
        from wattbench.study.demands import with_devices
        from wattbench.study.identity import verdicts_identity

        with stage(log):
            opened = open_study(study)
            check_identity(identity, verdicts_identity(opened), "the judge")
            judge_answers(
                with_devices(opened),
                questions,
                scheduler=slurm_scheduler(),
                retry=attempt > 1,
            )


def _refuse(options: dict[str, Any]) -> None:
    from wattbench.errors import InputError

    given = [name for name, value in options.items() if value is not None]
    if given:
        raise InputError(f"{', '.join(given)}: of no use here.", mend="Leave it out.")


def _of_files(
    files: tuple[Path | None, Path | None],
    rule: str | None,
    subset_check: bool,
    empty_cells: str | None,
) -> Row:
    from wattbench.cli.folders import named_rule
    from wattbench.errors import InputError
    from wattbench.scoring.submission import score_files
    from wattbench.study.judgement import Scoring

    gold, submission = files
    if empty_cells not in {None, "kept", "nan"}:
        raise InputError(f"--empty-cells is kept or nan, not '{empty_cells}'.")
    assert gold is not None and submission is not None  # noqa: S101, PT018 - checked above
    return score_files(
        gold,
        submission,
        Scoring(rule=named_rule(rule) or "strict"),
        empty="nan" if empty_cells == "nan" else "kept",
        whole=subset_check,
    )


def _print(found: Row, as_json: bool) -> None:
    from wattbench.scoring.submission import lines

    if as_json:
        print_json(found)
    else:
        for line in lines(found):
            typer.echo(line)
