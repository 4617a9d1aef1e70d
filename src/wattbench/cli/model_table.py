"""The compact table of runs that `wattbench headline` prints."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import typer

from wattbench.analyses.headline import headline, joules

Row = dict[str, Any]
HEADS = ("", "Run", "Score", "Value", "J per correct", "Wh", "s/question", "GiB")
J_PER_WH = 3600.0
UNKNOWN = "unknown"
WIDTH = 100


def cells(row: Row) -> tuple[str, ...]:
    """A run's cells of the table, under `HEADS`."""
    marker = "★" if row["headline"] else "=" if row["top_group"] else ""
    memory = row["vram_peak_bytes"] or row["rss_peak_bytes"]
    estimated = row["energy_method"] in {"estimated", "mixed"}
    return (
        marker,
        row["label"],
        f"{row['score']:.2f} [{row['score_low']:.2f}–{row['score_high']:.2f}]",  # noqa: RUF001
        f"{row['value_accuracy']:.0%}",
        _per_correct(row, estimated=estimated),
        _energy(row, estimated=estimated),
        UNKNOWN if row["latency_mean_s"] is None else f"{row['latency_mean_s']:.3g}",
        UNKNOWN if memory is None else f"{memory / 2**30:.2f}",
    )


def _per_correct(row: Row, *, estimated: bool) -> str:
    each = row["energy_per_correct_j"]
    if each is None:
        return "none right" if row["energy_answer_j"] is not None else UNKNOWN
    method = "est." if estimated else str(row["energy_method"])
    return f"{'~' if estimated else ''}{joules(each)} ({method})"


def _energy(row: Row, *, estimated: bool) -> str:
    gross = row["energy_gross_j"]
    return UNKNOWN if gross is None else f"{'~' if estimated else ''}{gross / J_PER_WH:.3g}"


def show(groups: Mapping[tuple[str, str], Sequence[Row]]) -> None:
    """Print every question set's headline and table, with colour on a terminal."""
    several = len({environment for environment, _ in groups}) > 1
    for number, ((environment, questions), rows) in enumerate(groups.items()):
        title = f"{questions} on {environment}" if several else questions
        if number:
            typer.echo()
        if sys.stdout.isatty():
            _show_rich(title, rows)
        else:
            typer.echo(plain(title, rows))


def plain(title: str, rows: Sequence[Row]) -> str:
    """A question set's headline and table as aligned text."""
    body = [HEADS, *(cells(row) for row in rows)]
    widths = [max(len(line[place]) for line in body) for place in range(len(HEADS))]
    lines = [
        "  ".join(
            cell.ljust(width) if place < 2 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in body
    ]
    sentence = textwrap.fill(headline(rows).sentence, WIDTH)
    return "\n".join([f"{title}:", sentence, "", *lines])


def _show_rich(title: str, rows: Sequence[Row]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    console.print(Text(headline(rows).sentence, style="bold"))
    table = Table(title=Text(title))
    for place, head in enumerate(HEADS):
        table.add_column(head, justify="left" if place < 2 else "right")
    for row in rows:
        style = "bold green" if row["headline"] else None if row["top_group"] else "dim"
        table.add_row(*(Text(cell) for cell in cells(row)), style=style)
    console.print(table)
