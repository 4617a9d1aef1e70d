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
from collections.abc import Mapping
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
VERSION = 1
CODEC = "lz4"
THREADS = 4


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
    for path in (
        files.predictions, files.scores, files.summary, files.segments, files.samples, files.job,
        files.compute,
    ):  # fmt: skip
        try:
            status = path.stat()
        except OSError:
            found.append(None)
        else:
            found.append([status.st_size, status.st_mtime_ns, status.st_ino])
    return digest_of(found)


class Kept:
    """The kept figures of the runs on one question set.

    Args:
        folder: Where they lie.
        made_for: What they depend on in common; those made for anything else are not used.
    """

    def __init__(self, folder: Path, made_for: str) -> None:
        self._folder = folder
        self._stamp = made_for
        self._old: dict[str, Row] = {}
        self._new: dict[str, tuple[str, KeptRun]] = {}
        self._changed = False
        self._whole: dict[str, pa.Table] = {}
        self._read()

    def _read(self) -> None:
        # What cannot be read is made anew: nothing here is the only copy of anything.
        try:
            index = json.loads((self._folder / "index.json").read_bytes())
            if index["stamp"] != self._stamp:
                return
            for name in index["tables"]:
                with pa.memory_map(str(self._folder / f"{name}.{index['edition']}.arrow")) as file:
                    self._whole[name] = pa.ipc.open_file(file).read_all()
            self._old = index["runs"]
        except (OSError, ValueError, KeyError, TypeError, pa.ArrowException):
            self._old, self._whole = {}, {}

    def get(self, name: str, key: str) -> KeptRun | None:
        """What is kept of a run; None where nothing of this key is.

        Args:
            name: Name of the run.
            key: What its figures depend on; see `key_of`.
        """
        old = self._old.get(name)
        if old is None or old["key"] != key:
            return None
        tables = {
            table: self._whole[table].slice(start, count)
            for table, (start, count) in old["rows"].items()
        }
        found = KeptRun(old["entry"], tables)
        self._new[name] = (key, found)
        return found

    def put(self, name: str, key: str, run: KeptRun) -> None:
        """Keep a run's figures.

        Args:
            name: Name of the run.
            key: What they depend on.
            run: The figures.
        """
        self._new[name] = (key, run)
        self._changed = True

    def write(self) -> None:
        """Write what was put and what was got; the rest is forgotten."""
        if not self._changed and len(self._new) == len(self._old):
            return
        names = sorted({table for _, run in self._new.values() for table in run.tables})
        runs: dict[str, Row] = {
            name: {"key": key, "entry": run.entry, "rows": {}}
            for name, (key, run) in self._new.items()
        }
        edition = digest_of([self._stamp, {name: key for name, (key, _) in self._new.items()}])
        whole: dict[str, pa.Table] = {}
        for table in names:
            parts, start = [], 0
            for name, (_, run) in self._new.items():
                rows = run.tables[table]
                runs[name]["rows"][table] = (start, rows.num_rows)
                start += rows.num_rows
                parts.append(rows)
            whole[table] = pa.concat_tables(parts)
        with ThreadPoolExecutor(THREADS) as pool:
            files = {self._folder / f"{table}.{edition}.arrow": whole[table] for table in names}
            list(pool.map(lambda path: self._write_table(path, files[path]), files))
        index = {"stamp": self._stamp, "edition": edition, "tables": names, "runs": runs}
        write_text(self._folder / "index.json", json.dumps(index))
        for path in self._folder.glob("*.arrow"):
            if f".{edition}." not in path.name:
                path.unlink(missing_ok=True)

    @staticmethod
    def _write_table(path: Path, data: pa.Table) -> None:
        options = pa.ipc.IpcWriteOptions(compression=CODEC)

        def write(stream: Any) -> None:
            with pa.ipc.new_file(stream, data.schema, options=options) as writer:
                # Of one batch a run's rows are a slice without any copying.
                writer.write_table(data.combine_chunks())

        write_whole(path, write)
