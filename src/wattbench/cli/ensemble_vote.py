"""The subcommand `ensemble vote`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from wattbench.cli.common import JsonOption, LogOption, print_json, stage

StrategyOption = Annotated[
    Literal["majority", "first_non_blank", "answer_priority", "confidence"],
    typer.Option(help="How members vote; `wattbench list strategies` describes each."),
]
BlankOption = Annotated[
    bool, typer.Option(help="Drop abstentions before the count while any other answer stands.")
]
VotesOption = Annotated[
    Literal["canonical", "raw"],
    typer.Option(
        help="What one vote is: canonical counts '0.5' and '5e-1' as one answer; raw counts equal "
        "texts, as the guide's ensembles do."
    ),
]

FIGURES = (
    ("energy_j", "energy, all members", "J"),
    ("energy_uncertainty_j", "its standard uncertainty, meters taken to err alike", "J"),
    ("latency_sequential_s", "a question, members one after another", "s"),
    ("latency_parallel_s", "a question, members side by side", "s"),
)


def register(group: typer.Typer) -> None:
    """Add the subcommand."""

    @group.command(
        epilog="Example: wattbench ensemble vote artifacts/experiments/env/train_QA/{qwen72b-bench,"
        "qwen32b-bench,qwen14b-bench} --name ensemble-top3-majority --ignore-blank --votes raw "
        "--output artifacts/experiments/env/train_QA/ensemble-top3-majority"
    )
    def vote(
        folders: Annotated[
            list[Path],
            typer.Argument(help="Result folders of the members, in the order that decides ties."),
        ],
        *,
        strategy: StrategyOption = "majority",
        ignore_blank: BlankOption = False,
        votes: VotesOption = "canonical",
        name: Annotated[str, typer.Option(help="Name of the ensemble.")] = "ensemble",
        gold: Annotated[
            Path | None,
            typer.Option(help="Question file with gold answers; default: what the results quote."),
        ] = None,
        rule: Annotated[
            str | None, typer.Option(help="Scoring rule; default: the one they were scored by.")
        ] = None,
        output: Annotated[
            Path | None,
            typer.Option(help="Folder for submission.csv, results.json and summary.json."),
        ] = None,
        as_json: JsonOption = False,
        log: LogOption = None,
    ) -> None:
        """Let result folders vote, wattbench's or the guide's, in the guide's format."""
        with stage(log):
            from wattbench.analyses.artifact_files import writable
            from wattbench.analyses.artifacts import read_experiment
            from wattbench.analyses.ensemble_field import Rules
            from wattbench.analyses.ensemble_folders import (
                refuse_to_overwrite,
                vote_folders,
                write_ensemble,
            )
            from wattbench.cli.folders import holding_results, named_rule, tell_left_out
            from wattbench.study.questions import read_questions

            members = [read_experiment(folder) for folder in holding_results(folders)]
            if output is not None:
                refuse_to_overwrite(output, members)
            found = vote_folders(
                members,
                Rules(strategy, ignore_blank, votes),
                name=writable(name),
                gold=None if gold is None else read_questions(gold),
                rule=named_rule(rule),
            )
            if output is not None:
                write_ensemble(found, output)
            if as_json:
                print_json(found.summary)
                return
            summary = found.summary
            score = summary["overall_score"]
            typer.echo(
                f"{found.name}: {strategy} of {', '.join(found.members)} on {len(found.results)} "
                f"questions, "
                + ("not judged: no gold answer is known" if score is None
                   else f"score {score:.4f} under {summary['rule']}")
            )  # fmt: skip
            for key, label, unit in FIGURES:
                value, why = summary[key], summary["unknown"].get(key)
                told = f"not known ({why})" if value is None else f"{value:.4g} {unit}"
                typer.echo(f"  {label}: {told}")
            tell_left_out(summary["left_out"])
