"""What the subcommands share: the study option, the log file, errors without a traceback."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from wattbench.errors import EXIT_BAD_INPUT, EXIT_CANNOT_RUN, InputError, WattbenchError
from wattbench.files import fault_of

if TYPE_CHECKING:
    from wattbench.inference.scheduler import Scheduler
    from wattbench.study.models import Study

StudyOption = Annotated[
    Path, typer.Option("--study", help="Study file (YAML, or JSON as the workflow resolves it).")
]
LogOption = Annotated[
    Path | None, typer.Option("--log", help="Keep a copy of what is printed in this file.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
IdentityOption = Annotated[
    str | None,
    typer.Option("--identity", help="Refuse to run unless the study's settings have this digest."),
]
QuestionsOption = Annotated[str, typer.Option("--questions", help="Name of the question set.")]
RunOption = Annotated[str, typer.Option("--run", help="Name of the model entry.")]
RetrievalOption = Annotated[str, typer.Option("--retrieval", help="Name of the retrieval.")]
JobLogsOption = Annotated[
    Path | None,
    typer.Option(
        "--job-logs",
        help="Folder of the logs that the workflow's Slurm executor keeps of its jobs "
        "(.snakemake/slurm_logs): what is left of a job that died before it wrote anything.",
    ),
]
AttemptOption = Annotated[
    int, typer.Option("--attempt", min=1, help="Which try of the workflow this is.")
]


class _Tee:
    """Writes to the terminal and to a log file."""

    def __init__(self, terminal: TextIO, log: TextIO) -> None:
        self._terminal = terminal
        self._log = log

    def write(self, text: str) -> int:
        self._log.write(text)
        self._log.flush()
        return self._terminal.write(text)

    def flush(self) -> None:
        self._terminal.flush()

    def isatty(self) -> bool:
        return self._terminal.isatty()

    def fileno(self) -> int:
        return self._terminal.fileno()


@contextlib.contextmanager
def stage(log: Path | None = None) -> Iterator[None]:
    """Run a stage: errors become one paragraph and an exit code, and a log file keeps all."""
    stream: TextIO | None = None
    before = sys.stderr
    if log is not None:
        try:
            log.parent.mkdir(parents=True, exist_ok=True)
            stream = log.open("w", encoding="utf-8")
        except OSError as error:
            typer.echo(f"wattbench: {fault_of(error, log).paragraph()}", err=True)
            raise typer.Exit(EXIT_CANNOT_RUN) from None
        sys.stderr = _Tee(before, stream)
    try:
        yield
    except WattbenchError as error:
        typer.echo(f"wattbench: {error.paragraph()}", err=True)
        raise typer.Exit(error.exit_code) from None
    except MemoryError:
        typer.echo("wattbench: out of memory. Give the job more and run it again.", err=True)
        raise typer.Exit(EXIT_CANNOT_RUN) from None
    except KeyboardInterrupt:
        typer.echo("wattbench: interrupted; what was done is kept.", err=True)
        raise typer.Exit(130) from None
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(EXIT_CANNOT_RUN) from None
    except Exception:
        # Hides nothing: a fault of our own is kept in the log file too, and goes on.
        if stream is not None:
            traceback.print_exc(file=stream)
        raise
    finally:
        sys.stderr = before
        if stream is not None:
            stream.close()


def open_study(path: Path) -> Study:
    """The study of a `--study` option."""
    from wattbench.study.load import load_study

    return load_study(path)


def slurm_scheduler() -> Scheduler:
    """Slurm, where it is there, as inference asks it."""
    from wattbench.inference.scheduler import Scheduler
    from wattbench.slurm.alive import job_alive, job_state, withdrawn

    return Scheduler(alive=job_alive, state=job_state, withdrawn=withdrawn)


def check_identity(expected: str | None, found: str, what: str) -> None:
    """Refuse to work under settings that are not those the job was made for."""
    if expected is not None and expected != found:
        raise InputError(
            f"the settings of {what} have changed since this job was made "
            f"(digest {found}, expected {expected}).",
            mend="Start the workflow again; it makes the job anew.",
        )


def print_json(value: object) -> None:
    """Print JSON for other programs; refuses NaN."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def print_rows(rows: Sequence[Mapping[str, object]], *, as_json: bool = False) -> None:
    """Print rows as a table for people, or as JSON; the first column is never broken."""
    if as_json:
        print_json(list(rows))
        return
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for number, column in enumerate(rows[0] if rows else ()):
        table.add_column(column.replace("_", " "), overflow="fold", no_wrap=number == 0)
    for row in rows:
        table.add_row(*(Text(_cell(value)) for value in row.values()))
    Console().print(table)


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


__all__ = [
    "EXIT_BAD_INPUT",
    "AttemptOption",
    "IdentityOption",
    "JobLogsOption",
    "JsonOption",
    "LogOption",
    "QuestionsOption",
    "RetrievalOption",
    "RunOption",
    "StudyOption",
    "check_identity",
    "open_study",
    "print_json",
    "print_rows",
    "slurm_scheduler",
    "stage",
]
