"""What aggregation made of each run by itself, kept so that only changed runs are read again.

A run is taken from here while its files have the size, the time and the inode they had (every file
is written under another name and renamed, so a new one has another inode), and nothing else that
the figures depend on has changed: the study, the gold answers, wattbench itself. What is kept can
be deleted at any time. It is no declared output of the workflow, which deletes those before it
makes them anew.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

import wattbench
from wattbench.files import write_text, write_whole
from wattbench.study.identity import digest_of, tables_slice
from wattbench.study.layout import RunFiles
from wattbench.study.models import Study

Row = dict[str, Any]
VERSION = 3
THREADS = 4
CODECS = {"samples": "lz4"}
"""How tables are packed: power traces may be larger than all else together."""
FILES = tuple(
    path.name
    for run in (RunFiles(Path()),)
    for path in (
        run.predictions, run.scores, run.summary, run.segments, run.samples, run.job, run.compute
    )
)  # fmt: skip
"""Names of the files of a run that its figures are made from."""
EDITIONS = 8
"""Editions that may lie side by side before all runs are written into one again."""


@dataclass(frozen=True)
class KeptRun:
    """What is kept of a run.

    Args:
        entry: Figures, as plain JSON values.
        tables: Its rows of tables, by name.
    """

    entry: Row
    tables: Mapping[str, pa.Table]


def stamp(study: Study, gold: object) -> str:
    """Digest of what all runs' figures depend on beside their own files.

    Args:
        study: The study.
        gold: The gold answers of the question set.
    """
    package = Path(wattbench.__file__).parent
    code = [
        (path.relative_to(package).as_posix(), path.stat().st_size, path.stat().st_mtime_ns)
        for path in sorted(package.rglob("*.py"))
    ]
    text = json.dumps([VERSION, wattbench.__version__, code, tables_slice(study)], sort_keys=True)
    return hashlib.sha256(f"{text}{gold!r}".encode()).hexdigest()


def key_of(study: Study, name: str, files: RunFiles) -> str:
    """What a model's figures depend on by themselves: its files, and its entry in the study."""
    found: list[Any] = [study.models[name].model_dump(mode="json")]
    folder = os.fspath(files.folder)
    for file in FILES:
        try:
            status = os.stat(f"{folder}/{file}")  # noqa: PTH116 - of thousands paths are slow
        except OSError:
            found.append(None)
        else:
            found.append([status.st_size, status.st_mtime_ns, status.st_ino])
    return digest_of(found)


class Kept:
    """The kept figures of the runs on one question set.

    Runs that were put at one time lie together in an edition: a file of entries, and one for each
    table, most of them unpacked, so that they are mapped and not read. What changes later makes an
    edition of its own beside it.

    Args:
        folder: Where they lie.
        made_for: What they depend on in common; those made for anything else are not used.
    """

    def __init__(self, folder: Path, made_for: str) -> None:
        self._folder = folder
        self._stamp = made_for
        self._old: dict[str, Row] = {}
        self._entries: dict[str, Row] = {}
        self._got: dict[str, KeptRun] = {}
        self._put: dict[str, tuple[str, KeptRun]] = {}
        self._whole: dict[str, dict[str, pa.Table]] = {}
        self._read()

    def _read(self) -> None:
        # What cannot be read is made anew: nothing here is the only copy of anything.
        try:
            index = json.loads((self._folder / "index.json").read_bytes())
            if index["stamp"] != self._stamp:
                return
            entries = {}
            for edition, tables in index["editions"].items():
                entries[edition] = json.loads(self._entries_path(edition).read_bytes())
                self._whole[edition] = {}
                for name in tables:
                    with pa.memory_map(str(self._path(name, edition))) as file:
                        self._whole[edition][name] = pa.ipc.open_file(file).read_all()
            runs = index["runs"]
            self._entries = {name: entries[old["edition"]][name] for name, old in runs.items()}
            self._old = runs
        except (OSError, ValueError, KeyError, TypeError, AttributeError, pa.ArrowException):
            self._old, self._entries, self._whole = {}, {}, {}

    def get(self, name: str, key: str) -> KeptRun | None:
        """What is kept of a run; None where nothing of this key is.

        Args:
            name: Name of the run.
            key: What its figures depend on; see `key_of`.
        """
        old = self._old.get(name)
        if old is None or old["key"] != key:
            return None
        whole = self._whole[old["edition"]]
        tables = {
            table: whole[table].slice(start, count) for table, (start, count) in old["rows"].items()
        }
        found = KeptRun(self._entries[name], tables)
        self._got[name] = found
        return found

    def put(self, name: str, key: str, run: KeptRun) -> None:
        """Keep a run's figures.

        Args:
            name: Name of the run.
            key: What they depend on.
            run: The figures.
        """
        self._put[name] = (key, run)

    def write(self) -> None:
        """Write what was put and what was got; the rest is forgotten."""
        if not self._put and len(self._got) == len(self._old):
            return
        runs = {name: self._old[name] for name in self._got}
        editions = {old["edition"] for old in runs.values()}
        if len(editions) >= EDITIONS:
            again = {name: (runs[name]["key"], run) for name, run in self._got.items()}
            self._put, runs, editions = again | self._put, {}, set()
        tables = {one: sorted(self._whole[one]) for one in sorted(editions)}
        if self._put:
            edition, rows = self._write_edition()
            tables[edition] = sorted({name for _, run in self._put.values() for name in run.tables})
            for name, (key, _) in self._put.items():
                runs[name] = {"key": key, "edition": edition, "rows": rows[name]}
        index = {"stamp": self._stamp, "editions": tables, "runs": runs}
        write_text(self._folder / "index.json", json.dumps(index))
        here = {self._path(name, one) for one, names in tables.items() for name in names}
        here |= set(map(self._entries_path, tables))
        for path in [*self._folder.glob("*.arrow"), *self._folder.glob("entries.*.json")]:
            if path not in here:
                path.unlink(missing_ok=True)

    def _write_edition(self) -> tuple[str, dict[str, dict[str, tuple[int, int]]]]:
        """Write the runs that were put; the edition, and each run's first row and rows by table."""
        edition = digest_of([self._stamp, {name: key for name, (key, _) in self._put.items()}])
        entries = {name: run.entry for name, (_, run) in self._put.items()}
        write_text(self._entries_path(edition), json.dumps(entries))
        rows: dict[str, dict[str, tuple[int, int]]] = {name: {} for name in self._put}
        parts: dict[str, list[pa.Table]] = {}
        starts: dict[str, int] = {}
        for name, (_, run) in self._put.items():
            for table, data in run.tables.items():
                start = starts.get(table, 0)
                rows[name][table] = (start, data.num_rows)
                starts[table] = start + data.num_rows
                parts.setdefault(table, []).append(data)
        with ThreadPoolExecutor(THREADS) as pool:
            list(
                pool.map(lambda one: self._write_table(self._path(one, edition), parts[one]), parts)
            )
        return edition, rows

    def _entries_path(self, edition: str) -> Path:
        return self._folder / f"entries.{edition}.json"

    def _path(self, table: str, edition: str) -> Path:
        return self._folder / f"{table}.{edition}.arrow"

    @staticmethod
    def _write_table(path: Path, parts: Iterable[pa.Table]) -> None:
        options = pa.ipc.IpcWriteOptions(compression=CODECS.get(path.name.split(".")[0]))
        # Of one batch a run's rows are a slice without any copying.
        data = pa.concat_tables(parts).combine_chunks()

        def write(stream: Any) -> None:
            with pa.ipc.new_file(stream, data.schema, options=options) as writer:
                writer.write_table(data)

        write_whole(path, write)
