"""The subcommand `ensemble`."""

from __future__ import annotations

from typing import Annotated

import typer

from wattbench.cli.common import (
    IdentityOption,
    LogOption,
    QuestionsOption,
    StudyOption,
    check_identity,
    open_study,
    stage,
)


def register(app: typer.Typer) -> None:
    """Add the subcommand."""

    @app.command(
        epilog="Example: wattbench ensemble --study study.yaml --questions demo --ensemble both"
    )
    def ensemble(
        study: StudyOption,
        questions: QuestionsOption,
        ensemble: Annotated[str, typer.Option(help="Name of the ensemble.")],
        identity: IdentityOption = None,
        log: LogOption = None,
    ) -> None:
        """Let members vote on every question and score the outcome as a run is."""
        with stage(log):
            from pathlib import Path

            from wattbench.ensembles.stage import vote
            from wattbench.scoring.stage import score_folder
            from wattbench.study.identity import digest_of, ensemble_slice
            from wattbench.study.layout import Layout

            settings = open_study(study)
            if ensemble in settings.ensembles:
                found = digest_of(ensemble_slice(settings, ensemble))
                check_identity(identity, found, f"ensemble '{ensemble}'")
            vote(settings, questions, ensemble)
            layout = Layout(Path(settings.study.results))
            files = layout.ensemble(settings.study.environment, questions, ensemble)
            score_folder(files, settings, questions, ensemble)
