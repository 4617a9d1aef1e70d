"""The stage `parse_corpus`: a folder of documents becomes one table of nodes."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from wattbench.corpus.fetch import Fetcher, NotFetched
from wattbench.corpus.metadata import Entry, Metadata, read_metadata
from wattbench.corpus.readers import read_document
from wattbench.corpus.text import one_line
from wattbench.corpus.tree import Note, UnreadableError, nodes_of
from wattbench.errors import InputError
from wattbench.progress import Progress
from wattbench.study.digests import files_below
from wattbench.study.identity import corpus_slice
from wattbench.study.layout import Layout
from wattbench.study.models import Study
from wattbench.tables.contract import SCHEMA_VERSION
from wattbench.tables.documents import NODES, PROBLEMS
from wattbench.tables.files import digest, write_json, write_rows

ID_MARK = ":sec"
REASONS_SHOWN = 5


class _Corpus:
    """Nodes and problems while documents are read."""

    def __init__(self) -> None:
        self.nodes: list[dict[str, Any]] = []
        self.problems: list[dict[str, Any]] = []
        self.files: dict[str, str] = {}

    def problem(self, file: str, document_id: str, note: Note, *, dropped: bool) -> None:
        self.problems.append(
            {
                "file": one_line(file),
                "document_id": document_id,
                "kind": note.kind,
                "dropped": dropped,
                "detail": one_line(note.detail),
                "mend": note.mend,
            }
        )

    def add(self, path: Path, shown: str, titles: dict[str, str | None]) -> None:
        """Read one file; what is wrong with it becomes a row of the problems."""
        document_id = one_line(path.stem)
        try:
            data = path.read_bytes()
            parsed = read_document(
                data, path.suffix.lower(), titles.get(document_id) or document_id
            )
        except OSError as error:
            note = Note("broken", f"cannot be read: {error.strerror}", "Check its permissions.")
            self.problem(shown, document_id, note, dropped=True)
            return
        except UnreadableError as error:
            self.problem(shown, document_id, error.note, dropped=True)
            return
        document_id = parsed.document_id or document_id
        if (refusal := self._refusal(document_id)) is not None:
            self.problem(shown, document_id, refusal, dropped=True)
            return
        self.files[document_id] = shown
        for note in parsed.notes:
            self.problem(shown, document_id, note, dropped=False)
        title = titles.get(document_id) or parsed.title or document_id
        self.nodes.extend(nodes_of(document_id, one_line(title), parsed.sections))

    def _refusal(self, document_id: str) -> Note | None:
        if document_id in self.files:
            detail = f"the id is that of {self.files[document_id]} already, which was kept"
            return Note("duplicate_id", detail, "Rename one of them.")
        if ID_MARK in document_id:
            detail = f"its id holds '{ID_MARK}', which marks sections"
            return Note("unsupported", detail, "Rename it.")
        return None


def parse_corpus(study: Study, corpus: str) -> None:
    """Read a corpus' documents into nodes.parquet, problems.parquet and manifest.json.

    Documents that cannot be read become rows of the problems and never stop the rest.

    Args:
        study: The study.
        corpus: Name of the corpus.

    Raises:
        InputError: There is no such corpus, its folder or metadata cannot be read, or no document
            could be.
    """
    if corpus not in study.corpora:
        known = ", ".join(study.corpora)
        raise InputError(f"the study has no corpus '{corpus}'.", mend=f"It has: {known}.")
    settings = study.corpora[corpus]
    layout = Layout(Path(study.study.results))
    folder = Path(settings.documents)
    files = files_below(folder)
    metadata = read_metadata(Path(settings.metadata)) if settings.metadata else None
    entries = metadata.entries if metadata is not None else ()
    titles = {entry.id: entry.title for entry in entries}
    found = _Corpus()
    with Progress(f"parse {corpus}", total=len(files), unit="documents") as progress:
        for path in files:
            found.add(path, path.relative_to(folder).as_posix(), titles)
            progress.advance()
    if metadata is not None:
        stems = {one_line(path.stem) for path in files}
        absent = [e for e in entries if e.id not in found.files and e.id not in stems]
        fetched = layout.nodes(corpus).parent / "fetched"
        _absent(found, absent, titles, Fetcher(fetched) if settings.fetch else None)
        _note_metadata(found, metadata, Path(settings.metadata or "").name)
    _write(study, corpus, found, folder)


def _absent(
    found: _Corpus,
    absent: list[Entry],
    titles: dict[str, str | None],
    fetcher: Fetcher | None,
) -> None:
    if fetcher is None:
        for entry in absent:
            note = Note(
                "missing",
                f"metadata names it on line {entry.line}, the documents folder lacks it",
                "Put the document there, or set 'fetch: true' for the corpus.",
            )
            found.problem(entry.id, entry.id, note, dropped=True)
        return
    if not absent:
        return
    with Progress("fetch documents", total=len(absent), unit="documents") as progress:
        for entry in absent:
            got = (
                fetcher.fetch(entry.id, entry.url)
                if entry.url
                else NotFetched(f"metadata gives no url on line {entry.line}")
            )
            if isinstance(got, Path):
                found.add(got, f"fetched/{got.name}", titles)
            else:
                mend = "Run again where the network allows, or put the document into the folder."
                note = Note("not_fetched", got.reason, mend)
                found.problem(entry.id, entry.id, note, dropped=True)
            progress.advance()


def _note_metadata(found: _Corpus, metadata: Metadata, name: str) -> None:
    if metadata.encoding != "utf-8":
        note = Note("encoding", f"read as {metadata.encoding}", "Save it as UTF-8.")
        found.problem(name, "", note, dropped=False)
    for line, identifier, what in metadata.faults:
        kind = "duplicate_id" if identifier else "no_metadata"
        note = Note(kind, f"line {line}: {what}; the row is not used", "Correct the row.")
        found.problem(name, identifier, note, dropped=False)
    known = {entry.id for entry in metadata.entries}
    for document_id, shown in found.files.items():
        if document_id not in known:
            note = Note(
                "no_metadata", f"{name} has no row for it", "Add one, for its title and citation."
            )
            found.problem(shown, document_id, note, dropped=False)


def _write(study: Study, corpus: str, found: _Corpus, folder: Path) -> None:
    layout = Layout(Path(study.study.results))
    write_rows(layout.corpus_problems(corpus), PROBLEMS, found.problems)
    if not found.nodes:
        raise InputError(
            f"the corpus '{corpus}' holds no document that can be read{_reasons(found.problems)}.",
            where=str(folder),
            mend="Put PDF, Markdown, HTML, text or JSON documents there.",
        )
    write_rows(layout.nodes(corpus), NODES, found.nodes)
    names = list(NODES.names())
    kinds = Counter(str(row["kind"]) for row in found.nodes)
    write_json(
        layout.corpus_manifest(corpus),
        {
            "schema_version": SCHEMA_VERSION,
            "corpus": corpus,
            "settings": corpus_slice(study, corpus),
            "nodes_sha256": digest([[row.get(name) for name in names] for row in found.nodes]),
            "nodes": len(found.nodes),
            "kinds": dict(sorted(kinds.items())),
        },
    )


def _reasons(problems: Iterable[dict[str, Any]]) -> str:
    told = [f"{p['file']}: {p['detail']}" for p in problems if p["dropped"]]
    more = f"{os.linesep}and {len(told) - REASONS_SHOWN} more" if len(told) > REASONS_SHOWN else ""
    return f" ({'; '.join(told[:REASONS_SHOWN])}{more})" if told else ""
