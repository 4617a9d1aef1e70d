"""Results for people's own notebooks: `wattbench.load("results")`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd

from wattbench.errors import InputError
from wattbench.study.layout import Layout
from wattbench.tables.answers import PREDICTIONS, SAMPLES, SEGMENTS
from wattbench.tables.contract import Table
from wattbench.tables.documents import QUESTIONS
from wattbench.tables.files import as_frame, open_dataset, read_frame, read_json
from wattbench.tables.runs import AUDIT, COMPUTE, ENSEMBLES, RUNS
from wattbench.tables.statistics import QUESTION_TYPES, REPEATS, SCALING
from wattbench.tables.verdicts import CALIBRATION, COMPARISONS, HISTOGRAMS, ROC, SCORES, VOTES

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        QUESTIONS, RUNS, PREDICTIONS, SCORES, SEGMENTS, SAMPLES, COMPUTE, ENSEMBLES, VOTES,
        COMPARISONS, CALIBRATION, ROC, HISTOGRAMS, QUESTION_TYPES, REPEATS, SCALING, AUDIT,
    )
}  # fmt: skip


class Results:
    """The tables of a study: `results.runs` is a pandas frame, `results.sql(...)` another.

    Args:
        folder: The study's results folder.

    Attributes:
        missing: Runs of the study that the tables lack, as they had no results: each with
            `questions`, `run` and `reason`.

    Raises:
        InputError: The folder holds no tables.
    """

    if TYPE_CHECKING:
        questions: pd.DataFrame
        runs: pd.DataFrame
        predictions: pd.DataFrame
        scores: pd.DataFrame
        segments: pd.DataFrame
        samples: pd.DataFrame
        compute: pd.DataFrame
        ensembles: pd.DataFrame
        votes: pd.DataFrame
        comparisons: pd.DataFrame
        calibration: pd.DataFrame
        roc: pd.DataFrame
        histograms: pd.DataFrame
        question_types: pd.DataFrame
        repeats: pd.DataFrame
        scaling: pd.DataFrame
        audit: pd.DataFrame

    def __init__(self, folder: Path) -> None:
        self._layout = Layout(folder)
        manifests = (self._layout.tables_manifest, self._layout.partial_manifest)
        found = next((path for path in manifests if path.exists()), None)
        if found is None:
            raise InputError(
                "the folder holds no tables.",
                where=str(folder),
                mend="Run the workflow, or `wattbench aggregate --study FILE`.",
            )
        self.missing: list[dict[str, Any]] = read_json(found).get("missing", [])

    def __getattr__(self, name: str) -> pd.DataFrame:
        if name.startswith("_") or name not in TABLES:
            raise AttributeError(f"there is no table '{name}'; there are: {', '.join(TABLES)}")
        frame = self.table(name)
        # The next access finds the attribute and reads nothing.
        setattr(self, name, frame)
        return frame

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *TABLES})

    def __repr__(self) -> str:
        lacking = f", {len(self.missing)} runs without results" if self.missing else ""
        return f"<wattbench results in {self._layout.results}: {', '.join(TABLES)}{lacking}>"

    def table(self, name: str) -> pd.DataFrame:
        """A table, read anew; its columns have Arrow types, so that unknown stays null."""
        if name not in TABLES:
            raise InputError(f"there is no table '{name}'; there are: {', '.join(TABLES)}.")
        return read_frame(self._layout.table(name), TABLES[name])

    def sql(self, query: str, **parameters: Any) -> pd.DataFrame:
        """The answer to a DuckDB query over the tables, with Arrow types as theirs.

        Args:
            query: The query; the tables have their own names in it, parameters stand as $name.
            **parameters: Values of the parameters.

        Raises:
            InputError: DuckDB cannot answer the query, or a table cannot be read.
        """
        try:
            return as_frame(self.relation(query, **parameters).to_arrow_table())
        except duckdb.Error as error:
            raise InputError(f"DuckDB: {error}", where=query) from error

    def relation(self, query: str, **parameters: Any) -> duckdb.DuckDBPyRelation:
        """The same as a DuckDB relation, to go on with: nothing is read before it is asked for.

        `relation("from predictions")` is a table. Times are in UTC, wherever they are read. DuckDB
        wants the package pytz where times are fetched as rows of Python values, and not where
        they go into frames or Arrow tables.

        Args:
            query: As for `sql`.
            **parameters: Values of the parameters.

        Raises:
            InputError: DuckDB does not understand the query, or a table cannot be read.
        """
        # A connection answers one relation at a time, so each has its own.
        connection = duckdb.connect()
        # Else days and hours would be those of whatever machine reads them.
        connection.execute("set timezone = 'UTC'")
        for name, table in TABLES.items():
            connection.register(name, open_dataset(self._layout.table(name), table))
        try:
            found = connection.sql(query, params=parameters or None)
        except duckdb.Error as error:
            raise InputError(f"DuckDB: {error}", where=query) from error
        if found is None:
            raise InputError("the query asks for nothing.", where=query)
        return found


def load(results: str | Path = "results") -> Results:
    """The tables of a results folder.

    Args:
        results: The folder that `study.results` names.

    Raises:
        InputError: The folder holds no tables.
    """
    return Results(Path(results))
