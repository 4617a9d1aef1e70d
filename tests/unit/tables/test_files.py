"""Result files are there whole or not at all, and null stays null."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from wattbench.errors import FaultError, InputError
from wattbench.tables.contract import (
    COUNT,
    FLAGS_COLUMN,
    REAL,
    TEXT,
    Column,
    Table,
    reason_for,
    unknown,
    warning,
)
from wattbench.tables.files import (
    digest,
    read_arrow,
    read_frame,
    read_json,
    read_rows,
    to_arrow,
    write_json,
    write_rows,
    write_text,
    write_whole,
)

TABLE = Table(
    "example",
    "An example.",
    (
        Column("name", TEXT, "A name."),
        Column("energy_j", REAL, "Energy.", "J", null="without a meter"),
        Column("count", COUNT, "A count.", null="where not counted"),
        FLAGS_COLUMN,
    ),
)


def rows() -> list[dict[str, Any]]:
    return [
        {"name": "a", "energy_j": 1.5, "count": 2**53 + 1, "flags": []},
        {"name": "b", "energy_j": None, "count": None, "flags": [unknown("energy_j", "no meter")]},
    ]


def test_null_stays_null_and_counts_stay_exact(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "example.parquet"
    write_rows(path, TABLE, rows())
    assert read_rows(path, TABLE) == rows()
    frame = read_frame(path, TABLE)
    assert frame["energy_j"].isna().tolist() == [False, True]
    assert frame["count"][0] == 2**53 + 1


def test_same_rows_same_bytes(tmp_path: Path) -> None:
    write_rows(tmp_path / "a", TABLE, rows())
    write_rows(tmp_path / "b", TABLE, rows())
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_an_unknown_column_and_a_forbidden_null_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="surprise"):
        write_rows(tmp_path / "a", TABLE, [{"name": "a", "surprise": 1, "flags": []}])
    with pytest.raises(ValueError, match=r"example\.name"):
        write_rows(tmp_path / "a", TABLE, [{"name": None, "flags": []}])
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    write_text(path, "old")

    def fail(stream: Any) -> None:
        stream.write(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_whole(path, fail)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_a_clear_error_and_the_old_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    write_text(path, "old")
    limited = (
        "import signal, pathlib, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "from wattbench.errors import FaultError\n"
        "from wattbench.tables.files import write_text\n"
        "try: write_text(pathlib.Path(sys.argv[1]), 'x' * 100_000)\n"
        "except FaultError as error: print(error.paragraph())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", limited, str(path)],
        check=True,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000)),
    )
    assert "cannot write: File too large" in done.stdout
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_permissions_follow_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "file", "x")
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640


def test_nan_is_no_json(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"x": float("nan")})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content", [b"", b"PAR1", b"no parquet at all" * 10, b"PAR1" + b"\0" * 8 + b"PAR1"]
)
def test_a_broken_table_is_named_with_its_mend(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "example.parquet"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"cannot be read as Parquet") as told:
        read_rows(path, TABLE)
    assert told.value.where == str(path)
    assert f"snakemake --force {path}" in str(told.value.mend)


def test_a_table_cut_off_anywhere_is_named(tmp_path: Path) -> None:
    path = tmp_path / "example.parquet"
    write_rows(path, TABLE, rows())
    whole = path.read_bytes()
    for kept in range(0, len(whole), 7):
        path.write_bytes(whole[:kept])
        with pytest.raises(InputError, match=r"example\.parquet.*cannot be read as Parquet"):
            read_rows(path, TABLE)
    footer = int.from_bytes(whole[-8:-4], "little") + 8
    path.write_bytes(whole[:4] + b"\xff" * (len(whole) - footer - 4) + whole[-footer:])
    with pytest.raises(InputError, match=r"example\.parquet.*cannot be read as Parquet"):
        read_rows(path, TABLE)


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a folder/none\.parquet: is not there") as told:
        read_rows(tmp_path / "a folder" / "none.parquet", TABLE)
    assert f"--force '{tmp_path}/a folder/none.parquet'" in str(told.value.mend)


def test_a_table_of_another_kind_or_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "example.parquet"
    pq.write_table(pa.table({"name": ["a"]}), path)
    with pytest.raises(InputError, match=r"no wattbench table 'example'.*snakemake --force"):
        read_rows(path, TABLE)
    write_rows(path, replace(TABLE, name="another"), rows())
    with pytest.raises(InputError, match="no wattbench table 'example'"):
        read_rows(path, TABLE)
    newer = pa.table({"name": ["a"]}).replace_schema_metadata(
        {b"wattbench_table": b"example", b"wattbench_schema_version": b"99"}
    )
    pq.write_table(newer, path)
    with pytest.raises(InputError, match="newer wattbench"):
        read_rows(path, TABLE)


def older(path: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    """The example as another version wrote it."""
    data = to_arrow(TABLE, rows())
    pq.write_table(change(data).replace_schema_metadata(TABLE.schema.metadata), path)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda t: t.drop_columns(["energy_j"]), "lacks column 'energy_j' of table 'example'"),
        (lambda t: t.select(["energy_j"]),
         "lacks columns 'name', 'count', 'flags' of table 'example'"),
        (lambda t: t.set_column(2, "count", t["count"].cast(pa.string())),
         "holds column 'count' of table 'example' in another form"),
        (lambda t: t.set_column(0, "name", pa.nulls(2, pa.string())),
         "column 'name' of table 'example' is null in places"),
    ],
)  # fmt: skip
def test_a_table_of_an_older_version_is_named_with_the_column_and_the_command(
    tmp_path: Path, change: Callable[[pa.Table], pa.Table], told: str
) -> None:
    path = tmp_path / "example.parquet"
    older(path, change)
    with pytest.raises(InputError, match=re.escape(told)) as found:
        read_rows(path, TABLE)
    assert found.value.where == str(path)
    assert f"snakemake --force {path}" in str(found.value.mend)


def test_columns_that_no_longer_exist_and_another_order_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "example.parquet"
    older(path, lambda t: t.append_column("gone", pa.array([1, 2])).select([4, 3, 2, 1, 0]))
    assert read_rows(path, TABLE) == rows()
    assert read_arrow(path, TABLE).column_names == list(TABLE.names())
    older(path, lambda t: t.drop_columns(["energy_j"]))
    assert read_arrow(path, TABLE, without={"energy_j"}).column_names == ["name", "count", "flags"]


def test_a_missing_and_a_broken_json_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.json"):
        read_json(tmp_path / "none.json")
    (tmp_path / "half.json").write_text('{"a": ')
    with pytest.raises(InputError, match=r"half\.json.*no valid JSON"):
        read_json(tmp_path / "half.json")


def test_the_digest_ignores_the_order_of_keys() -> None:
    assert digest({"a": 1, "b": [1, 2]}) == digest({"b": [1, 2], "a": 1})
    assert digest({"a": 1}) != digest({"a": 2})


def test_the_reason_of_a_null_is_found() -> None:
    row = {"flags": [warning("energy_j", "coarse"), unknown("count", "not counted")]}
    assert reason_for(row, "count") == "not counted"
    assert reason_for(row, "energy_j") is None


def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(FaultError, match="cannot write"):
        write_text(tmp_path / "file" / "below", "x")
