from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from reportlab.pdfgen.canvas import Canvas

from wattbench.corpus.fetch import Fetcher, NotFetched
from wattbench.corpus.metadata import read_metadata
from wattbench.corpus.stage import parse_corpus
from wattbench.errors import InputError
from wattbench.study.layout import Layout
from wattbench.study.models import Study
from wattbench.tables.documents import NODES, PROBLEMS
from wattbench.tables.files import read_json, read_rows

GUIDE_METADATA = (
    Path(__file__).resolve().parents[4] / "shared/reference/data/wattbot/train/metadata.csv"
)


def problems(study: Study) -> set[tuple[str, str, bool]]:
    path = Layout(Path(study.study.results)).corpus_problems("c")
    return {(p["file"], p["kind"], p["dropped"]) for p in read_rows(path, PROBLEMS)}


def nodes(study: Study) -> list[dict[str, object]]:
    return read_rows(Layout(Path(study.study.results)).nodes("c"), NODES)


def test_ids_count_through_the_document(make_study: Callable[..., Study], tmp_path: Path) -> None:
    study = make_study()
    (tmp_path / "documents/a.md").write_text("# One\nA b. C d.\n\nE f.\n# Two\nG h.\n")
    parse_corpus(study, "c")
    assert [(n["node_id"], n["parent_id"], n["kind"]) for n in nodes(study)] == [
        ("a", None, "document"),
        ("a:sec1", "a", "section"),
        ("a:sec1:p1", "a:sec1", "paragraph"),
        ("a:sec1:p1:s1", "a:sec1:p1", "sentence"),
        ("a:sec1:p1:s2", "a:sec1:p1", "sentence"),
        ("a:sec1:p2", "a:sec1", "paragraph"),
        ("a:sec1:p2:s3", "a:sec1:p2", "sentence"),
        ("a:sec2", "a", "section"),
        ("a:sec2:p3", "a:sec2", "paragraph"),
        ("a:sec2:p3:s4", "a:sec2:p3", "sentence"),
    ]


def test_bad_documents_are_listed_and_the_rest_is_read(
    make_study: Callable[..., Study], tmp_path: Path
) -> None:
    folder = tmp_path / "documents"
    metadata = tmp_path / "metadata.csv"
    study = make_study(metadata=str(metadata))
    (folder / "sub").mkdir()
    (folder / "good.txt").write_text("Fine text.")
    (folder / "good.md").write_text("The same id.")
    (folder / "sub/latin.txt").write_bytes("Caf\u00e9.".encode("latin-1"))
    (folder / "empty.md").write_text("")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 no")
    (folder / "talk.pptx").write_bytes(b"PK")
    (folder / ".hidden.txt").write_text("Not read.")
    metadata.write_bytes(
        "id,title,url\ngood,Good \u2013 title,\ngood,Twice,\n,None,\nabsent,Gone,\n".encode(
            "cp1252"
        )
    )
    parse_corpus(study, "c")
    assert problems(study) == {
        ("good.txt", "duplicate_id", True),
        ("sub/latin.txt", "encoding", False),
        ("sub/latin.txt", "no_metadata", False),
        ("empty.md", "empty", True),
        ("broken.pdf", "broken", True),
        ("talk.pptx", "unsupported", True),
        ("absent", "missing", True),
        ("metadata.csv", "encoding", False),
        ("metadata.csv", "duplicate_id", False),
        ("metadata.csv", "no_metadata", False),
    }
    titles = {n["document_id"]: n["document_title"] for n in nodes(study)}
    assert titles == {"good": "Good \u2013 title", "latin": "latin"}


def test_an_unreadable_file_is_listed(make_study: Callable[..., Study], tmp_path: Path) -> None:
    study = make_study()
    (tmp_path / "documents/good.txt").write_text("Fine text.")
    (tmp_path / "documents/gone.txt").symlink_to(tmp_path / "nowhere")
    parse_corpus(study, "c")
    assert problems(study) == {("gone.txt", "broken", True)}


def test_nothing_to_read_stops_the_study(make_study: Callable[..., Study], tmp_path: Path) -> None:
    study = make_study()
    (tmp_path / "documents/empty.md").write_text("")
    with pytest.raises(InputError, match=r"no document that can be read \(empty\.md: "):
        parse_corpus(study, "c")
    with pytest.raises(InputError, match="no corpus 'x'"):
        parse_corpus(study, "x")


def test_parsing_again_gives_the_same_bytes(
    make_study: Callable[..., Study], tmp_path: Path
) -> None:
    study = make_study()
    canvas = Canvas(str(tmp_path / "documents/a.pdf"))
    canvas.drawString(50, 50, "A page of text.")
    canvas.save()
    (tmp_path / "documents/b.html").write_text("<p>Some <b>text</b>.")
    layout = Layout(Path(study.study.results))
    files = (layout.nodes("c"), layout.corpus_problems("c"), layout.corpus_manifest("c"))
    parse_corpus(study, "c")
    before = [file.read_bytes() for file in files]
    parse_corpus(study, "c")
    assert [file.read_bytes() for file in files] == before
    manifest = read_json(layout.corpus_manifest("c"))
    assert manifest["kinds"]["document"] == 2
    (tmp_path / "documents/b.html").write_text("<p>Other <b>text</b>.")
    parse_corpus(study, "c")
    assert read_json(layout.corpus_manifest("c"))["nodes_sha256"] != manifest["nodes_sha256"]


def test_metadata_needs_its_id_column(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text("name,title\na,b\n")
    with pytest.raises(InputError, match="lacks the column id; it has: name, title"):
        read_metadata(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_metadata(tmp_path / "none.csv")


def test_metadata_of_the_guide_is_read_without_loss() -> None:
    if not GUIDE_METADATA.is_file():
        pytest.skip(f"the guide's metadata is not at {GUIDE_METADATA}")
    data = GUIDE_METADATA.read_bytes()
    found = read_metadata(GUIDE_METADATA)
    assert len(found.entries) == len({entry.id for entry in found.entries}) > 30
    assert not found.faults
    assert all(entry.title and entry.url for entry in found.entries)
    told = "".join(cell for entry in found.entries for cell in entry.cells.values())
    assert "\ufffd" not in told
    # Each byte outside ASCII stands for something that was kept.
    assert (not data.isascii()) == (not told.isascii())


class Site(http.server.BaseHTTPRequestHandler):
    asked: list[str] = []  # noqa: RUF012

    def do_GET(self) -> None:
        self.asked.append(self.path)
        body = {"/page": b"<p>Fetched text.", "/big": b"x" * 3000, "/zip": b"PK"}.get(self.path)
        if self.path == "/short":
            self.send_response(200)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b"only this")
            return
        self.send_response(404 if body is None else 200)
        kind = "application/zip" if self.path == "/zip" else "text/html; charset=utf-8"
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[str]:
    Site.asked = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_absent_documents_are_fetched_once(
    make_study: Callable[..., Study], tmp_path: Path, site: str
) -> None:
    metadata = tmp_path / "metadata.csv"
    study = make_study(metadata=str(metadata), fetch=True)
    (tmp_path / "documents/here.txt").write_text("Fine text.")
    metadata.write_text(
        f"id,title,url\nhere,Here,{site}/never\npage,Page,{site}/page\n"
        f"lost,Lost,{site}/none\nnowhere,No,\nlocal,L,file:///etc/passwd\n../up,U,{site}/page\n"
    )
    for _ in range(2):
        parse_corpus(study, "c")
        assert problems(study) == {
            ("lost", "not_fetched", True),
            ("nowhere", "not_fetched", True),
            ("local", "not_fetched", True),
            ("../up", "not_fetched", True),
        }
        assert {n["document_title"] for n in nodes(study)} == {"Here", "Page"}
    assert Site.asked.count("/page") == 1
    assert (tmp_path / "results/corpus/c/fetched/page.html").is_file()


def test_fetching_refuses_what_it_cannot_keep(tmp_path: Path, site: str) -> None:
    fetcher = Fetcher(tmp_path, max_bytes=2000)
    for path, reason in (("big", "larger than 2000"), ("zip", "application/zip"), ("short", "bro")):
        got = fetcher.fetch(path, f"{site}/{path}")
        assert isinstance(got, NotFetched)
        assert reason in got.reason
    assert not list(tmp_path.iterdir())


def test_a_host_that_is_away_is_asked_once(tmp_path: Path) -> None:
    fetcher = Fetcher(tmp_path, timeout_s=1)
    first = fetcher.fetch("a", "http://127.0.0.1:9/a")
    second = fetcher.fetch("b", "http://127.0.0.1:9/b")
    assert isinstance(first, NotFetched)
    assert isinstance(second, NotFetched)
    assert "did not answer before" in second.reason
