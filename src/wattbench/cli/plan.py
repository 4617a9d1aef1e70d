"""The subcommand `plan`: what every run would ask of the cluster, and what is done already."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wattbench.cli.common import JsonOption, print_json, stage
from wattbench.errors import EXIT_CANNOT_RUN

if TYPE_CHECKING:
    from wattbench.inference.planned import PlannedRun
    from wattbench.study.models import Study

HEADS = (
    "run", "questions", "partition", "GPUs", "GPU memory", "CPUs", "memory", "walltime",
    "GPU-hours", "done",
)  # fmt: skip
TEXT_COLUMNS = (0, 1, 2, 9)
DEFAULT_STUDY = Path("config/config.yaml")


def register(app: typer.Typer) -> None:
    """Add the subcommand."""

    @app.command(
        epilog="Example: wattbench plan --study config/config.yaml --study site.yaml",
    )
    def plan(
        study: Annotated[
            list[Path] | None,
            typer.Option(
                "--study",
                help="Study file; several are merged as `snakemake --configfile` does. "
                f"Default: {DEFAULT_STUDY}.",
            ),
        ] = None,
        as_json: JsonOption = False,
    ) -> None:
        """Show per run: partition, GPUs, memory, walltime, GPU-hours at most, what is done.

        Jobs in which a model plans searches or judges answers have rows of their own.

        Exit code 1 where a run fits no partition and the study does not let it be skipped.
        """
        with stage():
            from wattbench.inference.planned import planned_runs
            from wattbench.study.demands import demands_of
            from wattbench.study.load import load_studies

            opened = load_studies(study or [DEFAULT_STUDY])
            rows = planned_runs(opened, demands_of(opened))
            skipped, refused = left_out(opened, rows)
            if as_json:
                print_json(document(opened, rows, skipped))
            else:
                typer.echo(text(opened, rows, skipped))
            if refused:
                raise typer.Exit(EXIT_CANNOT_RUN)


def left_out(study: Study, rows: Sequence[PlannedRun]) -> tuple[dict[str, str], bool]:
    """Why runs and ensembles are skipped, and whether the workflow would refuse the study."""
    from wattbench.errors import InputError
    from wattbench.study.demands import fitting
    from wattbench.study.placement import Misfit

    try:
        return fitting(study)[1], False
    except InputError:
        # The rows say what the refusal says.
        return {row.run: row.asks.sentence() for row in rows if isinstance(row.asks, Misfit)}, True


def document(study: Study, rows: Sequence[PlannedRun], skipped: dict[str, str]) -> dict[str, Any]:
    """The plan for other programs."""
    from wattbench.inference.planned import totals

    return {
        "study": study.study.name,
        "environment": study.study.environment,
        "partition_file": study.cluster.partitions,
        "on_misfit": study.cluster.on_misfit,
        "runs": [row.as_json() for row in rows],
        "left_out": [{"name": name, "reason": reason} for name, reason in skipped.items()],
        "totals": totals(rows),
    }


def text(study: Study, rows: Sequence[PlannedRun], skipped: dict[str, str]) -> str:
    """The plan for people."""
    from wattbench.inference.planned import totals

    body = [HEADS, *(_cells(row, on_misfit=study.cluster.on_misfit) for row in rows)]
    widths = [max(len(line[place]) for line in body) for place in range(len(HEADS))]
    lines = [
        "  ".join(
            cell.ljust(width) if place in TEXT_COLUMNS else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in body
    ]
    sums = totals(rows)
    lines += ["", _summary(sums)]
    if study.cluster.partitions is None:
        lines.append(
            "No partition file (cluster.partitions): what jobs ask comes from models.*.resources, "
            "the partition from the profile."
        )
    reasons = {row.run: row.vram_reason for row in rows if row.vram_reason}
    lines += [f"GPU memory of {name} is unknown: {reason}." for name, reason in reasons.items()]
    what = "skipped" if study.cluster.on_misfit == "skip" else "fits nowhere"
    lines += [f"{name} ({what}): {reason}." for name, reason in skipped.items()]
    return "\n".join(lines)


def _summary(sums: dict[str, Any]) -> str:
    jobs = "1 job" if sums["submits"] == 1 else f"{sums['submits']} jobs"
    return (
        f"{sums['runs']} runs, {sums['finished']} done; {sums['answered']} of {sums['questions']} "
        f"questions answered. To submit: {jobs}, at most "
        f"{sums['gpu_hours_to_submit_at_most']:.1f} of {sums['gpu_hours_at_most']:.1f} GPU-hours "
        "(GPUs x walltime of a first attempt; a job takes what it uses)."
    )


def _cells(row: PlannedRun, *, on_misfit: str) -> tuple[str, ...]:
    from wattbench.study.placement import Misfit

    asks = row.asks
    if isinstance(asks, Misfit):
        word = "skipped" if on_misfit == "skip" else "fits nowhere"
        return (row.title, row.questions, word, *["-"] * 6, row.progress.words())
    vram = "-" if not asks.gpus else "unknown" if asks.vram_gib is None else _gib(asks.vram_gib)
    return (
        row.title,
        row.questions,
        asks.partition or "by profile",
        f"{asks.gpus} x {asks.gpu_type}" if asks.gpus and asks.gpu_type else str(asks.gpus),
        vram,
        str(asks.cpus),
        _gib(asks.memory_mib() / 1024),
        f"{asks.walltime() // 60}:{asks.walltime() % 60:02d} h",
        f"{asks.gpu_hours():.1f}" if row.counts else f"in {row.job}",
        row.progress.words(),
    )


def _gib(value: float) -> str:
    return f"{value:.1f} GiB"
