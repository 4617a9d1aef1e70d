"""The subcommand `score`."""

from __future__ import annotations

import typer

from wattbench.cli.common import (
    IdentityOption,
    LogOption,
    QuestionsOption,
    RunOption,
    StudyOption,
    check_identity,
    open_study,
    stage,
)


def register(app: typer.Typer) -> None:
    """Add the subcommand."""

    @app.command(
        epilog="Example: wattbench score --study study.yaml --questions demo --run qwen-0.5b"
    )
    def score(
        study: StudyOption,
        questions: QuestionsOption,
        run: RunOption,
        identity: IdentityOption = None,
        log: LogOption = None,
    ) -> None:
        """Judge a run's answers: scores.parquet, results.json, summary.json, submission.csv."""
        with stage(log):
            from wattbench.scoring.stage import score as run_stage
            from wattbench.study.identity import digest_of, scoring_slice

            settings = open_study(study)
            check_identity(identity, digest_of(scoring_slice(settings)), "scoring")
            run_stage(settings, questions, run)
