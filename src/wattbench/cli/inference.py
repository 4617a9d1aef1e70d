"""Subcommands of the inference stage."""

from __future__ import annotations

from typing import Annotated

import typer

from wattbench.cli.common import (
    IdentityOption,
    LogOption,
    StudyOption,
    check_identity,
    open_study,
    stage,
)

QuestionsOption = Annotated[str, typer.Option("--questions", help="Name of the question set.")]
RunOption = Annotated[str, typer.Option("--run", help="Name of the model entry.")]


def register(app: typer.Typer) -> None:
    """Add the commands `infer`, `journal` and `gc`."""

    @app.command()
    def infer(
        study: StudyOption,
        questions: QuestionsOption,
        run: RunOption,
        identity: IdentityOption = None,
        log: LogOption = None,
    ) -> None:
        """Ask a model the questions that its journal lacks, and write the run's files.

        Example: wattbench infer --study config/config.yaml --questions mine --run smollm2-135m
        """
        from wattbench.inference.stage import infer as work
        from wattbench.study.identity import run_identity

        with stage(log):
            opened = open_study(study)
            if run in opened.models:
                check_identity(identity, run_identity(opened, run), f"run '{run}'")
            work(opened, questions, run)
