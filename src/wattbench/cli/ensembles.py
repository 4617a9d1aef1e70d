"""The subcommand `ensemble`, and below it `vote` and `search`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wattbench.cli import ensemble_search, ensemble_vote
from wattbench.cli.common import IdentityOption, LogOption, check_identity, open_study, stage


def register(app: typer.Typer) -> None:
    """Add the subcommands."""
    group = typer.Typer(
        epilog="Examples: wattbench ensemble --study study.yaml --questions demo --ensemble both"
        "\n\nwattbench ensemble vote artifacts/experiments/env/train_QA/{a,b,c} --ignore-blank"
        "\n\nwattbench ensemble search --study study.yaml --on demo --report-on full",
    )

    @group.callback(invoke_without_command=True)
    def ensemble(
        context: typer.Context,
        *,
        study: Annotated[Path | None, typer.Option(help="Study file (YAML or JSON).")] = None,
        questions: Annotated[str | None, typer.Option(help="Name of the question set.")] = None,
        ensemble: Annotated[str | None, typer.Option(help="Name of the ensemble.")] = None,
        identity: IdentityOption = None,
        log: LogOption = None,
    ) -> None:
        """Let members vote on every question and score the outcome as a run is."""
        if context.invoked_subcommand is not None:
            return
        with stage(log):
            from wattbench.ensembles.stage import vote
            from wattbench.errors import InputError
            from wattbench.scoring.stage import score_folder
            from wattbench.study.identity import digest_of, ensemble_slice
            from wattbench.study.layout import Layout

            if study is None or questions is None or ensemble is None:
                raise InputError(
                    "give --study, --questions and --ensemble, or one of the commands vote and "
                    "search.",
                    mend="See `wattbench ensemble --help`.",
                )
            settings = open_study(study)
            if ensemble in settings.ensembles:
                found = digest_of(ensemble_slice(settings, ensemble))
                check_identity(identity, found, f"ensemble '{ensemble}'")
            vote(settings, questions, ensemble)
            layout = Layout(Path(settings.study.results))
            files = layout.ensemble(settings.study.environment, questions, ensemble)
            score_folder(files, settings, questions, ensemble)

    ensemble_vote.register(group)
    ensemble_search.register(group)
    app.add_typer(group, name="ensemble")
