"""What a notebook reads: `wattbench.load()` as frames, queries and relations."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.unit.analyses.test_aggregate import finished
from tests.unit.made_results import GOLD

import wattbench
from wattbench.analyses.aggregate import aggregate
from wattbench.api import TABLES
from wattbench.errors import InputError
from wattbench.study.layout import Layout
from wattbench.tables.files import read_arrow


def test_every_table_is_a_frame_with_the_columns_and_types_of_the_contract(tmp_path: Path) -> None:
    finished(tmp_path)
    results = wattbench.load(tmp_path / "results")
    assert set(TABLES) == set(Layout.TABLES) <= set(dir(results))
    for name, table in TABLES.items():
        frame = getattr(results, name)
        assert isinstance(frame, pd.DataFrame)
        assert frame is getattr(results, name)
        assert frame.columns.tolist() == list(table.names())
        assert [one.pyarrow_dtype for one in frame.dtypes] == table.schema.types
        assert results.sql(f"from {name}").shape == frame.shape
    assert set(results.questions.question_id) == set(GOLD)
    assert (results.missing, "without results" in repr(results)) == ([], False)
    with pytest.raises(AttributeError, match=r"there is no table 'nothing'.*there are: questions"):
        _ = results.nothing
    with pytest.raises(InputError, match="there is no table 'nothing'"):
        results.table("nothing")


def test_queries_join_tables_take_parameters_and_keep_null_and_counts(tmp_path: Path) -> None:
    finished(tmp_path)
    results = wattbench.load(str(tmp_path / "results"))
    best = results.sql(
        "select run from runs join ensembles using (run) where ensembles.score >= $least", least=0
    )
    assert best.run.tolist() == ["both"]
    tokens = results.sql("select cached_tokens, prompt_tokens from predictions where run = 'good'")
    assert tokens.cached_tokens.isna().all()
    assert tokens.dtypes.map(lambda one: one.pyarrow_dtype).tolist() == [pa.int64(), pa.int64()]
    whole = results.runs.set_index("run").energy_gross_j
    again = results.sql("select run, energy_gross_j from runs").set_index("run").energy_gross_j
    pd.testing.assert_series_equal(whole, again)


def test_times_are_in_utc_wherever_they_are_read(tmp_path: Path) -> None:
    finished(tmp_path)
    code = (
        "import wattbench; r = wattbench.load('results'); "
        "t = r.sql('select answered_at, hour(answered_at) as h from predictions order by all'); "
        "assert t.answered_at.dtype == r.predictions.answered_at.dtype, t.answered_at.dtype; "
        "print(t.h.tolist() == [one.hour for one in r.predictions.answered_at.sort_values()])"
    )
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={**os.environ, "TZ": "America/New_York"},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert told.stdout == "True\n", told.stderr


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("select nothing from runs", "nothing"),
        ("from nowhere", "nowhere"),
        ("selec", "syntax"),
        ("select run from runs where score > $least", "least"),
        ("select cast(run as integer) from runs", "good"),
        ("", "asks for nothing"),
    ],
)
def test_a_query_that_cannot_be_answered_is_an_input_error(
    tmp_path: Path, query: str, told: str
) -> None:
    finished(tmp_path)
    with pytest.raises(InputError, match=told):
        wattbench.load(tmp_path / "results").sql(query)


def test_relations_go_on_and_do_not_disturb_each_other(tmp_path: Path) -> None:
    finished(tmp_path)
    results = wattbench.load(tmp_path / "results")
    runs, answers = results.relation("from runs"), results.relation("from predictions")
    assert isinstance(runs, duckdb.DuckDBPyRelation)
    known = runs.filter("energy_gross_j is not null").project("run").order("run")
    assert [row[0] for row in known.fetchall()] == ["both", "good", "poor"]
    assert answers.filter("run = 'good'").to_arrow_table().num_rows == len(GOLD)
    assert runs.aggregate("count(*)").fetchall() == [(3,)]


def test_a_folder_with_characters_that_stand_for_others_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "a[1]* b"
    folder.mkdir()
    finished(folder)
    assert len(wattbench.load(folder / "results").sql("from runs")) == 3


def test_tables_of_what_is_there_are_read_and_say_what_they_lack(tmp_path: Path) -> None:
    study = finished(tmp_path)
    Layout(tmp_path / "results").run("local", "set", "poor").summary.unlink()
    aggregate(study)
    results = wattbench.load(tmp_path / "results")
    assert results.runs.run.tolist() == ["good"]
    assert [one["run"] for one in results.missing] == ["poor", "both"][: len(results.missing)]
    assert f"{len(results.missing)} runs without results" in repr(results)


def test_a_folder_without_tables_and_a_table_of_an_older_version_say_what_to_do(
    tmp_path: Path,
) -> None:
    with pytest.raises(InputError, match=r"holds no tables.*wattbench aggregate"):
        wattbench.load(tmp_path)
    finished(tmp_path)
    path = Layout(tmp_path / "results").table("runs")
    pq.write_table(read_arrow(path, TABLES["runs"]).drop_columns(["score"]), path)
    results = wattbench.load(tmp_path / "results")
    for ask in (lambda: results.runs, lambda: results.sql("from runs")):
        with pytest.raises(InputError, match=r"runs\.parquet: lacks column 'score'.*--force"):
            ask()


def test_files_of_an_older_version_stop_aggregation_with_their_name_and_the_command(
    tmp_path: Path,
) -> None:
    study = finished(tmp_path)
    files = Layout(tmp_path / "results").run("local", "set", "poor")
    for path, column in ((files.predictions, "widened"), (files.scores, "why"),
                         (files.segments, "lost_s")):  # fmt: skip
        whole = path.read_bytes()
        pq.write_table(pq.read_table(path, partitioning=None).drop_columns([column]), path)
        with pytest.raises(InputError, match=f"lacks column '{column}'") as told:
            aggregate(study)
        assert told.value.where == str(path)
        assert f"snakemake --force {path}" in str(told.value.mend)
        path.write_bytes(b"")
        with pytest.raises(InputError, match="cannot be read as Parquet") as told:
            aggregate(study)
        assert told.value.where == str(path)
        path.write_bytes(whole)
    before = json.loads(Layout(tmp_path / "results").tables_manifest.read_text())["tables"]
    aggregate(study)
    after = json.loads(Layout(tmp_path / "results").tables_manifest.read_text())["tables"]
    assert before == after
