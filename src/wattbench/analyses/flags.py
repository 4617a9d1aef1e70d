"""A reason for every null: the generic ones, where a room gave none of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wattbench.tables.contract import Table, unknown


def complete(row: dict[str, Any], table: Table, reasons: Mapping[str, str]) -> dict[str, Any]:
    """The row with a flag `unknown` for every null that has none.

    Args:
        row: A row of the table; a column it lacks counts as null.
        table: The table; what it says of a column's null is the last resort.
        reasons: Reasons of this row by column, which go before the table's general ones.
    """
    flags = list(row.get("flags") or ())
    told = {entry["column"] for entry in flags if entry["kind"] == "unknown"}
    flags += [
        unknown(column.name, reasons.get(column.name) or column.null)
        for column in table.columns
        if column.null and row.get(column.name) is None and column.name not in told
    ]
    return row | {"flags": flags}
