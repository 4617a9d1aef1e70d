"""The subcommand `collect-compute`."""

from __future__ import annotations

from typing import Annotated

import typer

from wattbench.cli.common import (
    JobLogsOption,
    LogOption,
    QuestionsOption,
    StudyOption,
    open_study,
    stage,
)


def register(app: typer.Typer) -> None:
    """Add the subcommand."""

    @app.command(
        "collect-compute",
        epilog="Example: wattbench collect-compute --study study.yaml --questions demo",
    )
    def collect(
        study: StudyOption,
        questions: QuestionsOption,
        asking: Annotated[
            int, typer.Option(min=1, help="Which time accounting is asked; kept in the files.")
        ] = 1,
        job_logs: JobLogsOption = None,
        log: LogOption = None,
    ) -> None:
        """Ask the scheduler what every run's jobs took; writes compute.json of every run."""
        with stage(log):
            from wattbench.slurm.stage import collect_compute

            collect_compute(open_study(study), questions, asking=asking, job_logs=job_logs)
