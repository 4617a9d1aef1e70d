"""The subcommands `slurm parse` and `slurm show`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from wattbench.cli.common import JsonOption, print_json, print_rows, stage
from wattbench.errors import FaultError, InputError

Row = dict[str, Any]
WIDEST = 72
"""Characters of a cell beyond which it is cut for people; --json has it whole."""

GIB = 2**30
SIZES = {"MiB": 2**20, "GiB": GIB}


class Tool(StrEnum):
    """Programs whose output can be read."""

    seff = "seff"
    sacct = "sacct"
    jobstats = "jobstats"
    nvidia_smi = "nvidia-smi"
    scontrol = "scontrol"
    sstat = "sstat"


def register(app: typer.Typer) -> None:
    """Add the subcommands."""
    group = typer.Typer(
        no_args_is_help=True, help="Read what Slurm's tools print, and look at one job."
    )
    app.add_typer(group, name="slurm")

    @group.command(
        "parse",
        epilog="Example: seff 4815 | wattbench slurm parse seff - --json",
    )
    def parse_output(
        tool: Annotated[Tool, typer.Argument(help="Program that wrote the file.")],
        file: Annotated[str, typer.Argument(help="The file, or - for standard input.")],
        as_json: JsonOption = False,
    ) -> None:
        """Read a tool's output: seff, sacct -P, jobstats (JSON, JS1: or text), nvidia-smi CSV."""
        with stage():
            source = "standard input" if file == "-" else file
            found = plain(parsed(tool, _read(file), source))
            if as_json:
                print_json(found)
            elif isinstance(found, list):
                _print_list(found)
            else:
                _print_figures(found)

    @group.command("show", epilog="Example: wattbench slurm show 4815_2")
    def show(
        job_id: Annotated[str, typer.Argument(help="Job id: 123, 123_4 or 123+1.")],
        as_json: JsonOption = False,
    ) -> None:
        """What sacct, scontrol, seff, jobstats and sstat say of one job, side by side."""
        with stage():
            from wattbench.slurm.show import show_job

            view = show_job(job_id)
            if as_json:
                print_json(plain(asdict(view) | {"side_by_side": view.side_by_side()}))
            else:
                print_rows([_for_people(row) for row in view.side_by_side()])
                for title, rows in (("Attempts", view.attempts[:-1]), ("Steps", view.steps)):
                    if rows:
                        typer.echo(f"{'Earlier attempts' if title == 'Attempts' else title}:")
                        print_rows([_one_for_people(row) for row in rows])
                for note in view.notes:
                    typer.echo(f"jobstats advises: {note}")
                for source, reason in view.reasons.items():
                    typer.echo(f"{source}: nothing, for {reason}")
            if not view.sources:
                raise FaultError(
                    f"no source knows job {job_id}.",
                    mend="Its reasons stand above; is this a login node of the job's cluster?",
                )


def parsed(tool: Tool, text: str, source: str) -> Any:
    """What a tool's output says: a dictionary of figures, or a list of rows.

    Args:
        tool: The program.
        text: What it printed.
        source: Where that was read, for messages.

    Raises:
        ParseError: It is no output of that program.
    """
    from wattbench.slurm.sacct import FIELDS, NEEDED, parse, parse_with_header
    from wattbench.slurm.scontrol import parse_show_job
    from wattbench.slurm.seff import parse_seff_output
    from wattbench.slurm.sstat import parse_sstat
    from wattbench.telemetry.smi_csv import parse_smi_csv, summary

    if tool is Tool.seff:
        return parse_seff_output(text, source=source)
    if tool is Tool.nvidia_smi:
        return summary(parse_smi_csv(text, source=source))
    if tool is Tool.jobstats:
        return _jobstats(text, source)
    if tool is Tool.scontrol:
        return [asdict(job) for job in parse_show_job(text, source=source)]
    if tool is Tool.sstat:
        return [asdict(usage) for usage in parse_sstat(text, source=source)]
    first = next((line for line in text.splitlines() if line.strip()), "")
    headed = set(NEEDED) & set(first.split("|")) or first.count("|") != len(FIELDS) - 1
    records = parse_with_header(text, source=source) if headed else parse(text, source=source)
    return [asdict(record) for record in records]


def _jobstats(text: str, source: str) -> Row:
    from wattbench.slurm import jobstats

    stripped = text.lstrip()
    if stripped.startswith("{"):
        data = jobstats.read_json_text(text, source=source)
        return jobstats.parse_jobstats_json(data, source=source)
    summary = jobstats.read_admin_comment(text, source=source)
    if summary is not None:
        return jobstats.parse_jobstats_json(summary, source=source)
    return {"notes": jobstats.extract_jobstats_notes(text)}


def _read(file: str) -> str:
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or error
        raise InputError(f"cannot be read: {said}.", where=file, mend="Check the path.") from error
    return data.decode("utf-8", errors="replace")


def plain(value: Any) -> Any:
    """A value as JSON takes it: times as ISO text, tuples as lists."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value


def _print_figures(found: Row) -> None:
    reasons = found.get("reasons") or {}
    rows = [
        {
            "figure": key,
            "value": "unknown" if value is None else value,
            "why unknown": reasons.get(key),
        }
        for key, value in found.items()
        if key != "reasons" and not _is_rows(value)
    ]
    print_rows([_short(row) for row in rows])
    for key, value in found.items():
        if _is_rows(value) and value:
            typer.echo(f"{key}:")
            _print_list(value)


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _print_list(rows: list[Row]) -> None:
    """Rows as a table, columns that no row fills left out."""
    kept = [key for key in (rows[0] if rows else ()) if key not in {"fields", "text"}]
    kept = [key for key in kept if any(row[key] is not None for row in rows)]
    if len(kept) > 8:
        for row in rows:
            filled = [(key, row[key]) for key in kept if row[key] is not None]
            print_rows([_short({"figure": key, "value": value}) for key, value in filled])
        return
    print_rows([_short({key: row[key] for key in kept}) for row in rows])


def _for_people(row: Row) -> Row:
    """A row of one figure in units that people read, the sources' columns after the unit."""
    unit = row["unit"]
    sizes = [value for value in row.values() if isinstance(value, int)]
    if unit == "bytes" and sizes:
        unit = "GiB" if max(sizes) >= GIB else "MiB"
    return {
        "figure": row["figure"].removesuffix("_bytes").removesuffix("_pct").removesuffix("_s"),
        "unit": unit,
        **{
            source: _written(value, unit)
            for source, value in row.items()
            if source not in {"figure", "unit"}
        },
    }


def _one_for_people(row: Row) -> Row:
    """A row of many figures, those that are unknown or say little left out."""
    shown: Row = {}
    for key, value in row.items():
        if key.endswith("_bytes"):
            shown[f"{key.removesuffix('_bytes')}_mib"] = _written(value, "MiB")
        elif key in {"step", "tasks", "attempt", "state", "exit_code", "nodes", "started_at",
                     "wall_s", "cpu_s", "cpu_mean_s"}:  # fmt: skip
            shown[key] = _written(value, "")
    return shown


def _written(value: Any, unit: str) -> str | None:
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if unit in SIZES:
        return f"{value / SIZES[unit]:.4g}"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _short(row: Row) -> Row:
    return {
        key: f"{value[: WIDEST - 1]}…" if isinstance(value, str) and len(value) > WIDEST else value
        for key, value in row.items()
    }
