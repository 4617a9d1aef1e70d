"""Tables as text that a small model reads.

A row becomes one sentence, 'Header: cell; header: cell.', so that a row found on its own still
says what each number is, to the embedder and to the model. In pipe rows the header stands once,
far above: a row alone is bare numbers, and in a long table the reader has to count columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from wattbench.corpus.text import one_line

Grid = Sequence[Sequence[str]]


def square(grid: Grid) -> list[list[str]]:
    """The grid with cleaned cells, rows of equal length and no empty rows or columns."""
    rows = [[one_line(cell) for cell in row] for row in grid]
    width = max((len(row) for row in rows), default=0)
    rows = [row + [""] * (width - len(row)) for row in rows]
    rows = [row for row in rows if any(row)]
    used = [i for i in range(width) if any(row[i] for row in rows)]
    return [[row[i] for i in used] for row in rows]


def row_sentences(grid: Grid, *, header_rows: int = 1) -> list[str]:
    """Rows of a table as sentences.

    Args:
        grid: Cells by row; ragged rows are filled.
        header_rows: Rows at the top that hold headers; with 0 the first cell of each row names
            the row.

    Returns:
        One sentence a row; a table of headers alone gives the headers as one sentence.
    """
    rows = square(grid)
    if not rows:
        return []
    if len(rows[0]) == 1:
        return [row[0] for row in rows]
    header_rows = min(header_rows, len(rows))
    if header_rows == len(rows):
        return ["; ".join(cell for cell in row if cell) for row in rows]
    if header_rows == 0:
        return [_named(row[0], [cell for cell in row[1:] if cell]) for row in rows]
    heads = [_stacked(row[i] for row in rows[:header_rows]) for i in range(len(rows[0]))]
    return [_sentence(heads, row) for row in rows[header_rows:]]


def _stacked(cells: Iterable[str]) -> str:
    parts: list[str] = []
    for cell in cells:
        if cell and cell not in parts:
            parts.append(cell)
    return " ".join(parts)


def _named(name: str, cells: Sequence[str]) -> str:
    values = "; ".join(cells)
    return _stopped(f"{name.rstrip(':')}: {values}" if name and values else name or values)


def _sentence(heads: Sequence[str], row: Sequence[str]) -> str:
    pairs = (
        f"{head.rstrip(':')}: {cell}" if head else cell
        for head, cell in zip(heads, row, strict=True)
        if cell
    )
    return _stopped("; ".join(pairs))


def _stopped(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
