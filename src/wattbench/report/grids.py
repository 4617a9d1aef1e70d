"""A table as the report shows it, whether on the page or in Markdown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from wattbench.report import formats
from wattbench.tables.contract import Table, reason_for


@dataclass(frozen=True)
class Badge:
    """A small mark behind a figure, such as how it was measured."""

    text: str
    explanation: str
    tone: str = "plain"


@dataclass(frozen=True)
class Bar:
    """An interval drawn in its cell; all from 0 to 1."""

    low: float
    value: float
    high: float
    css: str


@dataclass(frozen=True)
class Cell:
    """One cell.

    Args:
        text: What is shown.
        sort: What it is sorted by; None sorts last both ways.
        detail: A second, quieter line, such as an interval.
        badge: A mark behind the text.
        bar: An interval drawn beneath.
        title: Explanation on hover, and for screen readers.
        missing: Why there is no figure; the cell then reads 'not measured'.
        css: Colour class of a run's mark before the text.
        hollow: Whether that mark is drawn hollow.
        diamond: Whether that mark is a diamond (ensembles).
    """

    text: str
    sort: float | str | None = None
    detail: str | None = None
    badge: Badge | None = None
    bar: Bar | None = None
    title: str | None = None
    missing: str | None = None
    css: str | None = None
    hollow: bool = False
    diamond: bool = False


@dataclass(frozen=True)
class Head:
    """Head of a column; `broad` where its texts are long."""

    text: str
    numeric: bool = False
    broad: bool = False
    title: str | None = None


@dataclass(frozen=True)
class Grid:
    """A table to show.

    Args:
        name: Its element id and CSV file's stem.
        caption: What it shows, one sentence.
        heads: Its columns.
        rows: Its rows, a cell for each column; the first cell names the row.
        marked: Positions of rows to bring out.
        empty: What is shown in place of a table without rows.
    """

    name: str
    caption: str
    heads: tuple[Head, ...]
    rows: tuple[tuple[Cell, ...], ...]
    marked: frozenset[int] = frozenset()
    empty: str = "Nothing to show."
    sortable: bool = True
    notes: tuple[str, ...] = field(default=())


def text(value: object) -> Cell:
    """A cell of plain text."""
    shown = formats.clean(str(value))
    return Cell(shown, sort=shown.casefold())


def number(value: float, digits: int = 3, *, title: str | None = None) -> Cell:
    """A cell with a number."""
    return Cell(formats.figures(value, digits), sort=value, title=title)


def count(value: int) -> Cell:
    """A cell with a count."""
    return Cell(f"{value:,}", sort=value)


def unknown(reason: str, shown: str = formats.NOT_MEASURED) -> Cell:
    """A cell whose figure is not known, with the reason."""
    return Cell(shown, missing=formats.clean(reason))


def not_applicable(reason: str) -> Cell:
    """A cell that cannot have a figure."""
    return unknown(reason, "n/a")


def why_null(table: Table, row: dict[str, Any], *columns: str) -> str:
    """Why a column is null: the row's flag, else what the contract says of it.

    A figure made of several columns gives them in order; the first with a flag explains it.
    """
    for column in columns:
        found = reason_for(row, column)
        if found:
            return found
    usual = formats.contract_reason(table, columns[0])
    return f"no reason recorded; null {usual}" if "flags" in table.names() else usual
