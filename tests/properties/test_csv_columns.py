"""A CSV file read in one go is what it is row by row, whatever stands in it."""

from __future__ import annotations

import csv
import io

from hypothesis import example, given, settings
from hypothesis import strategies as some

from wattbench.scoring.csv_columns import any_columns, plain_columns
from wattbench.text_files import decode

NEEDED, OTHERS = ("id", "ref_id"), ("explanation",)
PIECES = some.sampled_from(
    ["id", "ref_id", "explanation", "a", "1", ",", ",", ",", '"', '""', "\n", "\n", "\r\n", "\r",
     " ", "\t", "\0", "\ufeff", "é", "\u2028", "\x0b", "\x1c", "'", "NA", "nan", "null", "[]", "\\"]
)  # fmt: skip
HEADS = some.sampled_from(
    ["id,ref_id\n", "id,ref_id,explanation\r\n", '"id", ref_id ,x\n', "\ufeffid,ref_id\n",
     "\ufeff\ufeffid,ref_id\n", "id,ref_id,id\n", "ref_id,id,\n", "\nid,ref_id\n", ""]
)  # fmt: skip
BYTES = some.one_of(
    some.builds(
        lambda head, pieces, encoding: (head + "".join(pieces)).encode(encoding, "replace"),
        HEADS,
        some.lists(PIECES, max_size=30),
        some.sampled_from(["utf-8", "utf-8", "utf-16", "cp1252"]),
    ),
    some.binary(max_size=40),
)
CELLS = some.lists(some.tuples(some.text(max_size=6), some.text(max_size=6)), max_size=6)


def row_by_row(data: bytes) -> dict[str, list[str]]:
    """The plainest way to read a file, which both ways have to equal."""
    reader = csv.DictReader(io.StringIO(decode(data)[0], newline=""))
    reader.fieldnames = [name.strip() for name in reader.fieldnames or ()]
    rows = list(reader)
    names = [name for name in (*NEEDED, *OTHERS) if name in reader.fieldnames]
    return {name: [row.get(name) or "" for row in rows] for name in names}


@settings(deadline=None, max_examples=1500)
@example(data=b'id,ref_id\na"b,"c"d\n')
@example(data=b'id,ref_id\n"a""b","c\nd"\n\n"",""\n')
@example(data=b"id,ref_id\na,b,c\na\n")
@given(data=BYTES)
def test_both_ways_agree(data: bytes) -> None:
    plain = plain_columns(data, NEEDED, OTHERS)
    expected = row_by_row(data)
    if not set(NEEDED) <= set(expected):
        assert plain is None
        return
    if plain is not None:
        assert {name: cells.to_pylist() for name, cells in plain.items()} == expected
    if b"\0" not in data:
        rows = any_columns(data, NEEDED, OTHERS, what="it", where="it")
        assert {name: cells.to_pylist() for name, cells in rows.items()} == expected


@settings(deadline=None)
@given(cells=CELLS, everywhere=some.booleans())
def test_what_python_writes_is_plain(cells: list[tuple[str, str]], everywhere: bool) -> None:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, quoting=csv.QUOTE_ALL if everywhere else csv.QUOTE_MINIMAL)
    writer.writerows([NEEDED, *cells])
    data = stream.getvalue().encode()
    found = plain_columns(data, NEEDED, OTHERS)
    if not any("\r" in cell for row in cells for cell in row):
        assert found is not None
        assert list(zip(*(found[name].to_pylist() for name in NEEDED), strict=True)) == cells
