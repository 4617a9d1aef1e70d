"""Every table of the contract keeps the house's promises."""

from __future__ import annotations

import re

import pyarrow as pa
import pytest

from wattbench.study.layout import Layout
from wattbench.tables import answers, documents, runs, statistics, verdicts
from wattbench.tables.contract import Table

TABLES = [
    value
    for module in (answers, documents, runs, statistics, verdicts)
    for value in vars(module).values()
    if isinstance(value, Table)
]
MEASURED = re.compile(r"(energy|power|memory|bytes|utilisation|latency|tokens|carbon|price)")
UNITS = {
    "_s": "s",
    "_j": "J",
    "_wh": "Wh",
    "_w": "W",
    "_bytes": "bytes",
    "_pct": "%",
    "_c": "degrees Celsius",
    "_mhz": "MHz",
    "_b": "billions",
    "_g": "g CO2e",
    "_per_s": "tokens/s",
    "tokens_per_j": "tokens/J",
    "_per_j": "1/J",
    "_per_joule": "1/J",
    "_per_joule_reference": "1/J",
    "_per_watt": "1/W",
    "_per_watt_reference": "1/W",
}


@pytest.mark.parametrize("table", TABLES, ids=lambda t: t.name)
def test_columns_say_what_they_mean(table: Table) -> None:
    names = list(table.names())
    assert len(set(names)) == len(names)
    assert set(table.key) <= set(names)
    for column in table.columns:
        assert column.meaning.endswith("."), column.name
        assert not column.meaning.endswith(".."), column.name


@pytest.mark.parametrize("table", TABLES, ids=lambda t: t.name)
def test_units_stand_in_the_names(table: Table) -> None:
    for column in table.columns:
        if not pa.types.is_floating(column.type) and not column.name.endswith("_bytes"):
            continue
        suffixes = [s for s in sorted(UNITS, key=len, reverse=True) if column.name.endswith(s)]
        if suffixes:
            assert column.unit == UNITS[suffixes[0]], column.name
        else:
            assert column.unit in {"", "currency"}, column.name


@pytest.mark.parametrize("table", TABLES, ids=lambda t: t.name)
def test_what_is_measured_may_be_unknown(table: Table) -> None:
    for column in table.columns:
        if MEASURED.search(column.name) and pa.types.is_floating(column.type):
            assert column.null, f"{table.name}.{column.name} could never be unknown"
        assert table.schema.field(column.name).nullable == bool(column.null)


def test_every_aggregated_table_has_a_schema() -> None:
    assert set(Layout.TABLES) <= {table.name for table in TABLES}
