"""Subcommands of the inference stage."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wattbench.cli.common import (
    AttemptOption,
    IdentityOption,
    JsonOption,
    LogOption,
    QuestionsOption,
    RunOption,
    StudyOption,
    check_identity,
    open_study,
    print_json,
    slurm_scheduler,
    stage,
)

if TYPE_CHECKING:
    from wattbench.inference.journals import Journal

KIB = 1024
StudiesOption = Annotated[
    list[Path],
    typer.Option("--study", help="Study file; give all studies that share the results folder."),
]


def register(app: typer.Typer) -> None:
    """Add the commands `infer`, `journal` and `gc`."""
    _add_infer(app)
    _add_journal(app)
    _add_gc(app)


def _add_infer(app: typer.Typer) -> None:
    @app.command()
    def infer(  # noqa: PLR0917
        study: StudyOption,
        questions: Annotated[
            list[str],
            typer.Option(
                "--questions",
                help="Name of the question set; for several the model is loaded once.",
            ),
        ],
        run: RunOption,
        identity: IdentityOption = None,
        attempt: AttemptOption = 1,
        log: LogOption = None,
    ) -> None:
        """Ask a model the questions that its journals lack, and write the runs' files.

        Example: wattbench infer --study config/config.yaml --questions mine --run smollm2-135m
        """
        from wattbench.inference.stage import infer as work
        from wattbench.study.demands import with_devices
        from wattbench.study.identity import run_identity

        with stage(log):
            opened = open_study(study)
            if run in opened.models:
                check_identity(identity, run_identity(opened, run), f"run '{run}'")
            scheduler = slurm_scheduler()
            work(with_devices(opened), questions, run, scheduler=scheduler, retry=attempt > 1)


def _add_journal(app: typer.Typer) -> None:
    journals = typer.Typer(no_args_is_help=True, help="Look into the journals of a study's runs.")
    app.add_typer(journals, name="journal")

    @journals.command("list")
    def journal_list(study: StudyOption, as_json: JsonOption = False) -> None:
        """List every journal: what it holds, and whether the study still refers to it.

        Example: wattbench journal list --study config/config.yaml
        """
        with stage():
            from wattbench.inference.journals import list_journals

            entries = [_entry(journal) for journal in list_journals([open_study(study)])]
            if as_json:
                print_json(entries)
                return
            for entry in entries:
                typer.echo(
                    f"{entry['folder']}  {entry['answered']} answered, {entry['failed']} failed, "
                    f"{entry['segments']} segments, {entry['size_bytes'] // KIB} KiB"
                    + (f"  (unused: {entry['unused']})" if entry["unused"] else "")
                )

    @journals.command("show")
    def journal_show(
        study: StudyOption, questions: QuestionsOption, run: RunOption, as_json: JsonOption = False
    ) -> None:
        """Show what a run's journal knows of each question.

        Example: wattbench journal show --study config/config.yaml --questions mine --run llama-8b
        """
        with stage():
            from wattbench.inference.stage import journal_state

            rows = journal_state(open_study(study), questions, run)
            if as_json:
                print_json(rows)
                return
            for row in rows:
                typer.echo("  ".join(str(row[key]) for key in row))


def _add_gc(app: typer.Typer) -> None:
    @app.command()
    def gc(
        study: StudiesOption,
        delete: Annotated[bool, typer.Option("--delete", help="Delete them.")] = False,
        as_json: JsonOption = False,
    ) -> None:
        """List the journals that no study refers to, and delete them with --delete.

        Those of runs, of models that judge answers and of models that plan searches. What they
        hold was paid for: after a setting is changed back, its journal saves the work. Those of
        other environments are left alone.

        Example: wattbench gc --study config/config.yaml --delete
        """
        with stage():
            from wattbench.inference.journals import list_journals, remove

            unused = [j for j in list_journals([open_study(s) for s in study]) if j.unused]
            entries = [_entry(journal) for journal in unused]
            if delete:
                for journal in unused:
                    remove(journal)
            if as_json:
                print_json({"deleted": delete, "journals": entries})
                return
            for entry in entries:
                typer.echo(
                    f"{entry['folder']}  {entry['answered']} answers, "
                    f"{entry['size_bytes'] // KIB} KiB: {entry['unused']}"
                )
            done = "deleted" if delete else "not referred to; --delete removes them"
            typer.echo(f"{len(entries)} journals {done}.")


def _entry(journal: Journal) -> dict[str, Any]:
    return {
        "folder": str(journal.folder),
        "kind": journal.kind,
        "environment": journal.environment,
        "questions": journal.questions,
        "name": journal.name,
        "identity": journal.identity,
        "unused": journal.unused,
        "size_bytes": journal.size_bytes(),
        **journal.counts(),
    }
