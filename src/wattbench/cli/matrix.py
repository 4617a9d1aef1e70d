"""The subcommand `matrix`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wattbench.cli.common import JsonOption, LogOption, print_json, stage

if TYPE_CHECKING:
    from wattbench.analyses.matrix import Matrix


def register(app: typer.Typer) -> None:
    """Add the subcommand."""

    @app.command(
        epilog="Example: wattbench matrix artifacts/experiments --gold data/train_QA.csv\n\n"
        "Folders are wattbench's (results/demo/runs) or the benchmark guide's. Several question "
        "sets give several files, the set's name in each."
    )
    def matrix(
        folders: Annotated[
            list[Path], typer.Argument(help="Result folders, or folders that hold some.")
        ],
        *,
        gold: Annotated[
            Path | None,
            typer.Option(help="Question file with gold answers; default: what the results quote."),
        ] = None,
        questions: Annotated[
            str | None, typer.Option(help="One question set; default: all that are there.")
        ] = None,
        rule: Annotated[
            str | None, typer.Option(help="Scoring rule; default: the one they were scored by.")
        ] = None,
        output: Annotated[Path, typer.Option(help="CSV file to write.")] = Path(
            "results_matrix.csv"
        ),
        as_json: JsonOption = False,
        log: LogOption = None,
    ) -> None:
        """Write which experiment answered what, a question a row; tell what was left out."""
        with stage(log):
            from wattbench.analyses.artifact_files import shown
            from wattbench.analyses.artifacts import read_experiments
            from wattbench.analyses.matrix import matrices
            from wattbench.cli.folders import chosen, named_rule
            from wattbench.files import write_text
            from wattbench.report.csvs import to_csv
            from wattbench.study.questions import read_questions

            judged_by = named_rule(rule)
            asked = None if gold is None else read_questions(gold)
            experiments, left_out = read_experiments(folders)
            found = list(matrices(chosen(experiments, questions), gold=asked, rule=judged_by))
            reports = []
            for one in found:
                path = (
                    output
                    if len(found) == 1
                    else output.with_name(f"{output.stem}_{one.questions}{output.suffix}")
                )
                write_text(path, to_csv(one.columns, one.rows))
                reports.append(_told(one, path))
            skipped = [{"what": shown(path), "reason": reason} for path, reason in left_out]
            if as_json:
                print_json({"matrices": reports, "left_out": skipped})
            else:
                _print(reports, skipped)


def _told(matrix: Matrix, path: Path) -> dict[str, Any]:
    from wattbench.analyses.artifact_files import shown

    return {
        "file": shown(path),
        "questions": matrix.questions,
        "rule": matrix.rule,
        "rows": len(matrix.rows),
        "experiments": dict(matrix.experiments),
        "dropped": [{"what": one.what, "reason": one.reason} for one in matrix.dropped],
    }


def _print(reports: list[dict[str, Any]], skipped: list[dict[str, str]]) -> None:
    from wattbench.cli.folders import tell_left_out

    for one in reports:
        typer.echo(
            f"{one['file']}: {one['rows']} questions of '{one['questions']}', "
            f"{len(one['experiments'])} experiments, judged by {one['rule']}"
        )
    tell_left_out([entry for one in reports for entry in one["dropped"]] + skipped)
