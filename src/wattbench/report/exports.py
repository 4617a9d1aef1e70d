"""Tables for other programs and for papers: CSV, JSON and LaTeX, unknown figures with reasons."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from wattbench.errors import InputError
from wattbench.files import write_text
from wattbench.report import formats
from wattbench.report.csvs import listed, table_csv, to_csv
from wattbench.report.grids import why_null
from wattbench.report.latex import Notes, escaped, tabular
from wattbench.tables.contract import COUNT, REAL, Table

Row = Mapping[str, Any]
FLOAT_FORMAT = "%.4g"
FORMATS = ("csv", "json", "latex")


def exported(
    table: Table,
    rows: Sequence[Row],
    form: str,
    *,
    columns: Sequence[str] = (),
    float_format: str = FLOAT_FORMAT,
) -> str:
    """A table in one of `FORMATS`.

    Args:
        table: Its contract.
        rows: Its rows.
        form: csv, json or latex.
        columns: Columns in the order to write; empty is all of them.
        float_format: printf format of real numbers in LaTeX; CSV and JSON keep them whole.

    Raises:
        InputError: The format string is no format of one number.
    """
    names = list(columns) or [n for n in table.names() if n != "flags"]
    if form == "csv":
        return table_csv(table, rows, names)
    if form == "json":
        return json_text(table, rows, names)
    return _latex(table, rows, names, float_format)


def json_text(table: Table, rows: Sequence[Row], names: Sequence[str] = ()) -> str:
    """JSON: a list of rows; unknown is null, its reason under the key `not_measured`."""
    shown = list(names) or [n for n in table.names() if n != "flags"]
    found = [
        {name: _plain(row[name]) for name in shown}
        | {
            "not_measured": {
                name: why_null(table, dict(row), name) for name in shown if _is_unknown(row[name])
            }
        }
        for row in rows
    ]
    return json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value


def _is_unknown(value: object) -> bool:
    return value is None or (isinstance(value, float) and not math.isfinite(value))


def written(value: float, float_format: str) -> str:
    """A real number by a printf format.

    Raises:
        InputError: The format is none of one number.
    """
    try:
        return float_format % value
    except (TypeError, ValueError) as error:
        raise InputError(
            f"'{float_format}' is no format of one number: {error}.",
            where="--float-format",
            mend="Write one as '%.3g' or '%.2f'.",
        ) from error


def _latex(table: Table, rows: Sequence[Row], names: Sequence[str], float_format: str) -> str:
    types = {c.name: c.type for c in table.columns}
    notes = Notes()
    body = []
    for row in rows:
        cells = []
        for name in names:
            value = row[name]
            if _is_unknown(value):
                cells.append(notes.mark(formats.NOT_MEASURED, why_null(table, dict(row), name)))
            elif isinstance(value, float):
                cells.append(escaped(written(value, float_format)))
            else:
                cells.append(escaped(listed(value)))
        body.append(cells)
    numeric = [types[name] in {REAL, COUNT} for name in names]
    return tabular(names, body, numeric=numeric, notes=notes)


def export_table_to_latex_and_csv(
    frame: pd.DataFrame,
    *,
    latex_path: str | Path,
    csv_path: str | Path,
    float_format: str = "%.3g",
    columns: Sequence[str] = (),
) -> None:
    """Write any frame as LaTeX (escaped, booktabs) and as CSV that is safe in a spreadsheet.

    A missing value is 'not measured' in both, never 0 and never empty.

    Args:
        frame: The frame; its index is not written.
        latex_path: File of the LaTeX table.
        csv_path: File of the CSV table.
        float_format: printf format of real numbers in both.
        columns: Columns in the order to write; empty is all of them.

    Raises:
        InputError: A column is not there, or the format is none of one number.
        FaultError: A file cannot be written.
    """
    names = list(columns) or [str(c) for c in frame.columns]
    lacking = [n for n in names if n not in frame.columns]
    if lacking:
        raise InputError(
            f"the frame has no column {', '.join(lacking)}; it has {', '.join(map(str, frame))}."
        )
    chosen = frame[names]
    rows = [
        [
            formats.NOT_MEASURED
            if not isinstance(v, list | tuple) and pd.isna(v)
            else written(v, float_format)
            if isinstance(v, float)
            else v
            for v in row
        ]
        for row in chosen.itertuples(index=False, name=None)
    ]
    numeric = [pd.api.types.is_numeric_dtype(chosen[n].dtype) for n in names]
    body = [[escaped(listed(value)) for value in row] for row in rows]
    write_text(Path(latex_path), tabular(names, body, numeric=numeric))
    write_text(Path(csv_path), to_csv(names, rows))


def known_columns(table: Table, wanted: Iterable[str]) -> list[str]:
    """The columns of those names.

    Raises:
        InputError: The table has no such column; the message says which was probably meant.
    """
    names = list(table.names())
    for name in wanted:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            hint = f" (did you mean '{near[0]}'?)" if near else ""
            raise InputError(
                f"the table '{table.name}' has no column '{name}'{hint}.",
                where="--columns",
                mend=f"It has: {', '.join(names)}.",
            )
    return list(wanted)
