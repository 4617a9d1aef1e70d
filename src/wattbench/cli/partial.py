"""The subcommand `partial`: tables and report of the runs that are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from wattbench.cli.common import JobLogsOption, LogOption, StudyOption, open_study, stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wattbench.analyses.folders import Absent
    from wattbench.study.models import Study


def register(app: typer.Typer) -> None:
    """Add the subcommand."""

    @app.command(epilog="Example: wattbench partial --study results/study.json")
    def partial(study: StudyOption, job_logs: JobLogsOption = None, log: LogOption = None) -> None:
        """Write tables and report of the runs that have results, and say why the others have none.

        The workflow types it by itself where it could not finish. It asks no model anything, and
        the next run of the workflow takes up what is missing and makes tables and report anew.
        """
        with stage(log):
            from wattbench.analyses.aggregate import aggregate
            from wattbench.analyses.so_far import so_far

            opened = open_study(study)
            found = so_far(opened, job_logs=job_logs)
            if not found.absent:
                typer.echo("Every run and ensemble has results: nothing is partial.")
                return
            typer.echo(_missing(opened, found.absent))
            if _nothing_there(opened, found.absent):
                typer.echo("No run has results yet, so there are no tables and no report.")
                return
            from pathlib import Path

            from wattbench.report.stage import render
            from wattbench.study.layout import Layout

            aggregate(opened, found)
            render(opened)
            page = Layout(Path(opened.study.results)).report / "index.html"
            typer.echo(f"report of what is there: {page}")


def _missing(study: Study, absent: Sequence[Absent]) -> str:
    count = len(study.questions) * (len(study.models) + len(study.ensembles))
    lines = "\n".join(
        f"  {one.name} on {one.questions}: {one.reason or 'never made'}" for one in absent
    )
    return f"{len(absent)} of {count} runs and ensembles have no results:\n{lines}"


def _nothing_there(study: Study, absent: Sequence[Absent]) -> bool:
    runs = [one for one in absent if one.name in study.models]
    return len(runs) == len(study.questions) * len(study.models)
